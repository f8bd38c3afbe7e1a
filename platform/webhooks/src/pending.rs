//! How long the oldest delivery of each source has waited for its jobs. The log is walked from the oldest one that waits, so that
//! each event is looked at about once.

use std::collections::HashMap;
use std::time::Duration;

use ::store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::Webhooks;
use crate::store::pending::{self, Waiting};

const EVERY: Duration = Duration::from_secs(15);
/// Pages that one look goes through at most: after a start it catches up bit by bit.
const PAGES: usize = 10;

impl Webhooks {
    /// Shows it now and then, until told to stop.
    pub(crate) async fn watch_pending(&self, stop: &CancellationToken) {
        let mut done = 0;
        loop {
            match self.look_for_pending(done).await {
                Ok(position) => done = position,
                Err(error) => {
                    tracing::debug!(error = %kernel::problem::chain(&error), "pending deliveries were not counted")
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                return;
            }
        }
    }

    /// Shows the oldest behind a position up to which nothing waits; up to where nothing waits now. Of a source whose oldest comes
    /// more than [`pending::PAGE`] events after the oldest of all, nothing is known yet.
    async fn look_for_pending(&self, mut done: i64) -> Result<i64, StoreError> {
        let mut waiting: Vec<Waiting> = Vec::new();
        for _ in 0..PAGES {
            let page = self.0.store.read(async move |tx| pending::page(tx, done).await).await?;
            if let Some(oldest) = page.waiting.iter().map(|it| it.position).min() {
                (waiting, done) = (page.waiting, oldest - 1);
                break;
            }
            let Some(last) = page.last else { break };
            done = last;
        }
        let now_ms = self.0.clock.now_ms();
        let since: HashMap<_, _> = waiting.iter().map(|it| (it.source.as_str(), it.since_ms)).collect();
        for source in self.0.sources.all() {
            let age_ms = since.get(source.name.as_str()).map_or(0, |since_ms| (now_ms - since_ms).max(0));
            metrics::gauge!("webhook_oldest_pending_seconds", "source" => source.name.clone())
                .set(age_ms as f64 / 1_000.0);
        }
        Ok(done)
    }
}
