//! What the chat says in the event log. No event holds what people wrote: who must know reads the message, while it is there.

use events::EventType;
use host::Product;
use serde::{Deserialize, Serialize};

use crate::model::{Role, Status};
use crate::store::Directory;

macro_rules! facts {
    ($($(#[doc = $doc:literal])* $name:ident = $kind:literal { $($(#[$says:meta])* $field:ident: $of:ty,)* })*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
            pub(crate) struct $name {
                /// The room.
                pub(crate) room: String,
                /// Its number in the room's log: the offset on the room's channel.
                pub(crate) seq: i64,
                /// Who did it.
                pub(crate) by: String,
                $($(#[$says])* pub(crate) $field: $of,)*
            }

            impl EventType for $name {
                const TYPE: &'static str = $kind;
            }
        )*

        /// Declares all of them.
        pub(crate) fn declare(product: Product) -> Product {
            product$(.event::<$name>())*
        }
    };
}

facts! {
    /// A room was made.
    RoomCreated = "chat.room.created" {
        /// Between two people.
        direct: bool,
        /// Who is in it from the beginning.
        members: Vec<String>,
    }
    /// A room has another name, description or picture.
    RoomChanged = "chat.room.changed" {}
    /// A room is gone.
    RoomDeleted = "chat.room.deleted" {
        /// Who was in it.
        members: Vec<String>,
    }
    /// Somebody is in a room.
    MemberJoined = "chat.member.joined" {
        person: String,
    }
    /// Somebody is in a room no more.
    MemberLeft = "chat.member.left" {
        person: String,
    }
    /// Somebody is something else in a room.
    MemberRole = "chat.member.role" {
        person: String,
        role: Role,
    }
    /// Somebody said something.
    MessageSent = "chat.message.sent" {
        /// Its number.
        message: i64,
        /// Whom it mentions.
        mentions: Vec<String>,
        /// The message that it answers.
        reply_to: Option<i64>,
    }
    /// A message has another text.
    MessageEdited = "chat.message.edited" {
        message: i64,
        mentions: Vec<String>,
        /// Of these, whom it did not mention before.
        #[serde(default)]
        added: Vec<String>,
        /// Whom it mentioned before, and mentions no more.
        #[serde(default)]
        dropped: Vec<String>,
    }
    /// What the links of a message lead to is known.
    MessagePreviewed = "chat.message.previewed" {
        message: i64,
    }
    /// A message is gone.
    MessageDeleted = "chat.message.deleted" {
        message: i64,
        sender: String,
    }
    /// Somebody has hidden a message from itself, or sees it again. It is in no room's log: `seq` is 0.
    MessageHidden = "chat.message.hidden" {
        message: i64,
        /// Whether it is hidden now.
        on: bool,
    }
    /// Somebody put an emoji under a message, or took it back.
    ReactionChanged = "chat.reaction.changed" {
        message: i64,
        emoji: String,
        /// Whether it is there now.
        on: bool,
    }
    /// Somebody has got, or read, more than before. It is in no room's log: `seq` is 0.
    ReceiptMoved = "chat.receipt.moved" {
        /// Up to this number.
        read: i64,
        /// Up to this number.
        delivered: i64,
    }
    /// A message was pinned, or is no more.
    PinChanged = "chat.pin.changed" {
        message: i64,
        on: bool,
    }
    /// Somebody has muted or archived a room for himself. It is in no room's log: `seq` is 0.
    MineChanged = "chat.mine.changed" {
        /// No pushes before this time, Unix milliseconds.
        muted_until_ms: i64,
        archived: bool,
    }
}

/// Somebody has another picture, or none any more.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct AvatarChanged {
    /// Whose: a person changes its own alone.
    pub(crate) person: String,
    /// The picture that was given.
    pub(crate) avatar: Option<String>,
}

impl EventType for AvatarChanged {
    const TYPE: &'static str = "chat.avatar.changed";
}

/// Others see something else of where a person is: it has the chat open or not any more, does something there or not, or said so itself.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct StatusChanged {
    /// Who.
    pub(crate) by: String,
    pub(crate) status: Status,
    /// Whether the person has said that it is away.
    pub(crate) away: bool,
    /// Whether others are shown when it was last seen.
    pub(crate) shows_last_seen: bool,
}

impl EventType for StatusChanged {
    const TYPE: &'static str = "chat.status.changed";
}

/// What holds in all rooms was changed.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct SettingsChanged {
    /// Who did it: a person, or `admin` by a link or a key. Empty of old ones.
    #[serde(default)]
    pub(crate) by: String,
    /// What is not as it was, by name.
    #[serde(default)]
    pub(crate) changed: Vec<String>,
    /// How often the settings were saved.
    #[serde(default)]
    pub(crate) version: i64,
    /// People of a room.
    pub(crate) max_members: i64,
    /// Characters of a message.
    pub(crate) max_message_chars: i64,
    /// Messages are kept for so many days; 0 keeps them for ever.
    pub(crate) retention_days: i64,
    /// Whose names people are shown.
    #[serde(default)]
    pub(crate) directory: Directory,
    /// Who is no administrator reads and does not write.
    #[serde(default)]
    pub(crate) maintenance: bool,
    /// People may come by themselves, as far as the server's settings allow.
    #[serde(default = "yes")]
    pub(crate) registrations: bool,
    /// Pushes and letters are sent.
    #[serde(default = "yes")]
    pub(crate) notifications: bool,
    /// It is counted how much is said and who is there.
    #[serde(default = "yes")]
    pub(crate) analytics: bool,
}

/// As it was before there was a switch.
fn yes() -> bool {
    true
}

impl EventType for SettingsChanged {
    const TYPE: &'static str = "chat.settings.changed";
}
