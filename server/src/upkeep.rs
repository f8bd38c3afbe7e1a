//! Removes what retention no longer keeps.

use std::time::Duration;

use endpoints::Endpoints;
use events::Events;
use guard::Guard;
use jobs::Jobs;
use store::StoreError;
use tokio_util::sync::CancellationToken;
use webhooks::Webhooks;

use crate::config::Retention;

const EVERY: Duration = Duration::from_secs(600);
/// Between two batches, so that pruning never holds up the writers.
const BREATH: Duration = Duration::from_millis(20);
const DAY_MS: i64 = 86_400_000;

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
    let days = |days: u32| i64::from(days) * DAY_MS;
    let events_bytes = (keep.events_mb > 0).then_some(i64::from(keep.events_mb) << 20);
    loop {
        let removed = parts.webhooks.prune(days(keep.deliveries_days)).await?
            + parts.events.prune(days(keep.events_days), events_bytes).await?
            + parts.jobs.prune(jobs::policy::Keep::all(days(keep.jobs_days))).await?
            + parts.endpoints.prune(days(keep.deliveries_days)).await?
            + parts.guard.prune(days(keep.audit_days)).await?;
        if removed == 0 {
            return Ok(());
        }
        tracing::debug!(removed, "pruned");
        tokio::time::sleep(BREATH).await;
    }
}
