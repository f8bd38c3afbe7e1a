//! What turns are about: lanes, how far each has been claimed, and what became of a look.

/// Jobs of a queue that differ only in age. Lanes of one priority take turns, so that a key with a hundred thousand waiting
/// jobs delays another key's first by one turn.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Lane {
    pub(crate) priority: i16,
    pub(crate) kind: String,
    pub(crate) key: String,
}

/// A lane in which jobs may wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) lane: Lane,
    /// No job with a lower number waits there: what has been claimed is not passed again. While somebody holds a transaction open,
    /// PostgreSQL keeps it in the index.
    pub(crate) from: i64,
}

/// What a look at a lane found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing waits there any more.
    Empty,
    /// There may be more.
    More,
    /// It was not looked at.
    Unseen,
    /// Its key has as many running as it may.
    Full,
    /// Its key may begin another at this time, Unix milliseconds.
    Rests(i64),
}

/// What became of a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) found: Found,
    /// As [`Place::from`], after the look.
    pub(crate) from: i64,
}

/// Why a whole queue gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shut {
    /// Until a person opens it.
    Paused,
    /// Until a job of it ends.
    Full,
    /// Until this time, Unix milliseconds.
    Until(i64),
}
