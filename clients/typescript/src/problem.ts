// What can go wrong, as errors to tell apart: the server's own words, or that no answer came.

/** One field of a request that the server did not take. */
export interface FieldError {
  /** Where it is, as a JSON pointer. */
  pointer: string;
  detail: string;
}

/** An answer that is no success: RFC 9457 problem details, where the server (and no proxy before it) sent them. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(
    /** The HTTP status. */
    readonly status: number,
    /** The stable word to switch on; `http_{status}` where the answer was no problem of ours. */
    readonly code: string,
    readonly title: string,
    /** What happened and what to do, for people. */
    readonly detail: string,
    /** Finds the request in the server's log. */
    readonly requestId: string | undefined,
    /** Seconds after which to ask again, where the server said so. */
    readonly retryAfterS: number | undefined,
    /** The fields that are wrong. */
    readonly errors: readonly FieldError[],
  ) {
    super(`${title}: ${detail}`);
  }
}

/** No answer came, or not in time. The request may have been done all the same. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";

  constructor(
    readonly timedOut: boolean,
    cause: unknown,
  ) {
    super(timedOut ? "The server did not answer in time" : "The server cannot be reached", { cause });
  }
}

/** Reads an answer that is no success to its end. */
export async function problemOf(response: Response): Promise<ProblemError> {
  const text = await response.text().catch(() => "");
  let said: Record<string, unknown> = {};
  if (/\bjson\b/.test(response.headers.get("content-type") ?? "")) {
    try {
      const parsed: unknown = JSON.parse(text);
      if (typeof parsed === "object" && parsed !== null) said = parsed as Record<string, unknown>;
    } catch {
      // A cut answer: the status alone has to do.
    }
  }
  const word = (name: string): string | undefined => {
    const value = said[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const waitS = Number(response.headers.get("retry-after") ?? "");
  return new ProblemError(
    response.status,
    word("code") ?? `http_${response.status}`,
    word("title") ?? (response.statusText || `Status ${response.status}`),
    word("detail") ?? `The server answered with status ${response.status}.`,
    word("request_id") ?? response.headers.get("x-request-id") ?? undefined,
    Number.isFinite(waitS) && waitS > 0 ? waitS : undefined,
    Array.isArray(said["errors"]) ? (said["errors"] as FieldError[]) : [],
  );
}
