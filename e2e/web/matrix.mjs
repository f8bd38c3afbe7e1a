// node matrix.mjs WHERE ADDRESS SECRET: every transport of the official clients at once, in Node or (WHERE is chromium) in one page of a browser.
// ADDRESS is host:port; SECRET is that of an issuer whom the server trusts. Each row of the matrix prints what becomes of it:
// {row, what, …}. Whoever listens tells the rows by publications on the channel what to do next: {"do":"say"}, {"do":"look"}, {"do":"renew"}.
import { run } from "./world.mjs";

const [where, address, secret] = process.argv.slice(2);

await run(where, address, ["Centrifuge", "io"], async ({ where, address, secret }) => {
  /* global Centrifuge, io, say */
  const CHANNEL = "talk:all";
  const again = { minReconnectDelay: 50, maxReconnectDelay: 500 };

  // Tokens, as a backend makes them.
  const bytes = (text) => new TextEncoder().encode(text);
  const base64 = (data) => btoa(String.fromCharCode(...data)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const part = (json) => base64(bytes(JSON.stringify(json)));
  const key = await crypto.subtle.importKey("raw", bytes(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signed = async (ttl_s, claims) => {
    const iat = Math.floor(Date.now() / 1000);
    const said = { iss: "https://backend.example", aud: "mainspring", iat, exp: iat + ttl_s, ...claims };
    const text = `${part({ alg: "HS256" })}.${part(said)}`;
    return `${text}.${base64(new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes(text))))}`;
  };
  /** Twice good for two seconds, then for as long as the test takes: the third is asked for where the second was taken. */
  const SHORT_S = 2;
  const ttl_s = (asked) => (asked < 3 ? SHORT_S : 600);

  /** Whose token it is; others see the name. */
  const of = (row) => ({ sub: row, info: { row } });

  /** What came of it, as an acknowledgement or as an error. */
  const attempt = (tell, what, act) => act().then((answer) => tell(what, { answer }), ({ code, message }) => tell(what, { error: { code, message } }));

  /** What every row does with what it hears, by its own words. */
  const listener = (row, tell, { publish, presence, stats, history, renew }) => (data) => {
    tell("heard", { data });
    if (data.do === "say") attempt(tell, "published", () => publish(CHANNEL, { from: row, round: data.round }));
    if (data.do === "look") {
      attempt(tell, "presence", async () => Object.values(await presence(CHANNEL)).map(({ connInfo, conn_info }) => (connInfo ?? conn_info).row));
      attempt(tell, "presence_stats", () => stats(CHANNEL));
      attempt(tell, "history", async () => (await history(CHANNEL)).map(({ data }) => data));
    }
    if (data.do === "renew") renew?.();
  };

  const centrifuge = (transport) => {
    const row = `centrifuge ${transport}, ${where}`;
    const tell = (what, more) => say({ row, what, ...more });
    const endpoint = `${transport === "websocket" ? "ws" : "http"}://${address}/connection/${transport}`;
    const count = { client: 0, own: 0 };
    const client = new Centrifuge([{ transport, endpoint }], {
      websocket: WebSocket, eventsource: EventSource, emulationEndpoint: `http://${address}/emulation`, ...again,
      getToken: async () => {
        tell("token", { asked: ++count.client });
        return signed(ttl_s(count.client), of(row));
      },
    });
    client.on("connected", ({ transport }) => tell("connected", { transport }));
    client.on("connecting", ({ code, reason }) => tell("connecting", { code, reason }));
    client.on("disconnected", ({ code, reason }) => tell("disconnected", { code, reason }));

    const listen = (channel, options) => {
      const subscription = client.newSubscription(channel, options);
      subscription.on("subscribed", ({ wasRecovering, recovered }) => tell("subscribed", { channel, wasRecovering, recovered }));
      subscription.on("unsubscribed", ({ code, reason }) => tell("unsubscribed", { channel, code, reason }));
      subscription.subscribe();
      return subscription;
    };
    const hears = listener(row, tell, {
      publish: (...args) => client.publish(...args),
      presence: async (channel) => (await client.presence(channel)).clients,
      stats: async (channel) => (await client.presenceStats(channel)).numClients,
      history: async (channel) => (await client.history(channel, { limit: 300 })).publications,
    });
    listen(CHANNEL, {}).on("publication", ({ data }) => hears(data));
    const own = `own:${where}-${transport}`;
    listen(own, {
      getToken: async () => {
        tell("own token", { asked: ++count.own });
        return signed(ttl_s(count.own), { sub: row, channel: own });
      },
    });
    client.connect();
    return () => client.disconnect();
  };

  const socketio = (transports) => {
    const row = `socket.io ${transports}, ${where}`;
    const tell = (what, more) => say({ row, what, ...more });
    const options = { transports: transports.split("+"), reconnectionDelay: 50, reconnectionDelayMax: 500, forceNew: true };
    /** Its answer, or the error in it, as the other client has it. */
    const ask = async (...event) => {
      const answer = await socket.emitWithAck(...event);
      if (answer.error) throw answer.error;
      return answer;
    };
    const socket = io(`http://${address}`, { ...options, auth: (give) => signed(600, of(row)).then((token) => give({ token })) });
    socket.io.on("open", () => socket.io.engine.on("upgrade", ({ name }) => tell("upgraded", { name })));
    socket.on("connect", () => {
      tell("connected", { id: socket.id, recovered: socket.recovered });
      if (!socket.recovered) attempt(tell, "subscribed", () => ask("subscribe", CHANNEL));
    });
    socket.on("disconnect", (reason) => tell("disconnect", { reason }));

    // Its protocol has no word for another token: who shows one that ends comes back with another, as the same.
    const others = [];
    const renew = () => {
      let asked = 0;
      const auth = (give) => signed(ttl_s(++asked), of(row)).then((token) => (tell("token", { asked }), give({ token })));
      const other = io(`http://${address}`, { ...options, auth });
      other.on("connect", () => {
        tell("renewed", { asked, id: other.id, recovered: other.recovered });
        if (!other.recovered) other.emit("subscribe", CHANNEL);
      });
      others.push(other);
    };
    const hears = listener(row, tell, {
      publish: (channel, data) => ask("publish", channel, data),
      presence: async (channel) => (await ask("presence", channel)).presence,
      stats: async (channel) => (await ask("presence_stats", channel)).num_clients,
      history: async (channel) => (await ask("history", channel, { limit: 300 })).publications,
      renew,
    });
    socket.on("message", (data) => hears(data));
    return () => [socket, ...others].forEach((one) => one.disconnect());
  };

  const ends = [
    ...["websocket", "http_stream", "sse"].map(centrifuge),
    ...["websocket", "polling", "polling+websocket"].map(socketio),
  ];
  return () => ends.forEach((end) => end());
}, { where, address, secret });
