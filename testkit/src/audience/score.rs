//! What was heard, and what should have been.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Arrivals are counted by this.
const SLICE: Duration = Duration::from_millis(100);
const SLICES_PER_S: usize = 10;

/// What all clients together heard, and how often they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Publications.
    pub delivered: u64,
    /// Offsets that were passed over without a word.
    pub lost: u64,
    /// Publications whose offset the client had passed.
    pub doubled: u64,
    /// Publications that are another's for the same offset of the same channel.
    pub changed: u64,
    /// How often a client was told that what it missed is gone: it reads the state anew.
    pub told_to_reload: u64,
    /// Offsets that were passed over by such.
    pub reloaded: u64,
    /// Subscriptions that went on from the client's position.
    pub recovered: u64,
    /// Publications that came with them.
    pub caught_up: u64,
    /// Connections that were refused, with when to come again.
    pub refused: u64,
}

pub(super) struct Score {
    pub(super) tally: Tally,
    /// For each channel the id of each publication, by its offset less one.
    pub(super) books: Vec<Vec<Option<String>>>,
    /// For each channel where it stood when clients came in for the first time.
    pub(super) from: Vec<u64>,
    /// When its sender first tried, for each id whose sender tells.
    pub(super) begun_at: HashMap<String, Instant>,
    /// From then to a client that heard it while it was there.
    pub(super) took: Vec<Duration>,
    begun: Instant,
    /// Connections that were let in, by [`SLICE`] since then.
    arrivals: Vec<usize>,
}

impl Score {
    pub(super) fn of(channels: usize) -> Self {
        Self {
            tally: Tally::default(),
            books: vec![Vec::new(); channels],
            from: vec![0; channels],
            begun_at: HashMap::new(),
            took: Vec::new(),
            begun: Instant::now(),
            arrivals: Vec::new(),
        }
    }

    fn slice(&self, at: Instant) -> usize {
        (at.saturating_duration_since(self.begun).as_millis() / SLICE.as_millis()) as usize
    }

    pub(super) fn arrival(&mut self) {
        let slice = self.slice(Instant::now());
        if self.arrivals.len() <= slice {
            self.arrivals.resize(slice + 1, 0);
        }
        self.arrivals[slice] += 1;
    }

    pub(super) fn peak_per_s(&self, since: Instant) -> usize {
        let from = self.slice(since).min(self.arrivals.len());
        let slices = &self.arrivals[from..];
        let seconds = (0..slices.len()).map(|i| slices[i..].iter().take(SLICES_PER_S).sum());
        seconds.max().unwrap_or(0)
    }

    /// A client that stands at `at` hears a publication: where it stands then.
    pub(super) fn publication(&mut self, channel: usize, at: u64, offset: u64, id: &str) -> u64 {
        self.tally.delivered += 1;
        if offset <= at {
            self.tally.doubled += 1;
            return at;
        }
        self.tally.lost += offset - at - 1;
        let (book, page) = (&mut self.books[channel], offset as usize - 1);
        if book.len() <= page {
            book.resize(page + 1, None);
        }
        match &book[page] {
            Some(known) if known == id => {}
            Some(_) => self.tally.changed += 1,
            None => book[page] = Some(id.to_owned()),
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_counted() {
        let mut score = Score::of(2);
        let mut at = 0;
        for (offset, id) in [(1, "a"), (2, "b"), (2, "b"), (5, "e"), (6, "f")] {
            at = score.publication(1, at, offset, id);
        }
        assert_eq!(at, 6);
        assert_eq!((score.tally.delivered, score.tally.doubled, score.tally.lost, score.tally.changed), (5, 1, 2, 0));
        score.publication(1, 4, 5, "x");
        score.publication(0, 4, 5, "x");
        assert_eq!(score.tally.changed, 1, "of another channel it is another");
        let heard = |id: &str| Some(id.to_owned());
        assert_eq!(score.books[1], [heard("a"), heard("b"), None, None, heard("e"), heard("f")]);
    }

    #[test]
    fn the_busiest_second_is_found_wherever_it_begins() {
        let mut score = Score::of(1);
        score.arrivals = vec![9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 4, 3, 9];
        let since = |slices: u32| score.begun + SLICE * slices;
        assert_eq!(score.peak_per_s(since(0)), 16, "4, 3 and 9");
        assert_eq!(score.peak_per_s(since(20)), 12);
        assert_eq!(score.peak_per_s(since(90)), 0);
    }
}
