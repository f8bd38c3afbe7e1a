// node given.mjs ADDRESS SECRET: the official client, with tokens of a backend that shares SECRET with the server. The server subscribes it to
// news:given; for news:own it has a token of its own, good for two seconds; for news:other one that opens another channel.
import { createHmac } from "node:crypto";
import { Centrifuge } from "centrifuge";
import WebSocket from "ws";

const [address, secret] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));

const text = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
function signed(ttl_s, more) {
  const now_s = Math.floor(Date.now() / 1000);
  const claims = { iss: "https://backend.example", aud: "mainspring", sub: "customer-7", iat: now_s, exp: now_s + ttl_s, ...more };
  const said = `${text({ alg: "HS256" })}.${text(claims)}`;
  return `${said}.${createHmac("sha256", secret).update(said).digest("base64url")}`;
}

const client = new Centrifuge(`ws://${address}/connection/websocket`, {
  websocket: WebSocket, minReconnectDelay: 50, maxReconnectDelay: 500,
  getToken: async () => signed(60, { channels: ["news:given"], subs: { "news:told": { data: { hello: 1 } } } }),
});
client.on("connected", ({ client }) => say({ type: "connected", client }));
client.on("connecting", ({ code }) => say({ type: "connecting", code }));
client.on("disconnected", ({ code, reason }) => say({ type: "disconnected", code, reason }));
// What the server subscribed it to.
client.on("subscribed", ({ channel, wasRecovering, recovered, data }) => say({ type: "given", channel, wasRecovering, recovered, data }));
client.on("unsubscribed", ({ channel }) => say({ type: "taken", channel }));
client.on("publication", ({ channel, offset, data }) => say({ type: "publication", channel, offset, data }));

function listen(channel, getToken) {
  const subscription = client.newSubscription(channel, { getToken });
  subscription.on("subscribed", () => say({ type: "subscribed", channel }));
  subscription.on("unsubscribed", ({ code, reason }) => say({ type: "unsubscribed", channel, code, reason }));
  subscription.on("publication", ({ offset, data }) => say({ type: "publication", channel, offset, data }));
  subscription.subscribe();
}
listen("news:own", async ({ channel }) => {
  say({ type: "asked", channel });
  return signed(2, { channel });
});
client.connect();
// A line on standard input: it asks for a channel with a token for another.
process.stdin.on("data", () => listen("news:other", async () => signed(60, { channel: "news:own" })));
process.stdin.on("end", () => client.disconnect());
