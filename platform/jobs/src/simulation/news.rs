//! What others have put in is found by its number, in each lane from the first that waits. A wrong answer here would only be late,
//! until the next look through the table, so that no other test goes red.

use store::{StoreError, Tx, params};

use super::{Floor, floor};
use crate::claim::{Lane, Place};
use crate::store::{self as sql, NEWS, News, Ready};

/// Jobs of a queue, one lane and one state; the first number and the last.
async fn put(tx: &mut Tx, (queue, key): (&str, &str), state: i32, jobs: i64) -> Result<(i64, i64), StoreError> {
    let first = sql::newest(tx).await? + 1;
    for _ in 0..jobs {
        let sql = "INSERT INTO jobs (queue, kind, job_key, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms,
                 args, errors) VALUES ($1, 'k', $2, $3, 0, 0, 1, 0, 0, 0, 'null', '[]')";
        tx.execute(sql, params![queue, key, state]).await?;
    }
    Ok((first, sql::newest(tx).await?))
}

fn found(mut news: News) -> Vec<(String, String, i64)> {
    let words = |Ready { queue, place: Place { lane: Lane { key, .. }, from } }| (queue, key, from);
    let mut found: Vec<_> = news.ready.drain(..).map(words).collect();
    found.sort_unstable();
    found
}

#[test]
fn what_others_put_in_is_found_by_its_number() {
    let Floor { _dir, runtime, store } = floor();
    let told: Result<(), StoreError> = runtime.block_on(store.write(async |tx| {
        let seen = sql::newest(tx).await?;
        assert_eq!(sql::news(tx, seen).await?.last, seen, "nothing is new");
        let (_, before) = put(tx, ("q", "a"), 0, 3).await?;
        let (_, begun) = put(tx, ("q", "a"), 2, 2).await?;
        let (waits, _) = put(tx, ("q", "a"), 0, 2).await?;
        let (other, _) = put(tx, ("q", "b"), 0, 1).await?;
        let (elsewhere, _) = put(tx, ("p", "a"), 0, 1).await?;
        let (_, later) = put(tx, ("p", "c"), 1, 1).await?;
        assert!(begun > before);
        let news = sql::news(tx, before).await?;
        assert_eq!((news.last, news.more), (later, false), "whatever it does, its number is seen");
        let [p, q] = ["p", "q"].map(str::to_owned);
        let [a, b] = ["a", "b"].map(str::to_owned);
        assert_eq!(found(news), [(p, a.clone(), elsewhere), (q.clone(), a, waits), (q, b, other)]);
        assert!(sql::news(tx, later).await?.ready.is_empty(), "said once");
        put(tx, ("q", "a"), 0, NEWS).await?;
        let news = sql::news(tx, later).await?;
        assert_eq!((news.last, news.more), (later + NEWS, true), "there may be more");
        Err(StoreError::Closed)
    }));
    assert!(matches!(told, Err(StoreError::Closed)), "rolled back: {told:?}");
}
