// How an endpoint is doing, in words.

import type { Endpoint, MessageState, RecoveryPlan } from "../../contract.ts";
import { count, plural } from "../../shared/format.ts";
import type { Tone } from "../../ui/Chip.svelte";

export interface Standing {
  word: string;
  tone: Tone;
}

/** One word for an endpoint. */
export function standing(one: Endpoint): Standing {
  if (one.disabled === "owner") return { word: "disabled", tone: "quiet" };
  if (one.disabled === "gone") return { word: "gone", tone: "bad" };
  if (one.disabled === "failing") return { word: "disabled", tone: "bad" };
  if (one.failures > 0) return { word: "failing", tone: "warn" };
  return one.delivered_at_ms === null ? { word: "waiting", tone: "quiet" } : { word: "healthy", tone: "ok" };
}

/** Why it gets nothing, as a sentence; empty when it does. */
export function whyDisabled(one: Endpoint): string {
  if (one.disabled === "owner") return "Somebody disabled it. It gets nothing until it is enabled.";
  if (one.disabled === "gone") return "It answered 410 Gone, which asks to stop. It gets nothing until it is enabled.";
  if (one.disabled === "failing") return "Every attempt failed for so long that it was disabled. It gets nothing until it is enabled.";
  return "";
}

export const MESSAGE_TONE: Record<MessageState, Tone> = { pending: "accent", delivered: "ok", failed: "bad" };

/** Counts of messages stop at a thousand. */
export function many(n: number): string {
  return n >= 1000 ? `${count(1000)}+` : count(n);
}

/** What a recovery would send. */
export function planWords(plan: RecoveryPlan): string {
  const whole = plan.complete ? "" : ` (only the newest ${count(plan.events)} events were looked at)`;
  if (plan.missed + plan.failed === 0) return `Nothing was missed${whole}.`;
  const missed = `${plural(plan.missed, "event")} that never went to it`;
  const failed = `${plural(plan.failed, "message")} that ${plan.failed === 1 ? "was" : "were"} given up`;
  const parts = [...(plan.missed > 0 ? [missed] : []), ...(plan.failed > 0 ? [failed] : [])];
  return `${parts.join(" and ")}${whole}.`;
}

/** The types that a person typed: by commas, spaces or lines. */
export function typesOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((type) => type !== ""))];
}
