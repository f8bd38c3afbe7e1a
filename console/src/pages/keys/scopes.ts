// What API keys may do, in words, and how one is used. Pure.

export const SCOPES = ["jobs:enqueue", "jobs:work", "events:publish", "events:read", "realtime:write", "realtime:read", "realtime:tokens"] as const;
export type Scope = (typeof SCOPES)[number];

export interface ApiKey {
  id: string;
  name: string;
  /** How it begins. */
  prefix: string;
  scopes: Scope[];
  created_at_ms: number;
  /** Exact to a minute. */
  last_used_at_ms: number | null;
  /** From then on it is worthless. */
  expires_at_ms: number | null;
  revoked_at_ms: number | null;
}

/** Each scope as the end of "it may …", and what that is for. */
export const SCOPE_WORDS: Record<Scope, { may: string; why: string }> = {
  "jobs:enqueue": { may: "enqueue jobs", why: "for programs that ask for work to be done, singly, in bulk or in batches" },
  "jobs:work": { may: "work on jobs", why: "for workers in any language: claim, heartbeat, complete, fail" },
  "events:publish": { may: "publish events", why: "for programs that tell what happened, as CloudEvents" },
  "events:read": { may: "read events", why: "for programs that read the log or follow its end" },
  "realtime:write": { may: "publish on channels and end connections", why: "for programs that speak to clients: publish, subscribe, disconnect" },
  "realtime:read": { may: "read channels and who is there", why: "for programs that look: history, presence, channels" },
  "realtime:tokens": { may: "let people into realtime, as whoever they are", why: "for your backend, which gives its clients their tokens" },
};

/** "enqueue jobs, publish events and read events". */
export function mayWords(scopes: Scope[]): string {
  const words = SCOPES.filter((scope) => scopes.includes(scope)).map((scope) => SCOPE_WORDS[scope].may);
  const last = words.pop();
  if (last === undefined) return "do nothing";
  return words.length === 0 ? last : `${words.join(", ")} and ${last}`;
}

/** A first request with a key of these scopes. `token` is the key, or what stands in its place. */
export function example(scope: Scope, origin: string, token: string): string {
  const call = (path: string, ...rest: string[]): string =>
    [`curl '${origin}/api/${path}'`, `-H 'Authorization: Bearer ${token}'`, ...rest].join(" \\\n  ");
  const ask = (path: string, ...rest: string[]): string => call(`v1/${path}`, ...rest);
  const body = (type: string, value: unknown): [string, string] => [`-H 'Content-Type: ${type}'`, `-d '${JSON.stringify(value)}'`];
  switch (scope) {
    case "jobs:enqueue":
      return ask("jobs", ...body("application/json", { kind: "digest.send", args: { to: "mona" } }));
    case "jobs:work":
      return ask("jobs/claim", ...body("application/json", { queues: ["default"], wait_s: 20 }));
    case "events:publish":
      return ask("events", ...body("application/cloudevents+json", { specversion: "1.0", id: "order-1", source: "/shop", type: "shop.order", data: { total: 42 } }));
    case "events:read":
      return ask("events?limit=5");
    case "realtime:write":
      return call("publish", ...body("application/json", { channel: "news:today", data: { text: "hello" } }));
    case "realtime:read":
      return call("history", ...body("application/json", { channel: "news:today", limit: 5 }));
    case "realtime:tokens":
      return ask("realtime/connection-tokens", ...body("application/json", { user: "42", issuer: "https://login.example.org", channels: ["news:today"] }));
  }
}
