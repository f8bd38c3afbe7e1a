// node centrifuge.mjs TRANSPORT ADDRESS CHANNEL [ENCODING] [DELTA]: the official client listens to a channel and comes back whenever it is
// cut off. TRANSPORT is websocket, http_stream or sse; ADDRESS is host:port; ENCODING is json or protobuf; DELTA is fossil, or left out.
import { Centrifuge as OfJson } from "centrifuge";
import { Centrifuge as OfProtobuf } from "centrifuge/build/protobuf";
import { EventSource } from "eventsource";
import WebSocket from "ws";

const [transport, address, channel, encoding, delta] = process.argv.slice(2);
const Centrifuge = encoding === "protobuf" ? OfProtobuf : OfJson;
const read = (data) => (encoding === "protobuf" ? JSON.parse(new TextDecoder().decode(data)) : data);
const say = (what) => console.log(JSON.stringify(what));

const endpoint = `${transport === "websocket" ? "ws" : "http"}://${address}/connection/${transport}`;
const client = new Centrifuge([{ transport, endpoint }], {
  websocket: WebSocket, eventsource: EventSource, emulationEndpoint: `http://${address}/emulation`,
  minReconnectDelay: 50, maxReconnectDelay: 500,
});
client.on("connected", ({ client, transport }) => say({ type: "connected", client, transport }));
client.on("connecting", ({ code, reason }) => say({ type: "connecting", code, reason }));
client.on("disconnected", ({ code, reason }) => say({ type: "disconnected", code, reason }));
client.on("error", ({ type, error }) => say({ type: "error", of: type, code: error.code, message: error.message }));

// No option asks for recovery: the server gives it to every subscriber of a channel that has a history.
const subscription = client.newSubscription(channel, delta ? { delta } : {});
subscription.on("subscribed", ({ recoverable, positioned, wasRecovering, recovered, streamPosition }) =>
  say({ type: "subscribed", recoverable, positioned, wasRecovering, recovered, streamPosition }));
subscription.on("subscribing", ({ code, reason }) => say({ type: "subscribing", code, reason }));
subscription.on("unsubscribed", ({ code, reason }) => say({ type: "unsubscribed", code, reason }));
subscription.on("error", ({ type, error }) => say({ type: "error", of: type, code: error.code, message: error.message }));
subscription.on("publication", ({ offset, data }) =>
  say({ type: "publication", offset, data: read(data), deltas: subscription.deltaStats().numDeltaPayloads }));

subscription.subscribe();
client.connect();
// Whoever started us closes our standard input, or kills us.
process.stdin.on("end", () => client.disconnect()).resume();
