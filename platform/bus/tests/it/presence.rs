//! Presence on one Redis: processes that are killed, stalled and cut off, and a Redis that goes away and forgets.

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use bus::{Bus, Keep, Presence, PresenceStats, Present, Publication, Sink};
use kernel::limits;
use testkit::Redis;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::heard::{bus_at, bus_with, until};
use crate::redis::{is_away, is_up, json};

const LEASE_MS: u64 = 2_000;
const PATIENCE: Duration = Duration::from_secs(20);

/// What is heard of who comes and goes: `+client`, `-client`, each with the channel before it; and what is only carried.
struct Sound(mpsc::UnboundedSender<String>);

pub(crate) struct Ear(mpsc::UnboundedReceiver<String>);

impl Sink for Sound {
    fn publication(&self, channel: &str, publication: &Arc<Publication>) {
        let _ = self.0.send(format!("{channel} {}", String::from_utf8_lossy(&publication.data)));
    }

    fn joined(&self, channel: &str, present: &Arc<Present>) {
        let _ = self.0.send(format!("{channel}+{}", present.client));
    }

    fn left(&self, channel: &str, present: &Arc<Present>) {
        let _ = self.0.send(format!("{channel}-{}", present.client));
    }
}

impl Ear {
    pub(crate) fn on(bus: &Bus) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        bus.listen(Arc::new(Sound(sender)));
        Self(receiver)
    }

    pub(crate) async fn hears(&mut self, all: &[&str]) {
        for what in all {
            assert_eq!(self.next().await, *what);
        }
    }

    async fn next(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.0.recv()).await.expect("in time").expect("an open bus")
    }

    /// How many times each of so many was heard.
    async fn count(&mut self, many: usize) -> BTreeMap<String, usize> {
        let mut heard = BTreeMap::new();
        for _ in 0..many {
            *heard.entry(self.next().await).or_default() += 1;
        }
        heard
    }

    /// Nothing but what this bus says now is on its way.
    async fn nothing_more(&mut self, from: &Bus, channel: &str) {
        from.publish(channel, json("0"), Keep::NOTHING).await.expect("carried");
        self.hears(&[&format!("{channel} 0")]).await;
    }
}

/// A process on a runtime of its own, which can be killed or stalled.
struct Process {
    runtime: Option<Runtime>,
    bus: Bus,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

impl Process {
    async fn start(url: &str, lease_ms: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let (runtime, url) = (runtime.expect("a runtime"), url.to_owned());
        let bus = runtime.spawn(async move { bus_with(&url, |settings| settings.lease_ms(lease_ms)).await });
        let bus = bus.await.expect("a bus");
        Self { runtime: Some(runtime), bus }
    }

    /// Its connections break, and nothing of it runs any more: no goodbye is said.
    fn kill(self) {}

    /// Nothing of it runs until the barrier is waited for.
    fn stall(&self) -> Arc<Barrier> {
        let (barrier, inside) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let held = (barrier.clone(), inside.clone());
        let runtime = self.runtime.as_ref().expect("it runs");
        runtime.spawn(async move {
            held.1.wait();
            held.0.wait();
        });
        inside.wait();
        barrier
    }
}

async fn short(url: &str) -> Bus {
    bus_with(url, |settings| settings.lease_ms(LEASE_MS)).await
}

pub(crate) fn join(bus: &Bus, channel: &str, client: &str) {
    let (client, person) = (client.into(), client.chars().take(1).collect::<String>().into());
    bus.join(channel, Present { client, person, info: json("1") }).expect("joined");
}

pub(crate) async fn there(bus: &Bus, channel: &str) -> Vec<String> {
    let mut clients: Vec<_> = bus.present(channel).await.clients.iter().map(|it| it.client.to_string()).collect();
    clients.sort();
    clients
}

pub(crate) async fn is_there(bus: &Bus, channel: &str, clients: &[&str]) {
    until("the list", async || (there(bus, channel).await == clients).then_some(())).await;
}

async fn is_whole(bus: &Bus, channel: &str) {
    until("all are there", async || bus.present(channel).await.whole.then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_know_who_is_there_and_hear_it_in_order() {
    let redis = Redis::start().expect("a Redis");
    let (one, two) = (bus_at(&redis.url()).await, bus_at(&redis.url()).await);
    they_know_who_is_there(&one, &two).await;
}

pub(crate) async fn they_know_who_is_there(one: &Bus, two: &Bus) {
    let mut ear = Ear::on(two);
    join(one, "a", "x1");
    one.publish("a", json(1), Keep::NOTHING).await.expect("carried");
    join(one, "a", "y1");
    ear.hears(&["a+x1", "a 1", "a+y1"]).await;
    join(two, "a", "x2");
    ear.hears(&["a+x2"]).await;
    for bus in [one, two] {
        is_there(bus, "a", &["x1", "x2", "y1"]).await;
        let PresenceStats { clients, people, .. } = bus.presence_stats("a").await;
        assert_eq!((clients, people), (3, 2), "two of them are one person's");
    }
    one.publish("a", json(2), Keep::NOTHING).await.expect("carried");
    one.leave("a", "x1");
    one.publish("a", json(3), Keep::NOTHING).await.expect("carried");
    ear.hears(&["a 2", "a-x1", "a 3"]).await;
    is_there(two, "a", &["x2", "y1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_killed_process_everybody_leaves_once_however_many_see_it() {
    let redis = Redis::start().expect("a Redis");
    let victim = Process::start(&redis.url(), LEASE_MS).await;
    let survivors = [short(&redis.url()).await, short(&redis.url()).await, short(&redis.url()).await];
    let mut ears = survivors.each_ref().map(Ear::on);
    let many = 2 * limits::PRESENCE_REAPED + 10;
    for n in 0..many {
        join(&victim.bus, "a", &n.to_string());
        join(&victim.bus, &n.to_string(), "z");
    }
    for ear in &mut ears {
        assert!(ear.count(2 * many).await.values().all(|times| *times == 1));
    }
    let killed = Instant::now();
    victim.kill();
    for (ear, bus) in ears.iter_mut().zip(&survivors) {
        let heard = ear.count(2 * many).await;
        assert_eq!(heard.len(), 2 * many);
        assert!(heard.iter().all(|(what, times)| *times == 1 && what.contains('-')), "{heard:?}");
        assert_eq!(there(bus, "a").await, [""; 0]);
        ear.nothing_more(bus, "a").await;
    }
    assert!(killed.elapsed() >= Duration::from_millis(LEASE_MS / 2), "nobody is given up at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_is_missed_within_fifteen_seconds() {
    let redis = Redis::start().expect("a Redis");
    let (victim, bus) = (Process::start(&redis.url(), limits::PRESENCE_LEASE_MS).await, bus_at(&redis.url()).await);
    let mut ear = Ear::on(&bus);
    join(&victim.bus, "a", "x");
    ear.hears(&["a+x"]).await;
    let killed = Instant::now();
    victim.kill();
    ear.hears(&["a-x"]).await;
    assert!(killed.elapsed() <= Duration::from_secs(15), "{:?}", killed.elapsed());
    assert_eq!(there(&bus, "a").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_ends_properly_is_gone_at_once() {
    let redis = Redis::start().expect("a Redis");
    let (one, two) = (bus_at(&redis.url()).await, bus_at(&redis.url()).await);
    let mut ear = Ear::on(&two);
    (0..1_000).for_each(|n| join(&one, &(n % 100).to_string(), &n.to_string()));
    ear.count(1_000).await;
    one.depart().await;
    for channel in 0..100 {
        assert_eq!(there(&two, &channel.to_string()).await, [""; 0], "told when the call is over");
    }
    assert!(ear.count(1_000).await.iter().all(|(what, times)| *times == 1 && what.contains('-')));
    drop(one);
    ear.nothing_more(&two, "a").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stood_still_for_too_long_comes_back() {
    let redis = Redis::start().expect("a Redis");
    let (stalled, bus) = (Process::start(&redis.url(), LEASE_MS).await, short(&redis.url()).await);
    let (mut ear, mut own) = (Ear::on(&bus), Ear::on(&stalled.bus));
    for client in ["x", "y"] {
        join(&stalled.bus, "a", client);
        ear.hears(&[&format!("a+{client}")]).await;
        own.hears(&[&format!("a+{client}")]).await;
    }
    let barrier = stalled.stall();
    let heard = ear.count(2).await;
    assert_eq!(heard.into_keys().collect::<Vec<_>>(), ["a-x", "a-y"]);
    // What happens to it meanwhile is true when it is back.
    stalled.bus.leave("a", "x");
    join(&stalled.bus, "a", "z");
    barrier.wait();
    let heard = ear.count(2).await;
    assert_eq!(heard.into_keys().collect::<Vec<_>>(), ["a+y", "a+z"]);
    is_there(&bus, "a", &["y", "z"]).await;
    own.hears(&["a-x", "a+z"]).await;
    own.nothing_more(&bus, "a").await;
    ear.hears(&["a 0"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_stands_still_nobody_leaves() {
    let redis = Redis::start().expect("a Redis");
    let (one, two) = (short(&redis.url()).await, short(&redis.url()).await);
    let mut ear = Ear::on(&two);
    for client in ["w", "x"] {
        join(&one, "a", client);
        ear.hears(&[&format!("a+{client}")]).await;
    }
    is_whole(&two, "a").await;
    redis.pause().expect("paused");
    let paused = Instant::now();
    one.leave("a", "x");
    join(&one, "a", "y");
    join(&one, "a", "passing");
    one.leave("a", "passing");
    let Presence { clients, whole } = one.present("a").await;
    assert_eq!((clients.len(), whole), (2, false), "its own");
    assert!(paused.elapsed() < Duration::from_millis(limits::BUS_CALL_MS + 1_000), "and nobody waits");
    let PresenceStats { clients, whole, .. } = one.presence_stats("a").await;
    assert_eq!((clients, whole), (2, false));
    is_away(&two).await;
    assert_eq!(two.present("a").await, Presence { clients: Vec::new(), whole: false });
    until("their leases are over", async || (paused.elapsed().as_millis() > 2 * u128::from(LEASE_MS)).then_some(()))
        .await;
    redis.resume().expect("resumed");
    is_up(&one).await;
    is_up(&two).await;
    is_there(&two, "a", &["w", "y"]).await;
    // Two may have been away when it was told. Who came and went is not told at all, and w never left.
    two.publish("a", json("0"), Keep::NOTHING).await.expect("carried");
    let mut heard = Vec::new();
    while heard.last().is_none_or(|what| what != "a 0") {
        heard.push(ear.next().await);
    }
    heard.pop();
    heard.retain(|what| what != "a-x" && what != "a+y");
    assert_eq!(heard, [""; 0]);
    is_whole(&two, "a").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_redis_is_filled_again_and_nobody_comes_twice() {
    let mut redis = Redis::start().expect("a Redis");
    let (one, two) = (short(&redis.url()).await, short(&redis.url()).await);
    let mut ear = Ear::on(&two);
    for client in ["w", "x"] {
        join(&one, "a", client);
        ear.hears(&[&format!("a+{client}")]).await;
    }
    is_whole(&two, "a").await;
    redis.kill().expect("killed");
    is_away(&one).await;
    is_away(&two).await;
    one.leave("a", "x");
    join(&one, "b", "y");
    redis.start_again().expect("started");
    is_up(&two).await;
    is_up(&one).await;
    is_there(&two, "a", &["w"]).await;
    is_there(&two, "b", &["y"]).await;
    assert!(!two.present("a").await.whole, "others had no time yet to say who is there");
    is_whole(&two, "a").await;
    two.publish("a", json("0"), Keep::NOTHING).await.expect("carried");
    let mut heard = Vec::new();
    while heard.last().is_none_or(|what| what != "a 0") {
        heard.push(ear.next().await);
    }
    heard.pop();
    heard.retain(|what| what != "a-x" && what != "b+y");
    assert_eq!(heard, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_throws_away_is_put_back_unheard() {
    let redis = Redis::start().expect("a Redis");
    let (one, two) = (short(&redis.url()).await, short(&redis.url()).await);
    let mut ear = Ear::on(&two);
    join(&one, "a", "x");
    ear.hears(&["a+x"]).await;
    let keys = redis.command(&["KEYS", "*"]).expect("answered");
    assert_eq!(keys.lines().count(), 3, "{keys}");
    for key in keys.lines() {
        assert_ne!(redis.command(&["PTTL", key]).expect("answered").trim(), "-1", "nothing lies there for ever: {key}");
        redis.command(&["DEL", key]).expect("answered");
        until("it is put back", async || {
            (redis.command(&["EXISTS", key]).expect("answered").trim() == "1").then_some(())
        })
        .await;
        is_there(&two, "a", &["x"]).await;
    }
    ear.nothing_more(&one, "a").await;
    one.leave("a", "x");
    ear.hears(&["a-x"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_full_redis_nobody_leaves_and_who_comes_waits() {
    let redis = Redis::with(&["--maxmemory-policy", "noeviction"]).expect("a Redis");
    let (one, two) = (short(&redis.url()).await, short(&redis.url()).await);
    let mut ear = Ear::on(&two);
    join(&one, "a", "x");
    ear.hears(&["a+x"]).await;
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).expect("set");
    let full = Instant::now();
    join(&one, "a", "y");
    for n in 0..20 {
        one.publish("a", json(n), Keep::NOTHING).await.expect("carried");
        ear.hears(&[&format!("a {n}")]).await;
    }
    assert!(full.elapsed() < Duration::from_secs(2), "whom Redis refuses holds up nobody: {:?}", full.elapsed());
    until("leases are over", async || (full.elapsed().as_millis() > 2 * u128::from(LEASE_MS)).then_some(())).await;
    assert_eq!(there(&one, "a").await, ["x", "y"], "its own");
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).expect("set");
    ear.hears(&["a+y"]).await;
    is_there(&two, "a", &["x", "y"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_came_back_elsewhere_stays() {
    let redis = Redis::start().expect("a Redis");
    let (victim, bus) = (Process::start(&redis.url(), LEASE_MS).await, short(&redis.url()).await);
    let watcher = short(&redis.url()).await;
    let mut ear = Ear::on(&watcher);
    join(&victim.bus, "a", "x");
    join(&victim.bus, "a", "y");
    ear.hears(&["a+x", "a+y"]).await;
    victim.kill();
    join(&bus, "a", "x");
    ear.hears(&["a+x"]).await;
    let heard = ear.count(2).await;
    assert_eq!(heard.into_keys().collect::<Vec<_>>(), ["a+x", "a-y"], "what is said of it is said anew");
    assert_eq!(there(&watcher, "a").await, ["x"]);
    bus.leave("a", "x");
    ear.hears(&["a-x"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_who_come_are_told_in_batches() {
    const MANY: usize = 10_000;
    let redis = Redis::start().expect("a Redis");
    let (one, two) = (short(&redis.url()).await, short(&redis.url()).await);
    let mut ear = Ear::on(&two);
    redis.command(&["CONFIG", "RESETSTAT"]).expect("reset");
    (0..MANY).for_each(|n| join(&one, "a", &format!("{n}")));
    assert!(ear.count(MANY).await.values().all(|times| *times == 1));
    let stats = redis.command(&["INFO", "commandstats"]).expect("answered");
    let calls = stats.lines().filter(|line| line.starts_with("cmdstat_eval"));
    let calls = calls.filter_map(|line| line.split(['=', ',']).nth(1)?.parse::<usize>().ok()).sum::<usize>();
    assert!(calls < MANY / 10, "{calls} scripts");
    let all = PresenceStats { clients: MANY as u64, people: 10, whole: true };
    until("all are counted", async || (two.presence_stats("a").await == all).then_some(())).await;
    let listed = two.present("a").await;
    assert_eq!((listed.clients.len(), listed.whole), (limits::PRESENT_LISTED, false));
}
