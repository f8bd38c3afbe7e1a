//! Every bound of the system that is not a setting. What an operator may change is in `mainspring.toml`.

/// Writes that may wait for the store's writer before callers are told to come back.
pub const STORE_WAITING_WRITES: usize = 4096;
/// Writes that share one commit at most.
pub const STORE_BATCH_WRITES: usize = 512;
/// How long a caller waits for a place in the store's queue, milliseconds.
pub const STORE_ADMISSION_MS: u64 = 5_000;
/// Threads (and connections) that read beside the writer.
pub const STORE_READERS: usize = 2;
/// Prepared statements kept per connection.
pub const STORE_STATEMENTS: usize = 256;

/// Attempts of a job before it is discarded, unless its kind says otherwise.
pub const JOB_ATTEMPTS: u32 = 20;
/// Longest run of one attempt unless its kind says otherwise, milliseconds.
pub const JOB_TIMEOUT_MS: u64 = 300_000;
/// First pause after a failed attempt, milliseconds; it doubles up to [`JOB_BACKOFF_MAX_MS`].
pub const JOB_BACKOFF_MS: i64 = 1_000;
/// Longest pause between two attempts, milliseconds.
pub const JOB_BACKOFF_MAX_MS: i64 = 3_600_000;
/// Jobs claimed by one statement.
pub const JOB_CLAIM_BATCH: usize = 500;
/// Outcomes settled by one write.
pub const JOB_SETTLE_BATCH: usize = 500;
/// Delayed jobs made available by one write.
pub const JOB_PROMOTE_BATCH: usize = 1_000;
/// A job's arguments, bytes of JSON.
pub const JOB_ARGS_BYTES: usize = 256 * 1024;
/// An error message kept with a job, bytes; the rest is cut.
pub const JOB_ERROR_BYTES: usize = 2_048;
/// How long a worker that renews its lease may stay silent, milliseconds (fleet only; embedded, a lock proves life).
pub const LEASE_MS: i64 = 12_000;

/// An event's data, bytes of JSON.
pub const EVENT_DATA_BYTES: usize = 25 * 1024 * 1024;
/// An event's type, source, subject or id, bytes.
pub const EVENT_ATTRIBUTE_BYTES: usize = 512;
/// Events handed to a stream subscription at once.
pub const STREAM_BATCH: usize = 200;

/// A delivery's body unless its source says otherwise, bytes.
pub const DELIVERY_BODY_BYTES: usize = 1024 * 1024;
/// A refused delivery's body as kept for inspection, bytes.
pub const REJECTED_BODY_BYTES: usize = 16 * 1024;
/// Refused deliveries kept for inspection.
pub const REJECTED_KEPT: i64 = 1_000;
/// A sender's id of a delivery, bytes.
pub const SENDER_ID_BYTES: usize = 200;
/// Two deliveries with the same signed bytes within this time are one, milliseconds, whatever their unsigned ids say.
pub const SAME_BYTES_WINDOW_MS: i64 = 600_000;

/// An address that goes out, bytes.
pub const OUTBOUND_URL_BYTES: usize = 2_048;
/// From looking a name up to the open connection, milliseconds.
pub const OUTBOUND_CONNECT_MS: u64 = 5_000;
/// From the first byte out to the last byte in unless the caller says otherwise, milliseconds.
pub const OUTBOUND_TIMEOUT_MS: u64 = 30_000;
/// An answer's status line and headers, bytes.
pub const OUTBOUND_HEAD_BYTES: usize = 64 * 1024;
/// An answer's headers.
pub const OUTBOUND_HEADERS: usize = 100;
/// An answer's body, unpacked, unless the caller says otherwise, bytes.
pub const OUTBOUND_BODY_BYTES: usize = 1024 * 1024;
/// Requests to one host and port at the same time.
pub const OUTBOUND_PER_HOST: usize = 32;
/// Requests that may wait for their turn with one host and port.
pub const OUTBOUND_WAITING_PER_HOST: usize = 256;
/// Connections to one host that stay open for the next request, and how long, milliseconds.
pub const OUTBOUND_IDLE_PER_HOST: usize = 4;
/// How long a connection without a request stays open, milliseconds.
pub const OUTBOUND_IDLE_MS: u64 = 30_000;
/// Names looked up at the same time: each holds a thread for as long as the system's resolver takes.
pub const OUTBOUND_LOOKUPS: usize = 16;

/// A channel's name, bytes (Centrifuge protocol).
pub const CHANNEL_BYTES: usize = 255;
/// Channels one connection may be subscribed to.
pub const CHANNELS_PER_CONNECTION: usize = 128;
/// One incoming message of a realtime connection, bytes.
pub const REALTIME_MESSAGE_BYTES: usize = 64 * 1024;
/// Bytes that may wait for a slow connection before it is closed with 3008.
pub const REALTIME_QUEUE_BYTES: usize = 1024 * 1024;
/// How long a write to a connection may make no progress, milliseconds.
pub const REALTIME_WRITE_STALL_MS: u64 = 5_000;
/// Between two pings of the server, seconds.
pub const REALTIME_PING_S: u32 = 25;
/// From a ping to its pong at most, seconds.
pub const REALTIME_PONG_S: u32 = 10;
/// From opening to `connect` at most, seconds.
pub const REALTIME_CONNECT_S: u32 = 12;
/// Publications one recovery or one history read returns.
pub const HISTORY_READ: usize = 300;
/// Channels with a history kept in memory; the longest idle goes first.
pub const STREAMS_KEPT: usize = 100_000;
/// Realtime connections of one process.
pub const CONNECTIONS: usize = 50_000;

/// Header section of a request, bytes.
pub const HEADER_BYTES: usize = 32 * 1024;
/// From the first byte of a request to the end of its headers, milliseconds.
pub const HEADER_MS: u64 = 10_000;
/// From the end of the headers to the end of the body, milliseconds.
pub const BODY_MS: u64 = 30_000;
/// API keys that work at one time.
pub const API_KEYS: usize = 200;
/// Body of an API request, bytes.
pub const API_BODY_BYTES: usize = 1024 * 1024;
/// Rows one page of a list returns.
pub const PAGE: usize = 200;

/// Keys that one of the bus's 64 shards counts; the one nearest to being whole goes first.
pub const QUOTA_KEYS_PER_SHARD: usize = 2_048;
/// How long an answer is remembered for its Idempotency-Key, milliseconds.
pub const IDEMPOTENCY_MS: i64 = 86_400_000;
/// How long a request with an Idempotency-Key may run before another may run in its place, milliseconds.
pub const IDEMPOTENCY_LEASE_MS: i64 = 60_000;
/// An answer that is remembered, bytes.
pub const IDEMPOTENCY_ANSWER_BYTES: usize = 256 * 1024;
/// An Idempotency-Key, bytes.
pub const IDEMPOTENCY_KEY_BYTES: usize = 255;
