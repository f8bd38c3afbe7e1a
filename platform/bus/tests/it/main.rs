//! The conformance suite on each engine, and the memory engine beside a naive model.

mod heard;
mod model;
mod presence;
mod publishers;
mod redis;
mod redis_fleet;

use bus::conformance::{Time, conformance};
use bus::{Bus, Keep, Present, Read, Stored};
use bytes::Bytes;
use kernel::{Clock, Entropy, limits};

#[tokio::test]
async fn memory_conforms() {
    conformance(Time::Given, async |clock| Bus::memory(clock, &Entropy::system())).await;
}

#[tokio::test]
async fn the_stream_idle_longest_goes_first_and_takes_its_epoch_along() {
    let bus = Bus::memory_of(Clock::manual(0), &Entropy::seeded(1), 2);
    let keep = Keep { size: 10, ttl_ms: u64::MAX };
    let publish = async |channel| bus.publish(channel, Bytes::from_static(b"1"), keep).await.expect("published");
    let (a, b) = (publish("a").await, publish("b").await);
    bus.history("a", Read::newest(1)).await.expect("readable");
    publish("c").await;
    assert_eq!(bus.history("a", Read::after(a.clone(), 1)).await.expect("kept").top, a);
    assert!(bus.history("b", Read::after(b.clone(), 1)).await.is_err(), "it was the longest idle");
    let again = publish("b").await;
    assert_eq!(again.offset, 1);
    assert_ne!(again.epoch, b.epoch);
}

#[tokio::test]
async fn readers_of_empty_channels_push_nothing_out() {
    let bus = Bus::memory_of(Clock::manual(0), &Entropy::seeded(1), 2);
    let keep = Keep { size: 10, ttl_ms: u64::MAX };
    let position = bus.publish("a", Bytes::from_static(b"1"), keep).await.expect("published");
    for n in 0..100 {
        bus.history(&format!("empty{n}"), Read::TOP).await.expect("readable");
    }
    assert_eq!(bus.history("a", Read::after(position.clone(), 1)).await.expect("kept").top, position);
}

#[tokio::test]
async fn a_stream_keeps_so_many_bytes() {
    let bus = Bus::memory(Clock::manual(0), &Entropy::seeded(1));
    let keep = Keep { size: 1_000, ttl_ms: u64::MAX };
    let half = Bytes::from(vec![b'1'; limits::STREAM_BYTES / 2]);
    let kept = async || {
        let read = bus.history("a", Read::newest(1_000)).await.expect("readable");
        read.publications.iter().map(|publication| publication.offset).collect::<Vec<_>>()
    };
    for _ in 0..3 {
        bus.publish("a", half.clone(), keep).await.expect("published");
    }
    assert_eq!(kept().await, [3, 2]);
    bus.publish("a", Bytes::from_static(b"1"), keep).await.expect("published");
    assert_eq!(kept().await, [4, 3]);
    bus.clear("a").await.expect("cleared");
    bus.publish("a", half.clone(), keep).await.expect("published");
    bus.publish("a", half.clone(), keep).await.expect("published");
    assert_eq!(kept().await, [6, 5], "what was cleared takes no room");
    let row = |offset| Stored { offset, time_ms: 0, data: half.clone() };
    for top in [4, 5] {
        bus.load("d", "e", (1..=top).map(row).collect(), top, keep).await.expect("loaded");
        let read = bus.history("d", Read::newest(1_000)).await.expect("readable");
        assert_eq!((read.top.offset, read.publications.len()), (top, 2));
    }
}

#[tokio::test]
async fn who_fills_the_channels_takes_no_room_of_the_platform() {
    let bus = Bus::memory(Clock::manual(0), &Entropy::seeded(1));
    let present = |n: usize| Present { client: n.to_string().into(), person: "".into(), info: Bytes::new() };
    for n in 0..limits::PRESENT_KEPT {
        bus.join("a", present(n)).expect("room");
    }
    assert!(bus.join("b", present(0)).is_err());
    bus.join("@a", present(0)).expect("room of its own");
    bus.leave("@a", "0");
    assert!(bus.join("b", present(0)).is_err(), "nor the other way round");
    bus.leave("a", "0");
    bus.join("b", present(0)).expect("room again");
}
