// What may be done with a job, what it is called, and what happens then. The server decides; this only keeps buttons from
// promising what it would refuse.

import type { Job, JobDetail, JobState } from "../../contract.ts";
import { plural } from "../../shared/format.ts";

/** Something that a person may do. */
export interface Act {
  label: string;
  /** What will happen. */
  words: string;
  /** Asked before it is done; null when it can be taken back or harms nothing. */
  yes: string | null;
}

const ENDS: ReadonlySet<JobState> = new Set<JobState>(["completed", "cancelled", "discarded"]);

export function hasEnded(state: JobState): boolean {
  return ENDS.has(state);
}

/** Running it now or again; null where that makes no sense. */
export function retryOf(job: Job): Act | null {
  const anew = `It begins anew, with ${job.max_attempts === 1 ? "its one attempt" : `all ${job.max_attempts} attempts`}.`;
  switch (job.state) {
    case "scheduled":
      return { label: "Run now", words: "“Run now” does not wait for its time.", yes: null };
    case "retryable":
      return { label: "Retry now", words: `“Retry now” begins attempt ${job.attempt + 1} of ${job.max_attempts} at once.`, yes: null };
    case "discarded":
      return { label: "Retry", words: anew, yes: null };
    case "cancelled":
      return { label: "Run again", words: anew, yes: null };
    case "completed":
      return { label: "Run again…", words: `It has completed: what it does is done a second time. ${anew}`, yes: "Yes, run it again" };
    default:
      return null;
  }
}

/** Calling it off; null for what has ended or is called off already. */
export function cancelOf(job: JobDetail): Act | null {
  if (hasEnded(job.state) || job.cancelling) return null;
  const rest = job.followers.length === 0 ? "" : ` ${plural(job.followers.length, "job")} that ${job.followers.length === 1 ? "comes" : "come"} after it will not wait any longer: those that need it to complete are cancelled too.`;
  if (job.state !== "executing") {
    return { label: "Cancel…", words: `It ends now and does not run, unless somebody runs it again.${rest}`, yes: "Yes, cancel it" };
  }
  const told = job.lease_ends_at_ms === null ? "Its worker is told to stop, and aborted if it does not." : "Its worker is told with its next heartbeat.";
  return { label: "Stop…", words: `${told} What it has done already stays done; however the attempt ends, the job ends cancelled.${rest}`, yes: "Yes, stop it" };
}

/** The result in words, from the job as the server answered it. */
export function retried(job: Job): string {
  return job.state === "completed" ? `Job ${job.id} has completed.` : `Job ${job.id} is ${job.state}: it runs as soon as a worker is free.`;
}

export function cancelled(job: Job): string {
  return job.state === "cancelled" ? `Job ${job.id} is cancelled. It can still be run again.` : `Job ${job.id} is told to stop; until it has, it is cancelling.`;
}

/** What a pending job waits for. */
export function waitsFor(job: JobDetail): string {
  if (job.after.length > 0) return `It waits until ${plural(job.after.length, "other job")} ${job.after.length === 1 ? "has" : "have"} ended.`;
  if (job.order_key !== null) return `It waits for the one before it: those of ${job.order_key} run one after the other.`;
  return "It waits for all jobs of its batch.";
}
