// The server tells of the newest jobs. Whether a list may show something older that changed unheard. Pure.

import type { Job, JobChanges, JobState } from "../../contract.ts";
import { newerKey } from "../../lists/merge.ts";
import { hasEnded } from "./actions.ts";

/** As many rows as a message has at most; one with fewer tells of every job there is. */
export const TOLD_MOST = 50;

/** Whether the list must be read again to be right: `before` are the counts when it was read. */
export function fellBehind(rows: Job[], state: JobState | null, before: Record<JobState, number> | null, changes: JobChanges): boolean {
  const oldest = changes.items.at(-1);
  if (changes.items.length < TOLD_MOST || !oldest) return false;
  if (state !== null && before !== null && before[state] !== changes.counts[state]) return true;
  return rows.some((row) => !hasEnded(row.state) && newerKey(oldest.id, row.id) < 0);
}
