// One request until there is an answer: tried again where that cannot do something twice, and where it may help.

import type { Credentials } from "./credentials.js";
import { ProblemError, UnreachableError, problemOf } from "./problem.js";
import type { CallOptions, Method } from "./routes.js";

const TIMEOUT_MS = 30_000;
const ATTEMPTS = 4;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8_000;
/** Longer than this nobody is kept waiting because of a Retry-After: the caller is told instead. */
const PATIENCE_S = 30;
/** Statuses that another attempt may change. */
const PASSING = new Set([429, 502, 503, 504]);

/** What a client does to the world; tests bring their own. */
export interface World {
  fetch: typeof fetch;
  /** Waits so long, or until the signal. */
  pause: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** From 0 to 1. */
  chance: () => number;
}

/** What is asked; a body that is made anew can be sent again. */
export interface Request {
  method: Method;
  address: string;
  headers?: Record<string, string>;
  body?: () => BodyInit;
  /** The body is a stream: fetch wants to be told. */
  streams?: boolean;
  /** Gets a key from its caller alone: with one the server holds the whole body in memory, and bounds it to 1 MiB. */
  unnamed?: boolean;
}

export class Sender {
  constructor(
    private readonly base: string,
    private readonly credentials: Credentials,
    private readonly world: World,
  ) {}

  /** The first answer that is a success, unread. */
  async send(request: Request, options: CallOptions = {}): Promise<Response> {
    const changes = request.method !== "GET";
    const key = changes ? (options.idempotencyKey ?? (request.unnamed ? undefined : this.nameOf(request))) : undefined;
    // What has no name is done twice when it is sent twice, except where the method itself says that this is the same.
    const again = !changes || key !== undefined || request.method === "PUT" || request.method === "DELETE";
    const attempts = again ? Math.max(1, options.attempts ?? ATTEMPTS) : 1;
    let renewed = false;
    for (let attempt = 1; ; attempt += 1) {
      const failure = await this.attempt(request, options, key).then(
        (response) => response,
        (failure: unknown) => failure,
      );
      if (failure instanceof Response) return failure;
      options.signal?.throwIfAborted();
      if (failure instanceof ProblemError && failure.status === 401 && !renewed && this.credentials.refused()) {
        renewed = true;
        attempt -= 1;
        continue;
      }
      const waitMs = attempt < attempts ? this.waitOf(failure, attempt) : undefined;
      if (waitMs === undefined) throw failure;
      await this.world.pause(waitMs, options.signal);
    }
  }

  /** Only for whom the server knows, and only below its API, does it keep what a key names. */
  private nameOf(request: Request): string | undefined {
    return this.credentials.known && request.address.startsWith("/api/v1/") ? crypto.randomUUID() : undefined;
  }

  private async attempt(request: Request, options: CallOptions, key: string | undefined): Promise<Response> {
    const headers = new Headers({ accept: "application/json", ...request.headers, ...options.headers });
    if (key !== undefined) headers.set("idempotency-key", key);
    await this.credentials.sign(headers, request.method !== "GET");
    const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
    const init: RequestInit & { duplex?: "half" } = {
      method: request.method,
      headers,
      credentials: this.credentials.bySession ? "include" : "omit",
      signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
    };
    if (request.body) init.body = request.body();
    if (request.streams) init.duplex = "half";
    let response: Response;
    try {
      response = await this.world.fetch(this.base + request.address, init);
    } catch (failure) {
      options.signal?.throwIfAborted();
      throw new UnreachableError(timeout.aborted, failure);
    }
    this.credentials.keep(response.headers);
    if (response.ok) return response;
    throw await problemOf(response);
  }

  /** Milliseconds until another attempt; undefined where none helps. */
  private waitOf(failure: unknown, attempt: number): number | undefined {
    if (failure instanceof ProblemError) {
      const passes = PASSING.has(failure.status) || failure.code === "idempotency_in_progress";
      if (!passes || (failure.retryAfterS ?? 0) > PATIENCE_S) return undefined;
      if (failure.retryAfterS !== undefined) return failure.retryAfterS * 1000;
    } else if (!(failure instanceof UnreachableError)) {
      return undefined;
    }
    return this.world.chance() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
  }
}

/** Waits by the clock of the machine. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const end = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, ms);
    signal?.addEventListener("abort", end, { once: true });
  });
}
