//! Realtime: connections, channels, and what clients may ask for.

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
/// HTTP requests that one connection may make within a minute, of those whose client polls or sends its commands apart.
pub const SESSION_REQUESTS_PER_MIN: u32 = 6_000;
/// Between two pings of the server, seconds.
pub const REALTIME_PING_S: u32 = 25;
/// From a ping to its pong at most, seconds.
pub const REALTIME_PONG_S: u32 = 10;
/// From opening to `connect` at most, seconds.
pub const REALTIME_CONNECT_S: u32 = 12;
/// From the end of a connection's right to its closing, milliseconds: a client that was late to refresh it has so long.
pub const REALTIME_EXPIRY_GRACE_MS: i64 = 25_000;
/// The body of a Socket.IO polling request, a message over its WebSocket, and a packet with all its attachments, bytes: as much as
/// its own server takes.
pub const SOCKETIO_PAYLOAD_BYTES: usize = 1_000_000;
/// Attachments of one Socket.IO packet.
pub const SOCKETIO_ATTACHMENTS: usize = 10;
/// A Socket.IO session that has entered nothing and has no request open is kept for so long, seconds.
pub const SOCKETIO_UNHELD_S: u32 = 5;
/// How old what a Socket.IO client shows to come back as the same may be, milliseconds: as with its own server.
pub const SOCKETIO_RECOVERY_MS: i64 = 2 * 60 * 1_000;
/// Socket.IO clients that left, or were put out of something, whose older places are remembered as void.
pub const SOCKETIO_VOIDED: usize = 100_000;
/// From a ping to its pong at most, seconds: what clients of Socket.IO are told.
pub const SOCKETIO_PONG_S: u32 = 20;
/// The longest interval of a beat of Socket.IO, seconds.
pub const SOCKETIO_BEAT_S: u64 = 60;
/// What its intervals are whole numbers of, milliseconds.
pub const SOCKETIO_BEAT_SLOT_MS: u64 = 100;
/// Packets of one Socket.IO client that wait for their turn, bytes.
pub const SOCKETIO_WAITING_BYTES: usize = 2 * SOCKETIO_PAYLOAD_BYTES;
/// What a product does with one event, milliseconds.
pub const SOCKETIO_EVENT_MS: u64 = 30_000;
/// Namespaces that one Socket.IO connection may be in.
pub const SOCKETIO_NAMESPACES: usize = 16;
/// Acknowledgements that the server waits for, of one client in a namespace.
pub const SOCKETIO_ASKED: usize = 64;
/// Channels that a client may hear to come back where it was: their positions are behind every event that it gets.
pub const SOCKETIO_RECOVERED_CHANNELS: usize = 16;
/// Publications one recovery or one history read returns.
pub const HISTORY_READ: usize = 300;
/// Their data, bytes, in one answer: also where that begins several channels. More than may wait for a slow connection, so that one that
/// has to read anew what waited for it finds room for it.
pub const HISTORY_READ_BYTES: usize = 4 * REALTIME_QUEUE_BYTES;
/// Channels with a history kept in memory; the longest idle goes first.
pub const STREAMS_KEPT: usize = 100_000;
/// The data of one such history, bytes; the oldest go first.
pub const STREAM_BYTES: usize = 16 * 1024 * 1024;
/// Realtime connections of one process.
pub const CONNECTIONS: usize = 50_000;
/// Of a channel with so many subscribers in a process at most, joins and leaves are told one by one.
pub const PRESENCE_AT_ONCE: usize = 50;
/// In a larger one those of so long are told together, milliseconds.
pub const PRESENCE_TOGETHER_MS: u64 = 250;
/// Joins and leaves of a channel that wait to be told together; so many are told at once.
pub const PRESENCE_TOGETHER: usize = 1_000;
/// What one client may publish, call and send within a second, together.
pub const CLIENT_SAYS_PER_S: u32 = 100;
/// What a program may have clients told of the end of their connection, bytes: it travels in a control frame (RFC 6455, 5.5).
pub const DISCONNECT_REASON_BYTES: usize = 123;
/// Attempts of one client to subscribe within a second, each of which may cost a read of the database: whoever comes back asks for all its
/// channels at once, and may then change them.
pub const CLIENT_SUBSCRIBES_PER_S: u32 = 2 * CHANNELS_PER_CONNECTION as u32;
/// Commands of whatever kind that one client may give within a second; above that its connection is closed (3013).
pub const CLIENT_COMMANDS_PER_S: u32 = 1_000;
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
/// What happened to connections and is not yet written into the log; above that it is compared who is there.
pub const ATTENDANCE_WAITING: usize = 16_384;
/// Of it, written in one transaction.
pub const ATTENDANCE_BATCH: usize = 256;
/// Channels whose counts are remembered.
pub const PRESENCE_STATS_KEPT: usize = 10_000;
/// Patterns of channels in one token (`caps`).
pub const CAP_PATTERNS: usize = 128;
/// Of those, regular expressions.
pub const CAP_REGEXES: usize = 16;
/// What one of them takes when it is ready, bytes.
pub const CAP_REGEX_BYTES: usize = 32 * 1024;
/// What other processes ordered to be done to people here, until it is done.
pub const ORDERS_WAITING: usize = 10_000;
/// Of a publication, and of the one before it, to be told as what changed; larger ones are told whole, bytes.
pub const DELTA_BYTES: usize = 128 * 1024;
/// One request of a program to the server API, bytes.
pub const REALTIME_API_BYTES: usize = 1024 * 1024;
/// Commands of one batch, and channels of one broadcast.
pub const REALTIME_API_COMMANDS: usize = 1_000;
/// What the replies of one batch may take together, bytes; the commands behind that are refused.
pub const REALTIME_API_REPLY_BYTES: usize = 8 * 1024 * 1024;
/// Channels that one answer lists.
pub const REALTIME_API_CHANNELS: usize = 10_000;
/// Keys under which programs published that are remembered.
pub const REALTIME_API_ONCE: usize = 64_000;
/// For how long, milliseconds.
pub const REALTIME_API_ONCE_MS: i64 = 5 * 60_000;
/// What rights hung on and was taken back, as remembered until whatever was on its way in has come.
pub const GROUNDS_FALLEN: usize = 4_096;
