// Subscriptions, what they parked and what is replayed into them: as the server says it, and in words.

import type { EventRow, Job } from "../../contract.ts";
import { count, plural } from "../../shared/format.ts";
import type { Tone } from "../../ui/Chip.svelte";
import { wants } from "./filters.ts";

export interface Subscription {
  name: string;
  kind: "work" | "stream";
  /** Null when nobody declares it any more. */
  types: string | null;
  filter: unknown;
  ordered: boolean;
  position: number;
  /** Counted up to 10,000. */
  lag: number;
  failures: number;
  failing_since_ms: number | null;
  error: string | null;
  paused_at_ms: number | null;
  parked: number;
}

export interface Parked {
  position: number;
  /** Null when the event is gone. */
  type: string | null;
  subject: string | null;
  failures: number;
  error: string;
  parked_at_ms: number;
  retry_at_ms: number | null;
}

export interface EventReplay {
  id: number;
  subscription: string;
  from_position: number;
  to_position: number;
  next_position: number;
  replayed: number;
  state: "running" | "completed" | "cancelled" | "failed";
  error: string | null;
  created_at_ms: number;
  ended_at_ms: number | null;
}

/** What a replay would do. */
export interface DryRun {
  from_position: number;
  to_position: number;
  count: number;
  complete: boolean;
}

export interface Retention {
  oldest_position: number;
  oldest_time_ms: number | null;
  latest_position: number;
  bytes: number;
  keep_ms: number | null;
  most_bytes: number | null;
  held_by: { what: "stream" | "parked" | "replay" | "job"; name: string; position: number }[];
}

const LAG_COUNTED = 10_000;

/** Lags stop at ten thousand. */
export function lagWords(lag: number): string {
  return lag >= LAG_COUNTED ? `${count(LAG_COUNTED)}+` : count(lag);
}

export interface Standing {
  word: string;
  tone: Tone;
  busy?: boolean;
}

/** One word for a subscription: the worst of what is so. */
export function standing(one: Subscription): Standing {
  if (one.kind === "work") {
    if (one.failures > 0) return { word: "retrying", tone: "warn" };
    return one.lag > 0 ? { word: "working", tone: "accent", busy: true } : { word: "idle", tone: "ok" };
  }
  if (one.types === null) return { word: "undeclared", tone: "quiet" };
  if (one.paused_at_ms !== null) return { word: "paused", tone: "warn" };
  if (one.failing_since_ms !== null) return { word: "failing", tone: "bad" };
  if (one.parked > 0) return { word: "parked", tone: "warn" };
  return one.lag > 0 ? { word: "behind", tone: "accent", busy: true } : { word: "up to date", tone: "ok" };
}

/** What wants a word first, then by name. */
export function urgency(one: Subscription): number {
  const tone = standing(one).tone;
  return tone === "bad" ? 0 : tone === "warn" ? 1 : tone === "accent" ? 2 : 3;
}

export interface Reached {
  name: string;
  words: string;
  tone: Tone;
}

/** How an event fared with a subscription; null when its type is none of the subscription's. `parked`: it is among those that the stream parked. */
export function reached(event: Pick<EventRow, "type" | "position">, jobs: Pick<Job, "kind">[], one: Subscription, parked: boolean): Reached | null {
  if (one.types === null || !wants(one.types, event.type)) return null;
  const held = one.filter === null ? "" : ", if its condition holds";
  if (one.kind === "work") {
    if (jobs.some((job) => job.kind === one.name)) return { name: one.name, words: "has its job", tone: "ok" };
    return { name: one.name, words: one.filter === null ? "no job is kept" : "no job: its condition did not hold, or the job is not kept", tone: "quiet" };
  }
  if (parked) return { name: one.name, words: "parked: it failed alone", tone: "bad" };
  if (one.position >= event.position) return { name: one.name, words: `has gone past it${held}`, tone: "ok" };
  if (one.paused_at_ms !== null) return { name: one.name, words: "waits: the stream is paused", tone: "warn" };
  // A stream with a condition stays where it is for what it does not want.
  if (one.filter !== null && one.lag === 0) return { name: one.name, words: "does not want it, or has gone past it", tone: "quiet" };
  return { name: one.name, words: `waits, ${plural(one.lag, "event")} before the end`, tone: "accent" };
}

/** What a replay would do. */
export function dryRunWords(plan: DryRun): string {
  if (plan.from_position > plan.to_position) return "The range holds no event of the log.";
  const range = `between positions ${count(plan.from_position)} and ${count(plan.to_position)}`;
  if (plan.count === 0) return `None of the events ${range} ${plan.complete ? "is" : "that were looked at is"} one that it wants.`;
  return `${plan.complete ? "" : "At least "}${plural(plan.count, "event")} that it wants, ${range}.`;
}

/** Where a range begins or ends, as it is typed: a position, or a time. */
export function edgeOf(text: string): number | string | null {
  const typed = text.trim();
  if (typed === "") return null;
  return /^\d+$/.test(typed) ? Number(typed) : typed;
}
