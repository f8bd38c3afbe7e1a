//! The life of an alert. Pure.
//!
//! ```text
//!            fires                    a person took note
//!  (none) ─────────► open ──────────────────────────► acknowledged
//!                     │ quiet for a while                  │ quiet for a while
//!                     └──────────► resolved ◄──────────────┘
//! ```
//!
//! There is at most one unresolved alert of an objective and a severity, however many rules hold and processes look.

/// Where an alert is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AlertState)]
pub enum State {
    /// Nobody has taken note.
    Open,
    /// Somebody has; there are no reminders.
    Acknowledged,
    /// It is over.
    Resolved,
}

/// Quiet for so long, it is over: an alert that comes and goes is one alert. Milliseconds.
pub const QUIET_MS: i64 = 5 * 60_000;
/// An open one is said again after this time. Milliseconds.
pub const REMIND_MS: i64 = 60 * 60_000;

/// An unresolved alert, as far as its life goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Open or acknowledged.
    pub state: State,
    /// When its rule last held, Unix milliseconds.
    pub fired_at_ms: i64,
    /// When somebody was last told, Unix milliseconds.
    pub told_at_ms: i64,
}

/// What a look at a rule means for the alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing to note.
    Nothing,
    /// A new alert.
    Open,
    /// It goes on.
    Note,
    /// It goes on, and nobody has taken note: say it again.
    Remind,
    /// It is over.
    Resolve,
}

/// One look: whether a rule holds now, and the alert that stands.
pub fn step(standing: Option<Standing>, fires: bool, now_ms: i64) -> Step {
    match (standing, fires) {
        (None, true) => Step::Open,
        (None, false) => Step::Nothing,
        (Some(it), true) if it.state == State::Open && now_ms - it.told_at_ms >= REMIND_MS => Step::Remind,
        (Some(_), true) => Step::Note,
        (Some(it), false) if now_ms - it.fired_at_ms >= QUIET_MS => Step::Resolve,
        (Some(_), false) => Step::Nothing,
    }
}

impl State {
    /// `open`, `acknowledged` or `resolved`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }

    /// The state of this word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Open, Self::Acknowledged, Self::Resolved].into_iter().find(|state| state.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_alert_from_the_first_fire_to_five_quiet_minutes() {
        let open = Standing { state: State::Open, fired_at_ms: 0, told_at_ms: 0 };
        assert_eq!(step(None, false, 0), Step::Nothing);
        assert_eq!(step(None, true, 0), Step::Open);
        assert_eq!(step(Some(open), true, 60_000), Step::Note);
        assert_eq!(step(Some(open), false, QUIET_MS - 1), Step::Nothing);
        assert_eq!(step(Some(open), false, QUIET_MS), Step::Resolve);
    }

    #[test]
    fn only_what_nobody_took_note_of_is_said_again() {
        let open = Standing { state: State::Open, fired_at_ms: REMIND_MS, told_at_ms: 0 };
        assert_eq!(step(Some(open), true, REMIND_MS - 1), Step::Note);
        assert_eq!(step(Some(open), true, REMIND_MS), Step::Remind);
        let noted = Standing { state: State::Acknowledged, ..open };
        assert_eq!(step(Some(noted), true, 10 * REMIND_MS), Step::Note);
    }

    proptest! {
        /// Whatever fires and however the clock steps: openings and endings alternate, reminders are an hour apart.
        #[test]
        fn openings_and_endings_alternate(looks in prop::collection::vec((any::<bool>(), 0i64..90, any::<bool>()), 1..300)) {
            let (mut now_ms, mut standing, mut told) = (0, None::<Standing>, Vec::new());
            for (fires, minutes, noted) in looks {
                now_ms += minutes * 60_000;
                match step(standing, fires, now_ms) {
                    Step::Open => {
                        prop_assert!(standing.is_none() && fires);
                        standing = Some(Standing { state: State::Open, fired_at_ms: now_ms, told_at_ms: now_ms });
                        told.push(now_ms);
                    }
                    Step::Note | Step::Remind if !fires => prop_assert!(false, "noted without a fire"),
                    Step::Note => standing = standing.map(|it| Standing { fired_at_ms: now_ms, ..it }),
                    Step::Remind => {
                        let it = standing.expect("one stands");
                        prop_assert!(it.state == State::Open && now_ms - told.last().expect("told before") >= REMIND_MS);
                        told.push(now_ms);
                        standing = Some(Standing { fired_at_ms: now_ms, told_at_ms: now_ms, ..it });
                    }
                    Step::Resolve => {
                        let it = standing.take().expect("one stands");
                        prop_assert!(!fires && now_ms - it.fired_at_ms >= QUIET_MS);
                    }
                    Step::Nothing => prop_assert!(!fires),
                }
                if noted { standing = standing.map(|it| Standing { state: State::Acknowledged, ..it }); }
            }
        }
    }
}
