//! What happened and is not yet written. Appending never waits.

use std::collections::VecDeque;

use kernel::{Clock, limits};
use parking_lot::Mutex;
use realtime::witness::{Moment, What, Witness};
use tokio::sync::Notify;

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Tells it apart from everything else that this process tells.
    pub(crate) number: u64,
    pub(crate) at_ms: i64,
    pub(crate) moment: Moment,
}

pub(crate) struct Queue {
    clock: Clock,
    /// Whether somebody wants to know of connections.
    connections: bool,
    waiting: Mutex<Waiting>,
    pub(crate) news: Notify,
}

#[derive(Default)]
struct Waiting {
    notes: VecDeque<Note>,
    next: u64,
    /// Some were given up: nothing is kept until somebody begins anew.
    lost: bool,
}

impl Queue {
    pub(crate) fn new(clock: Clock, connections: bool) -> Self {
        Self { clock, connections, waiting: Mutex::default(), news: Notify::new() }
    }

    /// As much as fits one batch, in the order in which it happened; none when some of it is lost.
    pub(crate) fn take(&self) -> Option<Vec<Note>> {
        let mut waiting = self.waiting.lock();
        let most = waiting.notes.len().min(limits::ATTENDANCE_BATCH);
        (!waiting.lost).then(|| waiting.notes.drain(..most).collect())
    }

    /// Forgets what waits and keeps what happens from now on: whoever calls looks afterwards how things stand.
    pub(crate) fn begin_anew(&self) {
        let mut waiting = self.waiting.lock();
        waiting.notes.clear();
        waiting.lost = false;
    }

    /// Something to write that nobody told just now.
    pub(crate) fn note(&self, moment: Moment) -> Note {
        let mut waiting = self.waiting.lock();
        waiting.next += 1;
        Note { number: waiting.next, at_ms: self.clock.now_ms(), moment }
    }

    /// Whether the log and the table can hold it.
    pub(crate) fn takes(&self, moment: &Moment) -> bool {
        let fits = |text: &str| text.len() <= limits::EVENT_ATTRIBUTE_BYTES && !text.contains('\0');
        let channel = match &moment.what {
            What::Connected | What::Disconnected { .. } if !self.connections => return false,
            What::Connected | What::Disconnected { .. } => "",
            What::Subscribed { channel } | What::Unsubscribed { channel, .. } => channel,
        };
        fits(&moment.client) && fits(&moment.person) && fits(channel)
    }
}

impl Witness for Queue {
    fn happened(&self, moment: Moment) {
        if !self.takes(&moment) {
            return;
        }
        let note = self.note(moment);
        let mut waiting = self.waiting.lock();
        if waiting.lost {
            return;
        }
        if waiting.notes.len() >= limits::ATTENDANCE_WAITING {
            (waiting.lost, waiting.notes) = (true, VecDeque::new());
            metrics::counter!("attendance_lost_total").increment(1);
        } else {
            waiting.notes.push_back(note);
        }
        drop(waiting);
        self.news.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(client: &str, what: What) -> Moment {
        Moment { client: client.into(), person: "ann".into(), what }
    }

    #[test]
    fn what_waits_is_bounded_and_who_lost_count_begins_anew() {
        let queue = Queue::new(Clock::manual(7), true);
        for n in 0..limits::ATTENDANCE_WAITING {
            queue.happened(moment(&n.to_string(), What::Connected));
        }
        let batch = queue.take().expect("all of it waits");
        assert_eq!((batch.len(), &*batch[0].moment.client, batch[0].at_ms), (limits::ATTENDANCE_BATCH, "0", 7));
        for n in 0..=limits::ATTENDANCE_BATCH {
            queue.happened(moment(&n.to_string(), What::Connected));
        }
        assert_eq!(queue.take(), None, "one more than fits: all of it is lost");
        queue.happened(moment("late", What::Connected));
        queue.begin_anew();
        queue.happened(moment("new", What::Connected));
        let batch = queue.take().expect("kept");
        assert_eq!(batch.iter().map(|note| &*note.moment.client).collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn what_no_log_can_name_is_not_told() {
        let queue = Queue::new(Clock::manual(0), false);
        let subscribed = |channel: &str| moment("c", What::Subscribed { channel: channel.into() });
        assert!(queue.takes(&subscribed("room:a")));
        for wrong in ["room:\0", &"x".repeat(limits::EVENT_ATTRIBUTE_BYTES + 1)] {
            assert!(!queue.takes(&subscribed(wrong)));
            assert!(!queue.takes(&moment(wrong, subscribed("room:a").what)));
        }
        assert!(!queue.takes(&moment("c", What::Connected)), "nobody wants to know");
    }
}
