//! What they listen to.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::GitHub;
use crate::server::SECRET;

/// To acknowledge one delivery, whoever dies meanwhile; and for those that are waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Signed deliveries to stations in turn, at a steady rate, until [`Deliveries::end`]. Each is sent again until it is acknowledged,
/// as GitHub would not: a phrase that is heard was acknowledged, and each is heard once.
pub struct Deliveries {
    stop: watch::Sender<bool>,
    acknowledged: watch::Receiver<usize>,
    sender: JoinHandle<Result<Vec<BTreeSet<String>>>>,
}

impl Deliveries {
    /// To the processes at `url`, which were started by [`crate::Server`].
    pub fn begin(url: &str, stations: Vec<String>, per_s: u32) -> Self {
        let (github, (stop, stopped)) = (GitHub::new(url, SECRET), watch::channel(false));
        let (count, acknowledged) = watch::channel(0);
        let sender = tokio::spawn(async move {
            let mut sent = vec![BTreeSet::new(); stations.len()];
            let mut beat = tokio::time::interval(Duration::from_secs(1) / per_s);
            // What was due while nobody answered is sent when somebody does.
            beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
            for number in 0.. {
                beat.tick().await;
                if *stopped.borrow() {
                    break;
                }
                let (id, station) = (format!("delivery-{number}"), number % stations.len());
                let delivered = tokio::time::timeout(PATIENCE, deliver(&github, &id, &stations[station]));
                delivered.await.with_context(|| format!("nobody acknowledges {id}"))??;
                sent[station].insert(id);
                count.send_replace(number + 1);
            }
            Ok(sent)
        });
        Self { stop, acknowledged, sender }
    }

    /// How many were acknowledged.
    pub fn acknowledged(&self) -> usize {
        *self.acknowledged.borrow()
    }

    /// Waits until so many more were acknowledged.
    ///
    /// # Errors
    /// When the sender gave up, or within 30 s they were not.
    pub async fn more(&mut self, more: usize) -> Result<()> {
        let until = self.acknowledged() + more;
        let grown = tokio::time::timeout(PATIENCE, self.acknowledged.wait_for(|count| *count >= until)).await;
        grown.context("deliveries are not acknowledged")?.context("the sender gave up")?;
        Ok(())
    }

    /// Sends no more: the ids that were acknowledged, for each station.
    ///
    /// # Errors
    /// When one was refused, or not acknowledged in time.
    pub async fn end(self) -> Result<Vec<BTreeSet<String>>> {
        self.stop.send_replace(true);
        self.sender.await?
    }
}

async fn deliver(github: &GitHub, id: &str, station: &str) -> Result<()> {
    // From somebody else each time: the same bytes are the same delivery.
    let body = json!({ "action": "created", "repository": { "full_name": station }, "sender": { "login": id } });
    let body = body.to_string().into_bytes();
    loop {
        match github.send_as(id, "star", body.clone()).await {
            // 202: on the disk of whoever took it, until the database is back.
            Ok(received) if [200, 202].contains(&received.status) => return Ok(()),
            Ok(received) if received.status != 503 => bail!("{id} is refused: {received:?}"),
            Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
