//! The SQL of schedules and firings.

use ::store::{FromRow, Row, StoreError, Tx, Value, params};
use jiff::civil::DateTime;
use kernel::limits;

use crate::calendar::Mark;
use crate::reading::{Firing, Outcome};
use crate::spec::Spec;

/// A schedule as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) declared_by: Option<String>,
    pub(crate) spec: Spec,
    pub(crate) since_ms: i64,
    pub(crate) mark: Mark,
    pub(crate) next_ms: Option<i64>,
    pub(crate) last_job: Option<i64>,
    pub(crate) paused_at_ms: Option<i64>,
    pub(crate) gone_at_ms: Option<i64>,
    pub(crate) created_at_ms: i64,
    pub(crate) updated_at_ms: i64,
    pub(crate) version: i64,
}

const COLUMNS: &str = "id, name, declared_by, spec, since_ms, mark_ms, mark_civil, next_ms, last_job, paused_at_ms, \
    gone_at_ms, created_at_ms, updated_at_ms, version";
const FIRING: &str = "id, schedule_id, tick_ms, outcome, fired_at_ms, job_id, left_out, note";

impl FromRow for Stored {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let spec: String = row.get(3)?;
        let spec = serde_json::from_str(&spec).map_err(|_| StoreError::Decode { column: 3, wanted: "a schedule" })?;
        let civil: Option<String> = row.get(6)?;
        let civil = civil.map(|civil| civil.parse::<DateTime>()).transpose();
        let nominal = civil.map_err(|_| StoreError::Decode { column: 6, wanted: "a civil time" })?;
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            declared_by: row.get(2)?,
            spec,
            since_ms: row.get(4)?,
            mark: Mark { at_ms: row.get(5)?, nominal },
            next_ms: row.get(7)?,
            last_job: row.get(8)?,
            paused_at_ms: row.get(9)?,
            gone_at_ms: row.get(10)?,
            created_at_ms: row.get(11)?,
            updated_at_ms: row.get(12)?,
            version: row.get(13)?,
        })
    }
}

impl FromRow for Firing {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let outcome: String = row.get(3)?;
        let outcome = Outcome::parse(&outcome).ok_or(StoreError::Decode { column: 3, wanted: "an outcome" })?;
        Ok(Self {
            id: row.get(0)?,
            schedule: row.get(1)?,
            tick_ms: row.get(2)?,
            outcome,
            fired_at_ms: row.get(4)?,
            job: row.get(5)?,
            left_out: row.get(6)?,
            note: row.get(7)?,
        })
    }
}

fn spec_text(spec: &Spec) -> String {
    serde_json::to_string(spec).unwrap_or_default()
}

/// Adds a schedule; `None` when its name is taken.
pub(crate) async fn insert(tx: &mut Tx, new: &Stored) -> Result<Option<i64>, StoreError> {
    let sql = "INSERT INTO schedules (name, declared_by, spec, since_ms, mark_ms, next_ms, created_at_ms, updated_at_ms, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 1) ON CONFLICT (name) DO NOTHING RETURNING id";
    let spec = spec_text(&new.spec);
    let (declared_by, next_ms) = (new.declared_by.as_ref(), new.next_ms);
    let params = params![&new.name, declared_by, &spec, new.since_ms, new.mark.at_ms, next_ms, new.created_at_ms];
    Ok(tx.first::<(i64,)>(sql, params).await?.map(|(id,)| id))
}

/// Writes everything that can change, unless somebody else changed it since it was read; whether it did.
pub(crate) async fn update(tx: &mut Tx, new: &Stored) -> Result<bool, StoreError> {
    let sql = "UPDATE schedules SET declared_by = $3, spec = $4, since_ms = $5, mark_ms = $6, mark_civil = $7,
        next_ms = $8, paused_at_ms = $9, gone_at_ms = $10, updated_at_ms = $11, version = version + 1
        WHERE id = $1 AND version = $2";
    let (spec, civil) = (spec_text(&new.spec), new.mark.nominal.map(|civil| civil.to_string()));
    let params = params![
        new.id,
        new.version,
        new.declared_by.as_ref(),
        &spec,
        new.since_ms,
        new.mark.at_ms,
        civil.as_ref(),
        new.next_ms,
        new.paused_at_ms,
        new.gone_at_ms,
        new.updated_at_ms,
    ];
    Ok(tx.execute(sql, params).await? == 1)
}

/// Moves the mark, unless somebody else changed the schedule since it was read; whether it did.
pub(crate) async fn advance(tx: &mut Tx, of: &Stored, mark: Mark, next_ms: Option<i64>) -> Result<bool, StoreError> {
    let sql = "UPDATE schedules SET mark_ms = $3, mark_civil = $4, next_ms = $5, version = version + 1
        WHERE id = $1 AND version = $2";
    let civil = mark.nominal.map(|civil| civil.to_string());
    Ok(tx.execute(sql, params![of.id, of.version, mark.at_ms, civil.as_ref(), next_ms]).await? == 1)
}

/// The job that the next tick may overlap. It is a change: whoever decided by the job before decides again.
pub(crate) async fn remember_job(tx: &mut Tx, id: i64, job: i64) -> Result<(), StoreError> {
    let sql = "UPDATE schedules SET last_job = $2, version = version + 1 WHERE id = $1";
    tx.execute(sql, params![id, job]).await.map(drop)
}

/// Adds a firing; `None` when its tick is there already.
pub(crate) async fn insert_firing(tx: &mut Tx, firing: &Firing) -> Result<Option<i64>, StoreError> {
    let sql = "INSERT INTO schedule_firings (schedule_id, tick_ms, outcome, fired_at_ms, left_out, note)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (schedule_id, tick_ms) DO NOTHING RETURNING id";
    let (outcome, note) = (firing.outcome.word(), firing.note.as_ref());
    let params = params![firing.schedule, firing.tick_ms, outcome, firing.fired_at_ms, firing.left_out, note];
    Ok(tx.first::<(i64,)>(sql, params).await?.map(|(id,)| id))
}

/// Says what became of a firing that was just added.
pub(crate) async fn settle_firing(tx: &mut Tx, id: i64, firing: &Firing) -> Result<(), StoreError> {
    let sql = "UPDATE schedule_firings SET job_id = $2, outcome = $3, note = $4 WHERE id = $1";
    tx.execute(sql, params![id, firing.job, firing.outcome.word(), firing.note.as_ref()]).await.map(drop)
}

/// Keeps the newest firings of a schedule.
pub(crate) async fn prune(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    let kept = limits::SCHEDULE_FIRINGS_KEPT;
    let sql = "SELECT id FROM schedule_firings WHERE schedule_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2";
    let Some((oldest,)) = tx.first::<(i64,)>(sql, params![id, kept]).await? else { return Ok(()) };
    let sql = "DELETE FROM schedule_firings WHERE schedule_id = $1 AND id <= $2";
    tx.execute(sql, params![id, oldest]).await.map(drop)
}

pub(crate) async fn find(tx: &mut Tx, id: i64) -> Result<Option<Stored>, StoreError> {
    tx.first(&format!("SELECT {COLUMNS} FROM schedules WHERE id = $1"), params![id]).await
}

pub(crate) async fn named(tx: &mut Tx, name: &str) -> Result<Option<Stored>, StoreError> {
    tx.first(&format!("SELECT {COLUMNS} FROM schedules WHERE name = $1"), params![name]).await
}

/// Those to look at, longest due first.
pub(crate) async fn due(tx: &mut Tx, now_ms: i64) -> Result<Vec<Stored>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM schedules WHERE next_ms IS NOT NULL AND next_ms <= $1 ORDER BY next_ms, id LIMIT {}",
        limits::SCHEDULE_BATCH
    );
    tx.all(&sql, params![now_ms]).await
}

/// When the next one is to be looked at.
pub(crate) async fn next_due(tx: &mut Tx) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT next_ms FROM schedules WHERE next_ms IS NOT NULL ORDER BY next_ms LIMIT 1";
    Ok(tx.first::<(i64,)>(sql, &[]).await?.map(|(next_ms,)| next_ms))
}

/// One page in the order in which they were made.
pub(crate) async fn list(tx: &mut Tx, after: i64, limit: usize) -> Result<Vec<Stored>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM schedules WHERE id > $1 AND gone_at_ms IS NULL ORDER BY id LIMIT {}",
        limit.clamp(1, limits::PAGE)
    );
    tx.all(&sql, params![after]).await
}

/// Those that code declares or declared.
pub(crate) async fn declared(tx: &mut Tx) -> Result<Vec<Stored>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM schedules WHERE declared_by IS NOT NULL ORDER BY id LIMIT $1");
    tx.all(&sql, params![limits::SCHEDULES]).await
}

pub(crate) async fn count(tx: &mut Tx) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one("SELECT COUNT(*) FROM schedules", &[]).await?;
    Ok(count)
}

/// Removes a schedule and its history; its jobs stay.
pub(crate) async fn delete(tx: &mut Tx, id: i64, version: i64) -> Result<bool, StoreError> {
    let sql = "DELETE FROM schedules WHERE id = $1 AND version = $2";
    if tx.execute(sql, params![id, version]).await? == 0 {
        return Ok(false);
    }
    tx.execute("DELETE FROM schedule_firings WHERE schedule_id = $1", params![id]).await?;
    Ok(true)
}

/// One page of a schedule's firings, newest first.
pub(crate) async fn firings(tx: &mut Tx, id: i64, before: i64, limit: usize) -> Result<Vec<Firing>, StoreError> {
    let sql = format!(
        "SELECT {FIRING} FROM schedule_firings WHERE schedule_id = $1 AND id < $2 ORDER BY id DESC LIMIT {}",
        limit.clamp(1, limits::PAGE)
    );
    tx.all(&sql, params![id, before]).await
}

/// The newest firing of each of these schedules that did something.
pub(crate) async fn last_firings(tx: &mut Tx, from: i64, to: i64) -> Result<Vec<Firing>, StoreError> {
    let sql = format!(
        "SELECT {FIRING} FROM schedule_firings WHERE id IN (SELECT MAX(f.id) FROM schedules s
            JOIN schedule_firings f ON f.schedule_id = s.id WHERE s.id BETWEEN $1 AND $2 GROUP BY s.id)"
    );
    tx.all(&sql, params![from, to]).await
}

/// The job that is so many before the newest of a schedule.
pub(crate) async fn job_before(tx: &mut Tx, id: i64, back: u32) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT job_id FROM schedule_firings WHERE schedule_id = $1 AND job_id IS NOT NULL
        ORDER BY id DESC LIMIT 1 OFFSET $2";
    Ok(tx.first::<(i64,)>(sql, params![id, back]).await?.map(|(job,)| job))
}

/// The tick of a job.
pub(crate) async fn tick_of(tx: &mut Tx, job: i64) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT tick_ms FROM schedule_firings WHERE job_id = $1 LIMIT 1";
    let found: Option<(Option<i64>,)> = tx.first(sql, &[Value::from(job)]).await?;
    Ok(found.and_then(|(tick_ms,)| tick_ms))
}
