//! Who is in a channel, who comes and who goes: on each engine, in one process and in two.

use bus::{Bus, RedisSettings};
use kernel::{Clock, Entropy, Secret, limits};
use realtime::Namespace;
use serde_json::{Value, json};
use testkit::Redis;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::register::Register;
use crate::support::{Client, Server, in_time};

const START_MS: i64 = 1_700_000_000_000;

/// Two processes.
struct Two {
    one: Server,
    two: Server,
    clock: Clock,
}

impl Two {
    async fn on(one: Bus, two: Bus) -> Self {
        let clock = Clock::manual(START_MS);
        let server = async |bus: Bus| {
            let rooms = Namespace::public("room").presence().join_leave();
            let quiet = Namespace::public("quiet").presence();
            Server::behind(Register::new(&clock), clock.clone(), bus, [rooms, quiet]).await
        };
        let (one, two) = (server(one).await, server(two).await);
        Self { one, two, clock }
    }

    async fn in_memory() -> Self {
        let bus = Bus::memory(Clock::system(), &Entropy::system());
        Self::on(bus.clone(), bus).await
    }

    /// So much time passes, and both look.
    fn pass(&self, ms: i64) {
        self.clock.advance(ms);
        self.one.hub.tick();
        self.two.hub.tick();
    }
}

async fn on_each_engine(test: impl AsyncFn(Two)) {
    test(Two::in_memory().await).await;
    let redis = Redis::start().expect("a Redis");
    let bus = async || {
        let settings = RedisSettings::parse(&Secret::new(redis.url())).expect("a URL");
        Bus::redis(settings, Clock::system(), Entropy::system()).await
    };
    test(Two::on(bus().await, bus().await).await).await;
}

/// Hubs that run.
struct Running {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    fn all<'a>(servers: impl IntoIterator<Item = &'a Server>) -> Self {
        let stop = CancellationToken::new();
        let run = |server: &Server| {
            let (hub, stop) = (server.hub.clone(), stop.clone());
            tokio::spawn(async move { hub.run(stop).await })
        };
        let tasks = servers.into_iter().map(run).collect();
        Self { stop, tasks }
    }

    async fn end(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.expect("ended");
        }
    }
}

/// A connected client and its name among clients.
async fn come(server: &Server, user: &str) -> (Client, String) {
    let mut client = server.open().await;
    let connect = if user.is_empty() { json!({}) } else { json!({ "token": user }) };
    let reply = client.ask(json!({ "connect": connect })).await;
    let name = reply["connect"]["client"].as_str().expect("a name").to_owned();
    (client, name)
}

/// Subscribed with joins and leaves; its own join has been heard.
async fn subscribed(server: &Server, user: &str, channel: &str) -> (Client, String) {
    let (mut client, name) = come(server, user).await;
    let reply = client.ask(json!({ "subscribe": { "channel": channel, "join_leave": true } })).await;
    assert!(reply["subscribe"].is_object(), "{reply}");
    assert_eq!(client.next().await, join(channel, user, &name), "after its reply");
    (client, name)
}

fn info(user: &str, client: &str) -> Value {
    match user {
        "" => json!({ "user": "", "client": client }),
        "ann" => json!({ "user": user, "client": client, "conn_info": { "name": "Ann" } }),
        user => json!({ "user": user, "client": client }),
    }
}

fn join(channel: &str, user: &str, client: &str) -> Value {
    json!({ "push": { "channel": channel, "join": { "info": info(user, client) } } })
}

fn leave(channel: &str, user: &str, client: &str) -> Value {
    json!({ "push": { "channel": channel, "leave": { "info": info(user, client) } } })
}

async fn there(client: &mut Client, channel: &str) -> Value {
    client.ask(json!({ "presence": { "channel": channel } })).await["presence"]["presence"].take()
}

async fn counted(client: &mut Client, channel: &str) -> Value {
    client.ask(json!({ "presence_stats": { "channel": channel } })).await["presence_stats"].take()
}

/// Nothing came before the answer to this.
async fn is_silent(client: &mut Client) {
    client.ask(json!({ "unsubscribe": { "channel": "quiet:none" } })).await;
}

async fn until(what: impl AsyncFn() -> bool) {
    in_time(async {
        while !what().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_there_is_listed_and_counted() {
    on_each_engine(async |two: Two| {
        let (mut ann, ann_name) = come(&two.one, "ann").await;
        let (mut again, again_name) = come(&two.one, "ann").await;
        let (mut nobody, nobody_name) = come(&two.two, "").await;
        for client in [&mut ann, &mut again, &mut nobody] {
            assert!(client.subscribe("quiet:a").await.is_object());
        }
        until(async || two.one.hub.presence("quiet:a").await.clients.len() == 3).await;
        let all = json!({
            ann_name.as_str(): info("ann", &ann_name),
            again_name.as_str(): info("ann", &again_name),
            nobody_name.as_str(): info("", &nobody_name),
        });
        assert_eq!(there(&mut ann, "quiet:a").await, all);
        two.pass(limits::PRESENCE_STATS_MS);
        assert_eq!(counted(&mut ann, "quiet:a").await, json!({ "num_clients": 3, "num_users": 2 }));
        drop(again);
        ann.ask(json!({ "unsubscribe": { "channel": "quiet:a" } })).await;
        until(async || two.two.hub.presence("quiet:a").await.clients.len() == 1).await;
        assert_eq!(there(&mut nobody, "quiet:a").await, json!({ nobody_name.as_str(): info("", &nobody_name) }));
        two.pass(limits::PRESENCE_STATS_MS);
        assert_eq!(two.two.hub.presence_stats("quiet:a").await.clients, 1);
        is_silent(&mut nobody).await;
    })
    .await;
}

#[tokio::test]
async fn where_there_is_none_it_is_said() {
    let two = Two::in_memory().await;
    let (mut client, _) = come(&two.one, "").await;
    for command in ["presence", "presence_stats"] {
        assert_eq!(client.error(json!({ command: { "channel": "plain:a" } })).await, 108);
        assert_eq!(client.error(json!({ command: { "channel": "nowhere:a" } })).await, 102);
        assert_eq!(client.error(json!({ command: { "channel": "ops:a" } })).await, 103);
    }
    assert_eq!(
        counted(&mut client, "quiet:a").await,
        json!({ "num_clients": 0, "num_users": 0 }),
        "looking is not being there"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_and_goes_is_told_to_who_wants_it() {
    on_each_engine(async |two: Two| {
        let (mut ann, _) = subscribed(&two.one, "ann", "room:a").await;
        let (mut deaf, deaf_name) = come(&two.one, "").await;
        deaf.subscribe("room:a").await;
        assert_eq!(ann.next().await, join("room:a", "", &deaf_name));
        let (mut bob, bob_name) = subscribed(&two.two, "bob", "room:a").await;
        assert_eq!(ann.next().await, join("room:a", "bob", &bob_name));
        is_silent(&mut deaf).await;
        // Of whom the other process never knew, it has nothing to tell.
        until(async || two.two.hub.presence("room:a").await.clients.len() == 3).await;
        drop(deaf);
        assert_eq!(ann.next().await, leave("room:a", "", &deaf_name), "nobody in particular comes back");
        // Whoever came before it and is heard of late may be told to it as well.
        let mut heard = bob.next().await;
        while heard["push"]["join"].is_object() {
            heard = bob.next().await;
        }
        assert_eq!(heard, leave("room:a", "", &deaf_name));
        bob.ask(json!({ "unsubscribe": { "channel": "room:a" } })).await;
        // It is heard at some moment; then the seconds begin in which it may come back.
        let running = Running::all([&two.one, &two.two]);
        let time = async {
            loop {
                two.clock.advance(limits::PRESENCE_FLAP_MS);
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            told = ann.next() => assert_eq!(told, leave("room:a", "bob", &bob_name)),
            () = time => {}
        }
        running.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_person_that_comes_back_at_once_was_never_away() {
    let two = Two::in_memory().await;
    let (mut ann, _) = subscribed(&two.one, "ann", "room:a").await;
    let (bob, first) = subscribed(&two.one, "bob", "room:a").await;
    assert_eq!(ann.next().await, join("room:a", "bob", &first));
    drop(bob);
    until(async || two.one.hub.presence("room:a").await.clients.len() == 1).await;
    two.pass(limits::PRESENCE_FLAP_MS - 1);
    let (mut bob, second) = come(&two.two, "bob").await;
    bob.subscribe("room:a").await;
    two.pass(2 * limits::PRESENCE_FLAP_MS);
    is_silent(&mut ann).await;
    // The same client, out and in again.
    bob.ask(json!({ "unsubscribe": { "channel": "room:a" } })).await;
    bob.subscribe("room:a").await;
    two.pass(2 * limits::PRESENCE_FLAP_MS);
    is_silent(&mut ann).await;
    drop(bob);
    until(async || two.one.hub.presence("room:a").await.clients.len() == 1).await;
    two.pass(limits::PRESENCE_FLAP_MS - 1);
    is_silent(&mut ann).await;
    two.pass(1);
    assert_eq!(ann.next().await, leave("room:a", "bob", &first));
    assert_eq!(ann.next().await, leave("room:a", "bob", &second));
}

/// Whoever read who is there after the leave knows nothing of the person that was never away.
#[tokio::test]
async fn whoever_came_between_a_leave_and_its_join_is_told_of_the_join() {
    let two = Two::in_memory().await;
    let (mut ann, _) = subscribed(&two.one, "ann", "room:a").await;
    let (bob, first) = subscribed(&two.one, "bob", "room:a").await;
    assert_eq!(ann.next().await, join("room:a", "bob", &first));
    drop(bob);
    until(async || two.one.hub.presence("room:a").await.clients.len() == 1).await;
    let (mut cem, cem_name) = subscribed(&two.two, "cem", "room:a").await;
    assert_eq!(ann.next().await, join("room:a", "cem", &cem_name));
    let (mut bob, second) = come(&two.two, "bob").await;
    bob.subscribe("room:a").await;
    assert_eq!(cem.next().await, join("room:a", "bob", &second));
    is_silent(&mut ann).await;
    drop(bob);
    until(async || two.one.hub.presence("room:a").await.clients.len() == 2).await;
    there(&mut ann, "room:a").await;
    let (mut bob, third) = come(&two.two, "bob").await;
    bob.subscribe("room:a").await;
    assert_eq!(ann.next().await, join("room:a", "bob", &third), "it has read the list without him");
    is_silent(&mut cem).await;
}

/// Two processes hear nothing of each other for a while, because Redis is away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missed_while_the_bus_was_away_is_told() {
    let mut redis = Redis::start().expect("a Redis");
    let url = Secret::new(redis.url());
    let bus = async || Bus::redis(RedisSettings::parse(&url).expect("a URL"), Clock::system(), Entropy::system()).await;
    let two = Two::on(bus().await, bus().await).await;
    let running = Running::all([&two.one]);
    let (mut ann, _) = subscribed(&two.one, "ann", "room:a").await;
    let (bob, bob_name) = subscribed(&two.two, "", "room:a").await;
    assert_eq!(ann.next().await, join("room:a", "", &bob_name));
    redis.kill().expect("killed");
    drop(bob);
    let (_cem, cem_name) = subscribed(&two.two, "", "room:a").await;
    redis.start_again().expect("started again");
    let mut told = [ann.next().await, ann.next().await];
    told.sort_by_key(|push| push["push"]["leave"].is_object());
    assert_eq!(told, [join("room:a", "", &cem_name), leave("room:a", "", &bob_name)]);
    running.end().await;
}

#[tokio::test]
async fn in_a_crowd_they_are_told_together() {
    let two = Two::in_memory().await;
    let (mut ann, _) = come(&two.one, "ann").await;
    ann.ask(json!({ "subscribe": { "channel": "room:a", "join_leave": true } })).await;
    ann.next().await;
    let mut crowd = Vec::new();
    for _ in 0..limits::PRESENCE_AT_ONCE {
        let (mut client, name) = come(&two.one, "").await;
        client.subscribe("room:a").await;
        crowd.push((client, name));
    }
    for (_, name) in crowd.iter().take(limits::PRESENCE_AT_ONCE - 1) {
        assert_eq!(ann.next().await, join("room:a", "", name), "one by one so far");
    }
    is_silent(&mut ann).await;
    // Whoever comes and goes before the moment is over is not mentioned.
    let (mut brief, _) = come(&two.one, "").await;
    brief.subscribe("room:a").await;
    brief.ask(json!({ "unsubscribe": { "channel": "room:a" } })).await;
    is_silent(&mut ann).await;
    two.pass(0);
    let (_, last) = crowd.last().expect("a crowd");
    assert_eq!(ann.next().await, join("room:a", "", last));
    is_silent(&mut ann).await;
}

/// The core takes a subscription away inside a lock of the bus, which cannot be told there.
#[tokio::test]
async fn a_subscription_that_was_lost_is_no_presence() {
    let clock = Clock::manual(START_MS);
    let bus = Bus::memory_of(clock.clone(), &Entropy::system(), 1);
    let rooms = Namespace::public("kept").history(10, u64::MAX).presence();
    let server = Server::behind(Register::new(&clock), clock, bus, [rooms]).await;
    let (mut stays, stays_name) = come(&server, "").await;
    let (mut goes, _) = come(&server, "").await;
    server.publish("kept:a", json!(1)).await;
    for client in [&mut stays, &mut goes] {
        client.subscribe("kept:a").await;
    }
    // There is room for one stream only: it begins anew.
    server.publish("kept:b", json!(1)).await;
    server.publish("kept:a", json!(1)).await;
    for client in [&mut stays, &mut goes] {
        assert_eq!(client.next().await["push"]["unsubscribe"]["code"], 2500);
    }
    stays.subscribe("kept:a").await;
    server.hub.tick();
    let there = server.hub.presence("kept:a").await.clients;
    assert_eq!(there.iter().map(|present| &*present.client).collect::<Vec<_>>(), [stays_name]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_drains_takes_its_people_along() {
    on_each_engine(async |two: Two| {
        let (mut ann, _) = subscribed(&two.one, "ann", "room:a").await;
        let (_kept, name) = subscribed(&two.two, "", "room:a").await;
        assert_eq!(ann.next().await, join("room:a", "", &name));
        two.two.hub.drain(std::time::Duration::ZERO).await;
        assert_eq!(ann.next().await, leave("room:a", "", &name));
    })
    .await;
}
