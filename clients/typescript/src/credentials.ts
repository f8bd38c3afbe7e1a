// Who a client acts for: an API key, a token, or the session that signing in began.

/** How requests say who they are from. */
export type Auth =
  /** An API key (`msk_…`), for programs. */
  | { key: string }
  /** A token, or what gets one: called again when the server does not take the last one. */
  | { token: string | (() => Promise<string>) }
  /** The cookie of a session: the browser's, or in Node the one that `signIn` was given. */
  | { session: true };

const COOKIE = "mainspring_session";

/** Keeps what the server gave, and says it with every request. */
export class Credentials {
  #token: Promise<string> | undefined;
  #cookie: string | undefined;

  constructor(private readonly auth: Auth | undefined) {}

  /** Whether the server can know the caller: only then does it keep what an Idempotency-Key names. */
  get known(): boolean {
    return this.auth !== undefined;
  }

  get bySession(): boolean {
    return this.auth !== undefined && "session" in this.auth;
  }

  get byToken(): boolean {
    return this.auth !== undefined && "token" in this.auth;
  }

  /** Adds the headers that say who asks. */
  async sign(headers: Headers, changes: boolean): Promise<void> {
    if (this.auth === undefined) return;
    if ("key" in this.auth) headers.set("authorization", `Bearer ${this.auth.key}`);
    else if ("token" in this.auth) headers.set("authorization", `Bearer ${await this.token()}`);
    else {
      // What a form or a link of another site cannot send.
      if (changes) headers.set("x-mainspring-console", "1");
      if (this.#cookie !== undefined) headers.set("cookie", this.#cookie);
    }
  }

  /** The token at hand, or one that is got now: once for all who wait. */
  token(): Promise<string> {
    if (this.auth === undefined || !("token" in this.auth)) throw new TypeError("this client has no token");
    const { token } = this.auth;
    if (typeof token === "string") return Promise.resolve(token);
    this.#token ??= token().catch((failure: unknown) => {
      this.#token = undefined;
      throw failure;
    });
    return this.#token;
  }

  /** The server took the token no longer: whether there is a way to another. */
  refused(): boolean {
    this.#token = undefined;
    return this.auth !== undefined && "token" in this.auth && typeof this.auth.token === "function";
  }

  /** Keeps the cookie of a session where no browser does. */
  keep(headers: Headers): void {
    for (const cookie of headers.getSetCookie?.() ?? []) {
      const [pair = ""] = cookie.split(";");
      const [name, value] = pair.split("=", 2);
      if (!name?.endsWith(COOKIE)) continue;
      if (value) this.#cookie = pair;
      else if (this.#cookie?.startsWith(`${name}=`)) this.#cookie = undefined;
    }
  }
}
