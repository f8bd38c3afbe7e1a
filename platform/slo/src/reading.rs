//! How an objective stands, as people look at it.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::Slo;
use crate::alert::Alert;
use crate::burn::{Counts, RULES, Severity, left};
use crate::objective::{ALL, WINDOW_DAYS};
use crate::store::{self as sql, DAY_MIN};
use ::store::StoreError;

/// An objective and how it stands. Times are Unix milliseconds.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Status {
    /// Its stable name.
    name: &'static str,
    /// Its name for people.
    title: &'static str,
    /// What counts as good.
    good: &'static str,
    /// The share of good ones that is promised, percent.
    percent: f64,
    /// Over how many days, the present one (UTC) included.
    window_days: i64,
    /// What to do when it burns.
    runbook: &'static str,
    /// Bad ones in the window.
    bad: u64,
    /// All in the window.
    total: u64,
    /// The part of the budget that is left: 1 untouched, 0 spent, negative overspent.
    budget_left: f64,
    /// The burn over each window of a rule, the shortest first.
    burns: Vec<Burn>,
    /// The days of the window, the oldest first.
    days: Vec<Day>,
    /// The loudest alert that stands.
    alert: Option<Severity>,
    /// Nobody is told before then.
    silenced_until_ms: Option<i64>,
}

/// How many times faster than allowed the budget is spent, over one window.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Burn {
    /// The window, minutes.
    minutes: i64,
    /// 1 spends the whole budget in the whole window.
    burn: f64,
    bad: u64,
    total: u64,
}

/// One day (UTC).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = BudgetDay)]
struct Day {
    /// When it began.
    at_ms: i64,
    bad: u64,
    total: u64,
}

impl Slo {
    /// Every objective, as of the last minute that is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn status(&self) -> Result<Vec<Status>, StoreError> {
        let now_ms = self.0.setup.clock.now_ms();
        let read: Result<_, StoreError> = self
            .0
            .setup
            .store
            .read(async move |tx| Ok((sql::standing(tx).await?, sql::silences(tx, now_ms).await?)))
            .await;
        let (alerts, silences) = read?;
        let silences: HashMap<String, i64> = silences.into_iter().collect();
        let known = self.0.known.lock();
        let status = ALL.iter().enumerate().map(|(i, objective)| {
            let days = known.days(i);
            let counts = days.iter().fold(Counts::default(), |sum, (_, counts)| sum.plus(*counts));
            let mut windows: Vec<i64> = RULES.iter().flat_map(|rule| [rule.long_min, rule.short_min]).collect();
            windows.sort_unstable();
            windows.dedup();
            let burns = windows.into_iter().map(|minutes| {
                let Counts { bad, total } = known.series(i).window(known.last(), minutes);
                Burn { minutes, burn: Counts { bad, total }.burn(objective.budget()), bad, total }
            });
            let day = |(day, Counts { bad, total })| Day { at_ms: day * DAY_MIN * 60_000, bad, total };
            Status {
                name: objective.name,
                title: objective.title,
                good: objective.good,
                percent: objective.percent,
                window_days: WINDOW_DAYS,
                runbook: objective.runbook,
                bad: counts.bad,
                total: counts.total,
                budget_left: left(objective, counts),
                burns: burns.collect(),
                days: days.into_iter().map(day).collect(),
                alert: alerts.iter().filter(|it| it.objective == objective.name).map(|it| it.severity).max(),
                silenced_until_ms: silences.get(objective.name).copied(),
            }
        });
        Ok(status.collect())
    }

    /// Alerts, newest first, older than `before`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn alerts(&self, before: Option<i64>, limit: usize) -> Result<Vec<Alert>, StoreError> {
        let before = before.unwrap_or(i64::MAX);
        self.0.setup.store.read(async move |tx| sql::alerts(tx, before, limit).await).await
    }

    /// Takes note of an open alert; `None` when there is none of this number, the alert as it is when it was not open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn acknowledge(&self, id: i64) -> Result<Option<(Alert, bool)>, StoreError> {
        let now_ms = self.0.setup.clock.now_ms();
        let noted: Result<_, StoreError> = self
            .0
            .setup
            .store
            .write(async move |tx| match sql::acknowledge(tx, id, now_ms).await? {
                Some(alert) => Ok(Some((alert, true))),
                None => Ok(sql::alert(tx, id).await?.map(|alert| (alert, false))),
            })
            .await;
        self.changed();
        noted
    }

    /// Tells nobody of this objective before then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn silence(&self, objective: &'static str, until_ms: i64) -> Result<(), StoreError> {
        let silenced: Result<(), StoreError> =
            self.0.setup.store.write(async move |tx| sql::silence(tx, objective, until_ms).await).await;
        self.changed();
        silenced
    }
}
