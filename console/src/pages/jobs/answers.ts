// What the server answers about queues, batches and work on many jobs, as these pages read it.

import type { JobState } from "../../contract.ts";

/** What is said on a job's own channel while it runs, and at its end when it had said anything before. */
export interface Progress {
  id: string;
  state: JobState;
  percent: number;
  note: string;
}

export interface Rate {
  jobs: number;
  period_ms: number;
  /** How many may begin at once after a pause; null is a tenth of `jobs`. */
  burst: number | null;
}

/** What is null is unlimited. */
export interface Policy {
  concurrency: number | null;
  key_concurrency: number | null;
  rate: Rate | null;
  key_rate: Rate | null;
}

export interface Queue {
  queue: string;
  /** Whether the server's own process runs jobs of it. */
  served: boolean;
  paused: boolean;
  policy: Policy;
  /** Whether that is not what the code declares. */
  changed: boolean;
  /** Counts stop at 100,000. */
  available: number;
  oldest_at_ms: number | null;
  executing: number;
}

export interface Kind {
  kind: string;
  /** Null for one that the server's own process does not run. */
  queue: string | null;
  paused: boolean;
}

export interface Batch {
  id: string;
  name: string;
  total: number;
  completed: number;
  cancelled: number;
  discarded: number;
  percent: number;
  callback: string | null;
  created_at_ms: number;
  sealed_at_ms: number | null;
  finished_at_ms: number | null;
}

export interface BulkAnswer {
  /** Counting stops at 100,000; `more` says that it did. */
  matching: number;
  more: boolean;
  /** The job that does it; null after a dry run. */
  job: string | null;
}
