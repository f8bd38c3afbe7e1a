//! Random calls on the memory engine and on a model that keeps everything in plain lists.

use std::sync::{Arc, Mutex};

use bus::{Bus, BusError, Keep, Placed, Position, Publication, Read, Sink, Stored};
use bytes::Bytes;
use kernel::{Clock, Entropy};
use proptest::prelude::*;

const CHANNELS: usize = 4;
const ROOM: usize = 3;

#[derive(Clone, Debug)]
enum Call {
    Publish { channel: usize, size: usize },
    PublishAt { channel: usize, ahead: i64, size: usize },
    Load { channel: usize, ahead: i64, rows: usize, other: bool },
    Read { channel: usize, since: Option<u64>, limit: usize, reverse: bool },
    Advance { ms: i64 },
    Sweep,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let channel = 0..CHANNELS;
    let call = prop_oneof![
        4 => (channel.clone(), 0usize..4).prop_map(|(channel, size)| Call::Publish { channel, size }),
        4 => (channel.clone(), -1i64..4, 1usize..4)
            .prop_map(|(channel, ahead, size)| Call::PublishAt { channel, ahead, size }),
        2 => (channel.clone(), -2i64..4, 0usize..5, prop::bool::weighted(0.2))
            .prop_map(|(channel, ahead, rows, other)| Call::Load { channel, ahead, rows, other }),
        4 => (channel, prop::option::of(0u64..12), 0usize..5, any::<bool>())
            .prop_map(|(channel, since, limit, reverse)| Call::Read { channel, since, limit, reverse }),
        1 => (0i64..60).prop_map(|ms| Call::Advance { ms }),
        1 => Just(Call::Sweep),
    ];
    prop::collection::vec(call, 0..60)
}

/// A stream with everything it ever held; what is visible is computed at each read.
#[derive(Clone, Debug)]
struct Naive {
    name: usize,
    durable: Option<&'static str>,
    /// How many streams had been dropped when this live stream began: equal numbers must be equal epochs.
    life: usize,
    top: u64,
    keep: Keep,
    all: Vec<(u64, i64)>,
}

impl Naive {
    /// What is past its bounds never comes back, even when a later publication brings wider ones.
    fn trim(&mut self, now_ms: i64) {
        let excess = self.all.len().saturating_sub(self.keep.size);
        self.all.drain(..excess);
        let ttl_ms = self.keep.ttl_ms as i64;
        let first_alive = self.all.iter().position(|(_, time_ms)| time_ms + ttl_ms > now_ms).unwrap_or(self.all.len());
        self.all.drain(..first_alive);
    }
}

#[derive(Default)]
struct Model {
    /// Longest idle first.
    streams: Vec<Naive>,
    dropped: usize,
    heard: Vec<(usize, u64)>,
}

impl Model {
    fn take(&mut self, name: usize) -> Option<Naive> {
        let at = self.streams.iter().position(|stream| stream.name == name)?;
        Some(self.streams.remove(at))
    }

    fn put(&mut self, stream: Naive) {
        self.streams.push(stream);
        while self.streams.len() > ROOM {
            self.dropped += usize::from(self.streams.remove(0).durable.is_none());
        }
    }

    fn fresh(&self, name: usize, durable: Option<&'static str>, keep: Keep) -> Naive {
        Naive { name, durable, life: self.dropped, top: 0, keep, all: Vec::new() }
    }

    fn publish(&mut self, name: usize, keep: Keep, now_ms: i64) -> Result<u64, ()> {
        if keep.size == 0 {
            self.heard.push((name, 0));
            return Ok(0);
        }
        if self.streams.iter().any(|stream| stream.name == name && stream.durable.is_some()) {
            return Err(());
        }
        let mut stream = self.take(name).unwrap_or_else(|| self.fresh(name, None, keep));
        stream.top += 1;
        self.append(stream, keep, now_ms)
    }

    fn append(&mut self, mut stream: Naive, keep: Keep, now_ms: i64) -> Result<u64, ()> {
        stream.keep = keep;
        let top = stream.top;
        stream.all.push((top, now_ms));
        stream.trim(now_ms);
        self.heard.push((stream.name, top));
        self.put(stream);
        Ok(top)
    }

    fn publish_at(&mut self, name: usize, offset: u64, keep: Keep, now_ms: i64) -> Placed {
        let Some(mut stream) = self.take(name) else { return Placed::NotLoaded };
        let top = stream.top;
        if stream.durable.is_some() && offset == top + 1 {
            stream.top = offset;
            let _ = self.append(stream, keep, now_ms);
            return Placed::Delivered;
        }
        let durable = stream.durable.is_some();
        self.put(stream);
        match durable {
            false => Placed::NotLoaded,
            true if offset <= top => Placed::Ignored,
            true => Placed::Gap { top },
        }
    }

    fn load(&mut self, name: usize, epoch: &'static str, rows: &[u64], top: u64, keep: Keep, now_ms: i64) {
        let mut stream = match self.take(name) {
            Some(stream) if stream.durable == Some(epoch) => stream,
            other => {
                self.dropped += usize::from(other.is_some_and(|stream| stream.durable.is_none()));
                self.fresh(name, Some(epoch), keep)
            }
        };
        if top >= stream.top {
            self.heard.extend(rows.iter().filter(|row| **row > stream.top).map(|row| (name, *row)));
            (stream.top, stream.keep) = (top, keep);
            stream.all = rows.iter().map(|row| (*row, now_ms)).collect();
            stream.trim(now_ms);
        }
        self.put(stream);
    }

    fn read(&mut self, name: usize, since: Option<u64>, limit: usize, reverse: bool, now_ms: i64) -> (Vec<u64>, u64) {
        let Some(mut stream) = self.take(name) else { return (Vec::new(), 0) };
        stream.trim(now_ms);
        let mut offsets: Vec<u64> = stream.all.iter().map(|(offset, _)| *offset).collect();
        if let Some(since) = since {
            offsets.retain(|offset| if reverse { *offset < since } else { *offset > since });
        }
        if reverse {
            offsets.reverse();
        }
        offsets.truncate(limit);
        let top = stream.top;
        self.put(stream);
        (offsets, top)
    }
}

#[derive(Default)]
struct Ear(Mutex<Vec<(usize, u64)>>);

impl Sink for Ear {
    fn publication(&self, channel: &str, publication: &Arc<Publication>) {
        let name = channel.parse().expect("a number");
        self.0.lock().expect("whole").push((name, publication.offset));
    }
}

proptest! {
    #[test]
    fn memory_does_what_the_model_does(calls in calls()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(run(&calls))?;
    }
}

async fn run(calls: &[Call]) -> Result<(), TestCaseError> {
    let clock = Clock::manual(1_000);
    let bus = Bus::memory_of(clock.clone(), &Entropy::seeded(7), ROOM);
    let (mut model, ear) = (Model::default(), Arc::new(Ear::default()));
    bus.listen(ear.clone());
    let data = Bytes::from_static(b"1");
    for call in calls {
        let now_ms = clock.now_ms();
        match *call {
            Call::Publish { channel, size } => {
                let keep = Keep { size, ttl_ms: 100 };
                let answer = bus.publish(&channel.to_string(), data.clone(), keep).await;
                match model.publish(channel, keep, now_ms) {
                    Ok(offset) => prop_assert_eq!(answer.expect("published").offset, offset),
                    Err(()) => prop_assert!(matches!(answer, Err(BusError::Durable))),
                }
            }
            Call::PublishAt { channel, ahead, size } => {
                let keep = Keep { size, ttl_ms: 100 };
                let offset = offset_from(&model, channel, ahead);
                let placed = bus.publish_at(&channel.to_string(), offset, data.clone(), keep).await.expect("answered");
                prop_assert_eq!(placed, model.publish_at(channel, offset, keep, now_ms));
            }
            Call::Load { channel, ahead, rows, other } => {
                let keep = Keep { size: 4, ttl_ms: 100 };
                let (epoch, top) = (if other { "two" } else { "one" }, offset_from(&model, channel, ahead));
                let rows: Vec<u64> = (top.saturating_sub(rows as u64) + 1..=top).collect();
                let stored = rows.iter().map(|&offset| Stored { offset, time_ms: now_ms, data: data.clone() });
                bus.load(&channel.to_string(), epoch, stored.collect(), top, keep).await.expect("loaded");
                model.load(channel, epoch, &rows, top, keep, now_ms);
            }
            Call::Read { channel, since, limit, reverse } => {
                let position = since.map(|offset| Position { offset, epoch: "".into() });
                let read = Read { since: position, limit, reverse };
                let history = bus.history(&channel.to_string(), read).await.expect("readable");
                let offsets = history.publications.iter().map(|publication| publication.offset).collect::<Vec<_>>();
                prop_assert_eq!((offsets, history.top.offset), model.read(channel, since, limit, reverse, now_ms));
            }
            Call::Advance { ms } => _ = clock.advance(ms),
            Call::Sweep => bus.sweep(),
        }
        prop_assert_eq!(&*ear.0.lock().expect("whole"), &model.heard);
    }
    epochs_tell_lives_apart(&bus, &mut model, clock.now_ms()).await
}

fn offset_from(model: &Model, channel: usize, ahead: i64) -> u64 {
    let top = model.streams.iter().find(|stream| stream.name == channel).map_or(0, |stream| stream.top);
    top.saturating_add_signed(ahead)
}

async fn epochs_tell_lives_apart(bus: &Bus, model: &mut Model, now_ms: i64) -> Result<(), TestCaseError> {
    let mut epochs = Vec::new();
    for stream in model.streams.clone() {
        let history = bus.history(&stream.name.to_string(), Read::TOP).await.expect("readable");
        model.read(stream.name, None, 0, false, now_ms);
        match stream.durable {
            Some(epoch) => prop_assert_eq!(&*history.top.epoch, epoch),
            None => epochs.push((stream.life, history.top.epoch)),
        }
    }
    for (life, epoch) in &epochs {
        for (other_life, other_epoch) in &epochs {
            prop_assert_eq!(life == other_life, epoch == other_epoch);
        }
    }
    Ok(())
}
