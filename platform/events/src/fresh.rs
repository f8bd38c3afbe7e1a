//! Events whose jobs have not begun yet. Who appended one has it at hand, which spares each of its jobs a read of the log.

use std::collections::BTreeMap;

use kernel::limits;
use parking_lot::Mutex;

use crate::Event;

/// The newest events that are still owed to jobs, bounded in bytes. What is not here is in the log.
#[derive(Default)]
pub(crate) struct Fresh(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    events: BTreeMap<i64, Owed>,
    bytes: usize,
}

struct Owed {
    event: Event,
    jobs: usize,
}

impl Fresh {
    /// Keeps an event until so many jobs have taken it, or newer ones need its room.
    pub(crate) fn keep(&self, event: Event, jobs: usize) {
        let mut kept = self.0.lock();
        kept.bytes += event.data.len();
        kept.events.insert(event.position, Owed { event, jobs });
        while kept.bytes > limits::EVENT_FRESH_BYTES || kept.events.len() > limits::EVENT_FRESH {
            let Some((_, oldest)) = kept.events.pop_first() else { break };
            kept.bytes -= oldest.event.data.len();
        }
    }

    /// The event at a position for one of its jobs, if it is still here.
    pub(crate) fn take(&self, position: i64) -> Option<Event> {
        let mut kept = self.0.lock();
        let owed = kept.events.get_mut(&position)?;
        owed.jobs = owed.jobs.saturating_sub(1);
        if owed.jobs > 0 {
            return Some(owed.event.clone());
        }
        let event = kept.events.remove(&position)?.event;
        kept.bytes -= event.data.len();
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(position: i64, bytes: usize) -> Event {
        let text = || String::from("x");
        Event {
            position,
            id: text(),
            kind: text(),
            source: text(),
            subject: None,
            time_ms: 0,
            schema_version: 1,
            trace: None,
            data: "x".repeat(bytes),
            attributes: None,
        }
    }

    #[test]
    fn an_event_is_kept_until_each_of_its_jobs_has_it() {
        let fresh = Fresh::default();
        fresh.keep(event(1, 10), 2);
        assert!(
            fresh.take(1).is_some() && fresh.take(1).is_some() && fresh.take(1).is_none() && fresh.take(2).is_none()
        );
        assert_eq!(fresh.0.lock().bytes, 0);
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let fresh = Fresh::default();
        for position in 1..=5 {
            fresh.keep(event(position, limits::EVENT_FRESH_BYTES / 4), 1);
        }
        assert!(fresh.take(1).is_none() && fresh.take(5).is_some());
        for position in 0..limits::EVENT_FRESH as i64 + 10 {
            fresh.keep(event(100 + position, 0), 1);
        }
        assert!(fresh.0.lock().events.len() <= limits::EVENT_FRESH);
        fresh.keep(event(1_000_000, limits::EVENT_FRESH_BYTES + 1), 1);
        assert!(fresh.0.lock().events.is_empty(), "larger than all there is room for");
        assert_eq!(fresh.0.lock().bytes, 0);
    }
}
