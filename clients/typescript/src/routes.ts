// Types that say for each route what a call of it takes and answers.

import type { CURSORS, Routes } from "./api.generated.js";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** The paths that know a method. */
export type PathOf<M extends Method> = keyof Routes extends infer R ? (R extends `${M} ${infer P}` ? P : never) : never;

/** What the description says of one route. */
export type RouteOf<M extends Method, P extends string> = `${M} ${P}` extends keyof Routes ? Routes[`${M} ${P}`] : never;

/** What a route answers, parsed. */
export type AnswerOf<M extends Method, P extends string> = RouteOf<M, P> extends { answer: infer A } ? A : never;

/** How a call is made, whatever the route. */
export interface CallOptions {
  /** Ends the call; what it was asked to do may be done all the same. */
  signal?: AbortSignal | undefined;
  /** For each attempt; 30 s unless said. */
  timeoutMs?: number | undefined;
  /** Attempts in all; 4 unless said. 1 never tries again. */
  attempts?: number | undefined;
  /** Names a change, so that it is done once: a call with the same name is answered as the first one was. */
  idempotencyKey?: string | undefined;
  headers?: Record<string, string> | undefined;
}

type Taken<R> = Omit<R, "answer">;

/** The parameters of a route and how it is called: may be left out where nothing is required. */
export type Arguments<M extends Method, P extends string> =
  Partial<Taken<RouteOf<M, P>>> extends infer Nothing
    ? Nothing extends Taken<RouteOf<M, P>>
      ? [options?: Taken<RouteOf<M, P>> & CallOptions]
      : [options: Taken<RouteOf<M, P>> & CallOptions]
    : never;

/** The lists that come in pages. */
export type PagedPath = keyof typeof CURSORS & PathOf<"GET">;

/** A row of such a list. */
export type ItemOf<P extends PagedPath> = AnswerOf<"GET", P> extends { items: (infer I)[] } ? I : never;

type Value = string | number | boolean | null | undefined;

/** The path with its places filled and its query; null and undefined are left out. */
export function addressOf(template: string, path: Record<string, Value> = {}, query: Record<string, Value> = {}): string {
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = path[name];
    if (value === undefined || value === null || value === "") throw new TypeError(`${template} needs path.${name}`);
    return encodeURIComponent(String(value));
  });
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  if (given.length === 0) return filled;
  return `${filled}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}
