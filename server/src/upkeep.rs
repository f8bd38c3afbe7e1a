//! Removes what retention no longer keeps.

use std::time::Duration;

use endpoints::Endpoints;
use events::Events;
use guard::Guard;
use jobs::Jobs;
use store::StoreError;
use tokio_util::sync::CancellationToken;
use webhooks::Webhooks;

use crate::config::{Retention, days_ms};

const EVERY: Duration = Duration::from_secs(600);
/// Between two batches, so that pruning never holds up the writers.
const BREATH: Duration = Duration::from_millis(20);

#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) webhooks: Webhooks,
    pub(crate) events: Events,
    pub(crate) jobs: Jobs,
    pub(crate) guard: Guard,
    pub(crate) endpoints: Endpoints,
}

/// Prunes now and then until told to stop. Safe to run twice, or beside another instance.
pub(crate) async fn run(parts: Parts, keep: Retention, stop: CancellationToken) {
    loop {
        if let Some(Err(error)) = stop.run_until_cancelled(prune(&parts, &keep)).await {
            tracing::warn!(error = %kernel::problem::chain(&error), "pruning failed; it is tried again later");
        }
        if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}

async fn prune(parts: &Parts, keep: &Retention) -> Result<(), StoreError> {
    let events_bytes = (keep.events_mb > 0).then_some(i64::from(keep.events_mb) << 20);
    loop {
        let removed = parts.webhooks.prune(days_ms(keep.deliveries_days)).await?
            + parts.events.prune(days_ms(keep.events_days), events_bytes).await?
            + parts.jobs.prune(keep.jobs()).await?
            + parts.endpoints.prune(days_ms(keep.deliveries_days)).await?
            + parts.guard.prune(days_ms(keep.audit_days)).await?;
        if removed == 0 {
            return Ok(());
        }
        tracing::debug!(removed, "pruned");
        tokio::time::sleep(BREATH).await;
    }
}
