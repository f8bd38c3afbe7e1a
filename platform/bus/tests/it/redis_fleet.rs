//! The engine on a Cluster and on Sentinels.

use bus::conformance::{Time, conformance};
use bus::{Bus, Read, RedisSettings};
use bytes::Bytes;
use kernel::{Entropy, Secret};
use testkit::{Cluster, Sentinel};

use crate::heard::{Heard, bus_at, until};
use crate::presence::{Ear, is_there, join, they_know_who_is_there};
use crate::redis::{KEEP, is_up, json, position, two_hear_each_other};

fn url_of(cluster: &Cluster) -> String {
    let hosts: Vec<_> =
        cluster.urls().iter().map(|url| url["redis://".len()..].trim_end_matches('/').to_owned()).collect();
    format!("redis://{}", hosts.join(","))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_conforms() {
    let (cluster, entropy) = (Cluster::start().expect("a Cluster"), Entropy::system());
    let url = url_of(&cluster);
    conformance(Time::Own, async |clock| {
        let settings = RedisSettings::parse(&Secret::new(&*url)).expect("a URL");
        Bus::redis(settings.prefix(&entropy.token(4)).expect("a prefix"), clock, entropy.clone()).await
    })
    .await;
    let (one, two) = (bus_at(&url).await, bus_at(&url).await);
    two_hear_each_other(&one, &two).await;
    they_know_who_is_there(&one, &two).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_takes_its_channels_along() {
    let mut cluster = Cluster::start().expect("a Cluster");
    let url = url_of(&cluster);
    let (one, two) = (bus_at(&url).await, bus_at(&url).await);
    let mut ear = Ear::on(&two);
    join(&one, "a", "x");
    ear.hears(&["a+x"]).await;
    let mut heard = Heard::on(&two);
    let before = one.publish("a", json(1), KEEP).await.expect("published");
    assert_eq!(heard.next().await.1, 1);
    // The slot of the channel: where its ring lies.
    let mut rings = cluster.nodes().iter().map(|node| node.command(&["KEYS", "*r:a"]).expect("answered"));
    let ring = rings.find(|keys| !keys.trim().is_empty()).expect("a ring").trim().to_owned();
    drop(rings);
    let slot =
        cluster.nodes()[0].command(&["CLUSTER", "KEYSLOT", &ring]).expect("answered").trim().parse().expect("a slot");
    let from = cluster.owner(slot).expect("an owner");
    cluster.move_slot(slot, from, (from + 1) % 3).expect("moved");
    let after = until("it is published elsewhere", async || one.publish("a", json(2), KEEP).await.ok()).await;
    assert_ne!(after.epoch, before.epoch, "another server: who listens starts again");
    until("two hears what comes there", async || {
        let position = one.publish("a", json(3), KEEP).await.ok()?;
        // What was published while two was not yet listening there is found by the jump.
        let heard = tokio::time::timeout(std::time::Duration::from_millis(500), heard.next()).await.ok()?;
        (heard.1 <= position.offset).then_some(())
    })
    .await;
    assert_eq!(position(&one, "a").await, position(&two, "a").await);
    is_there(&two, "a", &["x"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_on_its_way_is_served_by_the_node_that_takes_it() {
    let mut cluster = Cluster::start().expect("a Cluster");
    let bus = bus_at(&url_of(&cluster)).await;
    bus.publish("a", json(1), KEEP).await.expect("published");
    let find = |cluster: &mut Cluster| {
        let held: Vec<_> = cluster.nodes().iter().map(|node| node.command(&["KEYS", "*"]).expect("answered")).collect();
        let at = held.iter().position(|keys| keys.contains("r:a")).expect("a ring");
        (at, held[at].lines().map(str::to_owned).collect::<Vec<_>>())
    };
    let (from, keys) = find(&mut cluster);
    let to = (from + 1) % 3;
    let nodes = cluster.nodes();
    let slot = nodes[from].command(&["CLUSTER", "KEYSLOT", &keys[0]]).expect("answered");
    let ids = [from, to].map(|node| nodes[node].command(&["CLUSTER", "MYID"]).expect("answered"));
    nodes[to].command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids[0]]).expect("importing");
    nodes[from].command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids[1]]).expect("migrating");
    let port = nodes[to].port().to_string();
    let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
    migrate.extend(keys.iter().map(String::as_str));
    nodes[from].command(&migrate).expect("the keys have gone, the slot has not");
    let position = bus.publish("a", json(2), KEEP).await.expect("published where it goes");
    assert_eq!(find(&mut cluster).0, to);
    let held = bus.history("a", Read::newest(9)).await.expect("readable");
    assert_eq!((&held.top, held.publications.len()), (&position, 1));
    // With one of its two keys neither here nor there, the node says: try again. It is tried until the slot has moved.
    let ring = keys.iter().find(|key| key.contains("r:a")).expect("the ring");
    cluster.nodes()[to].commands(&[&["ASKING"], &["DEL", ring]]).expect("deleted");
    let (published, ()) = tokio::join!(bus.publish("a", json(3), KEEP), async {
        for node in [to, from, 3 - to - from] {
            cluster.nodes()[node].command(&["CLUSTER", "SETSLOT", &slot, "NODE", &ids[1]]).expect("moved");
        }
    });
    assert_eq!(published.expect("published").offset, position.offset + 1);
}

/// As `redis-cli --cluster reshard` moves them: one after the other, while publications come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_key_by_key_arrives_whole() {
    for last in ["i:a", "r:a", "streams"] {
        let mut cluster = Cluster::start().expect("a Cluster");
        let bus = bus_at(&url_of(&cluster)).await;
        let by = async |n: u64| bus.publish_by("a", json(n), KEEP, Bytes::from_static(b"{\"user\":\"ann\"}")).await;
        by(1).await.expect("published");
        let nodes = cluster.nodes();
        let held: Vec<_> = nodes.iter().map(|node| node.command(&["KEYS", "*"]).expect("answered")).collect();
        let from = held.iter().position(|keys| keys.contains("r:a")).expect("a ring");
        let to = (from + 1) % 3;
        let begin = held[from].lines().find_map(|key| key.strip_suffix("r:a")).expect("the ring");
        let mut keys: Vec<_> = held[from].lines().filter(|key| key.starts_with(begin)).collect();
        keys.sort_by_key(|key| key.ends_with(last));
        assert!(keys.len() >= 3 && keys.last().is_some_and(|key| key.ends_with(last)), "{keys:?}");
        let slot = nodes[from].command(&["CLUSTER", "KEYSLOT", keys[0]]).expect("answered");
        let ids = [from, to].map(|node| nodes[node].command(&["CLUSTER", "MYID"]).expect("answered"));
        nodes[to].command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids[0]]).expect("importing");
        nodes[from].command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids[1]]).expect("migrating");
        let (port, (all_but_one, one)) = (nodes[to].port().to_string(), keys.split_at(keys.len() - 1));
        let migrate = |key: &str| nodes[from].command(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
        all_but_one.iter().for_each(|key| _ = migrate(key).unwrap_or_else(|error| panic!("{key}: {error}")));
        // With a key of the call neither here nor there it waits for the end; without what is said of publishers it does not.
        let during = by(2);
        let (published, ()) = if last == "i:a" {
            (during.await, migrate(one[0]).map(drop).expect("nothing is in its place"))
        } else {
            tokio::join!(during, async { migrate(one[0]).map(drop).expect("nothing is in its place") })
        };
        published.expect("published");
        by(3).await.expect("published");
        for node in [to, from, 3 - to - from] {
            nodes[node].command(&["CLUSTER", "SETSLOT", &slot, "NODE", &ids[1]]).expect("moved");
        }
        until("it is published there", async || by(4).await.ok()).await;
        let held = bus.history("a", Read::newest(9)).await.expect("readable").publications;
        let said: Vec<_> = held.iter().map(|it| it.info.as_deref().map_or(0, Bytes::len)).collect();
        assert!(
            !said.is_empty() && said.iter().all(|bytes| *bytes > 0),
            "nobody passes for the server: {last} {said:?}"
        );
        assert_eq!(said[0], 14, "{last}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_without_one_of_its_nodes_serves_what_the_others_hold() {
    let mut cluster = Cluster::start().expect("a Cluster");
    let bus = bus_at(&url_of(&cluster)).await;
    for node in cluster.nodes().iter() {
        node.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]).expect("set");
    }
    cluster.nodes()[2].kill().expect("killed");
    until("it is seen", async || (!bus.health().up).then_some(())).await;
    let (mut served, mut refused) = (0, String::new());
    for n in 0..100 {
        match bus.publish(&n.to_string(), json(n), KEEP).await {
            Ok(_) => served += 1,
            Err(error) => refused = format!("{error:?}"),
        }
    }
    assert!((40..95).contains(&served), "two of three parts: {served}; {refused}");
    cluster.nodes()[2].start_again().expect("started");
    is_up(&bus).await;
    for n in 0..100 {
        until("all is served", async || bus.publish(&n.to_string(), json(n), KEEP).await.ok()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_that_sentinels_name_is_followed() {
    let mut sentinel = Sentinel::start().expect("Sentinels");
    let hosts: Vec<_> = sentinel.sentinels().iter().map(|it| format!("127.0.0.1:{}", it.port())).collect();
    let url = format!("redis-sentinel://{}/{}", hosts.join(","), Sentinel::NAME);
    let (one, two) = (bus_at(&url).await, bus_at(&url).await);
    two_hear_each_other(&one, &two).await;
    they_know_who_is_there(&one, &two).await;
    let mut heard = Heard::on(&two);
    let before = one.publish("a", json(1), KEEP).await.expect("published");
    assert_eq!(heard.next().await.1, 1);
    sentinel.failover().expect("failed over");
    let after = until("it is published on the heir", async || one.publish("a", json(2), KEEP).await.ok()).await;
    assert_ne!(after.epoch, before.epoch, "the heir may lack the last ones: who listens starts again");
    assert!(two.history("a", Read::after(before, 1)).await.is_err());
    is_up(&two).await;
    until("two hears it", async || {
        one.publish("a", json(3), KEEP).await.ok()?;
        tokio::time::timeout(std::time::Duration::from_millis(500), heard.next()).await.ok()
    })
    .await;
    assert!(heard.interruptions() > 0);
    is_there(&two, "a", &["x2", "y1"]).await;
    is_there(&one, "a", &["x2", "y1"]).await;
}
