//! What a token lets its client do on which channels (`caps`). It only ever gives: what several give is added up.

use kernel::limits;
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::doorman::BadClaims;

/// What may be done on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    Subscribe,
    Publish,
    Presence,
    History,
}

impl Right {
    const ALL: [(&'static str, Self); 4] =
        [("sub", Self::Subscribe), ("pub", Self::Publish), ("prs", Self::Presence), ("hst", Self::History)];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// One member of the claim.
#[derive(Deserialize)]
pub(super) struct Cap {
    #[serde(default)]
    channels: Vec<String>,
    #[serde(default, rename = "match")]
    how: String,
    #[serde(default)]
    allow: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caps(Vec<(Pattern, u8)>);

#[derive(Clone, Debug)]
enum Pattern {
    Exact(String),
    /// `*` is any text, also none.
    Wildcard(String),
    /// Over bytes and without look-around: linear in the name of the channel.
    Regex(Regex),
}

impl Pattern {
    fn text(&self) -> (u8, &str) {
        match self {
            Self::Exact(text) => (0, text),
            Self::Wildcard(text) => (1, text),
            Self::Regex(regex) => (2, regex.as_str()),
        }
    }

    fn matches(&self, channel: &str) -> bool {
        match self {
            Self::Exact(text) => text == channel,
            Self::Wildcard(text) => is_like(text.as_bytes(), channel.as_bytes()),
            Self::Regex(regex) => regex.is_match(channel.as_bytes()),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Pattern {}

impl Caps {
    pub(crate) fn give(&self, channel: &str, right: Right) -> bool {
        self.0.iter().any(|(pattern, rights)| rights & right.bit() != 0 && pattern.matches(channel))
    }
}

impl TryFrom<Vec<Cap>> for Caps {
    type Error = BadClaims;

    fn try_from(claims: Vec<Cap>) -> Result<Self, BadClaims> {
        let wrong = |what: &str| BadClaims::Form(format!("caps: {what}"));
        let (mut all, mut regexes) = (Vec::new(), 0);
        for Cap { channels, how, allow } in claims {
            let given = |(name, right): &(&str, Right)| allow.iter().any(|it| it == name).then(|| right.bit());
            // A word that is not known gives nothing.
            let rights = Right::ALL.iter().filter_map(given).sum();
            for text in channels {
                if text.len() > limits::CHANNEL_BYTES || all.len() == limits::CAP_PATTERNS {
                    return Err(wrong("too many patterns, or one that is too long"));
                }
                let pattern = match how.as_str() {
                    "" => Pattern::Exact(text),
                    "wildcard" => Pattern::Wildcard(text),
                    "regex" => {
                        regexes += 1;
                        if regexes > limits::CAP_REGEXES {
                            return Err(wrong("too many regular expressions"));
                        }
                        Pattern::Regex(regex(&text).ok_or_else(|| wrong("no regular expression, or too large a one"))?)
                    }
                    _ => return Err(wrong("a kind of match that is not known")),
                };
                all.push((pattern, rights));
            }
        }
        Ok(Self(all))
    }
}

/// As in Go, which those who write tokens for Centrifugo know: classes are ASCII, and it may match anywhere.
fn regex(text: &str) -> Option<Regex> {
    let mut builder = RegexBuilder::new(text);
    builder.unicode(false).size_limit(limits::CAP_REGEX_BYTES).dfa_size_limit(limits::CAP_REGEX_BYTES).build().ok()
}

/// Goes back to the last star only, so at most the product of the two lengths.
pub(crate) fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read, mut back) = (0, 0, None);
    while read < text.len() {
        if pattern.get(at) == Some(&b'*') {
            back = Some((at, read));
            at += 1;
        } else if pattern.get(at) == Some(&text[read]) {
            (at, read) = (at + 1, read + 1);
        } else if let Some((star, from)) = back {
            (at, read, back) = (star + 1, from + 1, Some((star, from + 1)));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn caps(claim: Value) -> Result<Caps, BadClaims> {
        serde_json::from_value::<Vec<Cap>>(claim).expect("a claim").try_into()
    }

    #[test]
    fn what_several_give_is_added_up() {
        let caps = caps(json!([
            { "channels": ["news:a"], "allow": ["sub", "hst"] },
            { "channels": ["news:*", "*:open"], "match": "wildcard", "allow": ["pub", "dance"] },
            { "channels": ["^user_[\\d]+$"], "match": "regex", "allow": ["prs"] },
            { "channels": ["news:b"] },
        ]));
        let caps = caps.expect("good");
        let give = |channel| Right::ALL.map(|(_, right)| caps.give(channel, right));
        assert_eq!(give("news:a"), [true, true, false, true]);
        assert_eq!(give("news:b"), [false, true, false, false]);
        assert_eq!(give("x:open"), [false, true, false, false]);
        assert_eq!(give("user_12"), [false, false, true, false]);
        for nothing in ["user_", "user_12:", "news", "x", ""] {
            assert_eq!(give(nothing), [false; 4], "{nothing}");
        }
    }

    #[test]
    fn patterns_are_bounded() {
        let of =
            |channels: Vec<String>, how: &str| caps(json!([{ "channels": channels, "match": how, "allow": ["sub"] }]));
        assert!(of(vec!["a".to_owned(); limits::CAP_PATTERNS], "").is_ok());
        for wrong in [
            of(vec!["a".to_owned(); limits::CAP_PATTERNS + 1], ""),
            of(vec!["a".to_owned(); limits::CAP_REGEXES + 1], "regex"),
            of(vec!["a".repeat(limits::CHANNEL_BYTES + 1)], ""),
            of(vec!["(".to_owned()], "regex"),
            of(vec!["((a{99}){99}){99}".to_owned()], "regex"),
            of(vec!["(?=a)".to_owned()], "regex"),
        ] {
            assert!(matches!(wrong, Err(BadClaims::Form(_))), "{wrong:?}");
        }
    }

    #[test]
    fn a_pattern_that_others_would_go_through_for_ever_is_soon_done() {
        let name = "a".repeat(limits::CHANNEL_BYTES);
        assert!(!is_like("*a".repeat(120).as_bytes(), format!("{name}b").as_bytes()));
        assert!(!regex("^(a|a)*b$").expect("a regex").is_match(name.as_bytes()));
    }

    proptest! {
        #[test]
        fn a_star_is_any_text(parts in prop::collection::vec("[ab]{0,3}", 1..5), between in prop::collection::vec("[abc]{0,3}", 5)) {
            let text: String = parts.iter().zip(&between).map(|(part, more)| format!("{part}{more}")).collect();
            let pattern = format!("{}*", parts.join("*"));
            prop_assert!(is_like(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn as_the_regex_of_the_same_meaning(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
            let same = Regex::new(&format!("^{}$", pattern.replace('*', ".*"))).expect("a regex");
            prop_assert_eq!(is_like(pattern.as_bytes(), text.as_bytes()), same.is_match(text.as_bytes()));
        }
    }
}
