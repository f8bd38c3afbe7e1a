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
  /** Who sends there. */
  sender: string;
  /** A secret token in it is written `{token}`. */
  path: string;
  enabled: boolean;
  secret_from: "environment" | "generated" | "operator";
  secret_created_at_ms: number | null;
  /** Those that count, the newest first, and those that ended not long ago. */
  secrets: { id: number; created_at_ms: number; until_ms: number | null; active: boolean }[];
  /** `low` when nothing but the address says who sent something. */
  trust: "low" | null;
  settings: SourceSettings;
  last_delivery_at_ms: number | null;
  accepted_24h: number;
  rejected_24h: number;
  documentation: string;
}

export interface SourceSettings {
  body_bytes: number | null;
  rate_per_second: number | null;
  /** How a `generic` source signs; null is the usual way. */
  custom: CustomSender | null;
}

export interface CustomSender {
  algorithm: string;
  encoding: string;
  key: string;
  header: string;
  prefix: string;
  /** Text with `{body}` and `{header-name}`. */
  signed: string;
  timestamp: { at: string; unit: string; tolerance_s: number } | null;
  id: string | null;
  event_type: string | null;
  subject: string | null;
  retries: boolean;
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
  /** What probably went wrong. */
  hint: string | null;
  trust: "low" | null;
  /** The delivery that it repeats, on somebody's wish. */
  replay_of: string | null;
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
  /** CloudEvents' optional attributes and extensions, as the producer gave them. */
  attributes: Record<string, unknown> | null;
  data: unknown;
  jobs: Job[];
}

export const JOB_STATES = ["pending", "available", "scheduled", "executing", "retryable", "completed", "cancelled", "discarded"] as const;
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
  /** Whose it is. */
  key: string | null;
  /** Jobs with the same kind and order key run one after the other. */
  order_key: string | null;
  batch: string | null;
  /** Called off, and its worker has not stopped yet. */
  cancelling: boolean;
  percent: number | null;
  note: string | null;
}

export interface JobDetail extends Job {
  args: unknown;
  errors: { attempt: number; at_ms: number; message: string }[];
  /** What it left. */
  result: unknown;
  /** Unfinished jobs that it comes after, and jobs that come after it (100 at most). */
  after: string[];
  followers: string[];
  unique_key: string | null;
  /** How often a worker took it; a snooze counts here, not as an attempt. */
  claims: number;
  worker: string | null;
  heard_at_ms: number | null;
  /** Null when a process of the server's own runs it. */
  lease_ends_at_ms: number | null;
}

export const MISSED = ["skip", "one", "all"] as const;
export type Missed = (typeof MISSED)[number];
export const OVERLAPS = ["allow", "skip", "queue"] as const;
export type Overlap = (typeof OVERLAPS)[number];

/** When a schedule fires, which job, and its policies: either `cron` or `every_ms`. */
export interface ScheduleSpec {
  cron: string | null;
  every_ms: number | null;
  zone: string;
  kind: string;
  queue: string | null;
  args: unknown;
  missed: Missed;
  missed_window_ms: number;
  missed_most: number;
  overlap: Overlap;
  jitter_ms: number;
}

export interface Firing {
  id: string;
  /** Null when a person asked for it. */
  tick_ms: number | null;
  outcome: "enqueued" | "overlapped" | "missed" | "refused";
  fired_at_ms: number;
  late_ms: number | null;
  job_id: string | null;
  /** Null once the job is no longer kept. */
  job_state: JobState | null;
  left_out: number;
  note: string | null;
}

export interface Schedule extends ScheduleSpec {
  id: string;
  name: string;
  /** The product whose code declares it. */
  declared_by: string | null;
  words: string;
  next_ms: number | null;
  paused_at_ms: number | null;
  created_at_ms: number;
  updated_at_ms: number;
  last: Firing | null;
}

export interface NextRun {
  at_ms: number;
  /** On the clocks of its zone, RFC 9557. */
  local: string;
  /** The time that was meant, where the clocks skip it. */
  instead_of: string | null;
}

export interface ScheduleDetail extends Schedule {
  next: NextRun[];
  firings: Firing[];
}

export interface Preview {
  words: string;
  next: NextRun[];
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
  description: string;
  /** Only for those who have a listener token. */
  private: boolean;
  /** 0 keeps the last 10,000 phrases, however old. */
  keep_days: number;
  listening: { sockets: number; events: number; audio: number };
  /** The formats in which it is on the air: somebody listens. */
  on_air: string[];
}

/** A listener token; the token itself is shown once. */
export interface ListenerToken {
  id: string;
  name: string;
  created_at_ms: number;
}

/** A live list on the wire: what changed since the last message, and how many did not fit. */
export interface Changes<T> {
  items: T[];
  skipped: number;
}

export interface JobChanges extends Changes<Job> {
  counts: Record<JobState, number>;
}

/** A receiver of outgoing webhooks. */
export interface Endpoint {
  id: string;
  url: string;
  description: string;
  types: string[];
  per_minute: number | null;
  enabled: boolean;
  disabled: "owner" | "failing" | "gone" | null;
  disabled_at_ms: number | null;
  failures: number;
  failing_since_ms: number | null;
  disables_at_ms: number | null;
  delivered_at_ms: number | null;
  /** These counts stop at 1,000. */
  pending: number;
  failed: number;
  created_at_ms: number;
  updated_at_ms: number;
}

export interface EndpointDetail extends Endpoint {
  secrets: { created_at_ms: number; expires_at_ms: number | null; signature: "v1" | "v1a"; public_key: string | null }[];
}

/** What a new secret is verified with: itself (`v1`), shown once, or its public key (`v1a`). */
export interface EndpointSecret {
  secret: string | null;
  public_key: string | null;
}

export const MESSAGE_STATES = ["pending", "delivered", "failed"] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

/** One event on its way to one endpoint. */
export interface Message {
  number: number;
  /** The `webhook-id` of every attempt. */
  id: string;
  endpoint: string;
  position: number;
  type: string;
  subject: string | null;
  trace_id: string | null;
  state: MessageState;
  series: number;
  attempts: number;
  created_at_ms: number;
  next_at_ms: number | null;
  finished_at_ms: number | null;
  status: number | null;
  error: string | null;
}

export interface Attempt {
  began_at_ms: number;
  took_ms: number;
  status: number | null;
  error: string | null;
  /** How the answer began. */
  answer: string;
}

export interface MessageDetail extends Message {
  history: Attempt[];
  /** Null when retention removed the event. */
  body: unknown;
}

/** What a recovery would send, or sends. */
export interface RecoveryPlan {
  missed: number;
  failed: number;
  events: number;
  complete: boolean;
}

export type Role = "member" | "admin";

/** Somebody with an account. */
export interface Person {
  id: string;
  name: string;
  email: string | null;
  role: Role;
  created_at_ms: number;
  signed_in_at_ms: number | null;
  /** Null when they are not banned; beyond what a date can say when it is for ever. */
  banned_until_ms: number | null;
  ban_reason: string | null;
}

/** Who this browser is; without a person, the administrator by a link. */
export interface SignedIn {
  role: Role;
  person: Person | null;
}

/** What makes one account; whoever opens it must have its link. */
export interface Invitation {
  id: string;
  role: Role;
  note: string;
  /** `admin`, or a person's id. */
  maker: string;
  created_at_ms: number;
  expires_at_ms: number;
}
