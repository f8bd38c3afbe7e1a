// node socketio.mjs TRANSPORTS ADDRESS CHANNEL: the official client joins a channel and comes back whenever it is cut off.
// TRANSPORTS is websocket, polling, or both with a plus between them: then it moves from the first to the second; in Node or (with @chromium
// behind it) in a browser. ADDRESS is host:port.
import { run } from "./world.mjs";

const [way, address, channel] = process.argv.slice(2);
const [transports, where = "node"] = way.split("@");

await run(where, address, "io", ({ transports, address, channel }) => {
  /* global io, say */
  const socket = io(`http://${address}`, { transports: transports.split("+"), reconnectionDelay: 50, reconnectionDelayMax: 500 });
  const { io: manager } = socket;
  manager.on("open", () => manager.engine.on("upgrade", ({ name }) => say({ type: "upgrade", transport: name })));
  socket.on("connect", () => {
    say({ type: "connect", id: socket.id, recovered: socket.recovered, transport: manager.engine.transport.name });
    // Nothing that the library knows asks for recovery; one that succeeded has brought the channel with it.
    if (!socket.recovered) {
      socket.emit("subscribe", channel, (answer) => say({ type: "subscribed", answer }));
    }
  });
  socket.on("disconnect", (reason) => say({ type: "disconnect", reason }));
  socket.on("connect_error", ({ message }) => say({ type: "connect_error", message }));
  // The last text of an event is where the client is then, sealed; the number of a phrase is its offset.
  socket.on("message", (data, from) => say({ type: "message", data, from, offset: data.n }));
  return () => socket.disconnect();
}, { transports, address, channel });
