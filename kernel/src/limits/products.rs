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
/// Messages of a room that a person may have hidden from itself: as many as a reader passes over in one statement, and a page knows by
/// number.
pub const CHAT_HIDDEN: usize = 1_000;
/// Steps of a person's receipts in a room whose times are known, of what came and of what was read each.
pub const CHAT_STEPS: usize = 200;
/// Rooms of a person that are told where it is when that changes; in others it is read with the members.
pub const CHAT_STATUS_ROOMS: usize = 100;
/// Quick replies of one person.
pub const CHAT_REPLIES: usize = 100;
/// Unread messages, or mentions, of a room that are counted; there are at least so many then.
pub const CHAT_COUNTED: i64 = 1_000;
/// What happened in a room and is kept for those who come back; who was away for longer reads the room again.
pub const CHAT_LOG: i64 = 2_000;
/// Rows that the chat removes in one transaction.
pub const CHAT_SWEEP: i64 = 500;
/// A file in the chat, bytes.
pub const CHAT_FILE_BYTES: usize = 10 * 1024 * 1024;
/// Files that are being sent to one process and are held in its memory, bytes together. Whoever comes then is asked to come again.
pub const CHAT_COMING_BYTES: usize = 64 * 1024 * 1024;
/// Files that one person sends to one process at one time.
pub const CHAT_COMING_OF_ONE: usize = 2;
/// The least that comes of a file in a second, bytes, after the first seconds.
pub const CHAT_COMING_BYTES_PER_S: u64 = 64 * 1024;
/// How long a file may come more slowly, milliseconds.
pub const CHAT_COMING_SLOW_MS: u64 = 10_000;
/// What one person sends as files in a day, pictures of pages that they link to among them, bytes.
pub const CHAT_FILES_DAY_BYTES: i64 = 500 * 1024 * 1024;
/// The name of a file, characters.
pub const CHAT_FILE_NAME_CHARS: usize = 120;
/// A voice note, milliseconds: 120 s, and what a recorder takes to stop.
pub const CHAT_VOICE_MS: u64 = 121_000;
/// A video, milliseconds, as far as it is believed.
pub const CHAT_VIDEO_MS: u64 = 86_400_000;
/// Pixels of a picture that is opened.
pub const CHAT_PICTURE_PIXELS: u64 = 32_000_000;
/// A side of a picture that is opened, pixels.
pub const CHAT_PICTURE_SIDE: u32 = 16_384;
/// What opening one picture takes at most, bytes.
pub const CHAT_PICTURE_MEMORY_BYTES: u64 = 160 * 1024 * 1024;
/// Pictures that a process opens at one time.
pub const CHAT_PICTURES: usize = 1;
/// The longer side of what is shown of a picture at first, pixels.
pub const CHAT_PREVIEW_SIDE: u32 = 640;
/// A picture of a person or of a room as it comes, bytes.
pub const CHAT_AVATAR_BYTES: usize = 5 * 1024 * 1024;
/// And as it is shown: so many pixels wide and high.
pub const CHAT_AVATAR_SIDE: u32 = 400;
/// How long a browser keeps one without asking, seconds: another picture has another address.
pub const CHAT_AVATAR_CACHED_S: u32 = 2_592_000;
/// How long a file that no message has waits for one, milliseconds.
pub const CHAT_FILE_WAITS_MS: i64 = 3_600_000;
/// How long a link to a file opens it, milliseconds.
pub const CHAT_LINK_MS: i64 = 900_000;
/// Links of a message that are looked up.
pub const CHAT_LINKS: usize = 3;
/// How long is known what a link leads to, milliseconds.
pub const CHAT_LINK_KNOWN_MS: i64 = 86_400_000;
/// What is read of a page that a link leads to, bytes.
pub const CHAT_PAGE_BYTES: usize = 256 * 1024;
/// What is read of a page's picture, bytes.
pub const CHAT_PAGE_PICTURE_BYTES: usize = 4 * 1024 * 1024;
/// Messages whose links are looked up at one time: each may hold a page, its picture and what that is opened to.
pub const CHAT_LOOK_UPS: u32 = 8;
/// Messages of one person whose links are looked up at one time.
pub const CHAT_LOOK_UPS_OF_ONE: u32 = 1;
/// How long looking up one link may take, with its redirects and its picture, milliseconds.
pub const CHAT_LOOK_UP_MS: u64 = 25_000;
/// The links of a message that has been there for longer are not looked up any more, milliseconds.
pub const CHAT_LOOK_UP_LATE_MS: i64 = 600_000;
/// Redirects on the way to a page.
pub const CHAT_PAGE_REDIRECTS: usize = 3;
/// How long one step on the way to a page may take, milliseconds.
pub const CHAT_PAGE_MS: u64 = 8_000;
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
/// Pushes to the browsers of one person that are under way at one time.
pub const CHAT_PUSHES_AT_ONCE: u32 = 4;
/// Pushes that a push service refuses in a row, for good, until the browser is forgotten.
pub const CHAT_PUSH_REFUSALS: i64 = 5;
/// Attempts at one push.
pub const CHAT_PUSH_ATTEMPTS: u32 = 4;
/// One push, milliseconds.
pub const CHAT_PUSH_TIMEOUT_MS: u64 = 15_000;
/// How long a push service has us wait with one push, milliseconds: at least, at most.
pub const CHAT_PUSH_WAIT_MS: (i64, i64) = (60_000, 3_600_000);
/// Unread messages are written about after so long, milliseconds: at least, at most.
pub const CHAT_DIGEST_MS: (i64, i64) = (15 * 60_000, 7 * 86_400_000);
/// Rooms that one such letter names.
pub const CHAT_DIGEST_ROOMS: usize = 20;
/// People, or browsers, that a job of the chat looks at in one transaction.
pub const CHAT_LOOK: usize = 100;
/// How often one request reads on among the people whom somebody shares a room with, a page of them each time.
pub const CHAT_ROOMMATE_PAGES: usize = 10;
/// While the chat is being worked on, who would write is asked to come again after so long, seconds. Open pages hear of its end before.
pub const CHAT_MAINTENANCE_RETRY_S: u32 = 30;
/// How long it is known how many people were online, minute by minute.
pub const CHAT_MINUTES_MS: i64 = 24 * 3_600_000;
