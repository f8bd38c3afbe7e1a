//! When an issuer is asked for its keys, pure.
//!
//! ```text
//!          answered            4/5 of their time            their time                    a day more
//! ────────────┼─────── fresh ───────┼─── asked beside ──────────┼── asked first; else stale ──┼── none
//! ```
//!
//! Between two questions lies a pause, whatever happens: neither forged names of keys nor an issuer that is down make it more. Once it
//! is known to be down, nobody waits for it who can do without.

use kernel::limits;

/// What is known of an issuer's answers.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    answered: Option<Answered>,
    tried_at_ms: Option<i64>,
    /// Whether the last question got no answer.
    failed: bool,
    /// Questions so far: whoever waited for one sees that it was asked.
    pub(crate) tries: u64,
}

#[derive(Debug)]
struct Answered {
    at_ms: i64,
    kept_ms: i64,
}

/// What to do before a token is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    Use,
    /// Ask, and use what is there meanwhile.
    Beside,
    /// Ask, and wait for it.
    Ask,
    /// Wait for the question that is under way.
    Wait,
}

impl Asked {
    /// What to do now; `missing` when a token names a key that is not among those that are there, `under_way` while somebody asks.
    pub(crate) fn step(&self, now_ms: i64, missing: bool, under_way: bool) -> Step {
        let wanted = match &self.answered {
            Some(answered) if !missing => self.refresh(answered, now_ms),
            _ => Step::Ask,
        };
        let pause_ms = if self.is_believed(now_ms) { limits::ISSUER_PAUSE_MS } else { limits::ISSUER_RETRY_MS };
        let paused = self.tried_at_ms.is_some_and(|at_ms| (0..pause_ms).contains(&now_ms.saturating_sub(at_ms)));
        match wanted {
            Step::Ask if under_way => Step::Wait,
            _ if under_way || paused => Step::Use,
            wanted => wanted,
        }
    }

    fn refresh(&self, answered: &Answered, now_ms: i64) -> Step {
        let age_ms = now_ms.saturating_sub(answered.at_ms);
        if (0..answered.kept_ms / 5 * 4).contains(&age_ms) {
            return Step::Use;
        }
        let fresh = (0..answered.kept_ms).contains(&age_ms);
        if fresh || self.failed && self.is_believed(now_ms) { Step::Beside } else { Step::Ask }
    }

    /// Whether the keys that are there are believed still.
    pub(crate) fn is_believed(&self, now_ms: i64) -> bool {
        self.answered.as_ref().is_some_and(|Answered { at_ms, kept_ms }| {
            now_ms.saturating_sub(*at_ms) < kept_ms.saturating_add(limits::ISSUER_STALE_MS)
        })
    }

    /// A question begins.
    pub(crate) fn ask(&mut self, now_ms: i64) {
        self.tried_at_ms = Some(now_ms);
        self.tries += 1;
    }

    /// Keys came, which may be kept for so long; [`limits::ISSUER_KEPT_MS`] has the last word.
    pub(crate) fn answer(&mut self, now_ms: i64, kept_ms: i64) {
        let (least_ms, most_ms) = limits::ISSUER_KEPT_MS;
        self.answered = Some(Answered { at_ms: now_ms, kept_ms: kept_ms.clamp(least_ms, most_ms) });
        self.failed = false;
    }

    /// No keys came.
    pub(crate) fn fail(&mut self) {
        self.failed = true;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn answered(kept_ms: i64) -> Asked {
        let mut asked = Asked::default();
        asked.ask(0);
        asked.answer(0, kept_ms);
        asked
    }

    #[test]
    fn keys_are_asked_for_before_they_are_old_and_believed_for_a_day_longer() {
        assert_eq!(Asked::default().step(0, false, false), Step::Ask);
        let asked = answered(HOUR_MS);
        for (at_ms, step, believed) in [
            (0, Step::Use, true),
            (HOUR_MS / 5 * 4 - 1, Step::Use, true),
            (HOUR_MS / 5 * 4, Step::Beside, true),
            (HOUR_MS, Step::Ask, true),
            (25 * HOUR_MS - 1, Step::Ask, true),
            (25 * HOUR_MS, Step::Ask, false),
            (i64::MAX, Step::Ask, false),
            (-HOUR_MS, Step::Ask, true),
        ] {
            assert_eq!((asked.step(at_ms, false, false), asked.is_believed(at_ms)), (step, believed), "at {at_ms}");
        }
    }

    #[test]
    fn what_an_issuer_says_about_time_is_bounded() {
        assert_eq!(answered(0).step(299_999 / 5 * 4 - 1, false, false), Step::Use);
        assert_eq!(answered(0).step(300_000, false, false), Step::Ask);
        assert_eq!(answered(i64::MAX).step(24 * HOUR_MS, false, false), Step::Ask);
        assert_eq!(answered(i64::MIN).step(60_000, false, false), Step::Use);
    }

    #[test]
    fn a_missing_key_is_asked_for_once_in_half_a_minute() {
        let mut asked = answered(HOUR_MS);
        assert_eq!(asked.step(29_999, true, false), Step::Use);
        assert_eq!(asked.step(30_000, true, false), Step::Ask);
        asked.ask(30_000);
        assert_eq!(asked.step(30_000, true, false), Step::Use, "whether it was answered or not");
        assert_eq!(asked.step(60_000, true, false), Step::Ask);
    }

    #[test]
    fn one_asks_and_whoever_needs_the_answer_waits_for_it() {
        assert_eq!(Asked::default().step(0, false, true), Step::Wait);
        let mut asked = answered(HOUR_MS);
        assert_eq!(asked.step(0, true, true), Step::Wait);
        assert_eq!(asked.step(0, false, true), Step::Use);
        assert_eq!(asked.step(HOUR_MS - 1, false, true), Step::Use);
        assert_eq!(asked.step(HOUR_MS, false, true), Step::Wait);
        asked.ask(HOUR_MS);
        asked.fail();
        assert_eq!(asked.step(HOUR_MS, false, false), Step::Use);
        assert_eq!(asked.step(HOUR_MS + 30_000, false, false), Step::Beside, "it is known to be down");
        assert_eq!(asked.step(HOUR_MS + 30_000, false, true), Step::Use);
        assert_eq!(asked.step(25 * HOUR_MS, false, false), Step::Ask, "there is nothing to do without it");
    }

    #[test]
    fn who_has_nothing_asks_sooner() {
        let mut asked = Asked::default();
        asked.ask(0);
        assert_eq!((asked.step(4_999, false, false), asked.step(5_000, false, false)), (Step::Use, Step::Ask));
        assert!(!asked.is_believed(0));
    }

    proptest! {
        #[test]
        fn questions_keep_their_distance(steps in prop::collection::vec((0i64..100_000, any::<bool>(), any::<bool>()), 1..200)) {
            let (mut asked, mut now_ms, mut last_ms) = (answered(0), 0, 0);
            for (wait_ms, missing, answers) in steps {
                now_ms += wait_ms;
                if asked.step(now_ms, missing, false) != Step::Use {
                    prop_assert!(now_ms - last_ms >= limits::ISSUER_RETRY_MS);
                    prop_assert!(now_ms - last_ms >= limits::ISSUER_PAUSE_MS || !asked.is_believed(now_ms));
                    last_ms = now_ms;
                    asked.ask(now_ms);
                    if answers { asked.answer(now_ms, 0) } else { asked.fail() }
                }
            }
        }
    }
}
