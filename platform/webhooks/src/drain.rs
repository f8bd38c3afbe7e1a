//! Empties the spool when the store is back.

use std::time::Duration;

use axum::http::StatusCode;
use tokio_util::sync::CancellationToken;

use crate::Webhooks;
use crate::spool::Spool;

/// Between two tries while the store is away.
const PAUSE: Duration = Duration::from_secs(1);
/// While a source's rate lets nothing through.
const BREATH: Duration = Duration::from_millis(50);

impl Webhooks {
    /// Keeps what waits in the spool, in its order, sees to it that topics are renewed, and shows what waits for its jobs, until
    /// told to stop. Safe to run twice: each delivery is kept once.
    pub async fn run(self, stop: CancellationToken) {
        let holding = stop.run_until_cancelled(self.hold_every_topic());
        tokio::join!(self.drain_all(&stop), self.watch_pending(&stop), holding);
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

    /// Keeps what it can; how long to wait when something is left.
    pub(crate) async fn drain(&self, spool: &Spool) -> Option<Duration> {
        loop {
            metrics::gauge!("webhook_spool_bytes").set(spool.waiting_bytes() as f64);
            let (delivery, next) = match spool.first().await {
                Ok(Some(first)) => first,
                Ok(None) => return (!spool.is_empty()).then_some(BREATH),
                Err(error) => {
                    tracing::error!(%error, "the spool of deliveries cannot be read");
                    return Some(PAUSE);
                }
            };
            let source = self.0.sources.named(&delivery.record.source);
            let rate = source.as_ref().and_then(|source| source.rate.as_ref());
            if rate.is_some_and(|rate| !rate.admit(self.0.clock.now_ms())) {
                return Some(BREATH);
            }
            let (id, name) = (delivery.record.id.clone(), delivery.record.source.clone());
            match delivery.ready() {
                None => tracing::error!(source = name, delivery = id, "a delivery of the spool is damaged"),
                Some(ready) => match self.keep(&ready).await {
                    Ok(kept) => {
                        tracing::info!(
                            source = name,
                            delivery = id,
                            event_position = kept.event_position,
                            "delivery of the spool"
                        );
                    }
                    // It was good when it came; that its schema changed meanwhile is for a person.
                    Err(refusal) if refusal.status == StatusCode::BAD_REQUEST => {
                        tracing::error!(
                            source = name,
                            delivery = id,
                            reason = refusal.reason,
                            "a delivery of the spool is no event"
                        );
                    }
                    Err(_) => return Some(PAUSE),
                },
            }
            if let Err(error) = spool.take(next).await {
                tracing::error!(%error, "the spool of deliveries cannot be written");
                return Some(PAUSE);
            }
        }
    }
}
