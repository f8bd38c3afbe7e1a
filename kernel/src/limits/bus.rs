//! The bus: what goes between processes, and who is present.

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
/// The same in the platform's own channels, whose names begin with `@`: each connection, and each namespace of Socket.IO that one is in,
/// is at most once in one of them.
pub const PRESENT_OWN: usize = super::CONNECTIONS * super::SOCKETIO_NAMESPACES;
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
/// Keys that one of the bus's 64 shards counts; the one nearest to being whole goes first.
pub const QUOTA_KEYS_PER_SHARD: usize = 2_048;
