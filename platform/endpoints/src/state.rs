//! The rules, pure: what an answer means, when the next attempt is due, and how an endpoint's health goes.
//!
//! ```text
//!  message:   pending ──2xx──► delivered          endpoint:   enabled ──410, or only failures for days──► disabled
//!              │  ▲ │                                            │  ▲──────────── a person ────────────────┘ ▲
//!       failed,│  │ └─the last attempt,──► failed                └───────────────── a person ────────────────┘
//!         again└──┘   410, endpoint disabled │
//!              ▲─────── a person ────────────┘
//! ```

use serde::{Deserialize, Serialize};

/// Where a message is. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = MessageState)]
pub enum State {
    /// An attempt is due, or will be.
    Pending = 0,
    /// The endpoint said 2xx. An end.
    Delivered = 1,
    /// Given up. An end, until a person sends it again.
    Failed = 2,
}

impl State {
    /// The state of a stored number.
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Failed].into_iter().find(|state| *state as i64 == number)
    }
}

/// Why an endpoint gets nothing. The words are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DisabledWhy)]
pub enum Why {
    /// A person said so.
    Owner,
    /// Every attempt failed for too long.
    Failing,
    /// It answered 410 Gone.
    Gone,
}

impl Why {
    /// The stored word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }

    /// The reason of a stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Owner, Self::Failing, Self::Gone].into_iter().find(|why| why.word() == word)
    }
}

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx.
    Delivered,
    /// Anything else, or no answer; with the time before which the endpoint asked not to be tried again, Unix milliseconds.
    Failed(Option<i64>),
    /// 410: nobody wants these any more.
    Gone,
    /// It can never be sent.
    Impossible,
}

/// Judges a status (Standard Webhooks: only 2xx is success, a redirect is a failure, 410 asks to stop).
pub fn judge(status: u16, retry_at_ms: Option<i64>) -> Outcome {
    match status {
        200..=299 => Outcome::Delivered,
        410 => Outcome::Gone,
        429 | 503 => Outcome::Failed(retry_at_ms),
        _ => Outcome::Failed(None),
    }
}

const S: i64 = 1_000;
const M: i64 = 60 * S;
const H: i64 = 60 * M;
/// The pauses that Standard Webhooks proposes, before each attempt: three days and a little in all.
const PAUSES_MS: [i64; 10] = [0, 5 * S, 5 * M, 30 * M, 2 * H, 5 * H, 10 * H, 14 * H, 20 * H, 24 * H];
/// The longest pause that an endpoint's own `Retry-After` can make.
const ASKED_MOST_MS: i64 = 24 * H;

/// Attempts at a message before it is given up.
pub const ATTEMPTS: u32 = PAUSES_MS.len() as u32;

/// When the next attempt is due after `made` of them; `None`: no more. `unit` is a die in `0.0..1.0`: up to a tenth is added,
/// so that what failed together comes back apart.
pub fn next_at_ms(made: u32, now_ms: i64, asked_ms: Option<i64>, unit: f64) -> Option<i64> {
    let pause = *PAUSES_MS.get(made as usize)?;
    let own = now_ms + pause + (unit.clamp(0.0, 1.0) * (pause / 10) as f64) as i64;
    Some(own.max(asked_ms.unwrap_or(own).min(now_ms + ASKED_MOST_MS)))
}

/// How an endpoint is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Attempts that failed since the last that succeeded.
    pub failures: u32,
    /// The first of them, Unix milliseconds.
    pub failing_since_ms: Option<i64>,
    /// When its owner was warned, Unix milliseconds.
    pub warned_at_ms: Option<i64>,
}

/// What its health asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Nothing.
    Fine,
    /// Tell its owner that it fails: half of the time is over.
    Warn,
    /// Disable it, and tell its owner.
    Disable(Why),
}

impl Health {
    /// Health after an attempt, where an endpoint that only fails is disabled after `patience_ms`.
    #[must_use]
    pub fn after(self, outcome: Outcome, now_ms: i64, patience_ms: i64) -> (Self, Advice) {
        let failed = Self {
            failures: self.failures.saturating_add(1),
            failing_since_ms: Some(self.failing_since_ms.unwrap_or(now_ms)),
            ..self
        };
        let failing_ms = now_ms - failed.failing_since_ms.unwrap_or(now_ms);
        match outcome {
            Outcome::Delivered => (Self::default(), Advice::Fine),
            // That a message is too large says nothing about its endpoint.
            Outcome::Impossible => (self, Advice::Fine),
            Outcome::Gone => (failed, Advice::Disable(Why::Gone)),
            Outcome::Failed(_) if failing_ms >= patience_ms => (failed, Advice::Disable(Why::Failing)),
            Outcome::Failed(_) if failing_ms >= patience_ms / 2 && self.warned_at_ms.is_none() => {
                (Self { warned_at_ms: Some(now_ms), ..failed }, Advice::Warn)
            }
            Outcome::Failed(_) => (failed, Advice::Fine),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 24 * H;

    #[test]
    fn only_2xx_is_success() {
        for (status, outcome) in [
            (200, Outcome::Delivered),
            (204, Outcome::Delivered),
            (299, Outcome::Delivered),
            (100, Outcome::Failed(None)),
            (301, Outcome::Failed(None)),
            (302, Outcome::Failed(None)),
            (400, Outcome::Failed(None)),
            (404, Outcome::Failed(None)),
            (410, Outcome::Gone),
            (429, Outcome::Failed(Some(7))),
            (500, Outcome::Failed(None)),
            (503, Outcome::Failed(Some(7))),
        ] {
            assert_eq!(judge(status, Some(7)), outcome, "{status}");
        }
    }

    #[test]
    fn the_schedule_is_that_of_standard_webhooks() {
        let pauses: Vec<_> = (0..ATTEMPTS).map(|made| next_at_ms(made, 0, None, 0.0).expect("due") / S).collect();
        assert_eq!(pauses, [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        assert_eq!(next_at_ms(ATTEMPTS, 0, Some(5), 0.0), None, "asking for more time is no further attempt");
        assert_eq!(next_at_ms(1, 100, Some(60_100), 0.0), Some(60_100));
        assert_eq!(next_at_ms(1, 100, Some(7), 0.0), Some(5_100), "nobody is tried sooner because they ask");
        assert_eq!(next_at_ms(1, 0, Some(i64::MAX), 0.0), Some(DAY));
    }

    #[test]
    fn an_endpoint_that_only_fails_is_warned_once_and_disabled_in_the_end() {
        let (mut health, mut told) = (Health::default(), Vec::new());
        for hour in 0..=120 {
            let (after, advice) = health.after(Outcome::Failed(None), hour * H, 5 * DAY);
            if advice != Advice::Fine {
                told.push((hour, advice));
            }
            health = after;
        }
        assert_eq!(told, [(60, Advice::Warn), (120, Advice::Disable(Why::Failing))]);
        assert_eq!((health.failures, health.failing_since_ms), (121, Some(0)));
        assert_eq!(health.after(Outcome::Delivered, 121 * H, 5 * DAY), (Health::default(), Advice::Fine));
        let gone = Health::default().after(Outcome::Gone, 0, 5 * DAY);
        assert_eq!(gone.1, Advice::Disable(Why::Gone));
    }

    proptest! {
        #[test]
        fn pauses_stay_in_bounds(made in 0..ATTEMPTS, now in 0..i64::MAX / 4, asked: Option<i64>, unit in 0.0..1.0f64) {
            let next = next_at_ms(made, now, asked, unit).expect("due");
            prop_assert!(next >= now + PAUSES_MS[made as usize]);
            prop_assert!(next <= now + 24 * H + 24 * H / 10);
        }

        #[test]
        fn health_counts_since_the_last_success(story in prop::collection::vec((0..3u8, 1..30 * H), 0..60)) {
            let (mut now, mut health, mut failures, mut since, mut warned) = (0, Health::default(), 0, None, false);
            for (what, step) in story {
                now += step;
                let outcome = if what == 0 { Outcome::Delivered } else { Outcome::Failed(None) };
                let (after, advice) = health.after(outcome, now, 5 * DAY);
                if what == 0 { (failures, since, warned) = (0, None, false) } else { failures += 1; since = since.or(Some(now)); }
                prop_assert_eq!((after.failures, after.failing_since_ms), (failures, since));
                prop_assert!(!(advice == Advice::Warn && warned), "warned once a spell");
                warned |= advice == Advice::Warn;
                prop_assert_eq!(advice == Advice::Disable(Why::Failing), since.is_some_and(|since| now - since >= 5 * DAY));
                health = after;
            }
        }
    }
}
