// node push.mjs URL PASSWORD: ada@example.com has her browser told of messages; eve@example.com writes. Only the way between the push
// service and the browser is ours: what the server pushes is read here with the keys of the subscription, and given to the worker.
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { intoTheChat, open, say } from "./chromium.mjs";
import { faults } from "./inspect.mjs";

const [url, password] = process.argv.slice(2);
const subscriptions = new Map();
const came = [];
let heard = () => {};

/** A push message as a browser reads it (RFC 8291). */
function read({ ecdh, auth }, body) {
  const [salt, theirs] = [body.subarray(0, 16), body.subarray(21, 21 + body[20])];
  const info = Buffer.concat([Buffer.from("WebPush: info\0"), ecdh.getPublicKey(), theirs]);
  const secret = Buffer.from(hkdfSync("sha256", ecdh.computeSecret(theirs), auth, info, 32));
  const derived = (name, length) => Buffer.from(hkdfSync("sha256", secret, salt, `Content-Encoding: ${name}\0`, length));
  const record = body.subarray(21 + body[20]);
  const cipher = createDecipheriv("aes-128-gcm", derived("aes128gcm", 16), derived("nonce", 12));
  cipher.setAuthTag(record.subarray(-16));
  const plain = Buffer.concat([cipher.update(record.subarray(0, -16)), cipher.final()]);
  return plain.subarray(0, plain.lastIndexOf(2)).toString();
}

const service = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  const subscription = subscriptions.get(request.url);
  response.writeHead(subscription ? 201 : 410).end();
  came.push({ path: request.url, text: subscription ? read(subscription, body) : "" });
  heard();
});
await new Promise((resolve) => service.listen(0, "127.0.0.1", resolve));
/** The next push that comes. */
async function pushed() {
  while (came.length === 0) await new Promise((resolve) => (heard = resolve));
  return came.shift();
}

const { browser, context, page: ada, complaints } = await open(null, { reducedMotion: "reduce" });
await context.grantPermissions(["notifications"], { origin: url });
await context.exposeFunction("subscribed", () => {
  const [ecdh, auth, path] = [createECDH("prime256v1"), randomBytes(16), `/${randomBytes(8).toString("hex")}`];
  ecdh.generateKeys();
  subscriptions.set(path, { ecdh, auth });
  return { endpoint: `http://127.0.0.1:${service.address().port}${path}`, keys: { p256dh: ecdh.getPublicKey("base64url"), auth: auth.toString("base64url") } };
});
// A Chromium of a test has no push service: its subscriptions are made here, and last as long as the browser's own.
await context.addInitScript(() => {
  const of = (kept) => kept && {
    options: { applicationServerKey: Uint8Array.from(kept.key).buffer },
    toJSON: () => ({ ...kept.given, expirationTime: null }),
    unsubscribe: async () => (localStorage.removeItem("test.push"), true),
  };
  PushManager.prototype.getSubscription = async () => of(JSON.parse(localStorage.getItem("test.push")));
  PushManager.prototype.subscribe = async ({ applicationServerKey, userVisibleOnly }) => {
    if (localStorage.getItem("test.silent") || !userVisibleOnly) throw new DOMException("push service error", "AbortError");
    const kept = { given: await globalThis.subscribed(), key: [...applicationServerKey] };
    localStorage.setItem("test.push", JSON.stringify(kept));
    return of(kept);
  };
});
const eve = await (await browser.newContext()).newPage();
const signIn = (page, email) => intoTheChat(page, url, email, password);
/** The switch, as it stands and as a keyboard turns it. */
const settings = async () => {
  await ada.keyboard.press("Control+,");
  await ada.waitForSelector("[data-testid=notify]");
};
const stands = (stage) => ada.waitForSelector(`[data-testid=notify][data-stage=${stage}]`);
const turn = async (stage) => {
  await ada.focus("[data-testid=notify]");
  await ada.keyboard.press("Space");
  await stands(stage);
};
const write = async (text) => {
  await eve.fill("[data-testid=write]", text);
  await eve.press("[data-testid=write]", "Enter");
};

await signIn(ada, "ada@example.com");
await signIn(eve, "eve@example.com");
await settings();
await stands("off");
const before = await ada.evaluate(() => navigator.serviceWorker.getRegistrations().then((all) => all.length));
await ada.evaluate(() => localStorage.setItem("test.silent", "yes"));
await turn("off");
const why = await ada.textContent("[data-testid=notify-why]");
await ada.evaluate(() => localStorage.removeItem("test.silent"));
await turn("on");
await ada.setViewportSize({ width: 390, height: 844 });
const wider = await ada.$eval("dialog .inside", (inside) => inside.scrollWidth - inside.clientWidth);
await ada.setViewportSize({ width: 1440, height: 900 });
say({ type: "switch", before, why, wider, checked: await ada.getAttribute("[data-testid=notify]", "aria-checked"), faults: await faults(ada) });
await ada.keyboard.press("Escape");

// What is pushed goes to the worker, as from the browser's push service.
const devtools = await context.newCDPSession(ada);
let registrationId;
let registered = () => {};
devtools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
  registrationId = registrations.find((one) => one.scopeURL === `${url}/chat` && !one.isDeleted)?.registrationId ?? registrationId;
  registered();
});
await devtools.send("ServiceWorker.enable");
const deliver = (text) => devtools.send("ServiceWorker.deliverPushMessage", { origin: url, registrationId, data: text });
/** What is shown of the chat, once one of it has this body; with null, once nothing is shown. */
const shown = (body) => ada.evaluate(async (body) => {
  for (;;) {
    const all = (await (await navigator.serviceWorker.getRegistration("/chat"))?.getNotifications()) ?? [];
    if (body === null ? all.length === 0 : all.some((one) => one.body === body)) return all.map(({ title, body, tag, data }) => ({ title, body, tag, data }));
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
}, body);
const registrations = (wanted) => ada.evaluate(async (wanted) => {
  for (;;) {
    const all = await navigator.serviceWorker.getRegistrations();
    if (wanted === undefined || all.length === wanted) return all.length;
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
}, wanted);

await eve.keyboard.press("Alt+n");
await eve.fill("[data-testid=find-people]", "Ada");
await eve.waitForFunction(() => document.querySelectorAll("dialog li button").length === 1);
await eve.press("[data-testid=find-people]", "Enter");
await eve.waitForSelector("[data-testid=write]:focus");
await write("the **light** is out");
const first = await pushed();
while (!registrationId) await new Promise((resolve) => (registered = resolve));
await deliver(first.text);
const told = await shown("the light is out");
const { room, seq } = JSON.parse(first.text);
say({ type: "told", told, room });

// Who looks at the room is told nothing of it; of another one they are.
await ada.click("[data-room]");
await ada.waitForSelector("article");
await shown(null);
await deliver(JSON.stringify({ ...JSON.parse(first.text), seq: seq + 1, content: "seen already" }));
await deliver(JSON.stringify({ ...JSON.parse(first.text), room: "room_elsewhere", content: "elsewhere" }));
say({ type: "looking", told: await shown("elsewhere") });

// Off is off, here and at the server: the next message is pushed to the new subscription alone.
await ada.goto(`${url}/chat`);
await ada.waitForSelector("[data-testid=rooms]");
await settings();
await stands("on");
await turn("off");
const left = await registrations();
await turn("on");
await ada.keyboard.press("Escape");
await write("and lit again");
const again = await pushed();
say({ type: "again", left, old: again.path === first.path, content: JSON.parse(again.text).content });

// Who signs out leaves nothing that is shown, and nothing that could be.
registrationId = undefined;
await devtools.send("ServiceWorker.disable");
await devtools.send("ServiceWorker.enable");
while (!registrationId) await new Promise((resolve) => (registered = resolve));
await deliver(again.text);
await shown("and lit again");
await settings();
await ada.click("button:has-text('Sign out')");
await ada.waitForSelector("text=Sign in to chat");
await registrations(0);
say({ type: "out", kept: await ada.evaluate(async () => [localStorage.getItem("test.push"), await caches.keys()]), faults: await faults(ada) });

await browser.close();
service.close();
say({ type: "end", complaints: complaints.filter((line) => !/status of 4\d\d/.test(line)) });
