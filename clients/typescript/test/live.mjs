// node test/live.mjs URL KEY GITHUB_SECRET EMAIL PASSWORD FRIEND: the built client against a real server, which is killed and started again
// meanwhile. Prints a line of JSON for each thing that was found; ends by itself.
import { createHmac } from "node:crypto";

import { Mainspring, ProblemError } from "../dist/index.js";

const [url, key, secret, email, password, friend] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));

// A program with a key: what is named is done once.
const program = new Mainspring({ url, auth: { key } });
const body = { kind: "thumbnail", queue: "media", args: { of: "cat" } };
const enqueued = [];
for (const idempotencyKey of ["order-1", "order-1", "order-2"]) {
  enqueued.push((await program.post("/api/v1/jobs", { body, idempotencyKey })).id);
}
say({ type: "enqueued", ids: enqueued });
const refused = await program.get("/api/v1/people").catch((failure) => failure);
say({ type: "refused", problem: refused instanceof ProblemError, status: refused.status, code: refused.code, request: refused.requestId });

// A person, by a session that no browser keeps.
const stranger = new Mainspring({ url, auth: { session: true } });
const wrong = await stranger.signIn(email, "not the password").catch((failure) => failure);
say({ type: "wrong password", status: wrong.status });
const person = new Mainspring({ url, auth: { session: true }, realtime: { minReconnectDelay: 50, maxReconnectDelay: 500 } });
await person.signIn(email, password);
say({ type: "me", email: (await person.get("/api/v1/me")).email });
const rooms = [];
for (let number = 0; number < 5; number += 1) {
  rooms.push((await person.post("/api/v1/chat/rooms", { body: { name: `room ${number}`, people: [friend] } })).room);
}
const listed = [];
for await (const line of person.each("/api/v1/chat/rooms", { query: { limit: 2 } })) listed.push(line.room);
say({ type: "listed", all: listed.length === 5 && rooms.every((room) => listed.includes(room)) });

// The same person by a token, as where there are no cookies.
const token = async () => (await person.post("/api/v1/me/token")).token;
const elsewhere = new Mainspring({ url, auth: { token } });
say({ type: "by token", email: (await elsewhere.get("/api/v1/me")).email });

// Bytes, as they are: the server checks their signature before it reads them.
const push = Buffer.from(JSON.stringify({ ref: "refs/heads/main", padding: "x".repeat(300_000), repository: { full_name: "octocat/hello-world" } }));
const signature = `sha256=${createHmac("sha256", secret).update(push).digest("hex")}`;
const told = [];
const uploaded = await new Mainspring({ url }).upload("POST", "/in/github", push, {
  contentType: "application/json",
  headers: { "x-github-event": "ping", "x-github-delivery": "delivery-1", "x-hub-signature-256": signature },
  progress: ({ sent, total }) => told.push(sent / total),
});
say({ type: "uploaded", uploaded, steps: told.length, last: told.at(-1) });

// A channel, while the server is killed: what is said arrives once and in order. Each message is said until the server took it.
const channel = person.realtime.channel(`chat:${rooms[0]}`);
const LAST = 30;
const heard = [];
const all = new Promise((resolve) => {
  const stop = channel.follow({
    subscribed: (gap, position) => say({ type: "subscribed", gap, transport: position !== undefined }),
    publication: (data) => {
      const text = data.body?.content;
      if (text === undefined) return;
      heard.push(Number(text));
      if (heard.at(-1) === LAST) resolve(stop());
    },
    refused: (reason, code) => say({ type: "refused channel", reason, code }),
  });
});
const looped = (async () => {
  const texts = [];
  for await (const { body: said } of channel.messages()) {
    if (said?.content !== undefined) texts.push(Number(said.content));
    if (texts.at(-1) === LAST) return texts;
  }
})();
await person.realtime.centrifuge.ready();
await person.realtime.centrifuge.getSubscription(channel.name).ready();
for (let number = 1; number <= LAST; number += 1) {
  const said = { content: String(number), client_id: `message-${number}` };
  await person.post("/api/v1/chat/rooms/{room}/messages", { path: { room: rooms[0] }, body: said, attempts: 40 });
  if (number === 10) say({ type: "ten are said" });
}
await all;
say({ type: "heard", heard, looped: await looped });
person.realtime.close();

await person.signOut();
const after = await person.get("/api/v1/me").catch((failure) => failure);
say({ type: "signed out", status: after.status });
