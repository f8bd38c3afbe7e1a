// node person.mjs TRANSPORT ADDRESS EMAIL PASSWORD CHANNEL…: somebody signs in, and the official client listens for them by tokens.
// TRANSPORT is websocket, http_stream or sse, in Node or (with @chromium behind it) in a browser; ADDRESS is host:port.
import { run } from "./world.mjs";

const [transport, address, email, password, ...channels] = process.argv.slice(2);
const [by, where = "node"] = transport.split("@");

await run(where, address, "Centrifuge", async ({ by, address, email, password, channels }) => {
  /* global Centrifuge, say */
  const headers = { "content-type": "application/json", "x-mainspring-console": "1" };
  const signedIn = await fetch(`http://${address}/api/v1/session`, { method: "POST", headers, body: JSON.stringify({ email, password }) });
  // A browser keeps its cookies itself.
  if (typeof document === "undefined") headers.cookie = signedIn.headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; ");
  say({ type: "signed_in", status: signedIn.status });

  /** As the client wants it: a token, or that there is none to be had. */
  const getToken = async () => {
    const made = await fetch(`http://${address}/api/v1/me/token`, { method: "POST", headers });
    say({ type: "token", status: made.status });
    if (made.status === 401 || made.status === 403) throw new Centrifuge.UnauthorizedError();
    return (await made.json()).token;
  };

  const endpoint = `${by === "websocket" ? "ws" : "http"}://${address}/connection/${by}`;
  const client = new Centrifuge([{ transport: by, endpoint }], {
    websocket: WebSocket, eventsource: EventSource, emulationEndpoint: `http://${address}/emulation`,
    minReconnectDelay: 50, maxReconnectDelay: 500, getToken,
  });
  client.on("connected", ({ transport }) => say({ type: "connected", transport }));
  client.on("connecting", ({ code, reason }) => say({ type: "connecting", code, reason }));
  client.on("disconnected", ({ code, reason }) => say({ type: "disconnected", code, reason }));
  for (const channel of channels) {
    const subscription = client.newSubscription(channel);
    subscription.on("subscribed", ({ wasRecovering, recovered }) => say({ type: "subscribed", channel, wasRecovering, recovered }));
    subscription.on("unsubscribed", ({ code }) => say({ type: "unsubscribed", channel, code }));
    subscription.on("publication", ({ offset, data }) => say({ type: "publication", channel, offset, data }));
    subscription.subscribe();
  }
  client.connect();
  return () => client.disconnect();
}, { by, address, email, password, channels });
