//! What comes from Redis, on its way to the listeners of this process.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use kernel::{Clock, limits};
use parking_lot::Mutex;

use super::wire::{Carried, Message, Move};
use crate::memory::Memory;
use crate::{Keep, Placed, Publication, Stored};

/// Called by the connections, a message at a time; never blocks.
pub(super) struct Inbox {
    memory: Arc<Memory>,
    clock: Clock,
    origin: Arc<str>,
    /// Held while listeners are told: two connections that hear the same one do not race.
    heard: Mutex<Heard>,
}

struct Heard {
    /// How far the listeners came on each live stream, and with each process.
    live: Latest,
    origins: Latest,
    unplaced: Unplaced,
}

impl Inbox {
    pub(super) fn new(memory: Arc<Memory>, clock: Clock, origin: Arc<str>) -> Self {
        let heard = Heard { live: Latest::default(), origins: Latest::default(), unplaced: Unplaced::default() };
        Self { memory, clock, origin, heard: Mutex::new(heard) }
    }

    pub(super) fn arrive(&self, partition_name: &[u8], message: Bytes) {
        match Message::read(message) {
            Some(Message::Live { channel, epoch, offset, time_ms, data, info }) => {
                let Ok(channel) = std::str::from_utf8(&channel) else { return };
                let mut heard = self.heard.lock();
                let Some(epoch) = heard.live.advance(channel, &epoch, offset) else { return };
                let data = Bytes::copy_from_slice(&data);
                let info = info.map(Box::new);
                self.memory.carry(channel, &Arc::new(Publication { offset, epoch, time_ms, data, info }));
            }
            Some(Message::Batch { origin, number, mut carried }) if *origin != *self.origin => {
                let mut heard = self.heard.lock();
                let stream = format!("{origin} {}", String::from_utf8_lossy(partition_name));
                if heard.origins.advance(&stream, "", number).is_some() {
                    while let Some(carried) = Carried::read(&mut carried) {
                        self.carried(&mut heard, carried);
                    }
                }
            }
            Some(Message::Batch { .. }) => {}
            // Of this process's own clients its listeners know better.
            Some(Message::Presence { process, .. }) if *process == *self.origin => {}
            Some(Message::Presence { stream, number, mut moves, .. }) => {
                let mut heard = self.heard.lock();
                // Not one with the batches of its process: a call that was late may come after a newer batch.
                let stream = format!("P {stream} {}", String::from_utf8_lossy(partition_name));
                if heard.origins.advance(&stream, "", number).is_some() {
                    while let Some(Move { joined, channel, present }) = Move::read(&mut moves) {
                        self.memory.carry_presence(&channel, &Arc::new(present), joined);
                    }
                }
            }
            None => metrics::counter!("bus_redis_errors_total", "kind" => "message").increment(1),
        }
    }

    fn carried(&self, heard: &mut Heard, carried: Carried) {
        let Carried { channel, data, info, placed } = &carried;
        let Some((offset, keep)) = *placed else {
            let (epoch, time_ms) = (Arc::from(""), self.clock.now_ms());
            let (data, info) = (data.clone(), info.clone().map(Box::new));
            return self.memory.carry(channel, &Arc::new(Publication { offset: 0, epoch, time_ms, data, info }));
        };
        if self.place(channel, offset, data.clone(), keep) == Placed::NotLoaded {
            heard.unplaced.keep(carried);
        }
    }

    /// As [`Memory::publish_at`]. Where something is missing, listeners are told by the offset, and the stream counts as not
    /// loaded until it is read from its table again.
    fn place(&self, channel: &str, offset: u64, data: Bytes, keep: Keep) -> Placed {
        let placed = self.memory.publish_at(channel, offset, data.clone(), keep);
        if let Placed::Gap { .. } = placed {
            self.memory.jump(channel, offset, data);
        }
        placed
    }

    /// As [`Memory::load`], with what came between the read of the table and now.
    pub(super) fn load(&self, channel: &str, epoch: &str, stored: Vec<Stored>, top: u64, keep: Keep) {
        let mut heard = self.heard.lock();
        self.memory.load(channel, epoch, stored, top, keep);
        for (offset, data, keep) in heard.unplaced.take(channel) {
            self.place(channel, offset, data, keep);
        }
    }
}

/// The last number of each name, of as many names as there may be streams: then the older half is forgotten.
#[derive(Default)]
struct Latest {
    young: HashMap<Box<str>, (Arc<str>, u64)>,
    old: HashMap<Box<str>, (Arc<str>, u64)>,
}

impl Latest {
    /// The epoch, when this comes after the last one of its name. Another epoch always does.
    fn advance(&mut self, name: &str, epoch: &str, number: u64) -> Option<Arc<str>> {
        if let Some((known, last)) = self.young.get_mut(name) {
            if **known != *epoch {
                *known = epoch.into();
            } else if number <= *last {
                return None;
            }
            *last = number;
            return Some(known.clone());
        }
        let known = match self.old.remove(name) {
            Some((known, last)) if *known == *epoch && number <= last => return None,
            Some((known, _)) if *known == *epoch => known,
            _ => epoch.into(),
        };
        if self.young.len() >= limits::STREAMS_KEPT / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name.into(), (known.clone(), number));
        Some(known)
    }
}

/// The last publications of durable streams that nobody has loaded here: a load under way may have read its table before
/// them.
#[derive(Default)]
struct Unplaced {
    all: VecDeque<Carried>,
    bytes: usize,
}

impl Unplaced {
    fn keep(&mut self, carried: Carried) {
        self.bytes += carried.weight();
        self.all.push_back(carried);
        while self.all.len() > limits::BUS_UNPLACED.0 || self.bytes > limits::BUS_UNPLACED.1 {
            let Some(oldest) = self.all.pop_front() else { return };
            self.bytes -= oldest.weight();
        }
    }

    fn take(&mut self, channel: &str) -> Vec<(u64, Bytes, Keep)> {
        let mut taken = Vec::new();
        self.all.retain(|it| match it.placed {
            Some((offset, keep)) if it.channel == channel => {
                self.bytes -= it.weight();
                taken.push((offset, it.data.clone(), keep));
                false
            }
            _ => true,
        });
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Present, Sink};

    #[test]
    fn what_was_heard_is_not_told_again_however_many_names_there_are() {
        let mut latest = Latest::default();
        assert!(latest.advance("a", "one", 1).is_some());
        assert!(latest.advance("a", "one", 1).is_none());
        for n in 0..limits::STREAMS_KEPT / 2 {
            assert!(latest.advance(&n.to_string(), "one", 5).is_some());
        }
        assert!(latest.advance("a", "one", 1).is_none(), "it is in the older half");
        assert!(latest.advance("a", "one", 3).is_some(), "a jump is for the listener to see");
        assert!(latest.advance("a", "two", 1).is_some(), "another life counts anew");
        assert!(latest.young.len() + latest.old.len() <= limits::STREAMS_KEPT);
    }

    #[test]
    fn who_comes_is_heard_once_over_two_connections_and_never_from_oneself() {
        #[derive(Default)]
        struct Ear(Mutex<Vec<String>>);
        impl Sink for Ear {
            fn publication(&self, _: &str, _: &Arc<Publication>) {}
            fn joined(&self, channel: &str, present: &Arc<Present>) {
                self.0.lock().push(format!("{channel}+{}", present.client));
            }
            fn left(&self, channel: &str, present: &Arc<Present>) {
                self.0.lock().push(format!("{channel}-{}", present.client));
            }
        }
        let (clock, ear) = (Clock::manual(0), Arc::new(Ear::default()));
        let memory = Arc::new(Memory::new(clock.clone(), kernel::Entropy::seeded(1), 1));
        let here = Present { client: "y".into(), person: "".into(), info: Bytes::new() };
        memory.join("a", here).expect("joined");
        memory.listen(ear.clone());
        let inbox = Inbox::new(memory, clock, "me".into());
        let tells = ["P it 1 it\nJ 1 1 2\nax0:", "B it 9\n", "P it 2 it\nQ 1 1 2\nax0:", "P me 1 me\nJ 1 1 2\naz0:"];
        // Who is here too has not left; the last one is of a reaper that took this process for dead.
        let others = ["P it 3 it\nQ 1 1 2\nay0:", "P era 1 me\nQ 1 1 2\nay0:", "P era 2 it\nQ 1 1 2\naw0:"];
        for message in tells.iter().chain(&others) {
            (0..2).for_each(|_| inbox.arrive(b"{p:1}", Bytes::from_static(message.as_bytes())));
        }
        assert_eq!(*ear.0.lock(), ["a+x", "a-x", "a-w"]);
    }

    #[test]
    fn what_is_not_placed_is_bounded() {
        let mut unplaced = Unplaced::default();
        let one = |offset: u64, bytes: usize| {
            let placed = Some((offset, Keep { size: 1, ttl_ms: 1 }));
            Carried { channel: "a".to_owned(), data: vec![b'1'; bytes].into(), info: None, placed }
        };
        (0..limits::BUS_UNPLACED.0 as u64 * 2).for_each(|offset| unplaced.keep(one(offset, 1)));
        assert_eq!(unplaced.all.len(), limits::BUS_UNPLACED.0);
        (0..8).for_each(|offset| unplaced.keep(one(offset, limits::BUS_UNPLACED.1 / 4)));
        assert!(unplaced.bytes <= limits::BUS_UNPLACED.1);
        assert_eq!(unplaced.take("a").len(), unplaced.take("a").len() + 3);
        assert_eq!(unplaced.bytes, 0);
    }
}
