//! One stream: what follows from a publication, a load and a read. No lock, no clock.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use kernel::limits;

use crate::{BusError, BusResult, History, Keep, Position, Publication, Read, Stored};

/// The ring holds consecutive offsets that end at `top`, or nothing.
pub(crate) struct Stream {
    pub(crate) epoch: Arc<str>,
    pub(crate) top: u64,
    pub(crate) durable: bool,
    /// Durable, and something may be missing at its end.
    pub(crate) stale: bool,
    /// When it was used last, in uses of its shard.
    pub(crate) used: u64,
    keep: Keep,
    ring: VecDeque<Arc<Publication>>,
    /// Of what is in the ring.
    bytes: usize,
}

impl Stream {
    pub(crate) fn new(epoch: Arc<str>, durable: bool, keep: Keep) -> Self {
        Self { epoch, top: 0, durable, stale: false, used: 0, keep, ring: VecDeque::new(), bytes: 0 }
    }

    pub(crate) fn append(
        &mut self,
        data: Bytes,
        info: Option<Box<Bytes>>,
        now_ms: i64,
        keep: Keep,
    ) -> Arc<Publication> {
        self.keep = keep;
        self.top += 1;
        // The next one: so nothing was missing.
        self.stale = false;
        let (offset, epoch) = (self.top, self.epoch.clone());
        let publication = Arc::new(Publication { offset, epoch, time_ms: now_ms, data, info });
        self.bytes += publication.bytes();
        self.ring.push_back(publication.clone());
        self.trim(now_ms);
        publication
    }

    /// Takes the state of the table and returns what was not here before, in order; nothing when the table's answer is
    /// older than the stream.
    pub(crate) fn load(&mut self, stored: Vec<Stored>, top: u64, now_ms: i64, keep: Keep) -> Vec<Arc<Publication>> {
        if top < self.top {
            return Vec::new();
        }
        let known = self.top;
        (self.keep, self.top, self.stale) = (keep, top, false);
        self.clear();
        let mut next = top;
        for row in stored.into_iter().rev().skip_while(|row| row.offset > top) {
            if row.offset != next || next == 0 {
                break;
            }
            next -= 1;
            let (offset, time_ms, data) = (row.offset, row.time_ms, row.data);
            self.bytes += data.len();
            self.ring.push_front(Arc::new(Publication {
                offset,
                epoch: self.epoch.clone(),
                time_ms,
                data,
                info: None,
            }));
        }
        let fresh = self.ring.iter().filter(|publication| publication.offset > known).cloned().collect();
        self.trim(now_ms);
        fresh
    }

    pub(crate) fn trim(&mut self, now_ms: i64) {
        let alive_ms = i64::try_from(self.keep.ttl_ms).unwrap_or(i64::MAX);
        while let Some(oldest) = self.ring.front() {
            let over = self.ring.len() > self.keep.size || self.bytes > limits::STREAM_BYTES;
            if !over && oldest.time_ms.saturating_add(alive_ms) > now_ms {
                break;
            }
            self.bytes -= oldest.bytes();
            self.ring.pop_front();
        }
        if self.ring.capacity() > 16 && self.ring.len() < self.ring.capacity() / 4 {
            self.ring.shrink_to(self.ring.len() * 2);
        }
    }

    /// Keeps nothing of what was published; the position stays.
    pub(crate) fn clear(&mut self) {
        (self.ring, self.bytes) = (VecDeque::new(), 0);
    }

    pub(crate) fn read(&self, read: &Read) -> BusResult<History> {
        let top = Position { offset: self.top, epoch: self.epoch.clone() };
        check_epoch(read, &top)?;
        let first = self.ring.front().map_or(self.top + 1, |oldest| oldest.offset);
        let at = |offset: u64| usize::try_from(offset.saturating_sub(first)).unwrap_or(usize::MAX).min(self.ring.len());
        let publications = match (&read.since, read.reverse) {
            (None, false) => self.ring.iter().take(read.limit).cloned().collect(),
            (None, true) => self.ring.iter().rev().take(read.limit).cloned().collect(),
            (Some(since), false) => {
                self.ring.range(at(since.offset.saturating_add(1))..).take(read.limit).cloned().collect()
            }
            (Some(since), true) => self.ring.range(..at(since.offset)).rev().take(read.limit).cloned().collect(),
        };
        Ok(History { publications, top })
    }
}

/// A position without an epoch fits every stream.
pub(crate) fn check_epoch(read: &Read, top: &Position) -> BusResult<()> {
    match &read.since {
        Some(since) if !since.epoch.is_empty() && since.epoch != top.epoch => {
            Err(BusError::Unrecoverable { top: top.clone() })
        }
        _ => Ok(()),
    }
}
