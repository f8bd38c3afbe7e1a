// What may be done with a job, and what it is called then. The server decides; this only keeps buttons from promising
// what it would refuse.

import type { Job, JobState } from "../../contract.ts";

const RETRY_WORDS: Partial<Record<JobState, string>> = {
  scheduled: "Run now",
  retryable: "Retry now",
  completed: "Run again",
  cancelled: "Run again",
  discarded: "Retry",
};

const CANCELLABLE: ReadonlySet<JobState> = new Set<JobState>(["available", "scheduled", "executing", "retryable"]);

/** The label of the retry button; null where a retry makes no sense. */
export function retryWords(state: JobState): string | null {
  return RETRY_WORDS[state] ?? null;
}

export function cancellable(state: JobState): boolean {
  return CANCELLABLE.has(state);
}

/** The result in words, from the job as the server answered it. */
export function retried(job: Job): string {
  return job.state === "completed" ? `Job ${job.id} has completed.` : `Job ${job.id} is ${job.state}: it runs as soon as a worker is free.`;
}

export function cancelled(job: Job): string {
  return job.state === "cancelled" ? `Job ${job.id} is cancelled.` : `Job ${job.id} was asked to stop; it is still ${job.state}.`;
}
