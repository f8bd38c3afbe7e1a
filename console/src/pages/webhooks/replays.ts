// Replays of deliveries, in words.

import type { Verdict } from "../../contract.ts";
import { absolute, plural } from "../../shared/format.ts";

export interface Selection {
  source: string | null;
  event_type: string | null;
  since_ms: number | null;
  until_ms: number | null;
  /** Null is accepted. */
  verdict: Verdict | null;
}

export interface Replay {
  id: number;
  selection: Selection;
  state: "running" | "completed" | "cancelled";
  total: number;
  replayed: number;
  failed: number;
  last_failure: string | null;
  created_at_ms: number;
  changed_at_ms: number;
}

export interface Plan {
  count: number;
  oldest_ms: number | null;
  newest_ms: number | null;
}

/** More are refused; so they need not be asked for. */
export const MOST = 100_000;

/** "rejected github.push deliveries to github, since 2026-11-21 09:00:00". */
export function selectionWords(chosen: Selection): string {
  const verdict = chosen.verdict ?? "accepted";
  const what = `${verdict} ${chosen.event_type ? `${chosen.event_type} ` : ""}deliveries to ${chosen.source ?? "every source"}`;
  const since = chosen.since_ms === null ? "" : ` since ${absolute(chosen.since_ms)}`;
  const until = chosen.until_ms === null ? "" : ` until ${absolute(chosen.until_ms)}`;
  return `${what}${since || until ? "," : ""}${since}${until}`;
}

/** What a replay would do. */
export function planWords(plan: Plan): string {
  if (plan.count === 0) return "No delivery is chosen by this.";
  const span = plan.oldest_ms === null || plan.newest_ms === null ? "" : `, from ${absolute(plan.oldest_ms)} to ${absolute(plan.newest_ms)}`;
  const more = plan.count > MOST ? ` That is more than the ${MOST.toLocaleString("en")} that one replay takes: choose less.` : "";
  return `${plural(plan.count, "delivery", "deliveries")}${span}.${more}`;
}
