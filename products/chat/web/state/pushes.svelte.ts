// Being told while the page is closed: the browser's side of it, and what the worker and the page say to one another.

import { ApiError, get, post, remove } from "@console/shared/api";
import { type Held, PUSH, TABS, alone, given, text } from "../model/subscription";
import { type Device, type Office, SERVICE_SILENT, type Stage, Telling } from "../model/telling";
import type { Under } from "../worker/told";
import { setWhose, whose } from "../worker/whose";
import { place } from "./place.svelte";
import { mayHelp, wordsOf } from "./server";
import { who } from "./session.svelte";

const SCRIPT = "/chat/worker.js";
const SCOPE = "/chat";

async function registered(): Promise<ServiceWorkerRegistration | undefined> {
  return "serviceWorker" in navigator ? navigator.serviceWorker.getRegistration(SCOPE) : undefined;
}

/** A registration whose worker works: before that nothing can be pushed to it. */
async function working(): Promise<ServiceWorkerRegistration> {
  const registration = await navigator.serviceWorker.register(SCRIPT, { scope: SCOPE, updateViaCache: "none" });
  const worker = registration.active ? null : (registration.installing ?? registration.waiting);
  if (worker) {
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (worker.state === "activated") resolve();
        else if (worker.state === "redundant") reject(new Error("the worker did not begin"));
      };
      worker.addEventListener("statechange", look);
      look();
    });
  }
  return registration;
}

/** Of a room there may be several: the newest, and messages that mention one since they were edited. */
async function clear(room?: string): Promise<void> {
  for (const one of (await (await registered())?.getNotifications()) ?? []) {
    if (room === undefined || (one.data as Partial<Under> | null)?.room === room) one.close();
  }
}

const tabs = "BroadcastChannel" in window ? new BroadcastChannel(TABS) : null;

const device: Device = {
  able() {
    if (!isSecureContext) return "insecure";
    return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window ? "yes" : "unsupported";
  },
  permission: () => Notification.permission,
  ask: () => Notification.requestPermission(),
  async held() {
    const subscription = await (await registered())?.pushManager.getSubscription();
    return subscription ? given(subscription) : null;
  },
  async subscribe(key) {
    const { pushManager } = await working();
    return given(await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: text.bytes(key) }));
  },
  async end() {
    const registration = await registered();
    const subscription = await registration?.pushManager.getSubscription();
    if (subscription && !(await subscription.unsubscribe())) throw new Error("the subscription stays");
    await registration?.unregister();
  },
  clear,
  alone,
  changed: () => tabs?.postMessage("changed"),
};

const office: Office = {
  key: async () => (await get<{ key: string }>(`${PUSH}/key`)).key,
  keep: (held: Held) => post<void>(PUSH, held.given),
  forget: (held: Held) => remove(PUSH, undefined, { endpoint: held.given.endpoint }),
  refuses: (failure) => failure instanceof ApiError && !mayHelp(failure),
  words: (failure) => (failure instanceof ApiError ? wordsOf(failure) : SERVICE_SILENT),
};

class Pushes {
  stage = $state<Stage>("asking");
  why = $state("");
  #telling: Telling | null = null;

  begin(me: string): void {
    const telling = new Telling(me, device, office, { whose, setWhose }, (stage, why) => ([this.stage, this.why] = [stage, why]));
    this.#telling = telling;
    void telling.look();
    who.ended.add((left) => void (left ? telling.leave() : clear()));
    if (device.able() !== "yes") return;
    navigator.serviceWorker.addEventListener("message", (event: MessageEvent) => hear(event));
    navigator.serviceWorker.startMessages();
    // The switch is the browser's: turned in one window, it is turned in all.
    tabs?.addEventListener("message", () => who.stage === "in" && void telling.look());
    // Who allows or blocks it in the browser's own settings sees it here at once.
    void navigator.permissions?.query({ name: "notifications" }).then((status) => (status.onchange = () => void telling.look()), () => {});
  }

  turn(): void {
    if (this.stage === "on") void this.#telling?.off();
    else if (this.stage === "off" || this.stage === "blocked") void this.#telling?.on();
  }

  /** Who is in the room needs no notification of it. */
  seen(room: string): void {
    if (device.able() === "yes") void clear(room);
  }
}

/** What the worker asks or wants. */
function hear({ data, ports }: MessageEvent<unknown>): void {
  const { type, room, at } = (data ?? {}) as { type?: unknown; room?: unknown; at?: unknown };
  if (typeof room !== "string" || who.stage !== "in") return;
  if (type === "looks") ports[0]?.postMessage(place.room === room && document.visibilityState === "visible");
  if (type === "open") place.open(room, typeof at === "number" ? at : null);
}

export const pushes = new Pushes();
