//! When a hub is asked for a topic, pure.
//!
//! ```text
//!            the hub asks back, as we asked for          4/5 of the lease are over
//!   asked ─────────────────────────────────────► active ───────────────────────────► active, and asked again
//!     ▲ └─ no word: again after a pause            │  ▲───────── it asks back ─────────────┘ └─ no word: again after a pause
//!     │                                            ├─ the lease ends ──► active, past its end: asked again all the same
//!     └──── after six hours ──── denied ◄── the hub ┘
//!                                 ending ── it asks back ──► gone
//! ```

use crate::store::topics::{State, Topic};

/// A hub that has denied is asked again after this, milliseconds: it may change its mind.
const DENIED_MS: i64 = 6 * 3_600_000;
/// What is asked for, seconds: the longest that the hub of Google grants, and what WebSub (§5.1) proposes.
pub(crate) const LEASE_S: i64 = 864_000;
/// A lease is not renewed sooner than this after it began, milliseconds, whatever a hub grants.
const RENEW_LEAST_MS: i64 = 600_000;
/// The first and the longest pause after a question that was not answered, milliseconds; the pause doubles.
const PAUSE_MS: (i64, i64) = (300_000, 3_600_000);

/// What there is to do for a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ask the hub.
    Ask,
    /// Look again at this time, Unix milliseconds.
    Wait(i64),
}

/// What there is to do now.
pub(crate) fn next(topic: &Topic, now_ms: i64) -> Step {
    let due_ms = due_ms(topic);
    if due_ms <= now_ms { Step::Ask } else { Step::Wait(due_ms) }
}

/// When the hub is to be asked, Unix milliseconds.
pub(crate) fn due_ms(topic: &Topic) -> i64 {
    let again_ms = topic.asked_at_ms.filter(|_| topic.tries > 0).map_or(i64::MIN, |at| at + pause_ms(topic.tries));
    match topic.state {
        State::Denied => topic.changed_at_ms + DENIED_MS,
        State::Asked | State::Ending => again_ms,
        State::Active => {
            let begun_ms = topic.changed_at_ms;
            let granted_ms = topic.lease_until_ms.map_or(0, |until_ms| until_ms - begun_ms);
            (begun_ms + (granted_ms / 5 * 4).max(RENEW_LEAST_MS)).max(again_ms)
        }
    }
}

/// How long a hub is given to ask back, milliseconds.
fn pause_ms(tries: u32) -> i64 {
    let (first, most) = PAUSE_MS;
    first.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(most)
}

/// Until when what a hub grants is believed, Unix milliseconds: no longer than was asked for.
pub(crate) fn until_ms(granted_s: Option<i64>, now_ms: i64) -> i64 {
    now_ms + granted_s.unwrap_or(LEASE_S).clamp(1, LEASE_S) * 1000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;
    const DAY: i64 = 1_440 * MINUTE;

    fn topic(state: State) -> Topic {
        Topic {
            topic: "t".into(),
            state,
            changed_at_ms: 0,
            lease_until_ms: None,
            asked_at_ms: None,
            tries: 0,
            last_error: None,
            generation: 1,
            token: String::new(),
        }
    }

    #[test]
    fn a_wish_is_asked_at_once_and_then_with_longer_and_longer_pauses() {
        for state in [State::Asked, State::Ending] {
            assert_eq!(next(&topic(state), 7), Step::Ask);
            let waits = [5, 10, 20, 40, 60, 60, 60].map(|minutes| minutes * MINUTE);
            for (tries, wait) in (1..).zip(waits) {
                let it = Topic { asked_at_ms: Some(1_000), tries, ..topic(state) };
                assert_eq!(next(&it, 1_000 + wait - 1), Step::Wait(1_000 + wait));
                assert_eq!(next(&it, 1_000 + wait), Step::Ask);
            }
        }
        assert_eq!(next(&topic(State::Denied), 0), Step::Wait(360 * MINUTE), "it may change its mind");
    }

    #[test]
    fn a_lease_is_renewed_at_four_fifths_and_asked_for_on_and_on_when_nobody_answers() {
        let held = Topic { lease_until_ms: Some(5 * DAY), ..topic(State::Active) };
        assert_eq!(next(&held, 4 * DAY - 1), Step::Wait(4 * DAY));
        assert_eq!(next(&held, 4 * DAY), Step::Ask);
        let asked = Topic { asked_at_ms: Some(4 * DAY), tries: 1, ..held };
        assert_eq!(next(&asked, 4 * DAY), Step::Wait(4 * DAY + 5 * MINUTE));
        let late = Topic { asked_at_ms: Some(6 * DAY), tries: 40, ..asked };
        assert_eq!(
            next(&late, 6 * DAY),
            Step::Wait(6 * DAY + 60 * MINUTE),
            "past its end it is asked for all the same"
        );
    }

    #[test]
    fn what_is_granted_is_believed_within_bounds() {
        assert_eq!(until_ms(Some(432_000), 5), 5 + 432_000_000);
        for (granted, seconds) in [(None, LEASE_S), (Some(i64::MAX), LEASE_S), (Some(-5), 1), (Some(0), 1)] {
            assert_eq!(until_ms(granted, 5), 5 + seconds * 1000, "{granted:?}");
        }
        let short = Topic { lease_until_ms: Some(1_000), ..topic(State::Active) };
        assert_eq!(
            next(&short, 1_000),
            Step::Wait(10 * MINUTE),
            "a lease of a second is no reason to ask every second"
        );
    }

    proptest! {
        /// Whatever is stored: never twice within five minutes, and never later than an hour after it is due or was asked.
        #[test]
        fn never_too_often_and_never_forgotten(begun in 0..DAY, granted in 1..LEASE_S, tries in 0..100u32, asked in 0..20 * DAY, active: bool) {
            let state = if active { State::Active } else { State::Asked };
            let it = Topic { changed_at_ms: begun, lease_until_ms: Some(begun + granted * 1000), asked_at_ms: Some(asked), tries, ..topic(state) };
            let due = due_ms(&it);
            if tries > 0 {
                prop_assert!(due >= asked + 5 * MINUTE);
            }
            let lease_ms = if active { begun + (granted * 1000).max(RENEW_LEAST_MS) } else { 0 };
            prop_assert!(due <= lease_ms.max(asked + 60 * MINUTE));
        }
    }
}
