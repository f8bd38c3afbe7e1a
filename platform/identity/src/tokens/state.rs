//! The life of a signing key, pure: when the next one takes over, and when an old one may go.
//!
//! ```text
//! next ──(30 days, or a call)──► current ──(the next takes over)──► old ──(its last token has ended)──► gone
//! ```
//!
//! There is always a next one, published before it signs: whoever keeps our keys for as long as they may knows it by then.

use kernel::limits;

/// How long an old key stays: another process may sign with it until it looks again, the token lives, and is read with leeway.
const OLD_MS: i64 = limits::TOKEN_TTL_MS + limits::TOKEN_KEYS_LOOK_MS + 2 * limits::TOKEN_LEEWAY_MS;

/// When what happened to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) made_at_ms: i64,
    pub(crate) signs_from_ms: Option<i64>,
    pub(crate) signed_until_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Next,
    Current,
    Old,
    Gone,
}

/// What is to be done with the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing.
    Stay,
    /// There is none yet: make a current and a next one.
    Begin,
    /// The next one signs from now on, and another next one is made.
    Rotate,
}

impl Life {
    pub(crate) fn phase(&self, now_ms: i64) -> Phase {
        match (self.signs_from_ms, self.signed_until_ms) {
            (None, _) => Phase::Next,
            (Some(_), None) => Phase::Current,
            (Some(_), Some(until_ms)) if now_ms <= until_ms.saturating_add(OLD_MS) => Phase::Old,
            (Some(_), Some(_)) => Phase::Gone,
        }
    }
}

/// What is due. Somebody's call (`now`) brings the rotation forward, but never to a key that has not been published for as long as
/// others may keep our keys: so two calls at the same time are one.
pub(crate) fn due(keys: &[Life], now_ms: i64, now: bool) -> Turn {
    let find = |phase| keys.iter().find(|key| key.phase(now_ms) == phase);
    let (Some(current), Some(next)) = (find(Phase::Current), find(Phase::Next)) else { return Turn::Begin };
    let published = now_ms.saturating_sub(next.made_at_ms) >= limits::TOKEN_KEYS_MAX_AGE_S * 1000;
    let since_ms = now_ms.saturating_sub(current.signs_from_ms.unwrap_or(now_ms));
    if published && (now || since_ms >= limits::TOKEN_KEY_MS) { Turn::Rotate } else { Turn::Stay }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn two(at_ms: i64) -> Vec<Life> {
        let next = Life { made_at_ms: at_ms, signs_from_ms: None, signed_until_ms: None };
        vec![Life { signs_from_ms: Some(at_ms), ..next.clone() }, next]
    }

    /// As the store does it.
    fn turn(keys: &mut Vec<Life>, now_ms: i64, now: bool) -> Turn {
        keys.retain(|key| key.phase(now_ms) != Phase::Gone);
        let turn = due(keys, now_ms, now);
        match turn {
            Turn::Stay => {}
            Turn::Begin => *keys = two(now_ms),
            Turn::Rotate => {
                for key in keys.iter_mut() {
                    match key.phase(now_ms) {
                        Phase::Current => key.signed_until_ms = Some(now_ms),
                        Phase::Next => key.signs_from_ms = Some(now_ms),
                        Phase::Old | Phase::Gone => {}
                    }
                }
                keys.push(Life { made_at_ms: now_ms, signs_from_ms: None, signed_until_ms: None });
            }
        }
        turn
    }

    #[test]
    fn a_key_signs_for_thirty_days() {
        let mut keys = Vec::new();
        assert_eq!(turn(&mut keys, 0, false), Turn::Begin);
        assert_eq!(turn(&mut keys, 30 * DAY_MS - 1, false), Turn::Stay);
        assert_eq!(turn(&mut keys, 30 * DAY_MS, false), Turn::Rotate);
        assert_eq!(keys.len(), 3, "the old one, the current one and the next one");
        assert_eq!(turn(&mut keys, 30 * DAY_MS + OLD_MS, false), Turn::Stay);
        assert_eq!(keys.len(), 3, "a token of the old one may still be read");
        turn(&mut keys, 30 * DAY_MS + OLD_MS + 1, false);
        assert_eq!(keys.len(), 2);
    }

    #[test]
    fn a_call_waits_for_the_next_key_to_be_known() {
        let mut keys = two(0);
        assert_eq!(turn(&mut keys, 299_999, true), Turn::Stay);
        assert_eq!(turn(&mut keys, 300_000, true), Turn::Rotate);
        assert_eq!(turn(&mut keys, 300_000, true), Turn::Stay, "the second of two calls");
        assert_eq!(turn(&mut keys, 600_000, true), Turn::Rotate);
    }

    proptest! {
        #[test]
        fn a_key_is_published_before_it_signs_and_until_its_tokens_have_ended(
            steps in prop::collection::vec((0..2 * DAY_MS, any::<bool>()), 1..60),
        ) {
            let (mut keys, mut now_ms) = (two(0), 0);
            for (wait_ms, call) in steps {
                now_ms += wait_ms;
                let before = keys.clone();
                let turned = turn(&mut keys, now_ms, call);
                let of = |phase| keys.iter().filter(|key| key.phase(now_ms) == phase).count();
                prop_assert_eq!((of(Phase::Current), of(Phase::Next)), (1, 1));
                if turned == Turn::Rotate {
                    let signer = keys.iter().find(|key| key.phase(now_ms) == Phase::Current).expect("one");
                    prop_assert!(now_ms - signer.made_at_ms >= limits::TOKEN_KEYS_MAX_AGE_S * 1000);
                }
                for gone in before.iter().filter(|key| key.phase(now_ms) == Phase::Gone) {
                    let last_token_ms = gone.signed_until_ms.expect("old") + limits::TOKEN_KEYS_LOOK_MS + limits::TOKEN_TTL_MS;
                    prop_assert!(last_token_ms + limits::TOKEN_LEEWAY_MS < now_ms);
                }
            }
        }

        #[test]
        fn any_times_are_borne(made_at_ms: i64, from: Option<i64>, until: Option<i64>, now_ms: i64, now: bool) {
            let key = Life { made_at_ms, signs_from_ms: from, signed_until_ms: until };
            let next = Life { made_at_ms, signs_from_ms: None, signed_until_ms: None };
            due(&[key, next], now_ms, now);
        }
    }
}
