//! The live tail: newest events to whoever watches, read once for all of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use kernel::limits;
use store::StoreError;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::condition::Condition;
use crate::event::COLUMNS;
use crate::{Event, Events, Filter, cloud_event};

/// Hints may come from another process and be lost: the log is asked again after this time.
const POLL: Duration = Duration::from_secs(5);
/// Events that one read brings.
const READ: usize = 200;

/// An event, and its JSON for all that watch.
#[derive(Clone)]
pub(crate) struct Tailed {
    pub(crate) event: Arc<Event>,
    pub(crate) json: Arc<str>,
}

/// The newest events, in the memory of this process.
pub(crate) struct Newest {
    kept: Mutex<Kept>,
    watching: Arc<Semaphore>,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<Tailed>,
    bytes: usize,
    /// Everything after this position, and up to `through`, is in `events`.
    floor: i64,
    through: i64,
    asked: Option<Instant>,
}

impl Newest {
    pub(crate) fn new() -> Self {
        Self { kept: Mutex::default(), watching: Arc::new(Semaphore::new(limits::EVENT_TAILS)) }
    }
}

/// Which events a tail shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    pub(crate) kind: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) condition: Option<Condition>,
}

impl Watch {
    pub(crate) fn wants(&self, event: &Event) -> bool {
        self.kind.as_ref().is_none_or(|kind| Filter::matches(kind, &event.kind))
            && self.source.as_ref().is_none_or(|source| *source == event.source)
            && self.subject.as_ref().is_none_or(|subject| Some(subject) == event.subject.as_ref())
            && self.condition.as_ref().is_none_or(|condition| condition.holds(event))
    }
}

/// One open tail.
pub(crate) struct Tail {
    events: Events,
    head: tokio::sync::watch::Receiver<i64>,
    position: i64,
    /// It was to resume where the log no longer reaches, or does not reach yet.
    pub(crate) lost: bool,
    _place: OwnedSemaphorePermit,
}

const OLDEST: &str = "SELECT COALESCE(MIN(position), 1) FROM events";

impl Events {
    /// A tail of what comes after `after`, or after now; `None` when [`limits::EVENT_TAILS`] are open.
    pub(crate) async fn tail(&self, after: Option<i64>) -> Result<Option<Tail>, StoreError> {
        let Ok(place) = self.0.newest.watching.clone().try_acquire_owned() else { return Ok(None) };
        self.attend();
        let head = self.0.head.subscribe();
        let latest = self.latest().await?;
        self.0.announce(latest);
        let known = after.filter(|after| *after <= latest);
        let mut tail =
            Tail { events: self.clone(), head, position: known.unwrap_or(latest), lost: false, _place: place };
        if after.is_some() {
            let oldest: (i64,) = self.0.store.read(async |tx| tx.one(OLDEST, &[]).await).await?;
            tail.lost = known.is_none_or(|known| known + 1 < oldest.0);
        }
        Ok(Some(tail))
    }

    /// Up to [`READ`] events after a position: out of memory where it reaches back so far.
    async fn after(&self, position: i64) -> Result<Vec<Tailed>, StoreError> {
        // Whoever comes while one reads waits here, and finds what was read.
        let mut kept = self.0.newest.kept.lock().await;
        let announced = *self.0.head.borrow();
        let stale = kept.asked.is_none_or(|asked| asked.elapsed() >= POLL);
        if position < kept.floor || kept.through < announced || (kept.through <= position && stale) {
            let from = if kept.floor <= position && position < kept.through { kept.through } else { position };
            let read = self.read_after(from).await?;
            let whole = read.len() < READ;
            let tailed: Vec<_> = read.into_iter().map(|event| self.tailed(event)).collect();
            if from < kept.floor || !whole && from + (READ as i64) < announced {
                // Somebody catches up from long ago: not what the others wait for.
                return Ok(tailed);
            }
            kept.keep(from, tailed);
            kept.asked = Some(Instant::now());
            if whole {
                kept.through = kept.through.max(announced);
            }
        }
        let new = kept.events.iter().skip_while(|tailed| tailed.event.position <= position);
        Ok(new.take(READ).cloned().collect())
    }

    async fn read_after(&self, position: i64) -> Result<Vec<Event>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM events WHERE position > $1 ORDER BY position LIMIT {READ}");
        self.0.store.read(async move |tx| tx.all(&sql, store::params![position]).await).await
    }

    fn tailed(&self, event: Event) -> Tailed {
        let json = self.cloud_event(&event).into();
        Tailed { event: Arc::new(event), json }
    }

    /// An event in the JSON format of CloudEvents.
    pub fn cloud_event(&self, event: &Event) -> String {
        let typed = self.0.registry.declared(&event.kind).is_some_and(|declared| declared.version.is_some());
        cloud_event::to_json(event, typed)
    }
}

impl Kept {
    fn keep(&mut self, from: i64, read: Vec<Tailed>) {
        if from != self.through {
            (self.floor, self.through, self.bytes) = (from, from, 0);
            self.events.clear();
        }
        for tailed in read {
            self.through = tailed.event.position;
            self.bytes += tailed.json.len();
            self.events.push_back(tailed);
        }
        while self.events.len() > limits::EVENT_TAIL_KEPT.0 || self.bytes > limits::EVENT_TAIL_KEPT.1 {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.json.len();
            self.floor = oldest.event.position;
        }
    }
}

impl Tail {
    /// Where it stands.
    pub(crate) fn position(&self) -> i64 {
        self.position
    }

    /// The next events, wanted or not, in order; none after a while without any. `None` when the server stops.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Tailed>>, StoreError> {
        let events = self.events.clone();
        self.head.mark_unchanged();
        let mut batch = events.after(self.position).await?;
        if batch.is_empty() {
            tokio::select! {
                _ = self.head.changed() => {}
                () = tokio::time::sleep(POLL) => {}
                () = events.0.stop.cancelled() => return Ok(None),
            }
            batch = events.after(self.position).await?;
        }
        self.position = batch.last().map_or(self.position, |tailed| tailed.event.position);
        Ok(Some(batch))
    }
}
