//! The engine on one Redis: the suite, two processes, and a Redis that goes away.

use std::fmt::Display;
use std::time::{Duration, Instant};

use bus::conformance::{Time, conformance};
use bus::{Bus, BusError, Keep, Placed, Position, Quota, Read, RedisSettings, Stored};
use bytes::Bytes;
use kernel::{Entropy, Secret, limits};
use testkit::Redis;

use crate::heard::{Heard, bus_at, bus_with, until};

pub(crate) const KEEP: Keep = Keep { size: 100, ttl_ms: 3_600_000 };

pub(crate) fn json(n: impl Display) -> Bytes {
    n.to_string().into()
}

/// A call's bound, and something for a busy machine.
fn bound() -> Duration {
    Duration::from_millis(limits::BUS_CALL_MS + 1_000)
}

pub(crate) async fn is_up(bus: &Bus) {
    until("Redis is there", async || bus.health().up.then_some(())).await;
}

pub(crate) async fn is_away(bus: &Bus) {
    until("Redis is away", async || (!bus.health().up).then_some(())).await;
}

pub(crate) async fn position(bus: &Bus, channel: &str) -> Position {
    bus.history(channel, Read::TOP).await.expect("readable").top
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_redis_conforms() {
    let redis = Redis::start().expect("a Redis");
    let entropy = Entropy::system();
    conformance(Time::Own, async |clock| {
        let settings = RedisSettings::parse(&Secret::new(redis.url())).expect("a URL");
        Bus::redis(settings.prefix(&entropy.token(4)).expect("a prefix"), clock, entropy.clone()).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_hear_each_other_in_order() {
    let redis = Redis::start().expect("a Redis");
    let (one, two) = (bus_at(&redis.url()).await, bus_at(&redis.url()).await);
    two_hear_each_other(&one, &two).await;
}

pub(crate) async fn two_hear_each_other(one: &Bus, two: &Bus) {
    let (mut at_one, mut at_two) = (Heard::on(one), Heard::on(two));
    let publish = async |bus: Bus, from: &str| {
        for n in 0..200 {
            bus.publish("live", json(format!("\"{from}{n}\"")), KEEP).await.expect("published");
            bus.publish("carried", json(format!("\"{from}{n}\"")), Keep::NOTHING).await.expect("published");
        }
    };
    tokio::join!(publish(one.clone(), "one"), publish(two.clone(), "two"));
    let mut streams = Vec::new();
    for heard in [&mut at_one, &mut at_two] {
        let (mut live, mut carried) = (Vec::new(), Vec::new());
        while live.len() + carried.len() < 800 {
            let (channel, offset, data) = heard.next().await;
            if channel == "live" {
                live.push((offset, data));
            } else {
                carried.push(data);
            }
        }
        assert!(live.iter().map(|(offset, _)| *offset).eq(1..=400), "every offset once, in order");
        for from in ["one", "two"] {
            let mine = carried.iter().filter(|data| data.contains(from));
            assert!(
                mine.eq(&(0..200).map(|n| format!("\"{from}{n}\"")).collect::<Vec<_>>()),
                "in the order of its publisher"
            );
        }
        streams.push(live);
    }
    assert_eq!(streams[0], streams[1], "one order for everybody");
    assert_eq!(position(one, "live").await, position(two, "live").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_durable_stream_is_carried_to_who_loaded_it_and_a_hole_is_found() {
    let redis = Redis::start().expect("a Redis");
    let (one, two) = (bus_at(&redis.url()).await, bus_at(&redis.url()).await);
    let mut heard = Heard::on(&two);
    let marker = async |heard: &mut Heard| {
        one.publish("a", json("0"), Keep::NOTHING).await.expect("published");
        assert_eq!(heard.next().await.1, 0, "nothing but the marker");
    };
    one.load("a", "table", Vec::new(), 0, KEEP).await.expect("loaded");
    assert_eq!(one.publish_at("a", 1, json(1), KEEP).await.expect("answered"), Placed::Delivered);
    // The other's load read the table before the commit.
    marker(&mut heard).await;
    two.load("a", "table", Vec::new(), 0, KEEP).await.expect("loaded");
    assert_eq!(heard.next().await.1, 1);
    assert_eq!(one.publish_at("a", 2, json(2), KEEP).await.expect("answered"), Placed::Delivered);
    assert_eq!(heard.next().await, ("a".to_owned(), 2, "2".to_owned()));
    // Again, from both sides: nobody hears it twice.
    assert_eq!(two.publish_at("a", 2, json(2), KEEP).await.expect("answered"), Placed::Ignored);
    assert_eq!(one.publish_at("a", 2, json(2), KEEP).await.expect("answered"), Placed::Ignored);
    marker(&mut heard).await;
    // One has loaded what two never heard of.
    assert_eq!(one.publish_at("a", 4, json(4), KEEP).await.expect("answered"), Placed::Gap { top: 2 });
    assert_eq!(heard.next().await.1, 4, "the jump is told");
    assert!(!two.is_loaded("a").await.expect("answered"));
    let row = |offset: u64| Stored { offset, time_ms: i64::MAX / 2, data: json(offset) };
    two.load("a", "table", (1..=4).map(row).collect(), 4, KEEP).await.expect("loaded");
    assert!(two.is_loaded("a").await.expect("answered"));
    assert_eq!((heard.next().await.1, heard.next().await.1), (3, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_redis_has_new_epochs_and_durable_streams_go_on() {
    let mut redis = Redis::start().expect("a Redis");
    let (one, two) = (bus_at(&redis.url()).await, bus_at(&redis.url()).await);
    let mut heard = Heard::on(&two);
    for n in 1..=3 {
        assert_eq!(one.publish("a", json(n), KEEP).await.expect("published").offset, n);
        assert_eq!(heard.next().await.1, n);
    }
    let before = position(&one, "a").await;
    let empty = position(&one, "nobody").await;
    for bus in [&one, &two] {
        bus.load("t", "table", Vec::new(), 0, KEEP).await.expect("loaded");
    }
    redis.kill().expect("killed");
    is_away(&one).await;
    is_away(&two).await;
    assert_eq!(one.publish_at("t", 1, json(1), KEEP).await.expect("answered"), Placed::Delivered);
    redis.start_again().expect("started");
    until("two is told", async || (heard.interruptions() > 0).then_some(())).await;
    is_up(&one).await;
    // Either it heard what was kept for it, or it says that it may have missed something.
    assert!(position(&two, "t").await.offset == 1 || !two.is_loaded("t").await.expect("answered"));
    let row = Stored { offset: 1, time_ms: i64::MAX / 2, data: json(1) };
    two.load("t", "table", vec![row], 1, KEEP).await.expect("loaded");
    assert_eq!(heard.next().await, ("t".to_owned(), 1, "1".to_owned()));
    for gone in [&before, &empty] {
        let read = Read::after(gone.clone(), 10);
        assert!(matches!(two.history("a", read).await, Err(BusError::Unrecoverable { top }) if top.offset == 0));
    }
    let after = one.publish("a", json(4), KEEP).await.expect("published");
    assert_eq!(after.offset, 1);
    assert_ne!(after.epoch, before.epoch);
    assert_eq!(heard.next().await.1, 1, "listeners go on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_thrown_away_are_never_taken_for_what_they_were() {
    let redis = Redis::start().expect("a Redis");
    let bus = bus_at(&redis.url()).await;
    let before = bus.publish("a", json(1), KEEP).await.expect("published");
    // What a Redis does that is full and may evict, in each order.
    for key in redis.command(&["KEYS", "*streams"]).expect("answered").lines() {
        redis.command(&["DEL", key]).expect("answered");
    }
    let after = bus.publish("a", json(2), KEEP).await.expect("published");
    assert_eq!(after.offset, 1);
    assert_ne!(after.epoch, before.epoch);
    let held = bus.history("a", Read::newest(10)).await.expect("readable").publications;
    assert_eq!(held.iter().map(|it| (it.offset, it.data.clone())).collect::<Vec<_>>(), [(1, json(2))]);
    redis.command(&["DEL", redis.command(&["KEYS", "*r:a"]).expect("answered").trim()]).expect("answered");
    assert_eq!(bus.publish("a", json(3), KEEP).await.expect("published"), Position { offset: 2, ..after });
    let held = bus.history("a", Read::newest(10)).await.expect("readable").publications;
    assert_eq!(held.iter().map(|it| it.offset).collect::<Vec<_>>(), [2]);
    // Nothing lies there for ever.
    for key in redis.command(&["KEYS", "*"]).expect("answered").lines() {
        assert_ne!(redis.command(&["PTTL", key]).expect("answered").trim(), "-1", "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_streams_are_bounded_and_one_that_went_has_another_epoch() {
    let redis = Redis::start().expect("a Redis");
    let bus = bus_with(&redis.url(), |settings| settings.streams(2 * 128)).await;
    let mut first = Vec::new();
    for n in 0..1_000 {
        first.push(bus.publish(&n.to_string(), json(n), KEEP).await.expect("published"));
    }
    let rings = redis.command(&["KEYS", "*r:*"]).expect("answered").lines().count();
    assert!((128..=2 * 128).contains(&rings), "{rings}");
    for (n, first) in first.iter().enumerate() {
        let again = bus.publish(&n.to_string(), json(n), KEEP).await.expect("published");
        assert!(again.offset == 2 || again.epoch != first.epoch, "{n} began again under its epoch");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_each_process_goes_on_alone_and_nobody_waits() {
    let mut redis = Redis::start().expect("a Redis");
    let (one, two) = (bus_at(&redis.url()).await, bus_at(&redis.url()).await);
    until("they know of each other", async || (one.health().processes == 2).then_some(())).await;
    let (mut at_one, mut at_two) = (Heard::on(&one), Heard::on(&two));
    redis.kill().expect("killed");
    is_away(&one).await;
    goes_on_alone(&one, &mut at_one).await;
    let quota = Quota { count: 10, period_ms: 600_000 };
    let mut allowed = 0;
    for _ in 0..20 {
        allowed += usize::from(one.take("who", quota).await.expect("counted").allowed);
    }
    assert_eq!(allowed, 5, "its share of two");
    redis.start_again().expect("started");
    is_up(&one).await;
    is_up(&two).await;
    one.publish("b", json(7), Keep::NOTHING).await.expect("published");
    assert_eq!(at_two.next().await, ("b".to_owned(), 0, "7".to_owned()), "what was only carried is not told late");
    assert_eq!(at_one.next().await.2, "7");
    two.publish("a", json(8), KEEP).await.expect("published");
    assert_eq!((at_one.next().await.2, at_two.next().await.2), ("8".to_owned(), "8".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_stands_still_calls_answer_within_their_bound() {
    let redis = Redis::start().expect("a Redis");
    let bus = bus_at(&redis.url()).await;
    let mut heard = Heard::on(&bus);
    bus.publish("a", json(1), KEEP).await.expect("published");
    assert_eq!(heard.next().await.1, 1);
    redis.pause().expect("paused");
    goes_on_alone(&bus, &mut heard).await;
    is_away(&bus).await;
    let began = Instant::now();
    for _ in 0..100 {
        assert!(bus.publish("a", json(1), KEEP).await.is_err());
    }
    assert!(began.elapsed() < bound(), "once it is known, nobody waits");
    redis.resume().expect("resumed");
    is_up(&bus).await;
    let position = until("it takes publications", async || bus.publish("a", json(2), KEEP).await.ok()).await;
    assert!(position.offset >= 2, "the same Redis: the stream goes on");
    while heard.next().await.1 != position.offset {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_needed_and_a_late_redis_is_found() {
    let mut redis = Redis::start().expect("a Redis");
    redis.command(&["CONFIG", "SET", "requirepass", "p@ss"]).expect("set");
    let (host, scheme) = (format!("127.0.0.1:{}", redis.port()), "redis://");
    assert!(bus_at(&format!("{scheme}:p%40ss@{host}")).await.health().up);
    let other = bus_at(&format!("{scheme}:wrong@{host}")).await;
    assert!(!other.health().up);
    let refused = other.publish("a", json(1), KEEP).await.expect_err("refused");
    assert!(!format!("{refused:?}").contains("wrong"));
    other.load("t", "table", Vec::new(), 0, KEEP).await.expect("loaded");
    // Started again, it asks for none.
    redis.kill().expect("killed");
    let late = bus_at(&redis.url()).await;
    late.load("t", "table", Vec::new(), 0, KEEP).await.expect("loaded");
    assert!(!late.health().up);
    redis.start_again().expect("started");
    is_up(&late).await;
    until("what was loaded before is doubted", async || (!late.is_loaded("t").await.expect("answered")).then_some(()))
        .await;
    late.publish("a", json(1), KEEP).await.expect("published");
}

async fn in_time<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(bound(), call).await.expect("a call that answers within its bound")
}

/// Every call in its bound, with a Redis that does not answer.
async fn goes_on_alone(bus: &Bus, heard: &mut Heard) {
    let began = Instant::now();
    let carried = bus.publish("b", json(1), Keep::NOTHING).await.expect("carried here");
    assert_eq!(carried.offset, 0);
    assert_eq!(heard.next().await, ("b".to_owned(), 0, "1".to_owned()));
    bus.load("t", "table", Vec::new(), 0, KEEP).await.expect("loaded");
    assert_eq!(bus.publish_at("t", 1, json(1), KEEP).await.expect("answered"), Placed::Delivered);
    assert_eq!(heard.next().await, ("t".to_owned(), 1, "1".to_owned()));
    assert_eq!(bus.history("t", Read::newest(1)).await.expect("readable").top.offset, 1);
    assert!(began.elapsed() < bound(), "{:?}", began.elapsed());
    let live = in_time(bus.publish("a", json(1), KEEP)).await;
    assert!(matches!(live, Err(BusError::Unavailable(_))), "{live:?}");
    let read = in_time(bus.history("a", Read::newest(1))).await;
    assert!(matches!(read, Err(BusError::Unavailable(_))), "{read:?}");
    let quota = Quota { count: 1_000, period_ms: 1_000 };
    let taken = in_time(bus.take("other", quota)).await;
    assert!(taken.expect("counted").allowed);
}
