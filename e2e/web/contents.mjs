// What a server has in it when people have used it for a while: accounts, keys, schedules, endpoints, jobs that wait and that failed.
import { createServer } from "node:http";

/** Two receivers on this machine: `/billing` takes what comes, `/search` is away. Answers their address and how to stop. */
export async function receivers() {
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(request.url === "/billing" ? 204 : 503).end());
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => (server.close(), server.closeAllConnections()) };
}

const PASSWORD = "a horse and a battery";

/** A few accounts, one of them banned, and invitations that wait. Answers the id of the banned one. */
async function people(ask, url) {
  const make = (name, role) => ask("POST", "/api/v1/people", { name, role, email: `${name.split(" ")[0].toLowerCase()}@example.com`, password: PASSWORD });
  await make("Ada Lovelace", "admin");
  await make("Grace Hopper", "admin");
  const banned = await make("Charles Babbage");
  await make("Mary Somerville");
  await make("Ruth Teitelbaum");
  await ask("PUT", `/api/v1/people/${banned.id}/ban`, { until_ms: Date.now() + 7 * 86_400_000, reason: "Posted the same link in every room" });
  // In browsers of their own.
  for (const [name, password] of [["ada", PASSWORD], ["grace", "a horse, or was it two"], ["grace", PASSWORD]]) {
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ email: `${name}@example.com`, password }) };
    await fetch(new URL("/api/v1/session", url), init);
  }
  await ask("POST", "/api/v1/invitations", { note: "Kathleen, of the night shift" });
  await ask("POST", "/api/v1/invitations", { note: "Whoever keeps the schedules", role: "admin" });
  return banned.id;
}

/** Fills the server through its own API, as the administrator whose page this is. Answers the ids of what a page is about. */
export async function fill(page, receiver) {
  const ask = async (method, path, body, headers = { "X-Mainspring-Console": "1" }) => {
    const answer = await page.evaluate(async ([method, path, body, headers]) => {
      const init = { method, headers: { "Content-Type": "application/json", ...headers }, body: body && JSON.stringify(body) };
      const response = await fetch(path, init);
      return { status: response.status, text: await response.text() };
    }, [method, path, body, headers]);
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.text ? JSON.parse(answer.text) : null;
  };
  const post = (path, body, headers) => ask("POST", `/api/v1/${path}`, body, headers);

  const person = await people(ask, page.url());
  const key = async (name, ...scopes) => await post("keys", { name, scopes });
  await key("Shop", "events:publish");
  await key("Nightly reports", "events:read");
  const lost = await key("Old laptop", "jobs:enqueue", "events:read");
  await ask("DELETE", `/api/v1/keys/${lost.id}`);
  const worker = { Authorization: `Bearer ${(await key("Thumbnail worker", "jobs:enqueue", "jobs:work")).token}` };

  await post("webhooks/sources", { name: "shop", sender: "shopify", secret: "shpss_of_a_shop_that_is_not_there" });
  await post("webhooks/sources", { name: "payments", sender: "stripe", secret: "whsec_of_an_account_that_is_not_there" });
  await post("webhooks/sources", { name: "infrastructure", sender: "github" });

  const schedule = (name, when, kind) => post("schedules", { name, kind, ...when });
  const digest = await schedule("digest.morning", { cron: "0 8 * * MON-FRI", zone: "Europe/Berlin" }, "digest.send");
  await schedule("invoices.monthly", { cron: "0 18 L * *", zone: "America/New_York" }, "invoices.close");
  const warm = await schedule("cache.warm", { every_ms: 900_000 }, "cache.warm");
  await post(`schedules/${warm.id}/run`);
  const paused = await schedule("newsletter", { cron: "0 9 * * MON#1", zone: "Europe/London" }, "newsletter.send");
  await post(`schedules/${paused.id}/pause`);

  const endpoint = (description, path, types) => post("endpoints", { url: receiver + path, description, types });
  const billing = await endpoint("Billing", "/billing", ["github.push", "shop.*"]);
  await post(`endpoints/${billing.id}/test`);
  const search = await endpoint("Search index", "/search", ["github.*"]);
  await post(`endpoints/${search.id}/test`);
  const archive = await endpoint("Archive", "/archive", ["*"]);
  await post(`endpoints/${archive.id}/disable`);

  const image = (n, more) => ({ kind: "image.thumbnail", queue: "images", args: { image: `photos/${n}.jpg`, width: 320 }, ...more });
  await post("batches", { name: "Album of the trip to Oslo", jobs: [1, 2, 3, 4].map((n) => image(n)), sealed: true }, worker);
  await post("jobs/bulk", { jobs: [5, 6, 7, 8, 9].map((n) => image(n, { max_attempts: n < 8 ? 2 : 5 })) }, worker);
  let failed;
  const { jobs } = await post("jobs/claim", { queues: ["images"], limit: 9, worker: "thumbnails-1", lease_s: 600 }, worker);
  for (const [n, { id, token }] of jobs.entries()) {
    if (n === 2) await post(`jobs/${id}/heartbeat`, { token, percent: 40, note: "resizing" }, worker);
    else if (n === 3) continue;
    else if (n === 4) await post(`jobs/${failed = id}/fail`, { token, error: "the image cannot be decoded: unexpected end of file", discard: true }, worker);
    else if (n === 5) await post(`jobs/${id}/fail`, { token, error: "storage answered 503 Service Unavailable", retry_at_ms: Date.now() + 300_000 }, worker);
    else await post(`jobs/${id}/complete`, { token, result: { bytes: 18_300 + n } }, worker);
  }
  await post("jobs", { kind: "report.render", queue: "reports", run_at_ms: Date.now() + 3_600_000, args: { month: "2026-11" } }, worker);
  await post("jobs/bulk", { jobs: [1, 2, 3].map((n) => ({ kind: "mail.send", queue: "mail", key: `tenant-${n}`, args: { template: "welcome" } })) }, worker);
  await post("queues/mail/pause");
  await ask("PUT", "/api/v1/queues/images/policy", { concurrency: 4, rate: { jobs: 100, period_ms: 60_000 } });
  await post("webhooks/replays", { selection: { source: "github" }, dry_run: false });
  await post("events/replay", { subscription: "radio.compose", type: "github.push", from: 1, dry_run: false });
  return { failed, schedule: digest.id, endpoint: search.id, person };
}
