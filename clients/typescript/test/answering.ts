// A server that answers from a list, and a clock that does not wait.

import { Mainspring, type Options } from "../src/index.js";

export interface Asked {
  method: string;
  url: string;
  headers: Headers;
  body: string | undefined;
}

type Answer = (init: RequestInit) => Response | Promise<Response>;

export function answer(status: number, body?: unknown, headers: Record<string, string> = {}): Answer {
  const json: Record<string, string> = body === undefined ? {} : { "content-type": status < 400 ? "application/json" : "application/problem+json" };
  return () => new Response(body === undefined ? null : JSON.stringify(body), { status, headers: { ...json, ...headers } });
}

export const lost: Answer = () => Promise.reject(new TypeError("fetch failed"));

/** A client whose requests get these answers, in order; what was asked, and what was waited. */
export function answering(answers: Answer[], options: Options = {}): { client: Mainspring; asked: Asked[]; waited: number[] } {
  const asked: Asked[] = [];
  const waited: number[] = [];
  const client = new Mainspring({
    url: "http://server.test/",
    ...options,
    world: {
      fetch: async (url, init = {}) => {
        const { body } = init;
        const text = body === undefined || body === null ? undefined : await new Response(body).text();
        asked.push({ method: init.method ?? "GET", url: String(url), headers: new Headers(init.headers), body: text });
        const next = answers.shift();
        if (!next) throw new Error("one request too many");
        return next(init);
      },
      pause: (ms) => {
        waited.push(ms);
        return Promise.resolve();
      },
      chance: () => 1,
    },
  });
  return { client, asked, waited };
}
