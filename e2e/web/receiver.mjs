// node receiver.mjs: receives webhooks and verifies them with the library that the Standard Webhooks project publishes. Each line
// of its standard input is a JSON object: {"secrets": [..]} to verify with, {"status": 500} to answer with from then on.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

const say = (what) => console.log(JSON.stringify(what));
let secrets = [];
let status = 200;

const verifies = (secret, body, headers) => {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
};

const server = createServer(async (request, response) => {
  const chunks = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
  } catch {
    return; // The sender died in the middle.
  }
  const body = Buffer.concat(chunks).toString();
  say({
    type: "message",
    id: request.headers["webhook-id"],
    content: request.headers["content-type"],
    signatures: request.headers["webhook-signature"].split(" ").length,
    verified: secrets.map((secret) => verifies(secret, body, request.headers)),
    tampered: secrets.some((secret) => verifies(secret, body + " ", request.headers)),
    moved: secrets.some((secret) => verifies(secret, body, { ...request.headers, "webhook-id": "msg_other" })),
    event: JSON.parse(body),
  });
  response.writeHead(status).end();
});
server.listen(0, "127.0.0.1", () => say({ type: "listening", port: server.address().port }));

const commands = createInterface({ input: process.stdin });
commands.on("line", (line) => {
  ({ secrets = secrets, status = status } = JSON.parse(line));
  say({ type: "understood" });
});
// Whoever started us closes our standard input, or kills us.
commands.on("close", () => {
  server.close();
  server.closeAllConnections();
});
