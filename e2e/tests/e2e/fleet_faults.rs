//! What may happen to a fleet while it is at work, and what must hold afterwards: nothing acknowledged is lost, nothing is done
//! twice, every listener hears every phrase once and in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use testkit::{Admin, GitHub, Proxy, Server};
use tokio::sync::{RwLock, watch};
use tokio::task::JoinHandle;

use crate::fleet::Fleet;
use crate::kill::{self, Dice, Journal};
use crate::sse::{GUARD, Listener, push};

const SENDERS: u64 = 8;
const STATIONS: u64 = 5;
/// The station that is listened to all the while.
const HEARD: &str = "kill/station-1";
/// How far its listener may be behind. A station keeps its last 200 phrases, and whoever was away for longer hears only the newest.
const BEHIND: u64 = 100;

/// The processes that senders and listeners reach, as behind a balancer: whoever fails is asked elsewhere.
pub(crate) struct Doors {
    servers: Vec<RwLock<Server>>,
    next: AtomicUsize,
    /// Of [`HEARD`]: what was sent, and the last phrase that its listener heard.
    sent: AtomicU64,
    heard: AtomicU64,
}

impl Doors {
    fn any(&self) -> &RwLock<Server> {
        &self.servers[self.next.fetch_add(1, Ordering::Relaxed) % self.servers.len()]
    }

    /// Whether the listener would still hear what is sent to this station now.
    fn takes(&self, station: &str) -> bool {
        let room = |sent| (sent < self.heard.load(Ordering::SeqCst) + BEHIND).then_some(sent + 1);
        station != HEARD || self.sent.try_update(Ordering::SeqCst, Ordering::SeqCst, room).is_ok()
    }
}

/// Sends until told to stop; each delivery again and again, at other doors, until it is acknowledged.
async fn deliver(doors: Arc<Doors>, first: u64, journal: Arc<Journal>, stop: Arc<AtomicBool>) -> Result<()> {
    for mark in first.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let (id, station) = (format!("delivery-{mark}"), format!("kill/station-{}", mark % STATIONS));
        if !doors.takes(&station) {
            continue;
        }
        let body = push(&station, &format!("author-{}", mark % 7), mark).to_string().into_bytes();
        loop {
            let door = doors.any();
            let github: GitHub = door.read().await.github();
            match github.send_as(&id, "push", body.clone()).await {
                // 202: on the disk of whoever took it, until the database is back.
                Ok(received) if [200, 202].contains(&received.status) => break,
                Ok(received) if received.status == 503 => {}
                Ok(received) => {
                    let request = received.body["request_id"].as_str().unwrap_or("?").to_owned();
                    let log = door.read().await.log();
                    let about: Vec<_> = log.lines().filter(|line| line.contains(&request)).collect();
                    bail!("{received:?}\n{}", about.join("\n"));
                }
                Err(_) => tokio::task::yield_now().await,
            }
        }
        journal.acknowledge(id, station).await;
    }
    Ok(())
}

/// Listens at whichever door is open, from where it was: every phrase once and in order.
async fn listen(doors: Arc<Doors>, station: String, last: watch::Receiver<Option<u64>>) -> Result<u64> {
    let mut heard = 0;
    while last.borrow().is_none_or(|last| heard < last) {
        let opened = Listener::open(&*doors.any().read().await, &station, (heard > 0).then_some(heard)).await;
        let Ok(mut listener) = opened else {
            tokio::task::yield_now().await;
            continue;
        };
        while last.borrow().is_none_or(|last| heard < last) {
            let mut last = last.clone();
            let phrase = tokio::select! {
                phrase = listener.phrase() => phrase,
                _ = last.changed() => continue,
            };
            let Ok(phrase) = phrase else { break };
            let n = phrase["n"].as_u64().context("a number")?;
            ensure!(heard == 0 || n == heard + 1, "{station}: {n} after {heard}");
            heard = n;
            doors.heard.store(n, Ordering::SeqCst);
        }
    }
    Ok(heard)
}

/// A fleet at work: deliveries come in at every door, and somebody listens.
pub(crate) struct Work {
    pub(crate) doors: Arc<Doors>,
    pub(crate) admin: Admin,
    journal: Arc<Journal>,
    stop: Arc<AtomicBool>,
    last: watch::Sender<Option<u64>>,
    listener: JoinHandle<Result<u64>>,
    senders: Vec<JoinHandle<Result<()>>>,
}

impl Work {
    pub(crate) async fn begin(servers: Vec<Server>) -> Result<Self> {
        let admin = servers[0].admin().await?;
        let servers = servers.into_iter().map(RwLock::new).collect();
        let doors =
            Arc::new(Doors { servers, next: AtomicUsize::new(0), sent: AtomicU64::new(0), heard: AtomicU64::new(0) });
        let (journal, stop) = (Arc::new(Journal::default()), Arc::new(AtomicBool::new(false)));
        let (last, told) = watch::channel(None);
        let listener = tokio::spawn(listen(doors.clone(), HEARD.into(), told));
        let deliver = |sender| deliver(doors.clone(), sender * 1_000_000 + 1, journal.clone(), stop.clone());
        let senders = (0..SENDERS).map(|sender| tokio::spawn(deliver(sender))).collect();
        Ok(Self { doors, admin, journal, stop, last, listener, senders })
    }

    /// Waits until so many more deliveries were acknowledged.
    pub(crate) async fn acknowledges(&self, more: usize) -> Result<()> {
        let until = self.journal.stations().await.len() + more;
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        let grown = async {
            while self.journal.stations().await.len() < until {
                beat.tick().await;
            }
        };
        tokio::time::timeout(GUARD, grown).await.context("no delivery is acknowledged any more")
    }

    /// Ends the load and looks whether everything is as it must be.
    pub(crate) async fn ends_well(self) -> Result<()> {
        self.acknowledges(50).await?;
        self.stop.store(true, Ordering::SeqCst);
        for sender in self.senders {
            sender.await??;
        }
        let stations = self.journal.stations().await;
        // What waits on a process's disk goes into the log when the database is back, the faster the less there is.
        let mut beat = tokio::time::interval(Duration::from_millis(200));
        let mut stored = 0;
        while stored < stations.len() {
            let grown = async {
                loop {
                    beat.tick().await;
                    let events = kill::pages(&self.admin, "/api/v1/events?type=github.push").await;
                    if let Some(more) = events.ok().map(|events| events.len()).filter(|events| *events > stored) {
                        return more;
                    }
                }
            };
            stored = tokio::time::timeout(GUARD, grown).await.context("something acknowledged is not in the log")?;
        }
        let heard = stations.iter().filter(|station| *station == HEARD).count() as u64;
        // Whoever hears nobody any more has ended already, and says why.
        self.last.send_replace(Some(heard));
        ensure!(self.listener.await?? == heard);
        let server = self.doors.servers[0].read().await;
        kill::check(&server, &self.admin, &self.journal).await
    }
}

async fn three(fleet: &Fleet) -> Result<Vec<Server>> {
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(fleet.process(&["all"]).await?);
    }
    Ok(servers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_process_may_die_at_any_time() -> Result<()> {
    let Some(fleet) = Fleet::new().await? else { return Ok(()) };
    let seconds: u64 = std::env::var("MAINSPRING_FLEET_SECONDS").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let seed = kill::seed()?;
    println!("seed {seed}, {seconds} s: MAINSPRING_SEED={seed} MAINSPRING_FLEET_SECONDS={seconds} repeat it");
    let mut dice = Dice(seed);
    let work = Work::begin(three(&fleet).await?).await?;
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    for _ in 0..seconds {
        beat.tick().await;
        let mut server = work.doors.servers[dice.below(3) as usize].write().await;
        server.kill().await?;
        server.start_again().await?;
    }
    work.ends_well().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_may_be_killed_and_come_back() -> Result<()> {
    let Some(mut fleet) = Fleet::durable().await? else { return Ok(()) };
    let work = Work::begin(three(&fleet).await?).await?;
    for _ in 0..3 {
        work.acknowledges(100).await?;
        fleet.postgres.kill()?;
        // GitHub does not send again: what comes meanwhile is acknowledged from the disk of whoever took it.
        work.acknowledges(20).await?;
        fleet.postgres.start_again()?;
    }
    work.ends_well().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_may_fall_silent() -> Result<()> {
    let Some(fleet) = Fleet::durable().await? else { return Ok(()) };
    let work = Work::begin(three(&fleet).await?).await?;
    work.acknowledges(100).await?;
    fleet.postgres.pause()?;
    let woken = tokio::time::timeout(Duration::from_secs(4), work.acknowledges(usize::MAX / 2)).await;
    ensure!(woken.is_err());
    fleet.postgres.resume()?;
    work.ends_well().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_fails_over_to_its_replica() -> Result<()> {
    let Some(mut fleet) = Fleet::durable().await? else { return Ok(()) };
    let replica = fleet.replica()?;
    let work = Work::begin(three(&fleet).await?).await?;
    work.acknowledges(100).await?;
    fleet.postgres.kill()?;
    work.acknowledges(20).await?;
    replica.promote()?;
    work.acknowledges(100).await?;
    work.ends_well().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_may_lose_everything() -> Result<()> {
    let Some(mut fleet) = Fleet::new().await? else { return Ok(()) };
    let work = Work::begin(three(&fleet).await?).await?;
    for _ in 0..3 {
        work.acknowledges(100).await?;
        fleet.redis.kill()?;
        work.acknowledges(100).await?;
        fleet.redis.start_again()?;
    }
    work.ends_well().await
}

/// One of three processes reaches both servers through wires that are cut, fall silent, become slow, and lose the answers to commits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_may_be_cut_off() -> Result<()> {
    let Some(fleet) = Fleet::new().await? else { return Ok(()) };
    let seed = kill::seed()?;
    println!("seed {seed}: MAINSPRING_SEED={seed} repeats it");
    let mut dice = Dice(seed);
    let (database, redis) = (Proxy::to(fleet.postgres.port())?, Proxy::to(fleet.redis.port())?);
    let far = fleet
        .start()
        .env("DATABASE_URL", &database.url(&fleet.postgres.url()))
        .env("REDIS_URL", &redis.url(&fleet.redis.url()));
    let servers = vec![fleet.process(&["all"]).await?, far.start().await?, fleet.process(&["all"]).await?];
    let work = Work::begin(servers).await?;
    for _ in 0..12 {
        work.acknowledges(20).await?;
        let wire = if dice.below(3) == 0 { &redis } else { &database };
        match dice.below(4) {
            0 => wire.cut(),
            1 => wire.stall(),
            2 => wire.slow(Duration::from_millis(100)),
            _ => database.cut_before_answer(b"COMMIT"),
        }
        work.acknowledges(20).await?;
        wire.heal()?;
    }
    println!("{} connections to the database, {} cut", database.accepted(), database.cuts());
    work.ends_well().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_nothing() -> Result<()> {
    let Some(fleet) = Fleet::new().await? else { return Ok(()) };
    let work = Work::begin(three(&fleet).await?).await?;
    for door in &work.doors.servers {
        work.acknowledges(50).await?;
        let mut server = door.write().await;
        server.terminate().await?;
        server.start_again().await?;
    }
    work.ends_well().await
}
