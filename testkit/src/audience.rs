//! Clients of realtime that come back by themselves, and what each of them heard.

mod client;
mod deliveries;
mod score;
mod talks;
mod team;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kernel::Entropy;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use client::Client;
pub use deliveries::Deliveries;
use score::Score;
pub use score::Tally;
pub use talks::Talks;
pub use team::Team;

use crate::Server;

/// Clients that come in for the first time at once.
const OPENING: usize = 64;

/// Clients of the Centrifuge protocol (JSON over WebSocket), each subscribed to one channel. One that is cut off comes back as
/// the console does, with full jitter from 0.3 to 8 s, after `Retry-After` where it is refused, and names its last position. They
/// end when this is dropped.
///
/// Each holds a file; `ulimit -n` says how many there can be.
pub struct Audience {
    hall: Arc<Hall>,
    clients: JoinSet<Result<()>>,
    last: watch::Sender<Option<Arc<[u64]>>>,
}

/// What they share.
struct Hall {
    address: SocketAddr,
    channels: Vec<String>,
    /// What each client connects with; none where anybody may listen.
    tokens: Vec<String>,
    /// What a publication is known by.
    id: fn(&Value) -> Option<&str>,
    clients: usize,
    entropy: Entropy,
    /// A place for each that comes in for the first time.
    opening: Semaphore,
    score: Mutex<Score>,
    presence: watch::Sender<Presence>,
}

/// Who is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Presence {
    /// Subscribed now.
    online: usize,
    /// Subscriptions that ended, whatever ended them.
    ended: usize,
    /// Clients that gave up for good.
    failed: usize,
}

impl Hall {
    fn score<T>(&self, note: impl FnOnce(&mut Score) -> T) -> T {
        note(&mut self.score.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Audience {
    /// `clients` connect to `address`, each subscribed to one of the `stations` (`owner/repo`) in turn; all of them are there when this
    /// returns. The pauses of those who come back are by chance, from this seed.
    ///
    /// # Errors
    /// When one is refused for good, or not all are there in time.
    pub async fn gather(address: SocketAddr, stations: Vec<String>, clients: usize, seed: u64) -> Result<Self> {
        let channels = stations.iter().map(|station| format!("radio:{station}")).collect();
        Self::of(address, channels, (clients, Vec::new()), |phrase| phrase["id"].as_str(), seed).await
    }

    /// The people of a team, each in its room.
    ///
    /// # Errors
    /// As [`Audience::gather`].
    pub async fn of_team(address: SocketAddr, team: &Team, seed: u64) -> Result<Self> {
        let channels = team.rooms.iter().map(|room| format!("chat:{room}")).collect();
        let people = (team.tokens.len(), team.tokens.clone());
        Self::of(address, channels, people, |entry| entry["body"]["content"].as_str(), seed).await
    }

    async fn of(
        address: SocketAddr,
        channels: Vec<String>,
        (clients, tokens): (usize, Vec<String>),
        id: fn(&Value) -> Option<&str>,
        seed: u64,
    ) -> Result<Self> {
        ensure!(!channels.is_empty(), "nothing to listen to");
        let score = Mutex::new(Score::of(channels.len()));
        let (presence, last) = (watch::Sender::default(), watch::Sender::default());
        let (opening, entropy) = (Semaphore::new(OPENING), Entropy::seeded(seed));
        let hall = Arc::new(Hall { address, channels, tokens, id, clients, entropy, opening, score, presence });
        let mut it = Self { hall, clients: JoinSet::new(), last };
        for number in 0..clients {
            let (client, hall) = (Client::new(it.hall.clone(), number, it.last.subscribe()), it.hall.clone());
            it.clients.spawn(async move {
                let ended = client.live().await;
                if ended.is_err() {
                    hall.presence.send_modify(|presence| presence.failed += 1);
                }
                ended
            });
        }
        it.are_back(0, Duration::from_secs(60)).await?;
        Ok(it)
    }

    fn presence(&self) -> Presence {
        *self.hall.presence.borrow()
    }

    /// Subscriptions that have ended so far, whatever ended them.
    pub fn ended(&self) -> usize {
        self.presence().ended
    }

    /// Waits until so many subscriptions have ended, and all clients are subscribed again.
    ///
    /// # Errors
    /// When that takes longer, or one gave up for good: with the reason.
    pub async fn are_back(&mut self, ended: usize, within: Duration) -> Result<()> {
        let (mut presence, all) = (self.hall.presence.subscribe(), self.hall.clients);
        let so = |now: &Presence| now.failed > 0 || (now.ended >= ended && now.online == all);
        let failed = match tokio::time::timeout(within, presence.wait_for(so)).await {
            Ok(now) => now?.failed > 0,
            Err(_) => bail!("within {within:?} not all {all} were back and {ended} sent away: {:?}", self.presence()),
        };
        while failed && let Some(ended) = self.clients.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// What they have heard so far.
    pub fn tally(&self) -> Tally {
        self.hall.score(|score| score.tally.clone())
    }

    /// From the first attempt to say something to a client that hears it, once for each that was not away then, since this was
    /// last asked.
    pub fn took(&self) -> Vec<Duration> {
        self.hall.score(|score| std::mem::take(&mut score.took))
    }

    /// The most that came in within one second since then.
    pub fn peak_per_s(&self, since: Instant) -> usize {
        self.hall.score(|score| score.peak_per_s(since))
    }

    /// How many connections a process has, by its own word.
    ///
    /// # Errors
    /// When it does not say.
    pub async fn seated(&self, server: &Server) -> Result<usize> {
        let metrics = reqwest::get(format!("{}/metrics", server.url())).await?.text().await?;
        let gauge = metrics.lines().find_map(|line| line.strip_prefix("realtime_connections "));
        Ok(gauge.context("the process does not count its connections")?.parse()?)
    }

    /// Waits until every client has heard its channel to the end, and gone. What was heard is what was sent: of each channel these ids,
    /// each under an offset of its own, none more.
    ///
    /// # Errors
    /// When that takes longer, or is not so, or a client gave up for good.
    pub async fn hear_to_the_end(&mut self, sent: &[BTreeSet<String>], within: Duration) -> Result<()> {
        ensure!(sent.len() == self.hall.channels.len(), "of each channel");
        let from = self.hall.score(|score| score.from.clone());
        self.last.send_replace(Some(sent.iter().zip(from).map(|(ids, from)| from + ids.len() as u64).collect()));
        let all = async {
            while let Some(ended) = self.clients.join_next().await {
                ended??;
            }
            anyhow::Ok(())
        };
        let ended = tokio::time::timeout(within, all).await;
        ended.with_context(|| format!("{} have not heard everything within {within:?}", self.clients.len()))??;
        for (channel, sent) in sent.iter().enumerate() {
            let book = self.hall.score(|score| score.books[channel].clone());
            let heard: BTreeSet<_> = book.iter().flatten().cloned().collect();
            let name = &self.hall.channels[channel];
            ensure!(heard == *sent, "{name}: of {} were heard {}", sent.len(), heard.len());
            let offsets = book.iter().flatten().count();
            ensure!(offsets == sent.len(), "{name}: {offsets} offsets for {}", sent.len());
        }
        Ok(())
    }
}
