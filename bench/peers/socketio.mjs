// Socket.IO on `ws`, as it comes: whoever shows a token joins channels. Prints its address, then obeys orders of
// `bench/src/realtime/order.rs` until its input ends, answering each when it is done.
// usage: node socketio.mjs SECRET RECOVERY (kept or none)
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import jwt from "jsonwebtoken";
import { Server } from "socket.io";

const [secret, recovery] = process.argv.slice(2);
const http = createServer();
const io = new Server(http, { serveClient: false, ...(recovery === "kept" ? { connectionStateRecovery: {} } : {}) });
io.use((socket, next) => {
  jwt.verify(socket.handshake.auth.token, secret, { algorithms: ["HS256"] }, (error, claims) => {
    socket.data.user = claims?.sub;
    next(error);
  });
});
io.on("connection", (socket) => {
  socket.on("subscribe", async (channel, acknowledge) => {
    await socket.join(channel);
    acknowledge({});
  });
});
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => console.log(`127.0.0.1:${http.address().port}`));

for await (const order of createInterface({ input: process.stdin })) {
  const [perS, count, bytes] = order.split(" ").map(Number);
  const channel = order.split(" ")[3];
  const data = { text: "x".repeat(bytes - 11) };
  const begun = performance.now();
  for (let sent = 0; sent < count; sent += 1) {
    // Zero is as fast as it goes.
    const due = perS > 0 ? begun + (sent * 1000) / perS : 0;
    while (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    io.to(channel).emit("message", data, channel);
  }
  console.log("done");
}
process.exit(0);
