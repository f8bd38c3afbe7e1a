// Says that somebody does something on this page, by listening on a channel on which nothing is told: who listens there is not away.

import { live } from "@console/shared/live";
import { Idle } from "../model/idle";

/** Between two looks, milliseconds. */
const LOOK_MS = 15_000;
const TOUCHES = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

export function watchActivity(person: string): void {
  const subscription = live().newSubscription(`chat_active:${person}`);
  const idle = new Idle(
    () => subscription.subscribe(),
    () => subscription.unsubscribe(),
  );
  for (const touch of TOUCHES) addEventListener(touch, () => idle.act(), { passive: true, capture: true });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && idle.act());
  setInterval(() => idle.look(), LOOK_MS);
  if (document.visibilityState === "visible") idle.act();
}
