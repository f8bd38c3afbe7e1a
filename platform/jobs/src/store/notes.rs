//! What a job says about itself while it runs, and what it leaves.

use store::{StoreError, Tx, params};

/// The last progress and the result of a job, written together; `false` when the job is no longer this worker's.
pub(crate) async fn write(
    tx: &mut Tx,
    lease: i64,
    claim: u32,
    id: i64,
    it: &Note<'_>,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO job_notes (id, percent, note, result, noted_at_ms)
         SELECT id, $4, $5, $6, $7 FROM jobs WHERE id = $1 AND state + 0 = 2 AND lease = $2 AND claims = $3
         ON CONFLICT (id) DO UPDATE SET percent = COALESCE(excluded.percent, job_notes.percent),
             note = COALESCE(excluded.note, job_notes.note), result = COALESCE(excluded.result, job_notes.result),
             noted_at_ms = excluded.noted_at_ms";
    let params = params![id, lease, claim, it.percent.map(i32::from), it.note, it.result, now_ms];
    Ok(tx.execute(sql, params).await? == 1)
}

/// What is noted; what is absent stays as it was.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Note<'a> {
    pub(crate) percent: Option<u8>,
    pub(crate) note: Option<&'a str>,
    pub(crate) result: Option<&'a str>,
}
