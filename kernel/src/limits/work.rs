//! Jobs, events, schedules, and the fleet that does them.

/// Attempts of a job before it is discarded, unless its kind says otherwise.
pub const JOB_ATTEMPTS: u32 = 20;
/// Attempts that a request may ask for.
pub const JOB_ATTEMPTS_MOST: u32 = 1_000;
/// Longest run of one attempt unless its kind says otherwise, milliseconds.
pub const JOB_TIMEOUT_MS: u64 = 300_000;
/// First pause after a failed attempt, milliseconds; it doubles up to [`JOB_BACKOFF_MAX_MS`].
pub const JOB_BACKOFF_MS: i64 = 1_000;
/// Longest pause between two attempts, milliseconds.
pub const JOB_BACKOFF_MAX_MS: i64 = 3_600_000;
/// Jobs claimed by one statement.
pub const JOB_CLAIM_BATCH: usize = 500;
/// Jobs inserted by one statement, where statements take lists.
pub const JOB_INSERT_MANY: usize = 1_000;
/// Outcomes settled by one write.
pub const JOB_SETTLE_BATCH: usize = 500;
/// Delayed jobs made available by one write.
pub const JOB_PROMOTE_BATCH: usize = 1_000;
/// A job's arguments, bytes of JSON.
pub const JOB_ARGS_BYTES: usize = 256 * 1024;
/// An error message kept with a job, bytes; the rest is cut.
pub const JOB_ERROR_BYTES: usize = 2_048;
/// Lanes of waiting jobs (priority, kind and key) that one queue remembers; the rest are found by looking through the table.
pub const JOB_LANES: usize = 10_000;
/// Queues whose lanes one process remembers.
pub const JOB_QUEUES: usize = 1_000;
/// Lanes looked at in one transaction.
pub const JOB_LANES_LOOK: usize = 256;
/// A job's kind, queue, key, order key or unique key, bytes.
pub const JOB_NAME_BYTES: usize = 200;
/// Arguments longer than this lie in a table of their own, bytes: the row that changes with each state stays short.
pub const JOB_ARGS_INLINE: usize = 2_048;
/// Jobs that one job may come after.
pub const JOB_AFTER: usize = 100;
/// Jobs whose fate one write decides because another ended.
pub const JOB_LOOSE_BATCH: i64 = 500;
/// How long a handler that was told to stop may take before it is aborted, milliseconds.
pub const JOB_CANCEL_GRACE_MS: u64 = 10_000;
/// A note of progress, bytes; the rest is cut.
pub const JOB_NOTE_BYTES: usize = 1_024;
/// A job's result, bytes of JSON.
pub const JOB_RESULT_BYTES: usize = 64 * 1024;
/// Between two writes of progress, milliseconds: what was said meanwhile but last is forgotten.
pub const JOB_PROGRESS_MS: u64 = 100;
/// Reports of progress that a slow listener may be behind before it loses the oldest.
pub const JOB_REPORTS: usize = 1_024;
/// Jobs that one request enqueues or claims.
pub const JOB_REQUEST_BATCH: usize = 100;
/// Longest wait of a worker for jobs in one request, seconds.
pub const JOB_WAIT_S: u32 = 30;
/// Longest lease of a worker over HTTP, seconds.
pub const JOB_LEASE_S: u32 = 3_600;
/// Workers over HTTP that wait at one time.
pub const JOB_WAITERS: usize = 1_000;
/// How long a worker that renews its lease may stay silent, milliseconds (fleet only; embedded, a lock proves life).
pub const LEASE_MS: i64 = 12_000;
/// Between two looks of a process at its fleet, milliseconds.
pub const FLEET_BEAT_MS: u64 = 2_000;
/// How long after its last renewed beat a process still trusts that it leads, milliseconds.
pub const FLEET_FENCE_MS: u64 = 8_000;
/// After how long without a beat a process is taken for dead, milliseconds: by a quarter longer than it trusts itself.
pub const FLEET_SILENT_MS: u64 = 10_000;
/// Between two counts of who is connected to the database, milliseconds.
pub const FLEET_COUNT_MS: u64 = 500;
/// After how long a process whose connection has ended is taken for dead, milliseconds, unless a beat of it comes.
pub const FLEET_GONE_MS: u64 = 1_000;
/// How long after its connection was counted last a process that lost it trusts what it knows, milliseconds, until its next beat says so.
pub const FLEET_LOST_MS: u64 = 750;
/// Schedules of one deployment.
pub const SCHEDULES: i64 = 10_000;
/// A tick that is seen no later than this fires whatever the policy for missed ticks says, milliseconds.
pub const SCHEDULE_GRACE_MS: i64 = 10_000;
/// Missed ticks that one look makes up for at most.
pub const SCHEDULE_CATCH_UP: u32 = 200;
/// How far back missed ticks can be made up for, milliseconds.
pub const SCHEDULE_WINDOW_MS: i64 = 31 * 86_400_000;
/// Jobs of one schedule that wait in line before further ticks are left out.
pub const SCHEDULE_IN_LINE: u32 = 100;
/// Schedules that one write deals with.
pub const SCHEDULE_BATCH: usize = 100;
/// Firings kept of each schedule.
pub const SCHEDULE_FIRINGS_KEPT: i64 = 500;
/// Longest interval, and longest jitter, milliseconds.
pub const SCHEDULE_INTERVAL_MS: i64 = 366 * 86_400_000;
/// An event's data, bytes of JSON.
pub const EVENT_DATA_BYTES: usize = 25 * 1024 * 1024;
/// An event's type, source, subject or id, bytes.
pub const EVENT_ATTRIBUTE_BYTES: usize = 512;
/// An event's optional attributes and extensions together, bytes of JSON.
pub const EVENT_ATTRIBUTES_BYTES: usize = 8 * 1024;
/// Members of a CloudEvent: attributes, extensions and the payload.
pub const EVENT_ATTRIBUTES: usize = 64;
/// Places where an event breaks its schema that an answer names.
pub const EVENT_ERRORS: usize = 20;
/// How long the source and id of an event are known, whatever retention removes, milliseconds: senders come again for weeks.
pub const EVENT_NAME_MS: i64 = 30 * 86_400_000;
/// Events of one published batch.
pub const EVENT_BATCH: usize = 500;
/// Open tails of the log.
pub const EVENT_TAILS: usize = 256;
/// Events in memory on their way to their jobs. What is beyond is read from the log.
pub const EVENT_FRESH: usize = 4096;
/// The bytes of their data.
pub const EVENT_FRESH_BYTES: usize = 4 * 1024 * 1024;
/// Newest events kept in memory for open tails: how many, and their bytes of JSON.
pub const EVENT_TAIL_KEPT: (usize, usize) = (1_024, 16 * 1024 * 1024);
/// Events handed to a stream subscription at once.
pub const STREAM_BATCH: usize = 200;
/// The first and the longest pause of a stream that fails, milliseconds; the pause doubles.
pub const STREAM_PAUSE_MS: (u64, u64) = (200, 30_000);
/// Failures of one event alone before a stream parks it, unless the stream says otherwise: about two minutes.
pub const STREAM_PARK_AFTER: u32 = 10;
/// Events that one stream may have parked; then it holds.
pub const STREAM_PARKED: i64 = 1_000;
/// Letters that are sent at the same time.
pub const MAIL_AT_ONCE: u32 = 4;
/// Connections to the mail server that stay open for the next letter, and how long, milliseconds.
pub const MAIL_IDLE: usize = 4;
/// How long a connection without a letter stays open, milliseconds.
pub const MAIL_IDLE_MS: u64 = 30_000;
/// How long a connection that was used before may take to show that it lives, milliseconds.
pub const MAIL_NOOP_MS: u64 = 5_000;
/// To connect to the mail server, milliseconds.
pub const MAIL_CONNECT_MS: u64 = 10_000;
/// From the connection to the server's word that it has the letter, milliseconds.
pub const MAIL_SEND_MS: u64 = 60_000;
/// Attempts at a letter: with pauses that double up to an hour, some twelve hours.
pub const MAIL_ATTEMPTS: u32 = 24;
/// A letter's subject, characters.
pub const MAIL_SUBJECT_CHARS: usize = 200;
/// What a letter says, bytes.
pub const MAIL_BYTES: usize = 32 * 1024;
