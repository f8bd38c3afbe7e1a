// node stranger.mjs ADDRESS EMAIL PASSWORD OWN CHANNEL…: somebody tries to get at channels that are not theirs, over everything that the
// official clients can do, and listens to OWN, which is. What comes of each attempt is printed, then {"type":"ready"}.
import { Centrifuge } from "centrifuge";
import { EventSource } from "eventsource";
import { io } from "socket.io-client";
import WebSocket from "ws";

const [address, email, password, own, ...channels] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));

const headers = { "content-type": "application/json", "x-mainspring-console": "1" };
const signedIn = await fetch(`http://${address}/api/v1/session`, { method: "POST", headers, body: JSON.stringify({ email, password }) });
headers.cookie = signedIn.headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; ");
const { token } = await (await fetch(`http://${address}/api/v1/me/token`, { method: "POST", headers })).json();

/** What came of it, as far as it can be said. */
const attempt = async (transport, what, channel, act) => {
  const answer = await act().catch(({ code, message }) => ({ error: { code, message } }));
  say({ type: "attempt", transport, what, channel, answer: answer ?? null });
};

const centrifuge = async (transport) => {
  const endpoint = `${transport === "websocket" ? "ws" : "http"}://${address}/connection/${transport}`;
  const client = new Centrifuge([{ transport, endpoint }], {
    websocket: WebSocket, eventsource: EventSource, emulationEndpoint: `http://${address}/emulation`, token,
  });
  const listen = (channel, options) => {
    const subscription = client.newSubscription(channel, options);
    subscription.on("publication", ({ data }) => say({ type: "heard", transport, channel, data }));
    for (const told of ["join", "leave"]) subscription.on(told, ({ info }) => say({ type: "told", transport, channel, told, info }));
    subscription.subscribe();
    return new Promise((done) => {
      subscription.on("subscribed", ({ publications, offset }) => done({ offset, publications }));
      subscription.on("unsubscribed", ({ code, reason }) => done({ code, reason }));
      subscription.on("error", ({ error }) => done({ error }));
    });
  };
  client.connect();
  await client.ready();
  await listen(own, {});
  for (const channel of channels) {
    await attempt(transport, "subscribe", channel, () => listen(channel, { since: { offset: 0, epoch: "" }, joinLeave: true }));
    await attempt(transport, "history", channel, () => client.history(channel, { limit: 100 }));
    await attempt(transport, "presence", channel, () => client.presence(channel));
    await attempt(transport, "presence_stats", channel, () => client.presenceStats(channel));
    await attempt(transport, "publish", channel, () => client.publish(channel, { type: "message.sent", body: { content: "forged" } }));
  }
};

const socketio = async (transport) => {
  const socket = io(`http://${address}`, { transports: [transport.split(" ")[1]], auth: { token }, forceNew: true });
  socket.on("message", (data, channel) => say({ type: "heard", transport, channel, data }));
  await new Promise((done, failed) => socket.on("connect", done).on("connect_error", failed));
  await socket.emitWithAck("subscribe", own);
  for (const channel of channels) {
    await attempt(transport, "subscribe", channel, () => socket.emitWithAck("subscribe", channel));
    await attempt(transport, "history", channel, () => socket.emitWithAck("history", channel, { limit: 100 }));
    await attempt(transport, "presence", channel, () => socket.emitWithAck("presence", channel));
    await attempt(transport, "presence_stats", channel, () => socket.emitWithAck("presence_stats", channel));
    await attempt(transport, "publish", channel, () => socket.emitWithAck("publish", channel, { type: "message.sent", body: { content: "forged" } }));
  }
};

/** Plain events: whoever may not read is refused, or hears nothing. */
const events = async () => {
  const transport = "events";
  const open = async (channel) => {
    const answer = await fetch(`http://${address}/api/v1/channels/${encodeURIComponent(channel)}/events`, { headers: { cookie: headers.cookie, "last-event-id": "0" } });
    if (answer.status !== 200) return { status: answer.status, body: await answer.text() };
    (async () => {
      let text = "";
      for await (const bytes of answer.body) {
        text += new TextDecoder().decode(bytes);
        for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
          const lines = text.slice(0, end).split("\n");
          const data = lines.find((line) => line.startsWith("data:"));
          // What has no name is a publication; the others say where the channel stands.
          if (data && !lines.some((line) => line.startsWith("event:"))) say({ type: "heard", transport, channel, data: JSON.parse(data.slice(5)) });
        }
      }
    })().catch(() => {});
    return { status: 200 };
  };
  await open(own);
  for (const channel of channels) await attempt(transport, "open", channel, () => open(channel));
};

await Promise.all([
  ...["websocket", "http_stream", "sse"].map(centrifuge),
  ...["socketio websocket", "socketio polling"].map(socketio),
  events(),
]);
say({ type: "ready" });
// Whoever started us closes our standard input, or kills us.
process.stdin.on("end", () => process.exit()).resume();
