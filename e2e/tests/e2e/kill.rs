//! `kill -9` under load. The journal of what was acknowledged is kept here, outside the system.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::{Admin, GitHub, Server};
use tokio::sync::{Mutex, Notify};

use crate::sse::{Listener, push};

const SENDERS: u64 = 16;
const STATIONS: u64 = 5;

/// A repeatable stream of numbers (xorshift).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[derive(Default)]
pub(crate) struct Journal {
    /// Delivery ids that were answered with success, with their station.
    acknowledged: Mutex<BTreeMap<String, String>>,
    /// Ids that were sent and not answered: they may be in the log or not.
    unanswered: Mutex<BTreeMap<String, String>>,
    count: AtomicU64,
    grew: Notify,
}

impl Journal {
    pub(crate) async fn acknowledge(&self, id: String, station: String) {
        self.acknowledged.lock().await.insert(id, station);
        self.count.fetch_add(1, Ordering::SeqCst);
        self.grew.notify_one();
    }

    /// The station of each delivery that was acknowledged.
    pub(crate) async fn stations(&self) -> Vec<String> {
        self.acknowledged.lock().await.values().cloned().collect()
    }
}

/// What was asked for, or another one each time.
#[expect(clippy::disallowed_methods, reason = "a seed, printed")]
pub(crate) fn seed() -> Result<u64> {
    match std::env::var("MAINSPRING_SEED") {
        Ok(seed) => Ok(seed.parse()?),
        Err(_) => Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64 | 1),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_done_twice() -> Result<()> {
    let seed = seed()?;
    let rounds: u64 = std::env::var("MAINSPRING_KILL_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    println!("seed {seed}, {rounds} rounds: MAINSPRING_SEED={seed} repeats them");
    let mut dice = Dice(seed);
    let mut server = Server::start().await?;
    let admin = server.admin().await?;
    let journal = Arc::new(Journal::default());
    for round in 0..rounds {
        let stop = Arc::new(AtomicBool::new(false));
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let first = (round * SENDERS + sender) * 1_000_000 + 1;
                tokio::spawn(deliver(server.github(), first, journal.clone(), stop.clone()))
            })
            .collect();
        // A random number of acknowledgements later, at a random moment between two of them.
        let until = journal.count.load(Ordering::SeqCst) + 20 + dice.below(400);
        while journal.count.load(Ordering::SeqCst) < until {
            tokio::time::timeout(Duration::from_secs(30), journal.grew.notified())
                .await
                .context("no acknowledgement came")?;
        }
        for _ in 0..dice.below(2_000) {
            tokio::task::yield_now().await;
        }
        // Most ends are sudden; one in four is asked for, and must lose as little.
        if dice.below(4) == 0 {
            server.terminate().await?
        } else {
            server.kill().await?
        }
        stop.store(true, Ordering::SeqCst);
        for sender in senders {
            sender.await??;
        }
        server.start_again().await?;
    }
    check(&server, &admin, &journal).await
}

async fn deliver(github: GitHub, first: u64, journal: Arc<Journal>, stop: Arc<AtomicBool>) -> Result<()> {
    for mark in first.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let (id, station) = (format!("delivery-{mark}"), format!("kill/station-{}", mark % STATIONS));
        let body = push(&station, &format!("author-{}", mark % 7), mark).to_string().into_bytes();
        match github.send_as(&id, "push", body).await {
            Ok(received) => {
                ensure!(received.status == 200, "{received:?}");
                ensure!(received.body["status"] == "accepted", "sent once, yet {received:?}");
                journal.acknowledge(id, station).await;
            }
            // The server died before it answered: the sender cannot know.
            Err(_) => {
                journal.unanswered.lock().await.insert(id, station);
                break;
            }
        }
    }
    Ok(())
}

pub(crate) async fn check(server: &Server, admin: &Admin, journal: &Journal) -> Result<()> {
    let (acknowledged, unanswered) = (journal.acknowledged.lock().await, journal.unanswered.lock().await);
    let mut stored = BTreeSet::new();
    let mut stations: BTreeMap<String, u64> = BTreeMap::new();
    for event in pages(admin, "/api/v1/events?type=github.push").await? {
        let id = event["id"].as_str().context("an id")?.to_owned();
        *stations.entry(event["subject"].as_str().context("a subject")?.to_owned()).or_default() += 1;
        ensure!(stored.insert(id.clone()), "{id} was appended twice");
    }
    let lost: Vec<_> = acknowledged.keys().filter(|id| !stored.contains(*id)).collect();
    ensure!(lost.is_empty(), "acknowledged, yet lost: {lost:?}");
    let strangers: Vec<_> =
        stored.iter().filter(|id| !acknowledged.contains_key(*id) && !unanswered.contains_key(*id)).collect();
    ensure!(strangers.is_empty(), "never sent: {strangers:?}");

    // Every station plays one phrase an event, numbered without a hole: waiting for the last is waiting for every job.
    for (station, events) in &stations {
        let mut listener = Listener::open(server, station, None).await?;
        while listener.phrase().await?["n"].as_u64() != Some(*events) {}
    }
    let mut deliveries = BTreeSet::new();
    for event in pages(admin, "/api/v1/events?type=radio.phrase").await? {
        ensure!(deliveries.insert(event["id"].to_string()), "a phrase was played twice: {event}");
    }
    ensure!(deliveries.len() == stored.len(), "{} phrases for {} events", deliveries.len(), stored.len());
    for state in ["available", "scheduled", "executing", "retryable", "cancelled", "discarded"] {
        let unsettled = composing(admin, state).await?;
        ensure!(unsettled.is_empty(), "a job did not settle: {unsettled:?}");
    }
    let completed = composing(admin, "completed").await?.len();
    ensure!(completed == stored.len(), "{completed} jobs for {} events", stored.len());

    // A redelivery of what was acknowledged is a success that does nothing.
    let (id, station) = acknowledged.iter().next().context("something was acknowledged")?;
    let mark: u64 = id.trim_start_matches("delivery-").parse()?;
    let body = push(station, &format!("author-{}", mark % 7), mark).to_string().into_bytes();
    let again = server.github().send_as(id, "push", body).await?;
    ensure!(again.status == 200 && again.body["status"] == "duplicate", "{again:?}");
    println!(
        "{} acknowledged, {} unanswered, {} stored, {} phrases",
        acknowledged.len(),
        unanswered.len(),
        stored.len(),
        deliveries.len()
    );
    Ok(())
}

/// The jobs of deliveries in a state; others go on by the clock.
pub(crate) async fn composing(admin: &Admin, state: &str) -> Result<Vec<Value>> {
    pages(admin, &format!("/api/v1/jobs?kind=radio.compose&state={state}")).await
}

/// Every row of a paged list.
pub(crate) async fn pages(admin: &Admin, path: &str) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    let mut before = String::new();
    loop {
        let page = admin.get(&format!("{path}&limit=200{before}")).await?;
        rows.extend(page["items"].as_array().context("items")?.iter().cloned());
        match &page["next"] {
            Value::Null => return Ok(rows),
            next => before = format!("&before={}", next.as_str().map_or_else(|| next.to_string(), str::to_owned)),
        }
    }
}
