import { UnauthorizedError } from "centrifuge";
import { expect, test, vi } from "vitest";

import { type Mainspring, ProblemError, UnreachableError } from "../src/index.js";
import { answer, answering, lost } from "./answering.js";

const key = { auth: { key: "msk_1" } };
const job = { kind: "thumbnail", queue: "media", args: { of: "cat" } };

test("places are filled and quoted, queries left out where they are nothing", async () => {
  const { client, asked } = answering([answer(200, {}), answer(200, { items: [] })], key);
  await client.get("/api/v1/queues");
  await client.get("/api/v1/jobs", { query: { kind: "a&b", limit: 5 } });
  expect(asked.map(({ url }) => url)).toEqual(["http://server.test/api/v1/queues", "http://server.test/api/v1/jobs?kind=a%26b&limit=5"]);
  expect(asked[0]?.headers.get("authorization")).toBe("Bearer msk_1");
  const other = answering([answer(200, {})], key);
  await other.client.get("/api/v1/jobs/{id}", { path: { id: "1/../2?x" } });
  expect(other.asked[0]?.url).toBe("http://server.test/api/v1/jobs/1%2F..%2F2%3Fx");
  await expect(other.client.get("/api/v1/jobs/{id}", { path: { id: "" } })).rejects.toThrow("path.id");
});

test("a change that was lost on the way is sent again under the same name", async () => {
  const { client, asked, waited } = answering([lost, answer(503), answer(201, { id: "7" })], key);
  expect(await client.post("/api/v1/jobs", { body: job })).toEqual({ id: "7" });
  const names = asked.map(({ headers }) => headers.get("idempotency-key"));
  expect(new Set(names).size).toBe(1);
  expect(names[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(asked.map(({ body }) => JSON.parse(body ?? ""))).toEqual([job, job, job]);
  expect(waited).toEqual([250, 500]);
});

test("a change by nobody has no name, so it is sent once", async () => {
  const { client, asked } = answering([lost]);
  await expect(client.post("/api/v1/jobs", { body: job })).rejects.toThrow(UnreachableError);
  expect(asked).toHaveLength(1);
  expect(asked[0]?.headers.has("idempotency-key")).toBe(false);
});

test("what another attempt does not change is thrown at once, with the server's words", async () => {
  const errors = [{ pointer: "/kind", detail: "is empty" }];
  const said = { type: "urn:x", title: "Unprocessable", status: 422, code: "invalid", detail: "Mend it.", request_id: "r-1", errors };
  const { client, asked } = answering([answer(422, said)], key);
  const failure = await client.post("/api/v1/jobs", { body: job }).catch((failure: unknown) => failure);
  expect(failure).toBeInstanceOf(ProblemError);
  expect(failure).toMatchObject({ status: 422, code: "invalid", detail: "Mend it.", requestId: "r-1", errors });
  expect(asked).toHaveLength(1);
});

test("a page of a proxy is a problem too", async () => {
  const html = () => new Response("<h1>Bad Gateway</h1>", { status: 502, headers: { "content-type": "text/html", "x-request-id": "p-9" } });
  const { client } = answering([html, html, html, html], key);
  await expect(client.get("/api/v1/queues")).rejects.toMatchObject({ status: 502, code: "http_502", requestId: "p-9" });
});

test("whoever is past its share waits as long as it is told, and is told when that is long", async () => {
  const soon = answering([answer(429, {}, { "retry-after": "3" }), answer(200, { items: [] })], key);
  await soon.client.get("/api/v1/queues");
  expect(soon.waited).toEqual([3000]);
  const late = answering([answer(429, {}, { "retry-after": "3600" })], key);
  await expect(late.client.get("/api/v1/queues")).rejects.toMatchObject({ status: 429, retryAfterS: 3600 });
});

test("the first request with a name still runs: its answer is waited for", async () => {
  const running = answer(409, { code: "idempotency_in_progress", title: "Conflict", detail: "x" }, { "retry-after": "1" });
  const { client, asked } = answering([running, answer(201, { id: "7" })], key);
  await client.post("/api/v1/jobs", { body: job, idempotencyKey: "order-4711" });
  expect(asked.map(({ headers }) => headers.get("idempotency-key"))).toEqual(["order-4711", "order-4711"]);
});

test("a token that is refused is got anew, once, and shared by all who ask meanwhile", async () => {
  let made = 0;
  const token = async (): Promise<string> => `t${++made}`;
  const { client, asked } = answering([answer(200, {}), answer(200, {}), answer(401, {}), answer(200, {}), answer(401, {}), answer(401, {})], { auth: { token } });
  await Promise.all([client.get("/api/v1/queues"), client.get("/api/v1/queues")]);
  await client.get("/api/v1/queues");
  await expect(client.get("/api/v1/queues")).rejects.toMatchObject({ status: 401 });
  expect(asked.map(({ headers }) => headers.get("authorization"))).toEqual(["t1", "t1", "t1", "t2", "t2", "t3"].map((token) => `Bearer ${token}`));
});

test("a session is kept where there is no browser, said to this server alone, and ends", async () => {
  const given = answer(200, {}, { "set-cookie": "__Host-mainspring_session=abc; Path=/; HttpOnly" });
  const taken = answer(204, undefined, { "set-cookie": "__Host-mainspring_session=; Max-Age=0" });
  const { client, asked } = answering([given, answer(200, { items: [] }), taken, answer(401, {})], { auth: { session: true } });
  await client.signIn("ada@example.org", "secret");
  await client.get("/api/v1/queues");
  await client.signOut();
  await expect(client.get("/api/v1/queues")).rejects.toMatchObject({ status: 401 });
  expect(asked.map(({ headers }) => headers.get("cookie"))).toEqual([null, "__Host-mainspring_session=abc", "__Host-mainspring_session=abc", null]);
  expect(asked.map(({ headers }) => headers.get("x-mainspring-console"))).toEqual(["1", null, "1", null]);
  await expect(async () => answering([], key).client.signIn("a", "b")).rejects.toThrow(TypeError);
});

test("what is forgotten under another name is not the session", async () => {
  const set = ["__Host-mainspring_session=abc; Path=/; HttpOnly", "mainspring_session=; Max-Age=0"];
  const given = new Response("{}", { headers: set.map((cookie): [string, string] => ["set-cookie", cookie]) });
  const { client, asked } = answering([() => given, answer(200, { items: [] })], { auth: { session: true } });
  await client.signIn("ada@example.org", "secret");
  await client.get("/api/v1/queues");
  expect(asked[1]?.headers.get("cookie")).toBe("__Host-mainspring_session=abc");
});

test("a guess of a password is not repeated", async () => {
  const { client, asked } = answering([answer(503)], { auth: { session: true } });
  await expect(client.signIn("a@b", "c")).rejects.toMatchObject({ status: 503 });
  expect(asked).toHaveLength(1);
});

/** What the client gives the connection as its token when it is asked. */
function tokens(client: Mainspring): () => Promise<string> {
  return (client.realtime.centrifuge as unknown as { _config: { getToken: () => Promise<string> } })._config.getToken;
}

test("another person does not hear the channels of the one before", async () => {
  const { client } = answering([answer(503), answer(200, {}), answer(204, undefined)], { auth: { session: true } });
  const before = client.realtime;
  const closed = vi.spyOn(before, "close");
  await expect(client.signIn("ben@example.org", "a guess")).rejects.toMatchObject({ status: 503 });
  expect(client.realtime).toBe(before);
  expect(closed).not.toHaveBeenCalled();
  await client.signIn("ben@example.org", "secret");
  expect(closed).toHaveBeenCalledOnce();
  const after = client.realtime;
  expect(after).not.toBe(before);
  await client.signOut();
  expect(client.realtime).not.toBe(after);
});

test("a token that cannot be had anew is asked for once, another one as often as it ends", async () => {
  const fixed = tokens(answering([], { auth: { token: "t" } }).client);
  expect(await fixed()).toBe("t");
  await expect(fixed()).rejects.toThrow(UnauthorizedError);
  let made = 0;
  const renewed = tokens(answering([], { auth: { token: async () => `t${(made += 1)}` } }).client);
  expect([await renewed(), await renewed(), await renewed()]).toEqual(["t1", "t2", "t3"]);
});

test("rows come over all pages, as they are asked for", async () => {
  const row = (id: string): unknown => ({ id });
  const { client, asked } = answering(
    [answer(200, { items: [row("3"), row("2")], next: "2" }), answer(200, { items: [row("1")], next: null })],
    key,
  );
  const rows = client.each("/api/v1/jobs", { query: { kind: "k" } });
  expect((await rows.next()).value).toMatchObject({ id: "3" });
  expect(asked).toHaveLength(1);
  const rest = [];
  for await (const { id } of rows) rest.push(id);
  expect(rest).toEqual(["2", "1"]);
  expect(asked[1]?.url).toBe("http://server.test/api/v1/jobs?kind=k&before=2");
});

test("a list that goes forward is asked for what comes after", async () => {
  const { client, asked } = answering([answer(200, { items: [], next: 5 }), answer(200, { items: [] })], key);
  const pages = [];
  for await (const page of client.pages("/api/v1/schedules")) pages.push(page);
  expect(pages).toHaveLength(2);
  expect(asked[1]?.url).toBe("http://server.test/api/v1/schedules?after=5");
});

test("an upload tells how far it is, and begins anew when it is sent again", async () => {
  const bytes = new Uint8Array(150_000).fill(7);
  const told: number[] = [];
  const { client, asked } = answering([answer(503), answer(200, { ok: true })], key);
  const done = await client.upload("PUT", "/api/v1/files/{id}", bytes, { path: { id: "a b" }, progress: ({ sent }) => told.push(sent) });
  expect(done).toEqual({ ok: true });
  expect(asked.map(({ body }) => body?.length)).toEqual([150_000, 150_000]);
  expect(asked[1]?.url).toBe("http://server.test/api/v1/files/a%20b");
  expect(asked[1]?.headers.get("content-type")).toBe("application/octet-stream");
  expect(told).toEqual([0, 65_536, 131_072, 150_000, 0, 65_536, 131_072, 150_000]);
});

test("an upload has a name only if it is given one, and is sent again only where that does nothing twice", async () => {
  const bytes = new Uint8Array(2_000_000);
  const { client, asked } = answering([answer(503), answer(503), answer(201, {})], key);
  await expect(client.upload("POST", "/api/v1/files", bytes)).rejects.toMatchObject({ status: 503 });
  await client.upload("POST", "/api/v1/files", bytes, { idempotencyKey: "photo-7" });
  expect(asked.map(({ headers }) => headers.get("idempotency-key"))).toEqual([null, "photo-7", "photo-7"]);
});

test("whoever ends a call gets their own reason, and nothing is sent again", async () => {
  const ending = new AbortController();
  const { client, asked } = answering([() => {
    ending.abort(new Error("enough"));
    throw new TypeError("fetch failed");
  }], key);
  await expect(client.get("/api/v1/queues", { signal: ending.signal })).rejects.toThrow("enough");
  expect(asked).toHaveLength(1);
});

test("what a route takes is checked before anything runs", () => {
  const { client } = answering([], key);
  const never = (): void => {
    // @ts-expect-error a job needs a body
    void client.post("/api/v1/jobs");
    // @ts-expect-error there is no such path
    void client.get("/api/v1/nothing");
    // @ts-expect-error that path knows no PUT
    void client.put("/api/v1/jobs", { body: {} });
    // @ts-expect-error a state is one of seven words
    void client.get("/api/v1/jobs", { query: { state: "asleep" } });
    // @ts-expect-error no list comes in pages here
    void client.each("/api/v1/queues");
  };
  expect(never).toBeTypeOf("function");
});
