// One thing done to many jobs: what is asked of the server, and what its answers mean. Pure.

import type { JobState } from "../../contract.ts";
import { count, plural } from "../../shared/format.ts";
import { hasEnded } from "./actions.ts";
import type { BulkAnswer } from "./answers.ts";

export const BULKS = ["redrive", "cancel"] as const;
export type Bulk = (typeof BULKS)[number];

/** What a person chose: the filters of the list, and two that only exist here. */
export interface Chosen {
  state: JobState | null;
  kind: string | null;
  queue: string | null;
  batch: string | null;
  /** Text in an error. */
  error: string;
  /** Ended (redrive) or enqueued (cancel) since then. */
  fromMs: number | null;
}

export const REDRIVABLE = ["discarded", "cancelled", "completed"] as const satisfies readonly JobState[];
export const CANCELLABLE = ["pending", "available", "scheduled", "executing", "retryable"] as const satisfies readonly JobState[];

export function isBulk(text: string | undefined): text is Bulk {
  return BULKS.some((one) => one === text);
}

/** What can be done to jobs in this state; null is every state. */
export function bulksFor(state: string | null): Bulk[] {
  if (state === null) return [...BULKS];
  return [hasEnded(state as JobState) ? "redrive" : "cancel"];
}

/** The filter as the server takes it: what does not matter is left out. */
export function filterOf(chosen: Chosen): Record<string, string | number> {
  const { state, kind, queue, batch, error, fromMs } = chosen;
  return {
    ...(state ? { state } : {}),
    ...(kind ? { kind } : {}),
    ...(queue ? { queue } : {}),
    ...(batch && /^\d+$/.test(batch) ? { batch: Number(batch) } : {}),
    ...(error.trim() ? { error: error.trim() } : {}),
    ...(fromMs === null ? {} : { from_ms: Math.floor(fromMs) }),
  };
}

/** "1,204 jobs fit now". */
export function matchWords(answer: BulkAnswer): string {
  if (answer.matching === 0) return "No job fits.";
  return `${answer.more ? "More than " : ""}${plural(answer.matching, "job")} ${answer.matching === 1 ? "fits" : "fit"} now.`;
}

/** What will happen to those that fit. */
export function warning(bulk: Bulk, state: JobState | null): string {
  if (bulk === "cancel") {
    const running = state === null || state === "executing" ? " Running ones are told to stop; what they have done stays done." : "";
    return `They end cancelled and do not run.${running} Jobs that need one of them to complete are cancelled too.`;
  }
  const again = state === "completed" ? " They have completed: what they do is done a second time." : "";
  return `They begin anew, with all their attempts before them.${again} One that fails again meanwhile is left alone.`;
}

export function buttonWords(bulk: Bulk, answer: BulkAnswer | null): string {
  const verb = bulk === "redrive" ? "Redrive" : "Cancel";
  if (!answer || answer.matching === 0) return `${verb} them`;
  return answer.matching === 1 ? `${verb} 1 job` : `${verb} ${answer.more ? "all, more than " : ""}${count(answer.matching)} jobs`;
}

/** What became of it, from the result of the job that did it; null when that says nothing. */
export function outcomeWords(bulk: Bulk, result: unknown): string | null {
  if (typeof result !== "object" || result === null) return null;
  const { matched, changed } = result as { matched?: unknown; changed?: unknown };
  if (typeof matched !== "number" || typeof changed !== "number") return null;
  const done = `${plural(changed, "job")} ${changed === 1 ? "was" : "were"} ${bulk === "redrive" ? "begun anew" : "called off"}.`;
  const rest = matched - changed;
  if (rest <= 0) return done;
  const why = bulk === "redrive" ? "another job has their unique key, or they were begun meanwhile" : "they ended meanwhile";
  return `${done} ${count(rest)} ${rest === 1 ? "was" : "were"} left: ${why}.`;
}
