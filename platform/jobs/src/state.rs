//! The life of a job, pure: no clock, no SQL, no async. The diagram is in this crate's README; `store.rs` says the same in
//! SQL, and a property test holds the two against each other.

use kernel::limits;

/// Where a job is in its life. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[repr(i16)]
#[schema(as = JobState)]
pub enum State {
    /// Waits for a worker.
    Available = 0,
    /// Waits for its time; never tried.
    Scheduled = 1,
    /// Claimed by a worker.
    Executing = 2,
    /// Failed, waits for its next attempt.
    Retryable = 3,
    /// Done. An end.
    Completed = 4,
    /// Called off. An end.
    Cancelled = 5,
    /// Given up: a dead letter. An end.
    Discarded = 6,
    /// Waits for other jobs: the one before it in its order, those that it comes after, or its batch.
    Pending = 7,
}

impl State {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Available,
        Self::Scheduled,
        Self::Executing,
        Self::Retryable,
        Self::Completed,
        Self::Cancelled,
        Self::Discarded,
    ];

    /// The stored number.
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// The state of a stored number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| i64::from(state.number()) == number)
    }

    /// Whether nothing more happens by itself.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Discarded)
    }
}

/// What decides over a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it is.
    pub state: State,
    /// Attempts begun.
    pub attempt: u32,
    /// Attempts allowed.
    pub max_attempts: u32,
    /// How often a worker has taken it. Never goes back, so that with the lease it names one taking for ever.
    pub claims: u32,
    /// Who has it, while it is executing.
    pub lease: Option<i64>,
    /// Not before this time, Unix milliseconds.
    pub run_at_ms: i64,
    /// Whether it is called off while a worker has it: however the attempt ends, the job ends cancelled.
    pub cancelling: bool,
}

/// What can happen to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Its time may have come.
    Promote,
    /// A worker takes it.
    Claim {
        /// The worker's lease.
        lease: i64,
    },
    /// A worker reports how the attempt that it was given ended.
    Settle {
        /// The lease under which it was claimed.
        lease: i64,
        /// Which claim it was.
        claim: u32,
        /// How it ended.
        outcome: Outcome,
    },
    /// A worker gives back what it claimed and never started: the attempt does not count.
    HandBack {
        /// The lease under which it was claimed.
        lease: i64,
        /// Which claim it was.
        claim: u32,
    },
    /// The worker of this lease is dead.
    Crash {
        /// The dead lease.
        lease: i64,
    },
    /// A person calls it off.
    Cancel,
    /// A person wants it run now, whatever happened before.
    RunNow {
        /// Whether others of its order are unfinished: then it comes back to wait for its turn.
        behind: bool,
    },
    /// Nothing that it waited for is left.
    Release,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Complete,
    /// Failed; again, not before this time (Unix milliseconds).
    RetryAt(i64),
    /// Failed for good.
    Discard,
    /// Not now: again, not before this time (Unix milliseconds), and the attempt does not count.
    Snooze(i64),
    /// It stopped because the job is called off; refused when it is not.
    Stop,
}

impl Outcome {
    /// As metrics and log lines call it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Complete => "completed",
            Self::RetryAt(_) => "retried",
            Self::Snooze(_) => "snoozed",
            Self::Discard => "discarded",
            Self::Stop => "lost",
        }
    }
}

/// The command does not fit the job's state, or comes from a worker that no longer has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl Record {
    /// A job as it is enqueued at `now_ms`; `pending` when it waits for other jobs.
    pub fn enqueued(run_at_ms: i64, max_attempts: u32, pending: bool, now_ms: i64) -> Self {
        let state = if pending { State::Pending } else { waiting_since(run_at_ms, now_ms) };
        Self { state, attempt: 0, max_attempts, claims: 0, lease: None, run_at_ms, cancelling: false }
    }

    /// The record after `command` at `now_ms`.
    ///
    /// # Errors
    /// [`Refused`]: nothing changes.
    pub fn apply(&self, command: &Command, now_ms: i64) -> Result<Self, Refused> {
        let freed = Self { lease: None, cancelling: false, ..self.clone() };
        let holds = |lease: i64, claim: u32| self.lease == Some(lease) && self.claims == claim;
        let uncounted = self.attempt.saturating_sub(1);
        match *command {
            Command::Promote if self.waits_for_time() && self.run_at_ms <= now_ms => {
                Ok(Self { state: State::Available, ..freed })
            }
            Command::Claim { lease } if self.state == State::Available => {
                let (attempt, claims) = (self.attempt + 1, self.claims + 1);
                Ok(Self { state: State::Executing, attempt, claims, lease: Some(lease), ..freed })
            }
            Command::Settle { lease, claim, outcome } if holds(lease, claim) => match outcome {
                _ if self.cancelling => Ok(Self { state: State::Cancelled, ..freed }),
                Outcome::Stop => Err(Refused),
                Outcome::Complete => Ok(Self { state: State::Completed, ..freed }),
                Outcome::Discard => Ok(Self { state: State::Discarded, ..freed }),
                Outcome::RetryAt(run_at_ms) => Ok(Self { state: State::Retryable, run_at_ms, ..freed }),
                Outcome::Snooze(run_at_ms) => {
                    let state = if uncounted > 0 { State::Retryable } else { State::Scheduled };
                    Ok(Self { state, attempt: uncounted, run_at_ms, ..freed })
                }
            },
            Command::HandBack { lease, claim } if holds(lease, claim) => {
                let state = if self.cancelling { State::Cancelled } else { State::Available };
                Ok(Self { state, attempt: uncounted, ..freed })
            }
            Command::Crash { lease } if self.lease == Some(lease) => Ok(match self.cancelling {
                true => Self { state: State::Cancelled, ..freed },
                false if self.attempt < self.max_attempts => Self { state: State::Available, ..freed },
                false => Self { state: State::Discarded, ..freed },
            }),
            Command::Cancel if self.state == State::Executing => Ok(Self { cancelling: true, ..self.clone() }),
            Command::Cancel if !self.state.is_end() => Ok(Self { state: State::Cancelled, ..freed }),
            Command::RunNow { .. } if self.waits_for_time() => {
                Ok(Self { state: State::Available, run_at_ms: now_ms, ..freed })
            }
            Command::RunNow { behind } if self.state.is_end() => {
                let state = if behind { State::Pending } else { State::Available };
                Ok(Self { state, attempt: 0, run_at_ms: now_ms, ..freed })
            }
            Command::Release if self.state == State::Pending => {
                Ok(Self { state: waiting_since(self.run_at_ms, now_ms), ..freed })
            }
            _ => Err(Refused),
        }
    }

    fn waits_for_time(&self) -> bool {
        matches!(self.state, State::Scheduled | State::Retryable)
    }
}

fn waiting_since(run_at_ms: i64, now_ms: i64) -> State {
    if run_at_ms <= now_ms { State::Available } else { State::Scheduled }
}

/// How a failed attempt ends: again after a pause, or never. `unit` is a die in `0.0..1.0`.
pub fn after_failure(attempt: u32, max_attempts: u32, now_ms: i64, unit: f64) -> Outcome {
    if attempt >= max_attempts { Outcome::Discard } else { Outcome::RetryAt(now_ms + backoff_ms(attempt, unit)) }
}

/// The pause after a failed attempt (counted from 1), milliseconds: doubling from [`limits::JOB_BACKOFF_MS`] up to
/// [`limits::JOB_BACKOFF_MAX_MS`], and between half of that and all of it, so that jobs that failed together come back apart.
pub fn backoff_ms(attempt: u32, unit: f64) -> i64 {
    let doubled = limits::JOB_BACKOFF_MS << attempt.saturating_sub(1).min(20);
    let longest = doubled.min(limits::JOB_BACKOFF_MAX_MS);
    longest / 2 + (unit.clamp(0.0, 1.0) * (longest / 2) as f64) as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Complete),
            Just(Outcome::Discard),
            Just(Outcome::Stop),
            (0..10_000i64).prop_map(Outcome::RetryAt),
            (0..10_000i64).prop_map(Outcome::Snooze),
        ]
    }

    fn any_command() -> impl Strategy<Value = Command> {
        prop_oneof![
            Just(Command::Promote),
            (1..4i64).prop_map(|lease| Command::Claim { lease }),
            (1..4i64, 1..5u32, any_outcome()).prop_map(|(lease, claim, outcome)| Command::Settle {
                lease,
                claim,
                outcome
            }),
            (1..4i64, 1..5u32).prop_map(|(lease, claim)| Command::HandBack { lease, claim }),
            (1..4i64).prop_map(|lease| Command::Crash { lease }),
            Just(Command::Cancel),
            any::<bool>().prop_map(|behind| Command::RunNow { behind }),
            Just(Command::Release),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]

        #[test]
        fn every_life_keeps_the_rules(
            run_at in 0..1000i64,
            max_attempts in 1..4u32,
            pending in any::<bool>(),
            story in prop::collection::vec((any_command(), 0..2000i64), 0..30),
        ) {
            let mut now = 500;
            let mut record = Record::enqueued(run_at, max_attempts, pending, now);
            for (command, step) in story {
                now += step - 500;
                let Ok(next) = record.apply(&command, now) else { continue };
                // Somebody has it if and only if it is executing.
                prop_assert_eq!(next.lease.is_some(), next.state == State::Executing);
                // Only a claim begins an attempt, and a claim happens only in time.
                prop_assert_eq!(next.attempt == record.attempt + 1, matches!(command, Command::Claim { .. }));
                // Only the worker that has it settles it, and only as it was given; no two claims are alike.
                if let Command::Settle { lease, claim, .. } = command {
                    prop_assert_eq!((record.lease, record.claims), (Some(lease), claim));
                }
                prop_assert_eq!(next.claims, record.claims + u32::from(matches!(command, Command::Claim { .. })));
                // An end is left only because a person said so.
                let anew = matches!(command, Command::RunNow { .. });
                prop_assert!(!record.state.is_end() || anew);
                // What is called off while it runs can only end cancelled, and only what runs is being called off.
                prop_assert!(!next.cancelling || next.state == State::Executing);
                prop_assert!(!record.cancelling || next.cancelling || next.state == State::Cancelled);
                // What waits for other jobs is not begun before they let it go.
                prop_assert!(
                    record.state != State::Pending || matches!(next.state, State::Cancelled) || command == Command::Release
                );
                // A worker that dies each time does not loop for ever.
                if matches!(command, Command::Crash { .. }) && record.attempt >= max_attempts && !record.cancelling {
                    prop_assert_eq!(next.state, State::Discarded);
                }
                record = next;
            }
        }

        #[test]
        fn pauses_grow_and_stay_in_bounds(attempt in 1..1000u32, unit in 0.0..1.0f64) {
            let pause = backoff_ms(attempt, unit);
            prop_assert!((limits::JOB_BACKOFF_MS / 2..=limits::JOB_BACKOFF_MAX_MS).contains(&pause));
            prop_assert!(backoff_ms(attempt + 1, 0.0) >= backoff_ms(attempt, 0.0));
        }
    }

    #[test]
    fn the_last_attempt_is_the_last() {
        assert_eq!(after_failure(3, 3, 1000, 0.5), Outcome::Discard);
        assert_eq!(after_failure(1, 3, 1000, 0.0), Outcome::RetryAt(1500));
        assert_eq!(after_failure(2, 3, 1000, 1.0), Outcome::RetryAt(3000));
    }
}
