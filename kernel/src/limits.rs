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
/// From the end of a connection's right to its closing, milliseconds: a client that was late to refresh it has so long.
pub const REALTIME_EXPIRY_GRACE_MS: i64 = 25_000;
/// Publications one recovery or one history read returns.
pub const HISTORY_READ: usize = 300;
/// Channels with a history kept in memory; the longest idle goes first.
pub const STREAMS_KEPT: usize = 100_000;
/// Realtime connections of one process.
pub const CONNECTIONS: usize = 50_000;
/// Connections that wait to be accepted.
pub const WAITING_CONNECTIONS: i32 = 4096;

/// Connections that a process lets in within a second: after an interruption all come back at once, and the rest is told to come
/// a little later. At 0.1 ms of processor time each it is half a core.
pub const ARRIVALS_PER_S: usize = 5_000;

/// One call of the bus over a network, milliseconds.
pub const BUS_CALL_MS: u64 = 1_000;
/// To connect to a server of the bus, milliseconds.
pub const BUS_CONNECT_MS: u64 = 2_000;
/// Between two looks whether a server of the bus answers, milliseconds.
pub const BUS_PING_MS: u64 = 1_000;
/// After so long it is asked again who the servers are, milliseconds: a server that was replaced may not know it.
pub const BUS_FIND_MS: u64 = 5_000;
/// The first and the longest pause between two attempts to reach the bus, milliseconds; the pause doubles.
pub const BUS_RETRY_MS: (u64, u64) = (50, 5_000);
/// Servers of one bus.
pub const BUS_NODES: usize = 64;
/// Calls that wait to be written to one connection of the bus.
pub const BUS_PIPELINE: usize = 1_024;
/// Publications that wait to be told to other processes, and their bytes.
pub const BUS_OUTBOX: (usize, usize) = (16_384, 32 * 1024 * 1024);
/// Publications that one message carries to other processes.
pub const BUS_BATCH: usize = 128;
/// Publications from other processes kept for a load under way, and their bytes.
pub const BUS_UNPLACED: (usize, usize) = (1_024, 4 * 1024 * 1024);
/// A live stream in Redis that nobody publishes to is forgotten after so long, milliseconds.
pub const BUS_STREAM_IDLE_MS: u64 = 86_400_000;

/// Bytes of a client in a channel: the channel, the client's id, its person's and its info together.
pub const PRESENT_BYTES: usize = 4_096;
/// Clients in channels that one process holds; one that is in three counts three times.
pub const PRESENT_KEPT: usize = 250_000;
/// Clients of a channel that are listed.
pub const PRESENT_LISTED: usize = 1_000;
/// Clients of other processes in a channel among whom people are counted: some milliseconds of Redis.
pub const PRESENT_COUNTED: usize = 10_000;
/// The clients of a process of which nothing is heard for so long have left, milliseconds. It is heard five times in this.
pub const PRESENCE_LEASE_MS: u64 = 10_000;
/// Clients of a dead process that are taken away in one step.
pub const PRESENCE_REAPED: usize = 256;
/// Channels of a 128th of all whose clients are counted again when a process is heard.
pub const PRESENCE_CHECKED: usize = 64;

/// Header section of a request, bytes.
pub const HEADER_BYTES: usize = 32 * 1024;
/// From the first byte of a request to the end of its headers, milliseconds.
pub const HEADER_MS: u64 = 10_000;
/// From the end of the headers to the end of the body, milliseconds.
pub const BODY_MS: u64 = 30_000;
/// How long nothing of an answer may be taken by its client, milliseconds: then the connection is gone, and with it what the answer
/// held. A client that takes some now and then, as players do, may be as slow as it likes.
pub const WRITE_STALL_MS: u64 = 60_000;
/// A person's name, characters.
pub const PERSON_NAME_CHARS: usize = 50;
/// A person's e-mail address, bytes (RFC 5321, section 4.5.3.1.3).
pub const PERSON_EMAIL_BYTES: usize = 254;
/// A password, characters: at least and at most.
pub const PASSWORD_CHARS: (usize, usize) = (8, 200);
/// Passwords that are hashed at one time: 19 MiB of memory and some 30 ms of a core each.
pub const PASSWORDS_AT_ONCE: usize = 2;
/// Passwords that may wait for it.
pub const PASSWORDS_WAITING: usize = 64;
/// Sessions of one person at one time: the oldest ends when there would be one more.
pub const PERSON_SESSIONS: usize = 50;
/// Wrong passwords for one account within [`SIGN_IN_WINDOW_MS`]; then it has to wait. A browser that signed in before has its own.
pub const SIGN_IN_FAILURES: i64 = 10;
/// How long wrong passwords are remembered, milliseconds.
pub const SIGN_IN_WINDOW_MS: i64 = 15 * 60_000;
/// How long an invitation can be used, milliseconds.
pub const INVITATION_MS: i64 = 7 * 86_400_000;
/// Invitations that can be used at one time.
pub const INVITATIONS: usize = PAGE;
/// How long a link that sets a new password can be used, milliseconds.
pub const PASSWORD_RESET_MS: i64 = 86_400_000;
/// How long a change of a person's rights is kept for the processes that have not looked yet, milliseconds.
pub const PERSON_CHANGES_MS: i64 = 3_600_000;
/// Between two looks for such changes where no hint came, milliseconds: what was taken back ends within a second.
pub const PERSON_CHANGES_LOOK_MS: u64 = 500;
/// Changes that one look takes in; were there more, everybody is asked about.
pub const PERSON_CHANGES_BATCH: usize = 1_000;
/// API keys that work at one time.
pub const API_KEYS: usize = 200;
/// Body of an API request, bytes.
pub const API_BODY_BYTES: usize = 1024 * 1024;
/// Rows one page of a list returns.
pub const PAGE: usize = 200;

/// A signed token, bytes.
pub const TOKEN_BYTES: usize = 8 * 1024;
/// Whom a token speaks of, bytes.
pub const TOKEN_SUBJECT_BYTES: usize = 255;
/// What the clocks of whoever makes and whoever reads a token may differ, milliseconds.
pub const TOKEN_LEEWAY_MS: i64 = 30_000;
/// The longest life of a token of ours, milliseconds.
pub const TOKEN_TTL_MS: i64 = 15 * 60_000;
/// How long one key signs our tokens, milliseconds.
pub const TOKEN_KEY_MS: i64 = 30 * 86_400_000;
/// How long others may keep our public keys, seconds: each is published for so long before it signs.
pub const TOKEN_KEYS_MAX_AGE_S: i64 = 300;
/// After so long a process looks again which keys sign, milliseconds.
pub const TOKEN_KEYS_LOOK_MS: i64 = 60_000;
/// Between two looks because of a key that nobody knows, or of a store that was away, milliseconds.
pub const TOKEN_KEYS_MISS_MS: i64 = 5_000;
/// Without the store, keys that were read no longer ago than this are believed, milliseconds.
pub const TOKEN_KEYS_STALE_MS: i64 = TOKEN_TTL_MS;

/// Issuers of tokens besides us.
pub const ISSUERS: usize = 32;
/// Keys of one issuer.
pub const ISSUER_KEYS: usize = 100;
/// A document of an issuer, bytes.
pub const ISSUER_DOCUMENT_BYTES: usize = 512 * 1024;
/// To ask an issuer for its keys, both documents together, milliseconds.
pub const ISSUER_ASK_MS: u64 = 5_000;
/// The least and the most that an issuer's keys are kept, milliseconds, whatever it says.
pub const ISSUER_KEPT_MS: (i64, i64) = (300_000, 86_400_000);
/// How long they are kept when it does not say, milliseconds.
pub const ISSUER_UNSAID_MS: i64 = 3_600_000;
/// Between two questions to one issuer, milliseconds, whatever keys tokens name.
pub const ISSUER_PAUSE_MS: i64 = 30_000;
/// The same, while there are no keys of it at all.
pub const ISSUER_RETRY_MS: i64 = 5_000;
/// How long keys that should be asked for again are still believed while the issuer does not answer, milliseconds.
pub const ISSUER_STALE_MS: i64 = 86_400_000;

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

/// Stations that people make or that events make, of one installation, before making one by hand is refused.
pub const RADIO_STATIONS: usize = 10_000;
/// Listener tokens of one station.
pub const RADIO_TOKENS: usize = 100;
/// Stations that are rendered at one time.
pub const RADIO_ON_AIR: usize = 32;
/// Audio listeners of one process.
pub const RADIO_LISTENERS: usize = 5_000;
/// Chunks of 240 ms that a slow audio listener may fall behind before it is cut: 30 s.
pub const RADIO_BEHIND_CHUNKS: usize = 128;
/// The longest recording, milliseconds.
pub const RADIO_RECORDING_MS: i64 = 3_600_000;
/// Recordings that are rendered at one time: each takes what is left of a core.
pub const RADIO_RECORDINGS: usize = 2;
/// Phrases that a time-lapse of a day plays: two a second.
pub const RADIO_DAY_PHRASES: i64 = 120;
/// Phrases that the air or a recording reads at once.
pub const RADIO_READ_PHRASES: usize = 200;

/// People of one chat room, whatever the settings say.
pub const CHAT_MEMBERS: usize = 100;
/// Rooms that one person is in.
pub const CHAT_ROOMS: usize = 1_000;
/// A message, characters, whatever the settings say.
pub const CHAT_MESSAGE_CHARS: usize = 2_000;
/// People whom one message mentions.
pub const CHAT_MENTIONS: usize = 20;
/// Different emoji under one message.
pub const CHAT_EMOJI: usize = 20;
/// Messages that a room has pinned.
pub const CHAT_PINS: usize = 50;
/// Quick replies of one person.
pub const CHAT_REPLIES: usize = 100;
/// Unread messages, or mentions, of a room that are counted; there are at least so many then.
pub const CHAT_COUNTED: i64 = 1_000;
/// What happened in a room and is kept for those who come back; who was away for longer reads the room again.
pub const CHAT_LOG: i64 = 2_000;
/// Rows that the chat removes in one transaction.
pub const CHAT_SWEEP: i64 = 500;

/// Spans that wait for the trace collector; more are lost and counted.
pub const TELEMETRY_QUEUE: usize = 2_048;
/// Errors that wait for the error tracker; more are lost and counted.
pub const REPORTS_QUEUE: usize = 64;

/// Of a channel with so many subscribers in a process at most, joins and leaves are told one by one.
pub const PRESENCE_AT_ONCE: usize = 50;
/// In a larger one those of so long are told together, milliseconds.
pub const PRESENCE_TOGETHER_MS: u64 = 250;
/// Joins and leaves of a channel that wait to be told together; so many are told at once.
pub const PRESENCE_TOGETHER: usize = 1_000;
/// What one client may publish, call and send within a second, together.
pub const CLIENT_SAYS_PER_S: u32 = 100;
/// What a token says of its client to others, bytes: with the rest it fits `PRESENT_BYTES`.
pub const CLIENT_INFO_BYTES: usize = 2_048;
/// A person that leaves and joins again within so long was never away, milliseconds.
pub const PRESENCE_FLAP_MS: i64 = 3_000;
/// Leaves of a channel that wait for somebody to come back; above that they are told at once.
pub const PRESENCE_LEAVING: usize = 1_000;
/// Clients for which one that came back may stand; then it is told as a new one.
pub const PRESENCE_STAND_INS: usize = 8;
/// How old a count of who is in a channel may be, milliseconds.
pub const PRESENCE_STATS_MS: i64 = 100;
/// Channels whose counts are remembered.
pub const PRESENCE_STATS_KEPT: usize = 10_000;
