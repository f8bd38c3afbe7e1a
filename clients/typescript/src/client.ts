// The client: a method of HTTP is a method here, and a path of the API its first argument.

import { UnauthorizedError } from "centrifuge";

import { CURSORS } from "./api.generated.js";
import { type Auth, Credentials } from "./credentials.js";
import { Realtime, type RealtimeOptions } from "./realtime.js";
import { addressOf, type AnswerOf, type Arguments, type CallOptions, type ItemOf, type Method, type PagedPath, type PathOf } from "./routes.js";
import { pause, Sender, type World } from "./sending.js";
import { type Bytes, counted, type Progress, streams } from "./upload.js";

export interface Options {
  /** Where the server is, such as `https://live.example.org`; in a page, its own origin unless said. */
  url?: string;
  /** Who asks; nobody in particular unless said. */
  auth?: Auth;
  realtime?: RealtimeOptions;
  /** For tests, and for environments that need another fetch. */
  world?: Partial<World>;
}

export interface UploadOptions extends CallOptions {
  path?: Record<string, string | number>;
  query?: Record<string, string | number | null | undefined>;
  /** Of the bytes; a Blob's own, or application/octet-stream, unless said. */
  contentType?: string;
  progress?: (progress: Progress) => void;
}

interface Given extends CallOptions {
  path?: Record<string, string | number>;
  query?: Record<string, string | number | boolean | null | undefined>;
  body?: unknown;
}

/** A server, as one caller sees it. `Channels` says what the channels of each namespace carry: `{ radio: Phrase }`. */
export class Mainspring<Channels extends object = Record<string, unknown>> {
  readonly url: string;
  readonly #credentials: Credentials;
  readonly #sender: Sender;
  readonly #realtimeOptions: RealtimeOptions;
  #realtime: Realtime<Channels> | undefined;

  constructor(options: Options = {}) {
    const url = options.url ?? (typeof location === "undefined" ? undefined : location.origin);
    if (url === undefined) throw new TypeError("outside of a page, say where the server is: new Mainspring({ url })");
    this.url = url.replace(/\/+$/, "");
    this.#credentials = new Credentials(options.auth);
    const world = { fetch: (...of: Parameters<typeof fetch>) => fetch(...of), pause, chance: Math.random, ...options.world };
    this.#sender = new Sender(this.url, this.#credentials, world);
    this.#realtimeOptions = options.realtime ?? {};
  }

  get<P extends PathOf<"GET">>(path: P, ...[options]: Arguments<"GET", P>): Promise<AnswerOf<"GET", P>> {
    return this.#call("GET", path, options);
  }

  post<P extends PathOf<"POST">>(path: P, ...[options]: Arguments<"POST", P>): Promise<AnswerOf<"POST", P>> {
    return this.#call("POST", path, options);
  }

  put<P extends PathOf<"PUT">>(path: P, ...[options]: Arguments<"PUT", P>): Promise<AnswerOf<"PUT", P>> {
    return this.#call("PUT", path, options);
  }

  patch<P extends PathOf<"PATCH">>(path: P, ...[options]: Arguments<"PATCH", P>): Promise<AnswerOf<"PATCH", P>> {
    return this.#call("PATCH", path, options);
  }

  delete<P extends PathOf<"DELETE">>(path: P, ...[options]: Arguments<"DELETE", P>): Promise<AnswerOf<"DELETE", P>> {
    return this.#call("DELETE", path, options);
  }

  /** The pages of a list, one after the other, as they are asked for. */
  async *pages<P extends PagedPath>(path: P, ...[options]: Arguments<"GET", P>): AsyncGenerator<AnswerOf<"GET", P>, void, undefined> {
    const cursor = CURSORS[path];
    let given = (options ?? {}) as Given;
    for (;;) {
      const page = await this.#call<AnswerOf<"GET", P>>("GET", path, given);
      yield page;
      const { next } = page as { next?: string | number | null };
      if (next === undefined || next === null) return;
      given = { ...given, query: { ...given.query, [cursor]: next } };
    }
  }

  /** Every row of a list, over all its pages. */
  async *each<P extends PagedPath>(path: P, ...of: Arguments<"GET", P>): AsyncGenerator<ItemOf<P>, void, undefined> {
    for await (const page of this.pages(path, ...of)) yield* (page as { items: ItemOf<P>[] }).items;
  }

  /**
   * Sends bytes as they are. A PUT is tried again, and a POST with an `idempotencyKey` (1 MiB at most, then): a `progress` that falls back
   * to 0 is another attempt. A POST without one is sent once.
   */
  async upload(method: "POST" | "PUT", path: string, bytes: Bytes, options: UploadOptions = {}): Promise<unknown> {
    const { progress = () => {}, contentType } = options;
    const type = contentType ?? ((bytes instanceof Blob && bytes.type) || "application/octet-stream");
    const blob = bytes instanceof Blob ? bytes : new Blob([bytes]);
    const response = await this.#sender.send(
      { method, address: addressOf(path, options.path, options.query), headers: { "content-type": type }, body: counted(blob, progress), streams: streams(), unnamed: true },
      options,
    );
    if (!streams()) progress({ sent: blob.size, total: blob.size });
    return parsed(response);
  }

  /** Any answer of the server as it comes: sound, a stream of events, a file. */
  raw(path: string, options: CallOptions & { method?: Method; body?: () => BodyInit } = {}): Promise<Response> {
    const { method = "GET", body } = options;
    return this.#sender.send({ method, address: path, ...(body ? { body } : {}) }, options);
  }

  /** Begins a session (of a client with `auth: { session: true }`). Channels of who was signed in before are closed. */
  async signIn(email: string, password: string): Promise<AnswerOf<"POST", "/api/v1/session">> {
    this.#needSession();
    // A guess counts: it is not repeated behind anybody's back.
    const session = await this.#call<AnswerOf<"POST", "/api/v1/session">>("POST", "/api/v1/session", { body: { email, password }, attempts: 1 });
    this.#hangUp();
    return session;
  }

  async signOut(): Promise<void> {
    this.#needSession();
    await this.#call("POST", "/api/v1/session/end", {});
    this.#hangUp();
  }

  /** The one connection for channels: opened by the first of them. */
  get realtime(): Realtime<Channels> {
    this.#realtime ??= new Realtime<Channels>(this.url, this.#realtimeToken(), this.#realtimeOptions);
    return this.#realtime;
  }

  #realtimeToken(): (() => Promise<string>) | undefined {
    if (this.#credentials.byToken) {
      let given = false;
      return async () => {
        // Asked again, what was given is worth nothing any more; the same once more would be asked for for ever.
        if (!this.#credentials.refused() && given) throw new UnauthorizedError("the token has ended, and there is no way to another");
        given = true;
        return this.#credentials.token();
      };
    }
    if (!this.#credentials.bySession) return undefined;
    return async () => (await this.post("/api/v1/me/token")).token;
  }

  /** The connection of who was here before hears nothing more. */
  #hangUp(): void {
    this.#realtime?.close();
    this.#realtime = undefined;
  }

  #needSession(): void {
    if (!this.#credentials.bySession) throw new TypeError("people sign in where the client has auth: { session: true }");
  }

  async #call<A>(method: Method, path: string, options: unknown): Promise<A> {
    const { path: places, query, body, ...rest } = (options ?? {}) as Given;
    const request = { method, address: addressOf(path, places, query) };
    const json = body === undefined ? {} : { body: () => JSON.stringify(body), headers: { "content-type": "application/json" } };
    return (await parsed(await this.#sender.send({ ...request, ...json }, rest))) as A;
  }
}

async function parsed(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return undefined;
  return /\bjson\b/.test(response.headers.get("content-type") ?? "") ? JSON.parse(text) : text;
}
