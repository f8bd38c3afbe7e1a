//! Every bound of the system that is not a setting. What an operator may change is in `mainspring.toml`.

mod bus;
mod identity;
mod products;
mod realtime;
mod work;

pub use bus::*;
pub use identity::*;
pub use products::*;
pub use realtime::*;
pub use work::*;

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
/// After so long a batch commits what it has run, and the rest of it goes into the next, milliseconds.
pub const STORE_BATCH_MS: u64 = 10;
/// How long a write that nobody waits for looks out for a commit to ride with, milliseconds.
pub const STORE_LINGER_MS: u64 = 2;
/// How long one write may keep the writer before it is interrupted, milliseconds.
pub const STORE_WRITE_MS: u64 = 10_000;
/// How long one read may keep its snapshot before it is interrupted, milliseconds.
pub const STORE_READ_MS: u64 = 10_000;
/// How long another program's lock on the database is waited for, milliseconds.
pub const STORE_LOCK_MS: u64 = 5_000;
/// How long a step of a migration waits for each lock, milliseconds: everybody who comes to the table waits behind it, and gives up after
/// [`STORE_LOCK_MS`]. A vacuum that is in the way ends itself after one second.
pub const STORE_STEP_LOCK_MS: u64 = 2_000;
/// A transaction of anybody that is open for longer than this is named in health: what dies meanwhile stays in the tables, seconds.
pub const STORE_OLD_TRANSACTION_S: i64 = 600;
/// Longest that a write beside the others waits for a row of theirs, milliseconds.
pub const STORE_ROW_MS: u64 = 200;
/// How long a start looks for damage, milliseconds: some hundred megabytes. Past it, `doctor` and backups do.
pub const STORE_OPEN_CHECK_MS: u64 = 300;
/// A process that holds the lock of a shared database and says nothing for so long loses it, milliseconds: less than others wait.
pub const STORE_IDLE_MS: u64 = STORE_LOCK_MS / 2;
/// To reach a database server, milliseconds.
pub const STORE_CONNECT_MS: u64 = 3_000;
/// Connections to a database server that read.
pub const STORE_READ_CONNECTIONS: usize = 4;
/// Between two looks at a replica and how far it is behind, milliseconds.
pub const STORE_REPLICA_LOOK_MS: u64 = 1_000;
/// How long a replica has to prove itself before the primary is asked instead, milliseconds.
pub const STORE_REPLICA_MS: u64 = 1_000;
/// A replica that has not replayed what the primary had so long ago is not asked, milliseconds.
pub const STORE_REPLICA_LAG_MS: u64 = 10_000;
/// Between two hints to the other processes of a fleet, milliseconds: what is told meanwhile goes together.
pub const STORE_HINT_MS: u64 = 5;
/// What a process's clock may differ from its database's, milliseconds.
pub const STORE_CLOCK_MS: u64 = 2_000;
/// Bytes that are copied from the write-ahead log into the file at once. The writer's small syncs wait behind the one of a copy:
/// shares of 2 MiB halved the p99 of an answer against 16 MiB, and wrote 3 % more.
pub const STORE_CHECKPOINT_BYTES: u64 = 2 * 1024 * 1024;
/// Longest time a committed page is only in the write-ahead log, milliseconds, while no read or backup holds it there.
pub const STORE_CHECKPOINT_MS: u64 = 1_000;
/// Length at which the write-ahead log starts over, bytes.
pub const STORE_LOG_BYTES: u64 = 32 * 1024 * 1024;
/// Length at which reads that keep the write-ahead log from starting over are ended, bytes.
pub const STORE_LOG_MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Room that a backup leaves on its disk, bytes.
pub const BACKUP_LEAVES_BYTES: u64 = 16 * 1024 * 1024;

/// A delivery's body unless its source says otherwise, bytes.
pub const DELIVERY_BODY_BYTES: usize = 1024 * 1024;
/// A refused delivery's body as kept for inspection, bytes.
pub const REJECTED_BODY_BYTES: usize = 64 * 1024;
/// Refused deliveries kept for inspection.
pub const REJECTED_KEPT: i64 = 1_000;
/// A sender's id of a delivery, bytes.
pub const SENDER_ID_BYTES: usize = 200;
/// Two deliveries with the same signed bytes within this time are one, milliseconds, whatever their unsigned ids say.
pub const SAME_BYTES_WINDOW_MS: i64 = 600_000;
/// Endpoints that can be registered: each event is looked at once for every one of them.
pub const ENDPOINTS: i64 = 200;
/// Patterns of event types that one endpoint may ask for.
pub const ENDPOINT_TYPES: usize = 50;
/// An endpoint's description, bytes.
pub const ENDPOINT_DESCRIPTION_BYTES: usize = 500;
/// Secrets of one endpoint that sign at the same time: the newest, and those before it until they expire.
pub const ENDPOINT_SECRETS: i64 = 3;
/// The body of a message to an endpoint, bytes.
pub const ENDPOINT_BODY_BYTES: usize = 2 * 1024 * 1024;
/// One attempt at a message, from looking the name up to the answer, milliseconds.
pub const ENDPOINT_TIMEOUT_MS: u64 = 15_000;
/// What is kept of an endpoint's answer, bytes.
pub const ENDPOINT_ANSWER_BYTES: usize = 1_024;
/// Messages that go to one endpoint at the same time.
pub const ENDPOINT_CONCURRENCY: u32 = 8;
/// Messages a minute that the owner of an endpoint may ask for as its bound: one a millisecond.
pub const ENDPOINT_PER_MINUTE: u32 = 60_000;
/// Events that one recovery looks at.
pub const ENDPOINT_RECOVER_EVENTS: usize = 100_000;
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
/// An object that is put at once, bytes.
pub const OBJECT_BYTES: usize = 64 * 1024 * 1024;
/// What is read of an object at once, bytes; more is read piece by piece.
pub const OBJECT_READ_BYTES: usize = 1024 * 1024;
/// Connections that wait to be accepted.
pub const WAITING_CONNECTIONS: i32 = 4096;
/// Connections that a process lets in within a second: after an interruption all come back at once, and the rest is told to come
/// a little later. At 0.1 ms of processor time each it is half a core.
pub const ARRIVALS_PER_S: usize = 5_000;
/// Header section of a request, bytes.
pub const HEADER_BYTES: usize = 32 * 1024;
/// From the first byte of a request to the end of its headers, milliseconds.
pub const HEADER_MS: u64 = 10_000;
/// From the end of the headers to the end of the body, milliseconds.
pub const BODY_MS: u64 = 30_000;
/// How long nothing of an answer may be taken by its client, milliseconds: then the connection is gone, and with it what the answer
/// held. A client that takes some now and then, as players do, may be as slow as it likes.
pub const WRITE_STALL_MS: u64 = 60_000;
/// Body of an API request, bytes.
pub const API_BODY_BYTES: usize = 1024 * 1024;
/// The text of a refusal by the framework that is read for what was wrong, bytes: it may quote a body. Of a longer one less is said.
pub const REFUSAL_BYTES: usize = 1024 * 1024;
/// Rows one page of a list returns.
pub const PAGE: usize = 200;
/// How long an answer is remembered for its Idempotency-Key, milliseconds.
pub const IDEMPOTENCY_MS: i64 = 86_400_000;
/// How long a request with an Idempotency-Key may run before another may run in its place, milliseconds.
pub const IDEMPOTENCY_LEASE_MS: i64 = 60_000;
/// An answer that is remembered, bytes.
pub const IDEMPOTENCY_ANSWER_BYTES: usize = 256 * 1024;
/// An Idempotency-Key, bytes.
pub const IDEMPOTENCY_KEY_BYTES: usize = 255;
/// Spans that wait for the trace collector; more are lost and counted.
pub const TELEMETRY_QUEUE: usize = 2_048;
/// Errors that wait for the error tracker; more are lost and counted.
pub const REPORTS_QUEUE: usize = 64;
