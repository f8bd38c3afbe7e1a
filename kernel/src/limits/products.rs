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
