//! The console's channels: what changed since the last look, while somebody looks.

use std::time::Duration;

use endpoints::Endpoints;
use host::Ctx;
use jobs::{JobRow, Jobs};
use realtime::Hub;
use schedules::Schedules;
use serde::Serialize;
use slo::Slo;
use store::StoreError;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use webhooks::Webhooks;

use crate::overview::Overview;

/// The namespace of the console's channels.
pub(crate) const NAMESPACE: &str = "console";
/// The namespace of the jobs' own channels, `jobs:job:{id}`: progress and result.
pub(crate) const JOBS: &str = "jobs";
/// Reports of a job that one who comes late still reads, and for how long, milliseconds.
pub(crate) const REPORTS: usize = 20;
pub(crate) const REPORTS_MS: u64 = 3_600_000;
/// Between two looks: four publications a second are as many as a person can follow.
const EVERY: Duration = Duration::from_millis(250);
/// Rows of one publication; more are counted, not sent.
const ROWS: usize = 50;

/// Publishes what is watched. Clones are handles.
#[derive(Clone)]
pub(crate) struct Live {
    ctx: Ctx,
    webhooks: Webhooks,
    overview: Overview,
    slo: Slo,
    schedules: Schedules,
    endpoints: Endpoints,
}

/// Where each channel is. `None` while nobody watches: the first look then sends the newest rows, so that nothing falls
/// between a watcher's own look at the list and ours.
#[derive(Default)]
struct Seen {
    delivery: Option<i64>,
    event: Option<i64>,
    jobs: Option<u64>,
    slo: Option<u64>,
    schedules: Option<u64>,
    endpoints: Option<u64>,
    turn: u32,
}

#[derive(Serialize)]
struct Rows<T> {
    items: Vec<T>,
    /// How many more there were.
    skipped: i64,
}

#[derive(Serialize)]
struct JobChanges {
    counts: jobs::Counts,
    items: Vec<JobRow>,
    skipped: i64,
}

/// Something on the page changed: who watches reads what is shown again.
#[derive(Serialize)]
struct Hint {
    changes: u64,
}

#[derive(Serialize)]
struct Objectives {
    items: Vec<slo::Status>,
    alerts: Vec<slo::alert::Alert>,
}

/// Carries what jobs say about themselves to their channels, until told to stop. What comes faster than it can be carried
/// is left out: the newest report says everything.
pub(crate) async fn job_channels(jobs: Jobs, hub: Hub, stop: CancellationToken) {
    let mut reports = jobs.progress();
    while let Some(heard) = stop.run_until_cancelled(reports.recv()).await {
        let said = match heard {
            Ok(said) => said,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        if let Err(error) = hub.publish(&format!("{JOBS}:job:{}", said.id), &said).await {
            tracing::warn!(error = %kernel::problem::chain(&error), job = said.id, "a job's progress was not published");
        }
    }
}

impl Live {
    pub(crate) fn new(
        ctx: Ctx,
        webhooks: Webhooks,
        overview: Overview,
        slo: Slo,
        schedules: Schedules,
        endpoints: Endpoints,
    ) -> Self {
        Self { ctx, webhooks, overview, slo, schedules, endpoints }
    }

    /// Publishes until told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut seen = Seen::default();
        while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            if let Err(error) = self.turn(&mut seen).await {
                tracing::debug!(error = %kernel::problem::chain(&error), "a look for the console failed");
            }
        }
    }

    async fn turn(&self, seen: &mut Seen) -> Result<(), StoreError> {
        seen.turn = seen.turn.wrapping_add(1);
        if self.watched("console:overview") && seen.turn.is_multiple_of(4) {
            self.publish("console:overview", &self.overview.now().await?);
        }
        seen.delivery =
            if self.watched("console:deliveries") { Some(self.deliveries(seen.delivery).await?) } else { None };
        seen.event = if self.watched("console:events") { Some(self.events(seen.event).await?) } else { None };
        let changes = self.ctx.jobs.changes();
        if !self.watched("console:jobs") {
            seen.jobs = None;
        } else if seen.jobs != Some(changes) && seen.turn.is_multiple_of(2) {
            seen.jobs = Some(changes);
            let query = jobs::Query { limit: ROWS, ..jobs::Query::default() };
            let (counts, items) = (self.ctx.jobs.counts().await?, self.ctx.jobs.list(query).await?);
            self.publish("console:jobs", &JobChanges { counts, items, skipped: 0 });
        }
        let changes = self.slo.changes();
        if !self.watched("console:slo") {
            seen.slo = None;
        } else if seen.slo != Some(changes) {
            seen.slo = Some(changes);
            let (items, alerts) = (self.slo.status().await?, self.slo.alerts(None, ROWS).await?);
            self.publish("console:slo", &Objectives { items, alerts });
        }
        // Both only grow, so their sum changes when either does.
        let changes = self.schedules.changes().wrapping_add(self.ctx.jobs.changes());
        if !self.watched("console:schedules") {
            seen.schedules = None;
        } else if seen.schedules != Some(changes) && seen.turn.is_multiple_of(4) {
            seen.schedules = Some(changes);
            self.publish("console:schedules", &Hint { changes });
        }
        let changes = *self.endpoints.changes().borrow();
        if !self.watched("console:endpoints") {
            seen.endpoints = None;
        } else if seen.endpoints != Some(changes) && seen.turn.is_multiple_of(4) {
            seen.endpoints = Some(changes);
            self.publish("console:endpoints", &Hint { changes });
        }
        Ok(())
    }

    async fn deliveries(&self, after: Option<i64>) -> Result<i64, StoreError> {
        let newest = |limit| webhooks::Query { limit, ..webhooks::Query::default() };
        let latest = self.webhooks.list(newest(1)).await?.first().map_or(0, webhooks::DeliveryRow::seq);
        let after = after.unwrap_or(latest - ROWS as i64).max(0);
        if latest <= after {
            return Ok(latest);
        }
        let mut items = self.webhooks.list(newest(ROWS)).await?;
        items.retain(|delivery| delivery.seq() > after);
        items.reverse();
        self.publish_rows("console:deliveries", items, latest - after);
        Ok(latest)
    }

    async fn events(&self, after: Option<i64>) -> Result<i64, StoreError> {
        let latest = self.ctx.events.latest().await?;
        let after = after.unwrap_or(latest - ROWS as i64).max(0);
        if latest <= after {
            return Ok(latest);
        }
        let mut items = self.ctx.events.list(events::Query { limit: ROWS, ..events::Query::default() }).await?;
        items.retain(|event| event.position > after);
        items.reverse();
        self.publish_rows("console:events", items, latest - after);
        Ok(latest)
    }

    fn publish_rows<T: Serialize>(&self, channel: &str, items: Vec<T>, came: i64) {
        let skipped = (came - items.len() as i64).max(0);
        self.publish(channel, &Rows { items, skipped });
    }

    fn watched(&self, channel: &str) -> bool {
        self.ctx.hub.subscribers(channel) > 0
    }

    /// Each process looks for those who watch at it.
    fn publish(&self, channel: &str, data: &impl Serialize) {
        if let Err(error) = self.ctx.hub.publish_here(channel, data) {
            tracing::debug!(channel, error = %kernel::problem::chain(&error), "not published");
        }
    }
}
