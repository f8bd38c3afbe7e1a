//! Typed, time-ordered identifiers: a prefix that says what it names, then a UUIDv7 (RFC 9562) in Crockford base 32.

use std::fmt;
use std::str::FromStr;

use crate::{Clock, Entropy};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 26;

/// The text is no identifier of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of the form {0}_ and 26 letters or digits")]
pub struct InvalidId(&'static str);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// A fresh id: later ids sort after earlier ones, by millisecond.
            pub fn new(clock: &Clock, entropy: &Entropy) -> Self {
                Self(uuid_v7(clock.now_ms(), entropy))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), Base32(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_")).and_then(parse).map(Self).ok_or(InvalidId($prefix))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// One request of a webhook sender, accepted or not.
    DeliveryId = "dlv";
    /// One receiver of outgoing webhooks.
    EndpointId = "ep";
    /// One event of the log.
    EventId = "evt";
    /// One file that somebody sent.
    FileId = "fil";
    /// One event on its way to one endpoint: the `webhook-id` of every attempt.
    MessageId = "msg";
    /// One person who can sign in.
    PersonId = "usr";
    /// What is shown of a page that a message links to.
    PreviewId = "prv";
    /// One HTTP request, for logs and problem bodies.
    RequestId = "req";
    /// One room of the chat.
    RoomId = "room";
}

fn uuid_v7(now_ms: i64, entropy: &Entropy) -> u128 {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    let time = (now_ms.max(0) as u128 & 0xffff_ffff_ffff) << 80;
    let random = u128::from_be_bytes(bytes) & ((1 << 80) - 1);
    let fields = !((0xf << 76) | (0b11 << 62));
    (time | random) & fields | (0x7 << 76) | (0b10 << 62)
}

struct Base32(u128);

impl fmt::Display for Base32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; LENGTH];
        for (i, slot) in text.iter_mut().enumerate() {
            *slot = ALPHABET[(self.0 >> (5 * (LENGTH - 1 - i))) as usize & 31];
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

fn parse(text: &str) -> Option<u128> {
    // 26 digits hold 130 bits: a first digit over 7 would not fit.
    if text.len() != LENGTH || text.as_bytes()[0] > b'7' {
        return None;
    }
    text.bytes().try_fold(0u128, |value, byte| {
        ALPHABET.iter().position(|letter| *letter == byte).map(|digit| value << 5 | digit as u128)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_sort_by_time_and_carry_version_7() {
        let (clock, entropy) = (Clock::manual(1_700_000_000_000), Entropy::seeded(1));
        let first = EventId::new(&clock, &entropy);
        clock.advance(1);
        let second = EventId::new(&clock, &entropy);
        assert!(first < second && first.to_string() < second.to_string());
        assert_eq!((first.0 >> 76) & 0xf, 7);
        assert_eq!((first.0 >> 62) & 0b11, 0b10);
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let id = EventId::new(&Clock::manual(0), &Entropy::seeded(2)).to_string();
        assert!(id.parse::<EventId>().is_ok());
        assert_eq!(id.parse::<DeliveryId>(), Err(InvalidId("dlv")));
        assert!("evt_".parse::<EventId>().is_err());
        assert!("evt_zzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<EventId>().is_err());
    }

    proptest! {
        #[test]
        fn text_and_value_agree(value: u128) {
            prop_assert_eq!(EventId(value).to_string().parse::<EventId>(), Ok(EventId(value)));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in ".*") {
            let _ = text.parse::<EventId>();
        }
    }
}
