//! Empties the spool when the store is back.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::Webhooks;
use crate::spool::{Spool, Spooled};

/// Between two tries while the store is away.
const PAUSE: Duration = Duration::from_secs(1);
/// While a source's rate lets nothing through.
const BREATH: Duration = Duration::from_millis(50);

impl Webhooks {
    /// Keeps what waits in the spool, in its order, sees to it that topics are renewed, follows what other processes change in the
    /// sources, and shows what waits for its jobs, until told to stop. Safe to run twice: each delivery is kept once.
    pub async fn run(self, stop: CancellationToken) {
        let holding = stop.run_until_cancelled(self.hold_every_topic());
        let following = self.0.sources.follow_others(&stop);
        tokio::join!(self.drain_all(&stop), self.watch_pending(&stop), following, holding);
    }

    async fn drain_all(&self, stop: &CancellationToken) {
        let Some(spool) = self.0.spool.get() else { return };
        loop {
            let pause = self.drain(spool).await;
            let wait = async {
                match pause {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => spool.came().await,
                }
            };
            if stop.run_until_cancelled(wait).await.is_none() {
                return;
            }
        }
    }

    /// Keeps what it can; how long to wait when something is left. Some go at once, in their order, and share their commits. Of one
    /// that fails and those behind it, all come again: whoever was kept already is known then.
    pub(crate) async fn drain(&self, spool: &Spool) -> Option<Duration> {
        loop {
            metrics::gauge!("webhook_spool_bytes").set(spool.waiting_bytes() as f64);
            let mut first = match spool.first().await {
                Ok(first) if first.is_empty() => return (!spool.is_empty()).then_some(BREATH),
                Ok(first) => first,
                Err(error) => {
                    tracing::error!(%error, "the spool of deliveries cannot be read");
                    return Some(PAUSE);
                }
            };
            let read = first.len();
            let admitted = first.iter().take_while(|(delivery, _)| self.admits(delivery)).count();
            first.truncate(admitted);
            let keeping = first.into_iter().map(async |(delivery, next)| (self.keep_spooled(delivery).await, next));
            let kept = join_all(keeping).await;
            let done: Vec<u64> = kept.iter().take_while(|(kept, _)| *kept).map(|(_, next)| *next).collect();
            if let Some(next) = done.last()
                && let Err(error) = spool.take(*next).await
            {
                tracing::error!(%error, "the spool of deliveries cannot be written");
                return Some(PAUSE);
            }
            if done.len() < admitted {
                return Some(PAUSE);
            }
            if admitted < read {
                return Some(BREATH);
            }
        }
    }

    fn admits(&self, delivery: &Spooled) -> bool {
        let source = self.0.sources.named(&delivery.record.source);
        let rate = source.as_ref().and_then(|source| source.rate.as_ref());
        rate.is_none_or(|rate| rate.admit(self.0.clock.now_ms()))
    }

    /// Whether it needs to wait no longer: it is in the log, or never will be.
    async fn keep_spooled(&self, delivery: Spooled) -> bool {
        let (id, source) = (delivery.record.id.clone(), delivery.record.source.clone());
        let Some(ready) = delivery.ready() else {
            tracing::error!(source, delivery = id, "a delivery of the spool is damaged");
            return true;
        };
        match self.keep(&ready).await {
            Ok(kept) => {
                tracing::info!(source, delivery = id, event_position = kept.event_position, "delivery of the spool");
                true
            }
            // It was good when it came; that its schema changed meanwhile is for a person.
            Err(refusal) if refusal.status == StatusCode::BAD_REQUEST => {
                tracing::error!(source, delivery = id, reason = refusal.reason, "a delivery of the spool is no event");
                true
            }
            Err(_) => false,
        }
    }
}
