//! Once a minute: write what was counted, read what everybody counted, hold it against the rules, tell.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use jobs::{EnqueueError, Jobs, NewJob};
use kernel::{Clock, Entropy};
use outbound::Outbound;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::alert::{Alert, Change};
use crate::burn::{Firing, Severity, firing};
use crate::known::Known;
use crate::meter::Meter;
use crate::notify::{NOTIFY, Target, Word};
use crate::objective::{ALL, Objective, WINDOW_DAYS};
use crate::state::{Step, step};
use crate::store as sql;
use ::store::{Store, StoreError, Tx};

const MINUTE_MS: i64 = 60_000;
/// A moment after the minute, so that what other processes write of it is mostly there.
const AFTER_MS: i64 = 500;
/// Resolved alerts are kept for so long, milliseconds.
const ALERTS_KEPT_MS: i64 = 90 * 86_400_000;

/// What whoever makes the machine does with a change, in its transaction: an event in the log.
pub type Bridge =
    Arc<dyn for<'a> Fn(&'a mut Tx, &'a Alert, Change) -> LocalBoxFuture<'a, Result<(), EnqueueError>> + Send + Sync>;

/// What the evaluation needs.
pub struct Setup {
    /// Holds minutes and alerts.
    pub store: Store,
    /// Carries what is told.
    pub jobs: Jobs,
    /// The way to the targets.
    pub outbound: Outbound,
    /// The time.
    pub clock: Clock,
    /// Names this process.
    pub entropy: Entropy,
    /// Counts what passes.
    pub meter: Meter,
    /// Who is told.
    pub targets: Vec<Target>,
    /// Where people reach the console, for the links in what is told.
    pub base_url: String,
    /// What else is done with a change.
    pub bridge: Bridge,
}

/// The evaluation of this process. Clones are handles.
#[derive(Clone)]
pub struct Slo(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) setup: Setup,
    process: String,
    pub(crate) known: Mutex<Known>,
    changes: AtomicU64,
}

impl Slo {
    /// An evaluation that knows nothing yet.
    pub fn new(setup: Setup) -> Self {
        let (process, now_ms) = (setup.entropy.token(8), setup.clock.now_ms());
        let known = Mutex::new(Known::new(ALL, now_ms));
        Self(Arc::new(Inner { setup, process, known, changes: AtomicU64::new(0) }))
    }

    /// Goes up with every look and every act of a person: whoever shows it looks again then.
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Relaxed)
    }

    pub(crate) fn changed(&self) {
        self.0.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Looks at once, then a moment after every minute, until told to stop; then writes what was counted.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            self.look().await;
            let into_ms = self.0.setup.clock.now_ms().rem_euclid(MINUTE_MS);
            let wait_ms = (MINUTE_MS + AFTER_MS - into_ms).clamp(1, MINUTE_MS + AFTER_MS);
            let wait = Duration::from_millis(wait_ms as u64);
            if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                break;
            }
        }
        if let Err(error) = self.write().await {
            tracing::warn!(error = %kernel::problem::chain(&error), "the last minute's counts are lost");
        }
    }

    /// One look. Safe to call at any time, and in several processes at once.
    pub async fn look(&self) {
        let counted = async {
            self.write().await?;
            self.read().await
        };
        if let Err(error) = counted.await {
            tracing::warn!(error = %kernel::problem::chain(&error), "objectives are judged by this process's own counts");
            self.0.known.lock().refresh_alone();
        }
        let fires = self.fires();
        if let Err(error) = self.judge(fires.clone()).await {
            // Nobody is told by a job then. An error in the log reaches whoever reads errors.
            for (objective, severity, firing) in &fires {
                let (severity, burn) = (severity.word(), firing.long_burn);
                tracing::error!(
                    objective = objective.name,
                    severity,
                    burn,
                    "an error budget burns, and it cannot be noted"
                );
            }
            tracing::warn!(error = %kernel::problem::chain(&error), "alerts cannot be looked at");
        }
        if let Err(error) = self.prune().await {
            tracing::warn!(error = %kernel::problem::chain(&error), "old minutes could not be removed");
        }
        self.changed();
    }

    /// Writes what this process counted.
    async fn write(&self) -> Result<(), StoreError> {
        let Inner { setup, process, known, .. } = &*self.0;
        let rows = {
            let mut known = known.lock();
            known.add(&setup.meter.take(), setup.clock.now_ms());
            known.unwritten()
        };
        if !rows.is_empty() {
            let process = process.clone();
            let written: Result<(), StoreError> = setup
                .store
                .write_relaxed(async move |tx| {
                    for (minute, objective, counts) in rows {
                        sql::put_minute(tx, minute, objective, &process, counts).await?;
                    }
                    Ok(())
                })
                .await;
            written?;
        }
        known.lock().written();
        Ok(())
    }

    async fn read(&self) -> Result<(), StoreError> {
        let Inner { setup, known, .. } = &*self.0;
        let (minutes_from, days_from) = known.lock().stale_from();
        let read: Result<_, StoreError> = setup
            .store
            .read(async move |tx| Ok((sql::minutes(tx, minutes_from).await?, sql::days(tx, days_from).await?)))
            .await;
        let (minutes, days) = read?;
        known.lock().refresh(minutes, days);
        Ok(())
    }

    /// The rules that hold at the end of the last minute.
    fn fires(&self) -> Vec<(&'static Objective, Severity, Firing)> {
        let known = self.0.known.lock();
        let pairs = ALL.iter().enumerate().flat_map(|it| Severity::ALL.map(|severity| (it, severity)));
        let held = pairs.filter_map(|((i, objective), severity)| {
            Some((objective, severity, firing(objective, severity, known.series(i), known.last())?))
        });
        held.collect()
    }

    /// Brings the alerts up to what holds, and tells, in one transaction.
    async fn judge(&self, fires: Vec<(&'static Objective, Severity, Firing)>) -> Result<(), EnqueueError> {
        let setup = &self.0.setup;
        let standing: Result<Vec<Alert>, StoreError> = setup.store.read(async |tx| sql::standing(tx).await).await;
        if fires.is_empty() && standing?.is_empty() {
            return Ok(());
        }
        let (slo, now_ms) = (self.clone(), setup.clock.now_ms());
        setup.store.write(async move |tx| slo.judge_in(tx, &fires, now_ms).await).await
    }

    async fn judge_in(
        &self,
        tx: &mut Tx,
        fires: &[(&'static Objective, Severity, Firing)],
        now_ms: i64,
    ) -> Result<(), EnqueueError> {
        let standing = sql::standing(tx).await?;
        let silences: HashMap<String, i64> = sql::silences(tx, now_ms).await?.into_iter().collect();
        for objective in ALL {
            for severity in Severity::ALL {
                let alert = standing.iter().find(|it| it.objective == objective.name && it.severity == severity);
                let firing = fires.iter().find(|(it, of, _)| it.name == objective.name && *of == severity);
                let silenced = silences.contains_key(objective.name);
                let (told, change) = match (step(alert.map(Alert::standing), firing.is_some(), now_ms), alert, firing) {
                    (Step::Open, _, Some((.., firing))) => {
                        (sql::open(tx, objective.name, severity, firing, now_ms).await?, Change::Opened)
                    }
                    (Step::Note, Some(alert), Some((.., firing))) => {
                        sql::note(tx, number(alert), firing, now_ms, false).await?;
                        continue;
                    }
                    (Step::Remind, Some(alert), Some((.., firing))) => {
                        (sql::note(tx, number(alert), firing, now_ms, !silenced).await?, Change::Reminder)
                    }
                    (Step::Resolve, Some(alert), _) => {
                        (sql::resolve(tx, number(alert), now_ms).await?, Change::Resolved)
                    }
                    _ => continue,
                };
                if let Some(alert) = told {
                    self.tell(tx, &alert, change, silenced).await?;
                }
            }
        }
        Ok(())
    }

    /// An event in the log always; a job a target unless it is silenced, or a louder alert of the same objective says it.
    async fn tell(&self, tx: &mut Tx, alert: &Alert, change: Change, silenced: bool) -> Result<(), EnqueueError> {
        let setup = &self.0.setup;
        tracing::warn!(
            objective = alert.objective,
            severity = alert.severity.word(),
            burn = alert.long_burn,
            silenced,
            "{}",
            alert.sentence(change)
        );
        (setup.bridge)(tx, alert, change).await?;
        let louder = alert.severity == Severity::Ticket
            && sql::standing(tx)
                .await?
                .iter()
                .any(|it| it.objective == alert.objective && it.severity > alert.severity);
        if silenced || louder {
            return Ok(());
        }
        for target in 0..setup.targets.len() {
            let word = Word { alert: number(alert), change, target };
            setup.jobs.enqueue(tx, NewJob::new(NOTIFY, &word)).await?;
        }
        Ok(())
    }

    async fn prune(&self) -> Result<(), StoreError> {
        let (setup, last) = (&self.0.setup, self.0.known.lock().last());
        // Once an hour is often enough.
        if last % 60 != 0 {
            return Ok(());
        }
        let before = last - (WINDOW_DAYS + 1) * sql::DAY_MIN;
        let before_ms = setup.clock.now_ms() - ALERTS_KEPT_MS;
        let removed: Result<u64, StoreError> = setup
            .store
            .write_relaxed(async move |tx| {
                Ok(sql::prune_minutes(tx, before).await? + sql::prune_alerts(tx, before_ms).await?)
            })
            .await;
        tracing::debug!(removed = removed?, "old minutes and alerts removed");
        Ok(())
    }
}

fn number(alert: &Alert) -> i64 {
    // It was printed from one.
    alert.id.parse().unwrap_or_default()
}
