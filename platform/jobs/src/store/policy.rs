//! Policies, pauses and the state of rates.

use std::collections::HashMap;

use store::{StoreError, Tx, params};

use crate::policy::{Pausable, QueuePolicy};

/// Stored numbers: they never change.
fn number(what: Pausable) -> i32 {
    match what {
        Pausable::Queue => 0,
        Pausable::Kind => 1,
    }
}

pub(crate) async fn set(tx: &mut Tx, queue: &str, policy: Option<&QueuePolicy>) -> Result<(), StoreError> {
    let Some(policy) = policy else {
        return tx.execute("DELETE FROM job_policies WHERE queue = $1", params![queue]).await.map(drop);
    };
    let sql = "INSERT INTO job_policies (queue, policy) VALUES ($1, $2)
         ON CONFLICT (queue) DO UPDATE SET policy = excluded.policy";
    let text = serde_json::to_string(policy).unwrap_or_default();
    tx.execute(sql, params![queue, &text]).await.map(drop)
}

pub(crate) async fn pause(tx: &mut Tx, what: Pausable, name: &str, now_ms: i64) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO job_pauses (what, name, paused_at_ms) VALUES ($1, $2, $3) ON CONFLICT (what, name) DO NOTHING";
    tx.execute(sql, params![number(what), name, now_ms]).await.map(drop)
}

pub(crate) async fn resume(tx: &mut Tx, what: Pausable, name: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM job_pauses WHERE what = $1 AND name = $2", params![number(what), name]).await.map(drop)
}

type Paused = Vec<(Pausable, String)>;

/// Every stored policy and every pause: both are set by people, and few.
pub(crate) async fn all(tx: &mut Tx) -> Result<(HashMap<String, QueuePolicy>, Paused), StoreError> {
    let rows: Vec<(String, String)> = tx.all("SELECT queue, policy FROM job_policies", &[]).await?;
    // A policy of a newer binary that this one cannot read limits nothing here.
    let policies = rows.into_iter().map(|(queue, text)| (queue, serde_json::from_str(&text).unwrap_or_default()));
    let paused: Vec<(i32, String)> = tx.all("SELECT what, name FROM job_pauses ORDER BY name", &[]).await?;
    let what = |number: i32| if number == 0 { Pausable::Queue } else { Pausable::Kind };
    Ok((policies.collect(), paused.into_iter().map(|(number, name)| (what(number), name)).collect()))
}

/// What a claim must know of its queue: its stored policy and what is paused.
pub(crate) async fn of(tx: &mut Tx, queue: &str) -> Result<(Option<QueuePolicy>, Paused), StoreError> {
    let row: Option<(String,)> = tx.first("SELECT policy FROM job_policies WHERE queue = $1", params![queue]).await?;
    let sql = "SELECT what, name FROM job_pauses WHERE (what = 0 AND name = $1) OR what = 1";
    let paused: Vec<(i32, String)> = tx.all(sql, params![queue]).await?;
    let what = |number: i32| if number == 0 { Pausable::Queue } else { Pausable::Kind };
    let paused = paused.into_iter().map(|(number, name)| (what(number), name)).collect();
    Ok((row.map(|(text,)| serde_json::from_str(&text).unwrap_or_default()), paused))
}

/// How many jobs of a queue, or of one key of it, are executing; counted up to `most`.
pub(crate) async fn executing(tx: &mut Tx, queue: &str, key: Option<&str>, most: u32) -> Result<usize, StoreError> {
    let (count,): (i64,) = match key {
        None => {
            let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE state = 2 AND queue = $1 LIMIT $2) AS bounded";
            tx.one(sql, params![queue, most]).await?
        }
        Some(key) => {
            let sql = "SELECT COUNT(*) FROM
                 (SELECT 1 FROM jobs WHERE state = 2 AND queue = $1 AND job_key = $3 LIMIT $2) AS bounded";
            tx.one(sql, params![queue, most, key]).await?
        }
    };
    Ok(usize::try_from(count).unwrap_or_default())
}

/// When the next job of a queue (its key is then empty) or of a key of it would arrive, Unix microseconds.
pub(crate) async fn arrival(tx: &mut Tx, queue: &str, key: &str) -> Result<i64, StoreError> {
    let sql = "SELECT arrival_us FROM job_rates WHERE queue = $1 AND job_key = $2";
    let row: Option<(i64,)> = tx.first(sql, params![queue, key]).await?;
    Ok(row.map_or(0, |(at,)| at))
}

pub(crate) async fn set_arrival(tx: &mut Tx, queue: &str, key: &str, arrival_us: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO job_rates (queue, job_key, arrival_us) VALUES ($1, $2, $3)
         ON CONFLICT (queue, job_key) DO UPDATE SET arrival_us = excluded.arrival_us";
    tx.execute(sql, params![queue, key, arrival_us]).await.map(drop)
}

/// Forgets rates that hold nobody back any more, at most `limit`.
pub(crate) async fn forget_rates(tx: &mut Tx, now_ms: i64, limit: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM job_rates WHERE (queue, job_key) IN
         (SELECT queue, job_key FROM job_rates WHERE arrival_us < $1 LIMIT $2)";
    tx.execute(sql, params![now_ms * 1000, limit]).await.map(drop)
}

/// How many jobs of a queue wait, since when the oldest of these could begin, and how many run; each counted up to `most`.
pub(crate) type Load = (i64, Option<i64>, i64);

pub(crate) async fn load(tx: &mut Tx, queue: &str, most: i64) -> Result<Load, StoreError> {
    let waiting = "SELECT COUNT(*), MIN(run_at_ms)
         FROM (SELECT run_at_ms FROM jobs WHERE state = 0 AND queue = $1 LIMIT $2) AS bounded";
    let running = "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE state = 2 AND queue = $1 LIMIT $2) AS bounded";
    let (waiting, oldest_at_ms) = tx.one(waiting, params![queue, most]).await?;
    let (running,) = tx.one(running, params![queue, most]).await?;
    Ok((waiting, oldest_at_ms, running))
}

/// Queues with jobs in any of these states (0: they wait, 2: they run), at most `most` of each: one step of an index each.
pub(crate) async fn queues(tx: &mut Tx, states: &[i32], most: usize) -> Result<Vec<String>, StoreError> {
    let mut queues = Vec::new();
    for state in states {
        let sql = format!("SELECT MIN(queue) FROM jobs WHERE state = {state} AND queue > $1");
        let mut last = String::new();
        for _ in 0..most {
            let (next,): (Option<String>,) = tx.one(&sql, params![&last]).await?;
            let Some(next) = next else { break };
            queues.push(next.clone());
            last = next;
        }
    }
    Ok(queues)
}
