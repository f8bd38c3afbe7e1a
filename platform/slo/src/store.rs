//! The SQL of this part.

use store::{FromRow, Row, StoreError, Tx, params};

use crate::alert::Alert;
use crate::burn::{Counts, Firing, Severity};
use crate::state::State;

/// Minutes of a day.
pub(crate) const DAY_MIN: i64 = 1440;

/// What this process counted in a minute so far, in place of what it wrote of it before.
pub(crate) async fn put_minute(
    tx: &mut Tx,
    minute: i64,
    objective: &str,
    process: &str,
    counts: Counts,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO slo_minutes (minute, objective, process, bad, total) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (minute, objective, process) DO UPDATE SET bad = excluded.bad, total = excluded.total",
        params![minute, objective, process, counts.bad as i64, counts.total as i64],
    )
    .await?;
    Ok(())
}

/// Minutes from `from` on: the objective, the minute, and what all processes counted.
pub(crate) async fn minutes(tx: &mut Tx, from: i64) -> Result<Vec<(String, i64, u64, u64)>, StoreError> {
    tx.all(
        "SELECT objective, minute, CAST(SUM(bad) AS BIGINT), CAST(SUM(total) AS BIGINT) FROM slo_minutes WHERE minute >= $1 GROUP BY objective, minute",
        params![from],
    )
    .await
}

/// Days (since 1970, UTC) from the one of `from` on.
pub(crate) async fn days(tx: &mut Tx, from: i64) -> Result<Vec<(String, i64, u64, u64)>, StoreError> {
    tx.all(
        "SELECT objective, minute / 1440, CAST(SUM(bad) AS BIGINT), CAST(SUM(total) AS BIGINT) FROM slo_minutes
         WHERE minute >= $1 GROUP BY objective, minute / 1440",
        params![from / DAY_MIN * DAY_MIN],
    )
    .await
}

/// Removes minutes before `before`.
pub(crate) async fn prune_minutes(tx: &mut Tx, before: i64) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM slo_minutes WHERE minute < $1", params![before]).await
}

/// Removes alerts that were resolved before then.
pub(crate) async fn prune_alerts(tx: &mut Tx, before_ms: i64) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM slo_alerts WHERE resolved_at_ms < $1", params![before_ms]).await
}

const COLUMNS: &str = "id, objective, severity, state, opened_at_ms, fired_at_ms, told_at_ms, acknowledged_at_ms,
    resolved_at_ms, long_min, short_min, threshold, long_burn, short_burn, bad, total";

impl FromRow for Alert {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let severity: String = row.get(2)?;
        let state: String = row.get(3)?;
        Ok(Self {
            id: row.get::<i64>(0)?.to_string(),
            objective: row.get(1)?,
            severity: Severity::of(&severity).ok_or(StoreError::Decode { column: 2, wanted: "a severity" })?,
            state: State::of(&state).ok_or(StoreError::Decode { column: 3, wanted: "a state" })?,
            opened_at_ms: row.get(4)?,
            fired_at_ms: row.get(5)?,
            told_at_ms: row.get(6)?,
            acknowledged_at_ms: row.get(7)?,
            resolved_at_ms: row.get(8)?,
            long_min: row.get(9)?,
            short_min: row.get(10)?,
            threshold: row.get(11)?,
            long_burn: row.get(12)?,
            short_burn: row.get(13)?,
            bad: row.get(14)?,
            total: row.get(15)?,
        })
    }
}

/// The alerts that stand.
pub(crate) async fn standing(tx: &mut Tx) -> Result<Vec<Alert>, StoreError> {
    tx.all(&format!("SELECT {COLUMNS} FROM slo_alerts WHERE resolved_at_ms IS NULL ORDER BY id"), &[]).await
}

/// Alerts, newest first, older than `before`.
pub(crate) async fn alerts(tx: &mut Tx, before: i64, limit: usize) -> Result<Vec<Alert>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM slo_alerts WHERE id < $1 ORDER BY id DESC LIMIT $2");
    tx.all(&sql, params![before, limit as i64]).await
}

/// One alert.
pub(crate) async fn alert(tx: &mut Tx, id: i64) -> Result<Option<Alert>, StoreError> {
    tx.first(&format!("SELECT {COLUMNS} FROM slo_alerts WHERE id = $1"), params![id]).await
}

/// Opens an alert, unless one of this objective and severity stands.
pub(crate) async fn open(
    tx: &mut Tx,
    objective: &str,
    severity: Severity,
    firing: &Firing,
    now_ms: i64,
) -> Result<Option<Alert>, StoreError> {
    let sql = format!(
        "INSERT INTO slo_alerts (objective, severity, state, opened_at_ms, fired_at_ms, told_at_ms, long_min, short_min,
             threshold, long_burn, short_burn, bad, total)
         VALUES ($1, $2, 'open', $3, $3, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (objective, severity) WHERE resolved_at_ms IS NULL DO NOTHING
         RETURNING {COLUMNS}"
    );
    let rule = firing.rule;
    tx.first(
        &sql,
        params![
            objective,
            severity.word(),
            now_ms,
            rule.long_min,
            rule.short_min,
            rule.burn,
            firing.long_burn,
            firing.short_burn,
            firing.counts.bad as i64,
            firing.counts.total as i64,
        ],
    )
    .await
}

/// Notes that it goes on, and with `told` that somebody is told again.
pub(crate) async fn note(
    tx: &mut Tx,
    id: i64,
    firing: &Firing,
    now_ms: i64,
    told: bool,
) -> Result<Option<Alert>, StoreError> {
    let sql = format!(
        "UPDATE slo_alerts SET fired_at_ms = $2, told_at_ms = CASE WHEN $3 = 1 THEN $2 ELSE told_at_ms END,
             long_min = $4, short_min = $5, threshold = $6, long_burn = $7, short_burn = $8, bad = $9, total = $10
         WHERE id = $1 AND resolved_at_ms IS NULL RETURNING {COLUMNS}"
    );
    let rule = firing.rule;
    tx.first(
        &sql,
        params![
            id,
            now_ms,
            told,
            rule.long_min,
            rule.short_min,
            rule.burn,
            firing.long_burn,
            firing.short_burn,
            firing.counts.bad as i64,
            firing.counts.total as i64,
        ],
    )
    .await
}

/// Ends an alert; `None` when it has ended already.
pub(crate) async fn resolve(tx: &mut Tx, id: i64, now_ms: i64) -> Result<Option<Alert>, StoreError> {
    let sql = format!(
        "UPDATE slo_alerts SET state = 'resolved', resolved_at_ms = $2
         WHERE id = $1 AND resolved_at_ms IS NULL RETURNING {COLUMNS}"
    );
    tx.first(&sql, params![id, now_ms]).await
}

/// Notes that a person took note; `None` unless it is open.
pub(crate) async fn acknowledge(tx: &mut Tx, id: i64, now_ms: i64) -> Result<Option<Alert>, StoreError> {
    let sql = format!(
        "UPDATE slo_alerts SET state = 'acknowledged', acknowledged_at_ms = $2
         WHERE id = $1 AND state = 'open' RETURNING {COLUMNS}"
    );
    tx.first(&sql, params![id, now_ms]).await
}

/// Keeps an objective's alerts from being told until then.
pub(crate) async fn silence(tx: &mut Tx, objective: &str, until_ms: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO slo_silences (objective, until_ms) VALUES ($1, $2)
         ON CONFLICT (objective) DO UPDATE SET until_ms = excluded.until_ms",
        params![objective, until_ms],
    )
    .await?;
    Ok(())
}

/// The objectives whose alerts are not told, and until when.
pub(crate) async fn silences(tx: &mut Tx, now_ms: i64) -> Result<Vec<(String, i64)>, StoreError> {
    tx.all("SELECT objective, until_ms FROM slo_silences WHERE until_ms > $1", params![now_ms]).await
}
