// The script that the browser keeps for the chat and wakes when something is pushed. It answers no request of the page.

import { type Held, PUSH, SESSION, TABS, alone, given, text } from "../model/subscription";
import { type Home, type Page, chosen, lost, pushed } from "./told";
import { setWhose, whose } from "./whose";

interface Woken extends Event {
  waitUntil(done: Promise<unknown>): void;
}

/** A worker's own surroundings, as far as they are used: the types of pages and of workers do not go together. */
interface Surroundings {
  registration: ServiceWorkerRegistration;
  clients: {
    matchAll(options: { type: "window"; includeUncontrolled: boolean }): Promise<readonly Page[]>;
    openWindow(url: string): Promise<unknown>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "pushsubscriptionchange", listener: (event: Woken) => void): void;
  addEventListener(type: "push", listener: (event: Woken & { data: { text(): string } | null }) => void): void;
  addEventListener(type: "notificationclick", listener: (event: Woken & { notification: Notification }) => void): void;
}

declare const self: Surroundings;

/** The session is asked for no longer than this, milliseconds: whoever is told waits for it. */
const SESSION_MS = 3_000;

async function ask(method: string, path: string, body?: unknown): Promise<Response> {
  const headers = { Accept: "application/json", "Content-Type": "application/json", "X-Mainspring-Console": "1" };
  const request: RequestInit = { method, headers, cache: "no-store", signal: AbortSignal.timeout(SESSION_MS) };
  return fetch(path, body === undefined ? request : { ...request, body: JSON.stringify(body) });
}

async function who(): Promise<string | null | undefined> {
  try {
    const answer = await ask("GET", SESSION);
    if (answer.status === 401) return null;
    if (!answer.ok) return undefined;
    return ((await answer.json()) as { person: { id: string } | null }).person?.id ?? null;
  } catch {
    return undefined;
  }
}

const { registration, clients } = self;

const home: Home = {
  pages: () => clients.matchAll({ type: "window", includeUncontrolled: true }),
  shown: (tag) => registration.getNotifications(tag === undefined ? {} : { tag }),
  show: (title, options) => registration.showNotification(title, options),
  open: (path) => clients.openWindow(path),
  who,
  whose,
  async renew() {
    const { key } = (await (await ask("GET", `${PUSH}/key`)).json()) as { key: string };
    const held: Held = given(await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: text.bytes(key) }));
    await ask("POST", PUSH, held.given);
  },
  async end() {
    await alone(async () => {
      await (await registration.pushManager.getSubscription())?.unsubscribe();
      for (const one of await registration.getNotifications()) one.close();
      await setWhose(null);
    });
    const tabs = new BroadcastChannel(TABS);
    tabs.postMessage("changed");
    tabs.close();
  },
};

self.addEventListener("install", (event) => event.waitUntil(self.skipWaiting()));
self.addEventListener("push", (event) => event.waitUntil(pushed(home, event.data?.text() ?? null)));
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(lost(home)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(chosen(home, event.notification.data));
});
