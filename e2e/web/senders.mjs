// node senders.mjs BASE GITHUB_SECRET STANDARD_SECRET: the senders' own libraries sign; one line for each delivery and its answer.
import { Webhooks } from "@octokit/webhooks";
import { Webhook } from "standardwebhooks";

const [base, githubSecret, standardSecret] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));

async function deliver(name, path, headers, body) {
  const answer = await fetch(base + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
  say({ name, status: answer.status, body: await answer.json() });
}

const github = new Webhooks({ secret: githubSecret });
const push = JSON.stringify({ ref: "refs/heads/main", repository: { full_name: "octocat/hello-world" }, note: "Grüße, 世界 🎵" });
const byGithub = async (id, body, signed = body) => ({
  "x-github-event": "push",
  "x-github-delivery": id,
  "x-hub-signature-256": await github.sign(signed),
});
await deliver("github", "/in/github", await byGithub("from-octokit-1", push), push);
await deliver("github again", "/in/github", await byGithub("from-octokit-1", push), push);
await deliver("github, a captured body under a new id", "/in/github", await byGithub("from-octokit-2", push), push);
await deliver("github, forged", "/in/github", await byGithub("from-octokit-3", push + " ", push), push + " ");

const standard = new Webhook(standardSecret);
const invoice = JSON.stringify({ type: "invoice.paid", timestamp: "2026-01-01T00:00:00Z", data: { id: "in_1", note: "ß" } });
const byStandard = (id, at, body, signed = body) => ({
  "webhook-id": id,
  "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
  "webhook-signature": standard.sign(id, at, signed),
});
const now = new Date();
const apart = (seconds) => new Date(now.getTime() + seconds * 1000);
await deliver("standard", "/in/standard", byStandard("msg_1", now, invoice), invoice);
await deliver("standard, two signatures", "/in/standard", {
  ...byStandard("msg_2", now, invoice),
  "webhook-signature": `v1,${"A".repeat(43)}= ${standard.sign("msg_2", now, invoice)}`,
}, invoice);
await deliver("standard, another id", "/in/standard", { ...byStandard("msg_1", now, invoice), "webhook-id": "msg_3" }, invoice);
await deliver("standard, stale", "/in/standard", byStandard("msg_4", apart(-400), invoice), invoice);
await deliver("standard, from the future", "/in/standard", byStandard("msg_5", apart(400), invoice), invoice);
say({ name: "done" });
