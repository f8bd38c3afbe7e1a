//! Reads that may lag, on a replica, for a caller who says what it must find there.

use std::fmt;
use std::str::FromStr;

use kernel::Secret;

use crate::{Engine, Store, StoreError, Tx};

/// A place in the log of a PostgreSQL cluster. Whoever has replayed up to it shows every commit before it. As text
/// `{timeline}-{byte}`, both hexadecimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The history: a fail-over begins the next one.
    pub(crate) timeline: u32,
    /// Bytes of log before it.
    pub(crate) byte: u64,
}

impl Position {
    /// No server has come there.
    pub(crate) const NOWHERE: Self = Self { timeline: u32::MAX, byte: u64::MAX };

    /// Whether one who has come here has passed `wanted`. Of another history it is only sure of what lies behind it in both; what was
    /// lost in a fail-over is waited for until the new history is as long.
    pub(crate) fn covers(self, wanted: Self) -> bool {
        self.timeline >= wanted.timeline && self.byte >= wanted.byte
    }

    /// The place that covers both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { timeline: self.timeline.max(other.timeline), byte: self.byte.max(other.byte) }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.timeline, self.byte)
    }
}

/// The text is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no position")]
pub struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let read = || {
            let (timeline, byte) = text.split_once('-')?;
            let read =
                Self { timeline: u32::from_str_radix(timeline, 16).ok()?, byte: u64::from_str_radix(byte, 16).ok()? };
            // One text for each: neither signs nor leading zeros nor capitals.
            (read.to_string() == text).then_some(read)
        };
        read().ok_or(NoPosition)
    }
}

/// How a replica stands, for health and metrics.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Standing {
    /// Whether it is asked. Else the primary answers everything.
    pub up: bool,
    /// Why it is not asked.
    pub why: Option<String>,
    /// What it has not replayed yet, bytes of log, as of the last look.
    pub lag_bytes: u64,
    /// Since when it has not replayed what the primary had then, milliseconds.
    pub lag_ms: u64,
    /// Reads that it has answered since the start.
    pub reads_total: u64,
}

/// On whose behalf a task reads.
#[derive(Clone, Copy)]
struct Caller {
    seen: Position,
    writes: bool,
}

tokio::task_local! {
    static CALLER: Caller;
}

/// Runs `work` for a caller who has seen everything up to `seen`: within it [`Store::read_lagging`] may ask a replica that has come so
/// far. One who `writes` meanwhile sees besides what this process has committed by the time of the read. Tasks that the work
/// spawns are nobody's, and read from the primary.
pub async fn on_behalf<F: Future>(seen: Position, writes: bool, work: F) -> F::Output {
    CALLER.scope(Caller { seen, writes }, work).await
}

impl Store {
    /// From now on the replica that `url` leads to may answer [`Store::read_lagging`], as long as it proves to be one of this very
    /// database, and is at most [`kernel::limits::STORE_REPLICA_LAG_MS`] behind. Whether it is there is found out in the background,
    /// again and again; meanwhile, and whenever it is not, the primary answers. The first replica stays. Attach it before anybody is
    /// served: [`Store::position`] knows of commits from here on.
    ///
    /// # Errors
    /// [`StoreError::Address`] when the URL cannot be used, or the store is embedded.
    pub async fn attach_replica(&self, url: &Secret) -> Result<(), StoreError> {
        match &self.0 {
            Engine::Sqlite(_) => Err(StoreError::Address("SQLite has no replicas".to_owned())),
            Engine::Postgres(engine) => engine.attach_replica(url).await,
        }
    }

    /// As [`Store::read`], for an answer that may be some seconds old, but for what its caller has done ([`on_behalf`]). It comes from
    /// the replica where there is one that has what the caller must see; whatever the replica does not answer well, the primary is
    /// asked once. On nobody's behalf, and without a replica, it is [`Store::read`]. Never for what decides a write, or for
    /// following the log: a row that comes late would be passed by.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn read_lagging<T, E, F>(&self, read: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        if let Engine::Postgres(engine) = &self.0
            && let Some(replica) = engine.replica()
            && let Ok(Caller { seen, writes }) = CALLER.try_with(|caller| *caller)
        {
            let wanted = if writes { seen.and(self.position().unwrap_or_default()) } else { seen };
            if let Some(answer) = replica.read(read.clone(), wanted).await {
                return Ok(answer);
            }
        }
        self.read(read).await
    }

    /// Where the last commit of this process is in the log: a replica that has come there shows everything that this process has
    /// acknowledged. Absent where there is no replica.
    pub fn position(&self) -> Option<Position> {
        match &self.0 {
            Engine::Sqlite(_) => None,
            Engine::Postgres(engine) => engine.position(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_has_one_text() {
        for position in [Position::default(), Position { timeline: 2, byte: 0x1_6b37_4848 }, Position::NOWHERE] {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        for text in
            ["", "-", "1", "1-", "-1", "+1-1", "1-+1", "01-1", "1-01", "1-1 ", "1-1-1", "1-A", "1-0x1", "100000000-1"]
        {
            assert_eq!(text.parse::<Position>(), Err(NoPosition), "{text:?}");
        }
        assert_eq!("1-10000000000000000".parse::<Position>(), Err(NoPosition), "more than there can be");
    }

    #[test]
    fn another_history_covers_only_what_is_behind_it_in_both() {
        let at = |timeline, byte| Position { timeline, byte };
        assert!(at(1, 5).covers(at(1, 5)) && !at(1, 4).covers(at(1, 5)));
        assert!(at(2, 5).covers(at(1, 5)), "what came before the fail-over");
        assert!(!at(2, 5).covers(at(1, 6)), "it may have been lost, or be still to come");
        assert!(!at(1, 9).covers(at(2, 5)), "a replica of the history that was left");
        assert_eq!(at(2, 5).and(at(1, 9)), at(2, 9));
    }
}
