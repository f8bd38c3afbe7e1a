// Asking the server. Every failure is one `ApiError` with what a person needs: words, a code and the request's id.

/** An answer that is not the asked-for one, from RFC 9457 problem details where the server sent them. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** The HTTP status; 0 when no answer came at all. */
    readonly status: number,
    /** The server's stable code, or UNREACHABLE, TIMED_OUT, UNEXPECTED_ANSWER from here. */
    readonly code: string,
    readonly title: string,
    /** One sentence for people. */
    readonly detail: string,
    /** Finds the request in the server's log. */
    readonly requestId: string | null,
    /** What Retry-After asked for, in seconds. */
    readonly retryAfterS: number | null = null,
    /** The fields that are wrong, each by its JSON pointer. */
    readonly errors: FieldError[] = [],
  ) {
    super(`${title}: ${detail}`);
  }

  /** What to do about it. */
  get advice(): string {
    if (this.code === "UNREACHABLE") return "Check that the server is running and that this machine can reach it. The page goes on by itself when it answers.";
    if (this.code === "TIMED_OUT") return "The server is busy or the network is slow. Try again in a moment.";
    if (this.status === 401) return "Sign in again.";
    if (this.status === 403) return "Reload the page; if it stays, sign in again.";
    if (this.status === 404) return "It may have been pruned by retention, or the address is mistyped.";
    if (this.status === 409) return "What you see now is its present state.";
    if (this.status === 429 || this.status === 503) {
      return this.retryAfterS ? `Try again in ${this.retryAfterS} s.` : "Try again in a moment.";
    }
    if (this.status >= 500) return "Search the server's log for the request id below.";
    return "";
  }
}

/** One field of the request that the server did not take. */
export interface FieldError {
  pointer: string;
  detail: string;
}

export type Query = Record<string, string | number | null | undefined>;

const TIMEOUT_MS = 15_000;
const signedOut = new Set<() => void>();

/** Calls back whenever the server says that there is no session (401). Answers how to stop. */
export function onSignedOut(tell: () => void): () => void {
  signedOut.add(tell);
  return () => signedOut.delete(tell);
}

/** The path with its query; empty, null and undefined values are left out. */
export function withQuery(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (given.length === 0) return path;
  return `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

export function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return ask<T>(withQuery(path, query), { method: "GET" }, signal);
}

export function post<T>(path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  return change<T>("POST", path, body, signal);
}

export function put<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return change<T>("PUT", path, body, signal);
}

export function patch<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return change<T>("PATCH", path, body, signal);
}

export function remove(path: string, signal?: AbortSignal, body?: unknown): Promise<void> {
  return change<void>("DELETE", path, body, signal);
}

/** The header is what a form or a link of another site cannot send. */
function change<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { "X-Mainspring-Console": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return ask<T>(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }, signal);
}

async function ask<T>(path: string, init: RequestInit, signal?: AbortSignal): Promise<T> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      ...init,
      headers: { Accept: "application/json", ...init.headers },
      credentials: "same-origin",
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    text = await response.text();
  } catch (failure) {
    // The caller's own abort is not a failure to show.
    if (signal?.aborted) throw failure;
    if (timeout.aborted) throw new ApiError(0, "TIMED_OUT", "No answer in time", `The server did not answer within ${TIMEOUT_MS / 1000} s.`, null);
    throw new ApiError(0, "UNREACHABLE", "The server cannot be reached", "The request got no answer.", null);
  }
  if (!response.ok) {
    const problem = problemOf(response, text);
    if (problem.status === 401) for (const tell of signedOut) tell();
    throw problem;
  }
  if (text === "") return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new ApiError(response.status, "UNEXPECTED_ANSWER", "Not the expected answer", "The server answered with something that is not JSON. A proxy in between may have answered in its place.", requestIdOf(response));
  }
}

function requestIdOf(response: Response): string | null {
  return response.headers.get("x-request-id");
}

/** Reads problem details; anything else (a proxy's HTML page) becomes an error that still says what is known. */
export function problemOf(response: Response, text: string): ApiError {
  const waitS = Number(response.headers.get("retry-after"));
  const retryAfterS = Number.isFinite(waitS) && waitS > 0 ? waitS : null;
  let said: Record<string, unknown> = {};
  if (/\bjson\b/.test(response.headers.get("content-type") ?? "")) {
    try {
      const parsed: unknown = JSON.parse(text);
      if (typeof parsed === "object" && parsed !== null) said = parsed as Record<string, unknown>;
    } catch {
      // A cut answer; the status alone has to do.
    }
  }
  const word = (name: string): string | null => (typeof said[name] === "string" && said[name] !== "" ? said[name] : null);
  return new ApiError(
    response.status,
    word("code") ?? `HTTP_${response.status}`,
    word("title") ?? (response.statusText || `Status ${response.status}`),
    word("detail") ?? `The server answered with status ${response.status}.`,
    word("request_id") ?? requestIdOf(response),
    retryAfterS,
    Array.isArray(said.errors) ? (said.errors as FieldError[]) : [],
  );
}
