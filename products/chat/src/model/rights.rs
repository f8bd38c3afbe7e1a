//! Who may do what in a room.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a person is in a room. In a direct room both are members, and nobody manages it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChatRole)]
pub(crate) enum Role {
    /// One a group: made it, or was handed it. Can be neither removed nor demoted.
    Owner,
    /// Manages the group with the owner.
    Admin,
    /// Reads and writes.
    Member,
}

impl Role {
    /// As it is stored.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }

    /// From what is stored.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        [Self::Owner, Self::Admin, Self::Member].into_iter().find(|role| role.word() == word)
    }

    /// Whether it names the room and decides who is in it.
    pub(crate) const fn manages(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }
}

/// Whether one may take another out of the room.
pub(crate) fn may_remove(by: Role, whom: Role) -> bool {
    by.manages() && whom != Role::Owner
}

/// Whether one may make another what `to` says. The owner alone hands the room over, and nobody demotes the owner.
pub(crate) fn may_set(by: Role, from: Role, to: Role) -> bool {
    match to {
        Role::Owner => by == Role::Owner,
        Role::Admin | Role::Member => by.manages() && from != Role::Owner,
    }
}

/// Whether one may delete a message. Nobody edits another's.
pub(crate) fn may_delete(by: Role, own: bool) -> bool {
    own || by.manages()
}

/// Whether one may pin: who manages a group, both in a direct room.
pub(crate) fn may_pin(by: Role, direct: bool) -> bool {
    direct || by.manages()
}
