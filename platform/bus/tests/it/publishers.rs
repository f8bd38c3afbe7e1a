//! Who published, on a Redis that processes of an older release use as well: they know nothing of it.

use bus::{Keep, Read};
use bytes::Bytes;
use testkit::Redis;

use crate::heard::{bus_at, until};
use crate::redis::{KEEP, json};

async fn infos(bus: &bus::Bus) -> Vec<(u64, Option<Bytes>)> {
    let found = bus.history("a", Read::newest(9)).await.expect("readable").publications;
    found.iter().map(|it| (it.offset, it.info.as_deref().cloned())).collect()
}

/// The names of the keys, of whichever partition.
async fn key(redis: &mut ::redis::aio::MultiplexedConnection, like: &str) -> Vec<String> {
    ::redis::cmd("KEYS").arg(like).query_async(redis).await.expect("keys")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_process_reads_the_ring_as_it_was_and_leaves_nothing_that_is_believed() {
    let server = Redis::start().expect("a Redis");
    let bus = bus_at(&server.url()).await;
    let mut redis =
        ::redis::Client::open(server.url()).expect("a URL").get_multiplexed_async_connection().await.expect("open");
    let ann = Bytes::from_static(b"{\"user\":\"ann\"}");
    bus.publish_by("a", json(1), KEEP, ann.clone()).await.expect("published");
    bus.publish_by("a", json(2), KEEP, ann.clone()).await.expect("published");
    let ring = key(&mut redis, "*r:a").await.remove(0);
    let entries: Vec<String> =
        ::redis::cmd("LRANGE").arg(&ring).arg(0).arg(-1).query_async(&mut redis).await.expect("a list");
    for (entry, data) in entries.iter().zip(["1", "2"]) {
        let (time, rest) = entry.split_once(':').expect("a time");
        assert!(time.parse::<i64>().is_ok() && rest == data, "{entry}");
    }
    assert_eq!(infos(&bus).await, [(2, Some(ann.clone())), (1, Some(ann.clone()))]);
    // An older process begins the stream anew, as after an eviction: it drops the ring, and knows of nothing beside it.
    let streams = key(&mut redis, "*streams").await;
    for name in streams {
        let _: () = ::redis::cmd("HDEL").arg(&name).arg("sa").query_async(&mut redis).await.expect("dropped");
        let _: () = ::redis::cmd("HSET").arg(&name).arg("e").arg("anew").query_async(&mut redis).await.expect("set");
    }
    let said = key(&mut redis, "*i:a").await.remove(0);
    let kept: Vec<u8> = ::redis::cmd("DUMP").arg(&said).query_async(&mut redis).await.expect("kept");
    assert_eq!(bus.publish("a", json(3), KEEP).await.expect("published").offset, 1);
    let put = ::redis::cmd("RESTORE").arg(&said).arg(0).arg(kept).query_async::<()>(&mut redis).await;
    put.expect("as an older process leaves it");
    let bob = Bytes::from_static(b"{\"user\":\"bob\"}");
    bus.publish_by("a", json(4), KEEP, bob.clone()).await.expect("published");
    bus.publish("a", json(5), KEEP).await.expect("published");
    assert_eq!(infos(&bus).await, [(3, None), (2, Some(bob)), (1, None)], "nobody is shown for what they did not say");
    let gone: u64 = ::redis::cmd("DEL").arg(&said).query_async(&mut redis).await.expect("evicted");
    let unknown = Some(Bytes::from_static(b"{}"));
    assert_eq!(
        (gone, infos(&bus).await),
        (1, vec![(3, None), (2, unknown), (1, None)]),
        "nor does it pass for the server's"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_of_publishers_goes_with_what_they_published() {
    let server = Redis::start().expect("a Redis");
    let bus = bus_at(&server.url()).await;
    let mut redis =
        ::redis::Client::open(server.url()).expect("a URL").get_multiplexed_async_connection().await.expect("open");
    let keep = Keep { size: 3, ttl_ms: 60_000 };
    for n in 1..=9 {
        bus.publish_by("a", json(n), keep, Bytes::from_static(b"{}")).await.expect("published");
    }
    let said = key(&mut redis, "*i:a").await.remove(0);
    let count: u64 = ::redis::cmd("ZCARD").arg(&said).query_async(&mut redis).await.expect("counted");
    let ttl_ms: i64 = ::redis::cmd("PTTL").arg(&said).query_async(&mut redis).await.expect("a time");
    assert!(count == 3 && (1..=60_000).contains(&ttl_ms), "{count} {ttl_ms}");
    bus.clear("a").await.expect("cleared");
    assert!(key(&mut redis, "*i:a").await.is_empty());
    bus.publish("a", json(10), keep).await.expect("published");
    assert!(key(&mut redis, "*i:a").await.is_empty(), "nothing lies there where the server speaks");
    let short = Keep { size: 3, ttl_ms: 1 };
    bus.publish_by("b", json(1), short, Bytes::from_static(b"{}")).await.expect("published");
    until("it has gone", async || key(&mut redis.clone(), "*i:b").await.is_empty().then_some(())).await;
}
