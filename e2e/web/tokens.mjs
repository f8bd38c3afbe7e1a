// node tokens.mjs ADDRESS EMAIL PASSWORD ONE OTHER: what comes of tokens, good and bad, over HTTP and over every transport. ONE and OTHER
// are issuers that the server trusts, each as name=secret. A line for each token and way: {token, way, outcome}.
import { Centrifuge, UnauthorizedError } from "centrifuge";
import { createHmac } from "node:crypto";
import { EventSource } from "eventsource";
import { io } from "socket.io-client";
import WebSocket from "ws";

const [address, email, password, ...issuers] = process.argv.slice(2);
const [one, other] = issuers.map((issuer) => issuer.split("="));
const say = (what) => console.log(JSON.stringify(what));
const ask = (method, path, headers, body) => fetch(`http://${address}${path}`, { method, body, headers: { "content-type": "application/json", "x-mainspring-console": "1", ...headers } });

const part = (json) => Buffer.from(JSON.stringify(json)).toString("base64url");
const sign = (secret, header, claims) => {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
};
const now = Math.floor(Date.now() / 1000);
const claims = { iss: one[0], aud: "mainspring", sub: "somebody", iat: now, exp: now + 600 };
const hs256 = { alg: "HS256", typ: "JWT" };

const signedIn = await ask("POST", "/api/v1/session", {}, JSON.stringify({ email, password }));
const cookie = signedIn.headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; ");
const { token: ours } = await (await ask("POST", "/api/v1/me/token", { cookie })).json();
const [head, body, tag] = ours.split(".");
const ourHeader = JSON.parse(Buffer.from(head, "base64url"));
const published = (await (await ask("GET", "/.well-known/jwks.json")).json()).keys.find(({ kid }) => kid === ourHeader.kid);

const tokens = {
  "good: ours": ours,
  "good: an issuer's": sign(one[1], hs256, claims),
  "not signed": `${part({ ...ourHeader, alg: "none" })}.${body}.`,
  "signed for something else": `${head}.${part({ ...JSON.parse(Buffer.from(body, "base64url")), sub: "usr_01aaaaaaaaaaaaaaaaaaaaaaaa" })}.${tag}`,
  "its signature changed": `${head}.${body}.${(tag[0] === "A" ? "B" : "A") + tag.slice(1)}`,
  "our public key as a secret": sign(Buffer.from(published.x, "base64url"), { ...ourHeader, alg: "HS256" }, JSON.parse(Buffer.from(body, "base64url"))),
  "in the name of another issuer": sign(other[1], hs256, claims),
  "in our name by an issuer": sign(one[1], hs256, { ...JSON.parse(Buffer.from(body, "base64url")) }),
  "for another audience": sign(one[1], hs256, { ...claims, aud: "another" }),
  "of nobody we trust": sign(one[1], hs256, { ...claims, iss: "a stranger" }),
  "expired": sign(one[1], hs256, { ...claims, iat: now - 7200, exp: now - 3600 }),
  "not good yet": sign(one[1], hs256, { ...claims, nbf: now + 3600 }),
  "no token": "junk",
};

/** Over plain HTTP by a header: true where an answer begins, false where it is refused with a problem. */
const byHeader = (method, path, body) => async (token) => {
  const leaving = new AbortController();
  const answer = await fetch(`http://${address}${path}`, { method, body, headers: { authorization: `Bearer ${token}` }, signal: leaving.signal });
  const refused = answer.status === 401 && (await answer.json()).detail.includes("Authorization");
  leaving.abort();
  return refused ? false : answer.status === 200 || answer.status;
};
const connect = JSON.stringify({ id: 1, connect: {} });

const ways = {
  "events by header": byHeader("GET", "/api/v1/channels/chat_me:somebody/events"),
  "uni_sse by header": byHeader("GET", "/connection/uni_sse"),
  "uni_http_stream by header": byHeader("POST", "/connection/uni_http_stream", "{}"),
  "sse by header": byHeader("GET", `/connection/sse?cf_connect=${encodeURIComponent(connect)}`),
  "http_stream by header": byHeader("POST", "/connection/http_stream", connect),
  "socketio polling by header": byHeader("GET", "/socket.io/?EIO=4&transport=polling"),
  http: async (token) => (await ask("GET", "/api/v1/me", { authorization: `Bearer ${token}` })).status === 200,
  ...Object.fromEntries(["websocket", "http_stream", "sse"].map((transport) => [transport, (token) => new Promise((done) => {
    const endpoint = `${transport === "websocket" ? "ws" : "http"}://${address}/connection/${transport}`;
    const client = new Centrifuge([{ transport, endpoint }], {
      websocket: WebSocket, eventsource: EventSource, emulationEndpoint: `http://${address}/emulation`, token,
      // Asked for where the server says that it has expired: there is none.
      getToken: async () => { throw new UnauthorizedError(); },
    });
    client.on("connected", () => { done(true); client.disconnect(); });
    client.on("disconnected", () => done(false));
    client.connect();
  })])),
  ...Object.fromEntries(["websocket", "polling"].map((transport) => [`socketio ${transport}`, (token) => new Promise((done) => {
    const socket = io(`http://${address}`, { transports: [transport], auth: { token }, forceNew: true, reconnection: false });
    socket.on("connect", () => { done(true); socket.disconnect(); });
    socket.on("connect_error", () => { done(false); socket.disconnect(); });
  })])),
};

for (const [name, token] of Object.entries(tokens)) {
  for (const [way, use] of Object.entries(ways)) say({ token: name, way, taken: await use(token) });
}
say({ type: "end" });
