// A first webhook that anyone can send: signed as GitHub signs, by tools that are on every machine with a shell.

import type { Source } from "../../contract.ts";

/** Stands in the example until the secret is revealed. */
export const SECRET_UNKNOWN = "paste-the-secret-here";

/** Text as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A small push, complete enough for every product that listens to GitHub. No quote marks that a shell would take. */
export function examplePush(atIso: string): string {
  const message = "Teach the kettle to sing";
  const commit = {
    id: "6dcb09b5b57875f334f61aebed695e2e4193db5e",
    message,
    timestamp: atIso,
    author: { name: "Octo Cat", username: "octocat" },
  };
  return JSON.stringify({
    ref: "refs/heads/main",
    before: "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d",
    after: commit.id,
    created: false,
    deleted: false,
    forced: false,
    compare: "https://github.com/octocat/hello-world/compare/7fd1a60b01f9...6dcb09b5b578",
    repository: {
      id: 1296269,
      name: "hello-world",
      full_name: "octocat/hello-world",
      html_url: "https://github.com/octocat/hello-world",
      language: "Rust",
      owner: { login: "octocat" },
    },
    pusher: { name: "octocat" },
    sender: { login: "octocat" },
    commits: [commit],
    head_commit: commit,
  });
}

/** How a shell can sign for a sender: an HMAC-SHA256 of the body, in digits. */
export interface ShellSigning {
  header: string;
  prefix: string;
  /** Further headers, as a shell reads them between double quotes. */
  others: string[];
}

export const AS_GITHUB: ShellSigning = {
  header: "X-Hub-Signature-256",
  prefix: "sha256=",
  others: ["X-GitHub-Event: push", "X-GitHub-Delivery: try-$(date +%s)-$$"],
};

/** How a shell signs for this source; null where the tools of every machine cannot. */
export function shellSigning(source: Pick<Source, "sender" | "settings">): ShellSigning | null {
  if (source.sender === "github") return AS_GITHUB;
  if (source.sender !== "generic") return null;
  const custom = source.settings.custom;
  if (custom === null) return { header: "x-signature-256", prefix: "sha256=", others: [] };
  const plain = custom.algorithm === "hmac-sha256" && custom.encoding === "hex" && custom.key === "text" && custom.signed === "{body}" && custom.timestamp === null;
  // A header or prefix is the operator's own text: quoted as a shell would, it stays one word.
  return plain && /^[\w=,;:. -]*$/.test(custom.prefix) ? { header: custom.header, prefix: custom.prefix, others: [] } : null;
}

/** The commands that sign the example and send it. */
export function signedCurl(address: string, secret: string | null, body: string, how: ShellSigning = AS_GITHUB): string {
  return [
    `secret=${shellWord(secret ?? SECRET_UNKNOWN)}`,
    `body=${shellWord(body)}`,
    `signature=$(printf %s "$body" | openssl dgst -sha256 -hmac "$secret" | sed 's/^.* //')`,
    `curl -i ${shellWord(address)} \\`,
    `  -H 'Content-Type: application/json' \\`,
    ...how.others.map((header) => `  -H "${header}" \\`),
    `  -H "${how.header}: ${how.prefix}$signature" \\`,
    `  --data-binary "$body"`,
  ].join("\n");
}

/** A delivery as the sender would make it, made by our own program on the server's machine. */
export function sendCommand(source: Pick<Source, "name" | "sender">): string {
  const type = source.sender === "github" ? " --type push" : "";
  return `mainspring webhook send ${shellWord(source.name)}${type}`;
}

/** What asks a hub for a topic (WebSub, 5.1). */
export function hubCurl(hub: string, topic: string, address: string, secret: string | null, end = false): string {
  const fields = [
    ["hub.mode", end ? "unsubscribe" : "subscribe"],
    ["hub.topic", topic],
    ["hub.callback", address],
    ["hub.verify", "async"],
    ...(end ? [] : [["hub.secret", secret ?? SECRET_UNKNOWN]]),
  ];
  return [`curl -i ${shellWord(hub)} \\`, fields.map(([name, value]) => `  --data-urlencode ${shellWord(`${name}=${value}`)}`).join(" \\\n")].join("\n");
}

export const YOUTUBE_HUB = "https://pubsubhubbub.appspot.com/subscribe";

/** The feed of a channel, or what was typed if it is an address already. */
export function topicOf(typed: string): string {
  const text = typed.trim();
  return /^UC[\w-]{22}$/.test(text) ? `https://www.youtube.com/xml/feeds/videos.xml?channel_id=${text}` : text;
}
