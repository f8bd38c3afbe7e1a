//! Publications for subscribers that take deltas: what a publication changed of the one before, worked out at most once for all of them.

use std::sync::{Arc, OnceLock};

use bus::Publication;
use bytes::Bytes;
use kernel::limits;

use crate::broadcast::Broadcast;
use crate::centrifuge::reply::{self, Carried, json_text};
use crate::centrifuge::wire::Wire;
use crate::fossil;
use crate::members::Member;
use crate::outbox::Posted;

/// How a subscriber is given publications.
#[derive(Default)]
pub(crate) enum Taking {
    /// Each as it is.
    #[default]
    Plain,
    /// By deltas; the next one whole, because it has none before it.
    Whole,
    /// By deltas; it had this one last.
    After(Arc<Publication>),
}

impl Taking {
    /// Queues the publication. Whoever calls wakes the connection's task.
    pub(crate) fn deliver(&mut self, member: &Member, broadcast: &Arc<Broadcast>) -> Posted {
        let before = match self {
            Self::Plain => return member.deliver(broadcast),
            Self::Whole => None,
            Self::After(before) => Some(&*before),
        };
        let Member::Socket(client) = member else { return member.deliver(broadcast) };
        let message = broadcast.shortened(client.wire, before);
        let posted = client.outbox.publish(message.clone(), message.len(), broadcast);
        *self = Self::After(broadcast.publication.clone());
        posted
    }
}

/// The messages of one publication for those who take deltas.
#[derive(Default)]
pub(crate) struct Shortened {
    patch: OnceLock<Option<Patch>>,
    whole: [OnceLock<Bytes>; Wire::COUNT],
    patched: [OnceLock<Bytes>; Wire::COUNT],
}

struct Patch {
    before: Arc<Publication>,
    text: String,
}

impl Shortened {
    /// The whole message for a subscriber that had `before` last.
    pub(crate) fn message(
        &self,
        wire: Wire,
        channel: &str,
        publication: &Publication,
        before: Option<&Arc<Publication>>,
    ) -> &Bytes {
        let patch = before.and_then(|before| {
            let patch = self.patch.get_or_init(|| Patch::of(before, publication)).as_ref()?;
            // Nearly always all had the same; what was read again from a table may have been changed there.
            (Arc::ptr_eq(&patch.before, before) || patch.before.data == before.data).then_some(patch)
        });
        let (messages, carried) = match patch {
            Some(patch) => (&self.patched, Carried::Delta(&patch.text)),
            None => (&self.whole, Carried::Whole(json_text(&publication.data))),
        };
        messages[wire as usize].get_or_init(|| reply::shortened(wire, channel, publication, carried))
    }
}

impl Patch {
    /// None where it would be no shorter, or long work.
    fn of(before: &Arc<Publication>, publication: &Publication) -> Option<Self> {
        if before.data.len().max(publication.data.len()) > limits::DELTA_BYTES {
            return None;
        }
        let new = json_text(&publication.data);
        let text = fossil::delta(json_text(&before.data), new);
        (text.len() < new.len()).then(|| Self { before: before.clone(), text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(offset: u64, data: impl Into<Bytes>) -> Arc<Publication> {
        Arc::new(Publication { offset, epoch: "e".into(), time_ms: 0, data: data.into(), info: None })
    }

    fn long(end: &str) -> String {
        format!("\"{}{end}\"", "x".repeat(100))
    }

    #[test]
    fn one_delta_serves_all_who_had_the_same_before() {
        let (shortened, now) = (Shortened::default(), publication(2, long("b")));
        let message = |wire, before: Option<&Arc<Publication>>| shortened.message(wire, "a:b", &now, before);
        let (before, same) = (publication(1, long("a")), publication(1, long("a")));
        let first = message(Wire::Line, Some(&before));
        assert!(first.len() < 100 && first.ends_with(b",\"offset\":2,\"delta\":true}}}\n"), "{first:?}");
        assert_eq!(first.as_ptr(), message(Wire::Line, Some(&same)).as_ptr());
        let whole = message(Wire::Line, None);
        assert!(whole.len() > 150 && !whole.ends_with(b"true}}}\n"), "{whole:?}");
        let changed = publication(1, long("another"));
        assert_eq!(message(Wire::Line, Some(&changed)).as_ptr(), whole.as_ptr(), "it would not make this one of that");
        let binary = message(Wire::Delimited, Some(&before));
        assert!(binary.len() < 60 && binary.windows(3).any(|bytes| bytes == b"@0,"), "{binary:?}");
    }

    #[test]
    fn what_saves_nothing_is_whole() {
        let large = "x".repeat(limits::DELTA_BYTES);
        for (before, now) in [("1".to_owned(), "2".to_owned()), (format!("\"{large}\""), format!("\"{large}y\""))] {
            assert!(Patch::of(&publication(1, before), &publication(2, now)).is_none());
        }
    }

    /// The publisher's fault must not break what comes behind it.
    #[test]
    fn what_is_no_json_is_null_to_all_who_take_deltas() {
        let (bad, good) = (publication(1, &b"\xff"[..]), publication(2, long("a")));
        let shortened = Shortened::default();
        let whole = shortened.message(Wire::Line, "a:b", &bad, None);
        assert!(whole.windows(13).any(|bytes| bytes == br#""data":"null""#), "{whole:?}");
        let next = Shortened::default();
        let next = next.message(Wire::Line, "a:b", &good, Some(&bad));
        assert!(!next.ends_with(b"true}}}\n"), "{next:?}");
    }
}
