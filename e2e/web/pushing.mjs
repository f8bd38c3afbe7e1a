// A push service of ours, and browsers that believe it is theirs: what the server pushes is read here with the keys of the subscription, and
// given to the worker as from the browser's own.
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";

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
export async function pushed() {
  while (came.length === 0) await new Promise((resolve) => (heard = resolve));
  return came.shift();
}

export const close = () => service.close();

/** The windows of this context may be told, and their subscriptions are made here. */
export async function subscribesHere(context, url) {
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
}

/** What is pushed goes to the worker of this page's browser; it has none until it is told of one. */
export async function worker(context, page, url) {
  const devtools = await context.newCDPSession(page);
  let id;
  let registered = () => {};
  devtools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
    id = registrations.find((one) => one.scopeURL === `${url}/chat` && !one.isDeleted)?.registrationId ?? id;
    registered();
  });
  await devtools.send("ServiceWorker.enable");
  return {
    devtools,
    async deliver(text) {
      while (!id) await new Promise((resolve) => (registered = resolve));
      await devtools.send("ServiceWorker.deliverPushMessage", { origin: url, registrationId: id, data: text });
    },
    /** The worker that was there is not the one that is now. */
    async anew() {
      id = undefined;
      await devtools.send("ServiceWorker.disable");
      await devtools.send("ServiceWorker.enable");
    },
  };
}

/** What is shown of the chat, once one of it has this body; with null, once nothing is shown. */
export const shown = (page, body) => page.evaluate(async (body) => {
  for (;;) {
    const all = (await (await navigator.serviceWorker.getRegistration("/chat"))?.getNotifications()) ?? [];
    if (body === null ? all.length === 0 : all.some((one) => one.body === body)) return all.map(({ title, body, tag, data }) => ({ title, body, tag, data }));
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
}, body);

/** What is left of the switch on this device, once there is neither a worker nor a note of whose it was. */
export const leftover = (page) => page.evaluate(async () => {
  while ((await navigator.serviceWorker.getRegistrations()).length > 0 || (await caches.keys()).length > 0) await new Promise((resolve) => requestAnimationFrame(resolve));
  return [localStorage.getItem("test.push"), await caches.keys()];
});

/** How many workers there are, once there are so many. */
export const registrations = (page, wanted) => page.evaluate(async (wanted) => {
  for (;;) {
    const all = await navigator.serviceWorker.getRegistrations();
    if (wanted === undefined || all.length === wanted) return all.length;
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
}, wanted);
