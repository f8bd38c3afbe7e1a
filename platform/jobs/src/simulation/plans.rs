//! On PostgreSQL, which plans by what is in its tables: every statement of a job's life reads the work in hand, however long the
//! history. The embedded engine's plans are held fast by a test of their text.

use store::{StoreError, Tx, params};

use super::{Floor, floor};
use crate::claim::Lane;
use crate::state::{Outcome, State};
use crate::store::{self as sql, Effects, Settlement};

const HISTORY: i64 = 300_000;
const WAITING: i64 = 30_000;
/// More often than PostgreSQL plans anew for each set of parameters.
const ROUNDS: usize = 8;
const SOME: usize = 50;

/// Rows that this transaction has read so far: by walking through a table, and by an index.
async fn read_so_far(tx: &mut Tx) -> Result<(i64, i64), StoreError> {
    let sql =
        "SELECT CAST(SUM(seq_tup_read) AS BIGINT), CAST(SUM(idx_tup_fetch) AS BIGINT) FROM pg_stat_xact_user_tables
         WHERE relid IN (CAST('jobs' AS regclass), CAST('job_notes' AS regclass))";
    tx.one(sql, params![]).await
}

/// What was read since `before`, for so many jobs.
async fn frugal(tx: &mut Tx, what: &str, before: (i64, i64), jobs: usize) -> Result<(), StoreError> {
    let now = read_so_far(tx).await?;
    assert_eq!(now.0 - before.0, 0, "{what} walks through a table");
    let most = 8 * (jobs as i64 + 2);
    assert!(now.1 - before.1 <= most, "{what} reads {} rows for {jobs} jobs", now.1 - before.1);
    Ok(())
}

async fn fill(tx: &mut Tx, from: i64) -> Result<(), StoreError> {
    let ended =
        "INSERT INTO jobs (queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms,
             started_at_ms, finished_at_ms, args, errors)
         SELECT 'q', 'k', CASE WHEN n % 50 = 0 THEN 6 ELSE 4 END, 0, 1, 20, 1, n, n, n, n, 'null', '[]'
         FROM generate_series(CAST($1 AS BIGINT), CAST($2 AS BIGINT)) AS n";
    tx.execute(ended, params![from + 1, from + HISTORY / 3]).await?;
    let noted = "INSERT INTO job_notes (id, percent, noted_at_ms) SELECT id, 1, 1 FROM jobs WHERE created_at_ms > $1";
    tx.execute(noted, params![from]).await?;
    let open = "INSERT INTO jobs (queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms, lease,
             args, errors)
         SELECT 'q', 'k', CAST($1 AS INTEGER), 0, 0, 20, 0, n * 1000, 0, CASE WHEN $1 = 2 THEN 90 + n % 3 END, 'null', '[]'
         FROM generate_series(1, CAST($2 AS BIGINT)) AS n";
    for (state, jobs) in [(0, WAITING / 3), (1, 1_000), (3, 1_000), (2, 30)] {
        tx.execute(open, params![state, jobs]).await?;
    }
    Ok(())
}

async fn live(tx: &mut Tx, lease: i64) -> Result<(), StoreError> {
    let (lane, mut effects) = (Lane { priority: 0, kind: "k".to_owned(), key: String::new() }, Effects::default());
    for round in 1..=ROUNDS as i64 {
        let before = read_so_far(tx).await?;
        let claimed = sql::claim(tx, "q", (&lane, 0), lease, SOME, 9).await?;
        assert_eq!(claimed.len(), SOME);
        frugal(tx, "claiming", before, SOME).await?;
        let before = read_so_far(tx).await?;
        for (at, job) in claimed.iter().enumerate() {
            let outcome = [Outcome::Complete, Outcome::RetryAt(i64::MAX), Outcome::Discard, Outcome::Stop][at % 4];
            let it = Settlement { id: job.id, claim: job.claim, outcome, errors: "[]".to_owned() };
            sql::settle(tx, lease, &it, 9, &mut effects).await?;
            sql::held(tx, lease, job.id, job.claim).await?;
            sql::is_wanted(tx, lease, job.id, job.claim).await?;
            sql::hand_back(tx, lease, job.id, job.claim, 9, &mut effects).await?;
        }
        frugal(tx, "settling", before, SOME).await?;
        let before = read_so_far(tx).await?;
        let due = sql::promote(tx, (0, round * 10_000), 1_000, &mut effects).await?;
        assert!(due > 0);
        frugal(tx, "promoting", before, due).await?;
        let before = read_so_far(tx).await?;
        let (again, _) = sql::crash(tx, lease, 1_000, 9, &mut effects).await?;
        frugal(tx, "taking back", before, again as usize).await?;
        let before = read_so_far(tx).await?;
        let pruned = sql::prune(tx, State::Completed, (0, round * 100), 1_000).await?;
        assert!(pruned > 0);
        frugal(tx, "pruning", before, pruned as usize).await?;
        let before = read_so_far(tx).await?;
        sql::next_due(tx).await?;
        sql::first_ended(tx, State::Completed, round * 1_000).await?;
        sql::places(tx, "q", None, 200).await?;
        let newest = sql::newest(tx).await?;
        sql::news(tx, newest - 5).await?;
        sql::called_off(tx, lease).await?;
        sql::leases::executing(tx, lease).await?;
        sql::policy::queues(tx, &[0], 50).await?;
        sql::policy::executing(tx, "q", None, 5).await?;
        sql::policy::executing(tx, "q", Some("k"), 5).await?;
        frugal(tx, "looking", before, 40).await?;
        let before = read_so_far(tx).await?;
        sql::leases::unheld(tx, lease).await?;
        frugal(tx, "looking for what nobody holds", before, 100).await?;
    }
    Ok(())
}

/// Entries of the index that this transaction has seen so far, dead ones too.
async fn passed_so_far(tx: &mut Tx, index: &str) -> Result<i64, StoreError> {
    let sql = format!("SELECT pg_stat_get_xact_tuples_returned(CAST('{index}' AS regclass))");
    let (passed,) = tx.one(&sql, &[]).await?;
    Ok(passed)
}

/// What a transaction has claimed itself stays in the index for as long as it lasts, as everything does while anybody holds one open.
async fn drain(tx: &mut Tx, lease: i64) -> Result<(), StoreError> {
    let open = "INSERT INTO jobs (queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms, args, errors)
         SELECT 'long', 'k', 0, 0, 0, 20, 0, 0, 0, 'null', '[]' FROM generate_series(1, 5000) AS n";
    tx.execute(open, &[]).await?;
    let mut places = sql::places(tx, "long", None, 9).await?;
    let (place, mut before) = (&mut places[0], passed_so_far(tx, "jobs_ready").await?);
    for _ in 0..5000 / SOME {
        let claimed = sql::claim(tx, "long", (&place.lane, place.from), lease, SOME, 9).await?;
        assert_eq!(claimed.len(), SOME);
        place.from = claimed[SOME - 1].id + 1;
        let passed = passed_so_far(tx, "jobs_ready").await?;
        assert!(passed - before <= 4 * SOME as i64, "a claim passes {} entries for {SOME} jobs", passed - before);
        before = passed;
    }
    Ok(())
}

/// So does what it has removed.
async fn forget(tx: &mut Tx) -> Result<(), StoreError> {
    let ended =
        "INSERT INTO jobs (queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms,
             finished_at_ms, args, errors)
         SELECT 'long', 'k', 5, 0, 1, 20, 1, 0, 0, n, 'null', '[]' FROM generate_series(1, 2000) AS n";
    tx.execute(ended, &[]).await?;
    while let Some(from_ms) = sql::first_ended(tx, State::Cancelled, i64::MAX).await? {
        let before = passed_so_far(tx, "jobs_ended").await?;
        assert_eq!(sql::prune(tx, State::Cancelled, (from_ms, i64::MAX), SOME as i64).await?, SOME as u64);
        let passed = passed_so_far(tx, "jobs_ended").await? - before;
        assert!(passed <= 8 * SOME as i64, "to remove {SOME} jobs, {passed} entries are passed");
    }
    Ok(())
}

#[test]
fn history_costs_nothing_on_postgres() {
    if !testkit::on_postgres() {
        return;
    }
    let Floor { _dir, runtime, store } = floor();
    let done: Result<(), StoreError> = runtime.block_on(async {
        for third in 0..3 {
            store.write_relaxed(async move |tx| fill(tx, third * HISTORY / 3).await).await?;
        }
        let analyze = async |tx: &mut Tx| {
            tx.execute("ANALYZE jobs", &[]).await?;
            tx.execute("ANALYZE job_notes", &[]).await.map(drop)
        };
        store.write_relaxed(analyze).await?;
        store
            .write_relaxed(async |tx| {
                let lease = sql::leases::take(tx, "a process", 1).await?;
                live(tx, lease).await?;
                drain(tx, lease).await?;
                forget(tx).await
            })
            .await
    });
    done.expect("each does what it is for");
}
