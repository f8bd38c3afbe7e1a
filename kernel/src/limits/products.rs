//! Products.

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
/// Browsers of one person that are told of messages.
pub const CHAT_PUSHES: usize = 20;
/// What is pushed, before it is sealed, bytes.
pub const CHAT_PUSH_BYTES: usize = 3 * 1024;
/// From a message to its push, milliseconds: what is read meanwhile, in a room that is open, is not pushed.
pub const CHAT_PUSH_DELAY_MS: i64 = 4_000;
/// A message is news for so long, milliseconds; then it is not pushed any more.
pub const CHAT_PUSH_NEWS_MS: i64 = 4 * 3_600_000;
/// Pushes that begin within a second.
pub const CHAT_PUSHES_PER_S: u32 = 100;
/// Attempts at one push.
pub const CHAT_PUSH_ATTEMPTS: u32 = 4;
/// One push, milliseconds.
pub const CHAT_PUSH_TIMEOUT_MS: u64 = 15_000;
/// The longest that a push service has us wait with one push, milliseconds.
pub const CHAT_PUSH_WAIT_MS: i64 = 3_600_000;
/// Unread messages are written about after so long, milliseconds: at least, at most.
pub const CHAT_DIGEST_MS: (i64, i64) = (15 * 60_000, 7 * 86_400_000);
/// Rooms that one such letter names.
pub const CHAT_DIGEST_ROOMS: usize = 20;
/// People, or browsers, that a job of the chat looks at in one transaction.
pub const CHAT_LOOK: usize = 100;
