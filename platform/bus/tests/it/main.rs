//! The conformance suite on each engine, and the memory engine beside a naive model.

mod heard;
mod model;
mod presence;
mod redis;
mod redis_fleet;

use bus::conformance::{Time, conformance};
use bus::{Bus, Keep, Read};
use bytes::Bytes;
use kernel::{Clock, Entropy};

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
