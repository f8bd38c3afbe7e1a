// What the server answers and publishes, as the console reads it. All times are Unix milliseconds.

export interface Page<T> {
  items: T[];
  /** Asks for the rows before these; null at the end. */
  next: string | null;
}

export interface Check {
  name: string;
  ok: boolean;
  detail: string;
}

export interface Overview {
  version: string;
  instance: string;
  started_at_ms: number;
  now_ms: number;
  uptime_s: number;
  ready: boolean;
  checks: Check[];
  store: {
    engine: string;
    durability: string;
    size_bytes: number;
    wal_bytes: number;
    last_commit_ms: number;
    commits_total: number;
  };
  webhooks: { accepted_total: number; duplicate_total: number; rejected_total: number };
  events: { latest_position: number };
  jobs: Record<JobState, number>;
  realtime: { connections: number; channels: number; subscriptions: number };
  process: { rss_bytes: number; cpu_s: number };
}

export interface Source {
  name: string;
  path: string;
  secret_from: "environment" | "generated";
  secret_created_at_ms: number | null;
  last_delivery_at_ms: number | null;
  accepted_24h: number;
  rejected_24h: number;
}

export const VERDICTS = ["accepted", "duplicate", "rejected"] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Delivery {
  id: string;
  source: string;
  received_at_ms: number;
  verdict: Verdict;
  cause: string | null;
  reason: string;
  event_type: string | null;
  delivery_id: string | null;
  status: number;
  size_bytes: number;
  took_us: number;
  request_id: string;
  trace_id: string | null;
  event_position: number | null;
  subject: string | null;
}

export interface DeliveryDetail extends Delivery {
  headers: [string, string][];
  body: string;
  body_truncated: boolean;
  signature: { received: string | null; expected: string | null } | null;
}

export interface EventRow {
  position: number;
  id: string;
  type: string;
  source: string;
  subject: string | null;
  time_ms: number;
  schema_version: string | number | null;
  trace_id: string | null;
  size_bytes: number;
  title: string | null;
}

export interface EventDetail extends EventRow {
  data: unknown;
  jobs: Job[];
}

export const JOB_STATES = ["available", "scheduled", "executing", "retryable", "completed", "cancelled", "discarded"] as const;
export type JobState = (typeof JOB_STATES)[number];

export interface Job {
  id: string;
  kind: string;
  queue: string;
  state: JobState;
  priority: number;
  attempt: number;
  max_attempts: number;
  created_at_ms: number;
  run_at_ms: number;
  started_at_ms: number | null;
  finished_at_ms: number | null;
  event_position: number | null;
  last_error: string | null;
  trace_id: string | null;
}

export interface JobDetail extends Job {
  args: unknown;
  errors: { attempt: number; at_ms: number; message: string }[];
}

export interface Station {
  /** The address of the station, lower case. */
  station: string;
  name: string;
  phrases: number;
  last_phrase_at_ms: number | null;
  last_title: string | null;
  mood: string | null;
  intensity: number | null;
  bpm: number | null;
  key: string | null;
  commits_last_hour: number;
  listeners: number;
}

/** A live list on the wire: what changed since the last message, and how many did not fit. */
export interface Changes<T> {
  items: T[];
  skipped: number;
}

export interface JobChanges extends Changes<Job> {
  counts: Record<JobState, number>;
}
