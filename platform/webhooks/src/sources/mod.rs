//! The senders we know: a file each, a line each.

use crate::scheme::Sender;

mod discord;
mod discord_events;
mod generic;
mod github;
mod gitlab;
mod kick;
mod linear;
mod railway;
mod shopify;
mod slack;
mod standard;
mod stripe;
mod svix;
mod twitch;
mod youtube;

/// All of them, by name.
pub const ALL: &[Sender<'static>] = &[
    discord::SENDER,
    discord_events::SENDER,
    generic::SENDER,
    github::SENDER,
    gitlab::SENDER,
    kick::SENDER,
    linear::SENDER,
    railway::SENDER,
    shopify::SENDER,
    slack::SENDER,
    standard::SENDER,
    stripe::SENDER,
    svix::SENDER,
    twitch::SENDER,
    youtube::SENDER,
];

/// The sender of this name.
pub fn find(name: &str) -> Option<&'static Sender<'static>> {
    ALL.iter().find(|sender| sender.name == name)
}

/// The words that a sender's constant is written in.
mod prelude {
    pub(super) use crate::scheme::Answer::{self, Echo, Empty};
    pub(super) use crate::scheme::Few::{Many, One};
    pub(super) use crate::scheme::Format::{Atom, FormField, FormFields, Json};
    pub(super) use crate::scheme::Place::{self, Body, Digest, Entry, Header};
    pub(super) use crate::scheme::TypeRule::{Always, From, Has, When};
    pub(super) use crate::scheme::{
        Algorithm, Encoding, Handshake, KeyForm, MadeAs, Proof, Published, SecretFrom, Sender, Timestamp, Unit, Vector,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_each_sender_says_what_it_must() {
        assert!(ALL.is_sorted_by_key(|sender| sender.name));
        for sender in ALL {
            assert!(!sender.name.is_empty() && !sender.family.is_empty(), "{}", sender.name);
            assert!(sender.documentation.starts_with("https://"), "{}", sender.name);
            assert!(!sender.formats.is_empty() && sender.resends_days >= 7, "{}", sender.name);
            assert_eq!(sender.vectors.is_empty(), sender.proofs.is_empty(), "{} has a vector", sender.name);
            assert!(!sender.proofs.is_empty() || sender.secret_address, "{} proves nothing", sender.name);
        }
    }
}
