import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError, get, onSignedOut, post, withQuery } from "./api.ts";

function answering(body: string, init: ResponseInit = {}): ReturnType<typeof vi.fn> {
  const asked = vi.fn((_path: string, _init: RequestInit) => Promise.resolve(new Response(init.status === 204 ? null : body, init)));
  vi.stubGlobal("fetch", asked);
  return asked;
}

async function failure(asking: Promise<unknown>): Promise<ApiError> {
  try {
    await asking;
  } catch (error) {
    expect(error).toBeInstanceOf(ApiError);
    return error as ApiError;
  }
  throw new Error("it did not fail");
}

const PROBLEM = { "content-type": "application/problem+json" };

afterEach(() => vi.unstubAllGlobals());

describe("asking", () => {
  it("answers the JSON", async () => {
    answering('{"items":[1]}', { headers: { "content-type": "application/json" } });
    expect(await get("/api/v1/jobs")).toEqual({ items: [1] });
  });

  it("leaves out what is not set and escapes the rest", () => {
    expect(withQuery("/a", { state: null, kind: "", before: undefined, queue: "a&b", limit: 50 })).toBe("/a?queue=a%26b&limit=50");
    expect(withQuery("/a", { state: null })).toBe("/a");
  });

  it("marks a change, and only a change, with the console's header", async () => {
    const asked = answering("{}", { headers: { "content-type": "application/json" } });
    await get("/a");
    await post("/a", { b: 1 });
    await post("/a");
    const headers = asked.mock.calls.map(([, init]) => new Headers((init as RequestInit).headers));
    expect(headers.map((one) => one.get("x-mainspring-console"))).toEqual([null, "1", "1"]);
    expect(headers.map((one) => one.get("content-type"))).toEqual([null, "application/json", null]);
  });

  it("takes an answer without a body", async () => {
    answering("", { status: 204 });
    expect(await post("/api/v1/session/end")).toBeUndefined();
  });
});

describe("a failure", () => {
  it("carries the server's words, code and request id", async () => {
    const said = { type: "about:blank", title: "Conflict", status: 409, detail: "A completed job cannot be retried.", code: "JOB_STATE", request_id: "req_7" };
    answering(JSON.stringify(said), { status: 409, headers: PROBLEM });
    const error = await failure(post("/api/v1/jobs/1/retry"));
    expect(error).toMatchObject({ status: 409, code: "JOB_STATE", title: "Conflict", detail: "A completed job cannot be retried.", requestId: "req_7" });
    expect(error.advice).not.toBe("");
  });

  it("says what is known when a proxy answers with a page", async () => {
    answering("<html>Bad gateway</html>", { status: 502, statusText: "Bad Gateway", headers: { "content-type": "text/html", "x-request-id": "req_8" } });
    expect(await failure(get("/a"))).toMatchObject({ status: 502, code: "HTTP_502", title: "Bad Gateway", requestId: "req_8" });
  });

  it.each(["{", "null", "[]", '{"code":7,"detail":""}'])("survives the odd problem %s", async (body) => {
    answering(body, { status: 500, headers: PROBLEM });
    const error = await failure(get("/a"));
    expect(error).toMatchObject({ status: 500, code: "HTTP_500", requestId: null });
    expect(error.detail).not.toBe("");
  });

  it("says how long to wait", async () => {
    answering("{}", { status: 503, headers: { ...PROBLEM, "retry-after": "7" } });
    const error = await failure(get("/a"));
    expect(error.retryAfterS).toBe(7);
    expect(error.advice).toContain("7 s");
  });

  it("tells who listens that the session is over", async () => {
    answering('{"code":"NO_SESSION"}', { status: 401, headers: PROBLEM });
    const told = vi.fn();
    const stop = onSignedOut(told);
    await failure(get("/a"));
    stop();
    await failure(get("/a"));
    expect(told).toHaveBeenCalledTimes(1);
  });

  it("is UNREACHABLE when no answer comes", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("failed to fetch")));
    expect(await failure(get("/a"))).toMatchObject({ status: 0, code: "UNREACHABLE" });
  });

  it("is UNEXPECTED_ANSWER when success is not JSON", async () => {
    answering("<html>", { status: 200 });
    expect(await failure(get("/a"))).toMatchObject({ code: "UNEXPECTED_ANSWER" });
  });

  it("is not shown when the asker gave up itself", async () => {
    const giving = new AbortController();
    vi.stubGlobal("fetch", () => Promise.reject(new DOMException("aborted", "AbortError")));
    giving.abort();
    await expect(get("/a", {}, giving.signal)).rejects.toMatchObject({ name: "AbortError" });
  });
});
