//! How the publications of a namespace reach those who take them slowly.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

/// What becomes of a publication for which a subscriber's queue has no room. Whatever it is, nobody waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Slow {
    /// The connection is closed (3008); its client comes again.
    #[default]
    Disconnect,
    /// What waits of the channel is given up, and the client told to subscribe anew (2500): it reads what it missed from the history.
    Recover,
    /// What waits of the channel is replaced: of the publications whose data say the same under this name; of all without one.
    Conflate(Option<&'static str>),
    /// This subscriber does not get it.
    Drop,
}

impl Slow {
    /// Whether a subscriber may miss one and hear the next.
    pub(crate) fn skips(self) -> bool {
        matches!(self, Self::Conflate(_) | Self::Drop)
    }

    /// As metrics call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Disconnect => "disconnect",
            Self::Recover => "recover",
            Self::Conflate(_) => "conflate",
            Self::Drop => "drop",
        }
    }
}

/// How publications travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) slow: Slow,
    /// How long they may wait to go together with others, milliseconds.
    pub(crate) delay_ms: u32,
}

/// What a JSON object says under a name, as it stands there.
pub(crate) fn said<'a>(data: &'a [u8], name: &str) -> Option<&'a str> {
    // Names may be written with escapes, which cannot be borrowed.
    let members: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(data).ok()?;
    members.get(name).map(|value| value.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_as_it_stands() {
        assert_eq!(said(br#"{"symbol":"ABC","n":1}"#, "symbol"), Some("\"ABC\""));
        assert_eq!(said(br#"{"a\"b":1,"symbol":"ABC"}"#, "symbol"), Some("\"ABC\""));
        for data in [&b"{\"n\":1}"[..], b"[1]", b"no json"] {
            assert_eq!(said(data, "symbol"), None);
        }
    }
}
