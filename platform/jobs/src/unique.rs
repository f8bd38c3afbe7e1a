//! What makes two jobs the same.

use sha2::{Digest, Sha256};

use crate::enqueue::named;
use crate::state::State;

/// Which jobs of a kind count as the same, and how long one of them keeps the others out.
#[derive(Clone, Debug)]
pub struct Unique {
    by: By,
    period_ms: Option<i64>,
    states: Option<u32>,
}

#[derive(Clone, Debug)]
enum By {
    Key(String),
    Args,
}

/// A key as a job holds it.
#[derive(Clone, Debug)]
pub(crate) struct Holds {
    pub(crate) key: String,
    /// The states in which it is held, a bit each.
    pub(crate) mask: u32,
    pub(crate) until_ms: Option<i64>,
}

const UNFINISHED: [State; 5] = [State::Pending, State::Available, State::Scheduled, State::Executing, State::Retryable];

impl Unique {
    /// Jobs with this key, up to [`kernel::limits::JOB_NAME_BYTES`].
    pub fn by_key(key: impl Into<String>) -> Self {
        Self { by: By::Key(key.into()), period_ms: None, states: None }
    }

    /// Jobs with the same arguments, as they are written in JSON.
    pub fn by_args() -> Self {
        Self { by: By::Args, period_ms: None, states: None }
    }

    /// Only jobs that were enqueued less than `period_ms` ago keep others out; then, unless [`Unique::states`] says
    /// otherwise, completed ones do too.
    #[must_use]
    pub fn within(self, period_ms: i64) -> Self {
        Self { period_ms: Some(period_ms), ..self }
    }

    /// Only jobs in one of these states keep others out; those that are unfinished unless said. A job lets go of its key
    /// when it comes into another state, and does not take it again by itself.
    #[must_use]
    pub fn states(self, states: &[State]) -> Self {
        Self { states: Some(mask(states)), ..self }
    }

    /// The key for these arguments at this time; `None` when it cannot be one.
    pub(crate) fn holds(self, args: &str, now_ms: i64) -> Option<Holds> {
        let key = match self.by {
            By::Key(key) => key,
            By::Args => format!("args:{}", hex(&Sha256::digest(args.as_bytes()))),
        };
        let completed = u32::from(self.period_ms.is_some()) << State::Completed.number();
        let mask = self.states.unwrap_or(mask(&UNFINISHED) | completed);
        let until_ms = self.period_ms.map(|period_ms| now_ms.saturating_add(period_ms));
        ((key.is_empty() || named(&key)) && mask != 0).then_some(Holds { key, mask, until_ms })
    }
}

impl<T: Into<String>> From<T> for Unique {
    fn from(key: T) -> Self {
        Self::by_key(key)
    }
}

fn mask(states: &[State]) -> u32 {
    states.iter().fold(0, |mask, state| mask | 1 << state.number())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
