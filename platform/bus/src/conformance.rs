//! What every engine must do, whatever it is made of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kernel::Clock;
use tokio::sync::mpsc;

use crate::presence::conformance::presence;
use crate::{Bus, BusError, Keep, Placed, Position, Publication, Quota, Read, Sink, Stored};

const KEEP: Keep = Keep { size: 3, ttl_ms: 1_000 };
const START_MS: i64 = 1_000_000;
/// How long is waited for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// By which clock an engine counts and forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// By the one that it is given: checked to the millisecond.
    Given,
    /// By one of its own, which nobody here can move: checked by waiting.
    Own,
}

/// Runs the whole suite; `make` gives an empty bus on the clock each time.
///
/// # Panics
/// At the first promise that the engine breaks.
pub async fn conformance(time: Time, make: impl AsyncFn(Clock) -> Bus) {
    let clock = Clock::manual(START_MS);
    let bus = async || make(Clock::manual(START_MS)).await;
    listeners_hear_everything_in_order(&bus().await).await;
    the_ring_is_bounded(&bus().await).await;
    a_read_follows_its_position(&bus().await).await;
    a_strange_epoch_is_refused(&bus().await).await;
    without_history_nothing_is_kept(&bus().await).await;
    what_is_cleared_keeps_its_position(&bus().await).await;
    who_published_is_heard_and_kept(&bus().await).await;
    a_durable_stream_takes_given_offsets(&bus().await).await;
    a_load_brings_listeners_up_to_date(&bus().await).await;
    a_durable_position_survives(&bus().await, &bus().await).await;
    a_load_with_a_hole_keeps_its_end(&bus().await).await;
    two_buses_have_two_epochs(&bus().await, &bus().await).await;
    a_quota_is_shared_by_its_takers(&bus().await).await;
    presence(bus).await;
    match time {
        Time::Given => {
            expired_publications_are_gone(&make(clock.clone()).await, &clock).await;
            what_was_taken_comes_back(&make(clock.clone()).await, &clock).await;
        }
        Time::Own => {
            old_publications_go_and_young_ones_stay(&bus().await).await;
            what_was_taken_comes_back_in_time(&bus().await).await;
        }
    }
}

/// A listener that hands over what it heard.
struct Ear(mpsc::UnboundedSender<(String, Arc<Publication>)>);

impl Sink for Ear {
    fn publication(&self, channel: &str, publication: &Arc<Publication>) {
        let _ = self.0.send((channel.to_owned(), publication.clone()));
    }
}

struct Heard(mpsc::UnboundedReceiver<(String, Arc<Publication>)>);

impl Heard {
    fn on(bus: &Bus) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        bus.listen(Arc::new(Ear(sender)));
        Self(receiver)
    }

    async fn next(&mut self) -> (String, u64, String) {
        let (channel, publication) = self.one().await;
        (channel, publication.offset, text(&publication))
    }

    async fn one(&mut self) -> (String, Arc<Publication>) {
        let heard = tokio::time::timeout(PATIENCE, self.0.recv()).await;
        heard.expect("a publication in time").expect("an open bus")
    }

    /// Nothing but the marker, published now, is on its way.
    async fn nothing_more(&mut self, bus: &Bus) {
        bus.publish("marker", json("0"), Keep::NOTHING).await.expect("published");
        assert_eq!(self.next().await.0, "marker");
    }
}

pub(crate) fn json(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn text(publication: &Publication) -> String {
    String::from_utf8_lossy(&publication.data).into_owned()
}

fn row(offset: u64) -> Stored {
    Stored { offset, time_ms: START_MS, data: json(&offset.to_string()) }
}

async fn offsets(bus: &Bus, read: Read) -> Vec<u64> {
    bus.history("a", read).await.expect("readable").publications.iter().map(|publication| publication.offset).collect()
}

async fn top(bus: &Bus) -> Position {
    bus.history("a", Read::TOP).await.expect("readable").top
}

async fn who_published_is_heard_and_kept(bus: &Bus) {
    let mut heard = Heard::on(bus);
    let by = |n: u64| json(&format!("{{\"user\": \"Ann {n} é\"}}"));
    for keep in [Keep::NOTHING, KEEP] {
        bus.publish_by("a", json("1"), keep, by(1)).await.expect("published");
        bus.publish("a", json("2"), keep).await.expect("published");
        bus.publish_by("a", json("3"), keep, by(3)).await.expect("published");
        for expected in [Some(by(1)), None, Some(by(3))] {
            assert_eq!(heard.one().await.1.info.as_deref(), expected.as_ref());
        }
    }
    let infos = async |read: Read| {
        let found = bus.history("a", read).await.expect("readable").publications;
        found.iter().map(|it| (it.offset, it.info.as_deref().cloned())).collect::<Vec<_>>()
    };
    assert_eq!(infos(Read::newest(9)).await, [(3, Some(by(3))), (2, None), (1, Some(by(1)))]);
    let since = Position { offset: 1, ..top(bus).await };
    assert_eq!(infos(Read::after(since, 1)).await, [(2, None)]);
    // What goes from the ring goes with what was said of it.
    bus.publish_by("a", json("4"), KEEP, by(4)).await.expect("published");
    assert_eq!(infos(Read::newest(9)).await, [(4, Some(by(4))), (3, Some(by(3))), (2, None)]);
    bus.clear("a").await.expect("cleared");
    bus.publish("a", json("5"), KEEP).await.expect("published");
    assert_eq!(infos(Read::newest(9)).await, [(5, None)]);
    let long = vec![b'1'; kernel::limits::PRESENT_BYTES + 1];
    for wrong in [json(""), json("1\n2"), long.into(), Bytes::from_static(b"\xff")] {
        let refused = bus.publish_by("a", json("6"), KEEP, wrong).await;
        assert!(matches!(refused, Err(BusError::Refused(_))), "{refused:?}");
    }
    assert_eq!(top(bus).await.offset, 5, "nothing was published");
}

async fn listeners_hear_everything_in_order(bus: &Bus) {
    let (mut one, mut two) = (Heard::on(bus), Heard::on(bus));
    for n in 1..=5 {
        let position = bus.publish("a", json(&n.to_string()), KEEP).await.expect("published");
        assert_eq!(position.offset, n);
        bus.publish("b", json("true"), KEEP).await.expect("published");
    }
    for heard in [&mut one, &mut two] {
        let mut of_a = Vec::new();
        for _ in 0..10 {
            let (channel, offset, data) = heard.next().await;
            if channel == "a" {
                of_a.push((offset, data));
            }
        }
        assert_eq!(of_a, (1..=5).map(|n| (n, n.to_string())).collect::<Vec<_>>());
    }
}

async fn the_ring_is_bounded(bus: &Bus) {
    for _ in 0..5 {
        bus.publish("a", json("1"), KEEP).await.expect("published");
    }
    assert_eq!(offsets(bus, Read { since: None, limit: 10, reverse: false }).await, [3, 4, 5]);
    assert_eq!(top(bus).await.offset, 5);
}

async fn expired_publications_are_gone(bus: &Bus, clock: &Clock) {
    bus.publish("a", json("1"), KEEP).await.expect("published");
    clock.advance(999);
    bus.publish("a", json("2"), KEEP).await.expect("published");
    assert_eq!(offsets(bus, Read::newest(10)).await, [2, 1]);
    clock.advance(1);
    assert_eq!(offsets(bus, Read::newest(10)).await, [2]);
    clock.advance(1_000);
    assert_eq!(offsets(bus, Read::newest(10)).await, [0; 0]);
    assert_eq!(top(bus).await.offset, 2, "the position outlives the data");
}

async fn a_read_follows_its_position(bus: &Bus) {
    for _ in 0..5 {
        bus.publish("a", json("1"), KEEP).await.expect("published");
    }
    let epoch = top(bus).await.epoch;
    let read = |offset, limit, reverse| {
        let since = Some(Position { offset, epoch: epoch.clone() });
        offsets(bus, Read { since, limit, reverse })
    };
    assert_eq!(read(3, 10, false).await, [4, 5]);
    assert_eq!(read(3, 1, false).await, [4]);
    assert_eq!(read(0, 10, false).await, [3, 4, 5], "what is left of it");
    assert_eq!(read(5, 10, false).await, [0; 0]);
    assert_eq!(read(u64::MAX, 10, false).await, [0; 0]);
    assert_eq!(read(5, 10, true).await, [4, 3]);
    assert_eq!(read(3, 10, true).await, [0; 0]);
    assert_eq!(read(u64::MAX, 10, true).await, [5, 4, 3]);
    assert_eq!(offsets(bus, Read { since: None, limit: 2, reverse: false }).await, [3, 4]);
    assert_eq!(offsets(bus, Read::newest(2)).await, [5, 4]);
    assert_eq!(offsets(bus, Read::TOP).await, [0; 0]);
}

async fn a_strange_epoch_is_refused(bus: &Bus) {
    let strange = |epoch: &str| Read::after(Position { offset: 0, epoch: epoch.into() }, 10);
    assert!(matches!(bus.history("a", strange("other")).await, Err(BusError::Unrecoverable { .. })));
    let before = top(bus).await;
    bus.publish("a", json("1"), KEEP).await.expect("published");
    assert_eq!(before, Position { offset: 0, ..top(bus).await }, "an empty stream has its epoch already");
    match bus.history("a", strange("other")).await {
        Err(BusError::Unrecoverable { top }) => assert_eq!(top.offset, 1),
        other => panic!("{other:?}"),
    }
    assert_eq!(offsets(bus, strange("")).await, [1], "no epoch is any epoch");
}

async fn without_history_nothing_is_kept(bus: &Bus) {
    let mut heard = Heard::on(bus);
    let position = bus.publish("a", json("1"), Keep::NOTHING).await.expect("published");
    assert_eq!((position.offset, &*position.epoch), (0, ""));
    assert_eq!(heard.next().await, ("a".to_owned(), 0, "1".to_owned()));
    assert_eq!(offsets(bus, Read::newest(10)).await, [0; 0]);
}

async fn what_is_cleared_keeps_its_position(bus: &Bus) {
    bus.clear("never").await.expect("nothing to clear");
    for text in ["1", "2"] {
        bus.publish("a", json(text), KEEP).await.expect("published");
    }
    let before = top(bus).await;
    bus.clear("a").await.expect("cleared");
    assert_eq!((offsets(bus, Read::newest(10)).await, top(bus).await), (vec![], before.clone()));
    let next = bus.publish("a", json("3"), KEEP).await.expect("published");
    assert_eq!((next.offset, &next.epoch), (3, &before.epoch));
    assert_eq!(offsets(bus, Read::newest(10)).await, [3]);
    bus.load("d", "e", vec![row(1)], 1, KEEP).await.expect("loaded");
    assert!(matches!(bus.clear("d").await, Err(BusError::Durable)), "its table keeps it");
}

async fn a_durable_stream_takes_given_offsets(bus: &Bus) {
    let mut heard = Heard::on(bus);
    let at = |offset: u64| bus.publish_at("a", offset, json(&offset.to_string()), KEEP);
    assert_eq!(at(1).await.expect("answered"), Placed::NotLoaded);
    assert!(!bus.is_loaded("a").await.expect("answered"));
    bus.load("a", "table", Vec::new(), 0, KEEP).await.expect("loaded");
    assert!(bus.is_loaded("a").await.expect("answered"));
    assert_eq!(at(1).await.expect("answered"), Placed::Delivered);
    assert_eq!(at(1).await.expect("answered"), Placed::Ignored);
    assert_eq!(at(3).await.expect("answered"), Placed::Gap { top: 1 });
    assert_eq!(at(2).await.expect("answered"), Placed::Delivered);
    assert!(matches!(bus.publish("a", json("9"), KEEP).await, Err(BusError::Durable)));
    assert_eq!(heard.next().await, ("a".to_owned(), 1, "1".to_owned()));
    assert_eq!(heard.next().await, ("a".to_owned(), 2, "2".to_owned()));
    heard.nothing_more(bus).await;
    assert_eq!(offsets(bus, Read::newest(10)).await, [2, 1]);
}

async fn a_load_brings_listeners_up_to_date(bus: &Bus) {
    bus.load("a", "table", vec![row(1)], 1, KEEP).await.expect("loaded");
    let mut heard = Heard::on(bus);
    bus.load("a", "table", vec![row(1), row(2), row(3)], 3, KEEP).await.expect("loaded");
    assert_eq!((heard.next().await.1, heard.next().await.1), (2, 3));
    bus.load("a", "table", vec![row(1), row(2)], 2, KEEP).await.expect("loaded");
    heard.nothing_more(bus).await;
    assert_eq!(top(bus).await, Position { offset: 3, epoch: "table".into() }, "an older load changes nothing");
    bus.load("a", "restored", vec![row(1)], 1, KEEP).await.expect("loaded");
    assert_eq!(top(bus).await, Position { offset: 1, epoch: "restored".into() });
}

async fn a_durable_position_survives(before: &Bus, after: &Bus) {
    before.load("a", "table", vec![row(1)], 1, KEEP).await.expect("loaded");
    let position = top(before).await;
    after.load("a", "table", vec![row(1), row(2)], 2, KEEP).await.expect("loaded");
    assert_eq!(offsets(after, Read::after(position, 10)).await, [2]);
}

async fn a_load_with_a_hole_keeps_its_end(bus: &Bus) {
    bus.load("a", "table", vec![row(1), row(3), row(4), row(9)], 4, KEEP).await.expect("loaded");
    assert_eq!(offsets(bus, Read::newest(10)).await, [4, 3]);
    bus.load("a", "table", vec![row(4)], 6, KEEP).await.expect("loaded");
    assert_eq!(offsets(bus, Read::newest(10)).await, [0; 0]);
    assert_eq!(top(bus).await.offset, 6);
}

async fn two_buses_have_two_epochs(one: &Bus, two: &Bus) {
    for bus in [one, two] {
        bus.publish("a", json("1"), KEEP).await.expect("published");
    }
    assert_ne!(top(one).await.epoch, top(two).await.epoch);
}

async fn a_quota_is_shared_by_its_takers(bus: &Bus) {
    let quota = Quota { count: 10, period_ms: 600_000 };
    let takers = (0..25).map(|_| {
        let bus = bus.clone();
        tokio::spawn(async move { bus.take("who", quota).await.expect("counted").allowed })
    });
    let takers: Vec<_> = takers.collect();
    let mut allowed = 0;
    for taker in takers {
        allowed += usize::from(taker.await.expect("no panic"));
    }
    assert_eq!(allowed, 10);
    let refused = bus.take("who", quota).await.expect("counted");
    assert_eq!((refused.allowed, refused.remaining), (false, 0));
    assert!((50_000..=60_000).contains(&refused.next_in_ms), "{refused:?}");
    assert_eq!(bus.take("other", quota).await.expect("counted").remaining, 9, "a key has its own quota");
}

async fn what_was_taken_comes_back(bus: &Bus, clock: &Clock) {
    let quota = Quota { count: 10, period_ms: 1_000 };
    for _ in 0..10 {
        assert!(bus.take("who", quota).await.expect("counted").allowed);
    }
    assert_eq!(bus.take("who", quota).await.expect("counted").next_in_ms, 100);
    clock.advance(100);
    assert!(bus.take("who", quota).await.expect("counted").allowed);
    assert!(!bus.take("who", quota).await.expect("counted").allowed);
}

async fn what_was_taken_comes_back_in_time(bus: &Bus) {
    let (quota, deadline) = (Quota { count: 2, period_ms: 1_000 }, Instant::now() + PATIENCE);
    for _ in 0..2 {
        assert!(bus.take("who", quota).await.expect("counted").allowed);
    }
    let began = Instant::now();
    let refused = bus.take("who", quota).await.expect("counted");
    assert!(!refused.allowed && refused.next_in_ms <= 500, "{refused:?}");
    while !bus.take("who", quota).await.expect("counted").allowed {
        assert!(Instant::now() < deadline, "it never comes back");
    }
    let passed = began.elapsed() + Duration::from_millis(1);
    assert!(passed >= Duration::from_millis(refused.next_in_ms.into()), "too early: {passed:?}, {refused:?}");
}

/// Publishes until the first is gone, and then waits until all are.
async fn old_publications_go_and_young_ones_stay(bus: &Bus) {
    let (keep, deadline) = (Keep { size: 100_000, ttl_ms: 200 }, Instant::now() + PATIENCE);
    let mut last = 0;
    loop {
        last = bus.publish("a", json("1"), keep).await.expect("published").offset.max(last + 1);
        let held = offsets(bus, Read { since: None, limit: 100_000, reverse: false }).await;
        assert!(held.is_empty() || held == (held[0]..=last).collect::<Vec<_>>(), "a hole before {last}: {held:?}");
        if held.first().is_some_and(|first| *first > 1) {
            break;
        }
        assert!(Instant::now() < deadline, "the first never goes");
    }
    while !offsets(bus, Read::newest(1)).await.is_empty() {
        assert!(Instant::now() < deadline, "the last never goes");
    }
    assert_eq!(top(bus).await.offset, last, "the position outlives the data");
}
