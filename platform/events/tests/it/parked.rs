//! Poison: the one event that a stream cannot handle is found, parked, shown, tried again or given up. An outage is none.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use events::handler::StreamFailure;
use events::{Filter, Stream};
use serde_json::json;
use store::{Tx, params};

use crate::http::{change, get};
use crate::support::{Bed, small, until};
use identity::Caller;

/// So quick that a test need not wait.
const STREAM: Stream = Stream::new("quick", Filter("github.*")).pauses(1, 2).parks_after(3);

#[derive(Clone, Default)]
struct Poison(Arc<Mutex<BTreeSet<i64>>>);

impl Poison {
    fn set(&self, positions: impl IntoIterator<Item = i64>) {
        *self.0.lock().expect("a lock") = positions.into_iter().collect();
    }

    /// Serves a stream that writes down what it handled, and fails wherever poison is.
    fn serve(&self, bed: &Bed) {
        let poison = self.clone();
        bed.events.serve_in_tx(STREAM, async move |tx: &mut Tx, batch| {
            for event in batch {
                if poison.0.lock().expect("a lock").contains(&event.position) {
                    return Err(StreamFailure::new("poison"));
                }
                tx.execute("INSERT INTO scratch (word) VALUES ($1)", params![&event.position.to_string()]).await?;
            }
            Ok(())
        });
    }
}

async fn handled(bed: &Bed) -> Vec<i64> {
    let rows: Result<Vec<(String,)>, store::StoreError> =
        bed.store.read(async |tx| tx.all("SELECT word FROM scratch ORDER BY CAST(word AS BIGINT)", &[]).await).await;
    rows.expect("read").into_iter().map(|(word,)| word.parse().expect("a number")).collect()
}

async fn parked(bed: &Bed) -> Vec<i64> {
    let (status, page) = get(bed, "/api/v1/subscriptions/quick/parked", Some(Caller::Admin)).await;
    assert_eq!(status, 200);
    page["items"].as_array().expect("items").iter().filter_map(|item| item["position"].as_i64()).collect()
}

#[tokio::test]
async fn the_poison_alone_is_parked_and_everything_else_handled_once() {
    let bed = Bed::with(&[STREAM]).await;
    let poison = Poison::default();
    poison.set([1, 77, 78, 200, 333]);
    bed.events.declare_streams().await.expect("declared");
    let last = bed.append_many("github.push", 400).await;
    poison.serve(&bed);
    bed.cursor_reaches(STREAM, last).await;
    let expected: Vec<i64> = (1..=400).filter(|n| ![1, 77, 78, 200, 333].contains(n)).collect();
    assert_eq!(handled(&bed).await, expected);
    assert_eq!(parked(&bed).await, [1, 77, 78, 200, 333]);
    let (_, list) = get(&bed, "/api/v1/subscriptions", Some(Caller::Admin)).await;
    let row = list["items"].as_array().expect("items").iter().find(|row| row["name"] == "quick").expect("the stream");
    assert_eq!((&row["parked"], &row["failing_since_ms"], &row["lag"]), (&json!(5), &json!(null), &json!(0)));

    // Parked events are still wanted: retention keeps them.
    bed.execute("DELETE FROM jobs").await;
    bed.clock.advance(10 * 86_400_000);
    bed.prune(86_400_000).await;
    assert_eq!(bed.count().await, 5);

    // One is cured and tried again, one is tried in vain, one is given up.
    poison.set([77, 78, 200, 333]);
    for (path, status) in
        [("1/retry", 202), ("77/retry", 202), ("333/discard", 204), ("333/discard", 404), ("5/retry", 404)]
    {
        let answer = change(&bed, "POST", &format!("/api/v1/subscriptions/quick/parked/{path}"), json!({})).await;
        assert_eq!(answer.status, status, "{path} {}", answer.text);
    }
    until(async || parked(&bed).await == [77, 78, 200]).await;
    until(async || bed.number("SELECT failures FROM event_parked WHERE position = 77").await == 4).await;
    poison.set([]);
    let answer = change(&bed, "POST", "/api/v1/subscriptions/quick/parked/retry", json!({})).await;
    assert_eq!((answer.status, &answer.body["count"]), (202, &json!(3)));
    until(async || parked(&bed).await.is_empty()).await;
    let expected: Vec<i64> = (1..=400).filter(|n| *n != 333).collect();
    assert_eq!(handled(&bed).await, expected, "each once");
}

#[tokio::test]
async fn an_outage_parks_three_at_most_and_loses_none() {
    let bed = Bed::with(&[STREAM]).await;
    let poison = Poison::default();
    poison.set(1..=50);
    bed.events.declare_streams().await.expect("declared");
    bed.append_many("github.push", 50).await;
    poison.serve(&bed);
    until(async || bed.number("SELECT COUNT(*) FROM event_parked").await == 3).await;
    until(async || bed.number("SELECT failures FROM event_cursors WHERE stream = 'quick'").await > 20).await;
    assert_eq!((bed.number("SELECT COUNT(*) FROM event_parked").await, bed.cursor(STREAM).await), (3, 3));
    poison.set([]);
    bed.cursor_reaches(STREAM, 50).await;
    change(&bed, "POST", "/api/v1/subscriptions/quick/parked/retry", json!({})).await;
    until(async || handled(&bed).await == (1..=50).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_stream_that_never_parks_holds() {
    const HOLDS: Stream = STREAM.never_parks();
    let bed = Bed::with(&[HOLDS]).await;
    bed.events.declare_streams().await.expect("declared");
    bed.events.serve_in_tx(HOLDS, async |_: &mut Tx, _| Err(StreamFailure::new("never")));
    bed.append(small("github.push")).await.expect("appended");
    until(async || bed.number("SELECT failures FROM event_cursors WHERE stream = 'quick'").await > 50).await;
    assert_eq!((bed.cursor(HOLDS).await, bed.number("SELECT COUNT(*) FROM event_parked").await), (0, 0));
}

#[tokio::test]
async fn a_paused_stream_waits_and_goes_on() {
    let bed = Bed::with(&[STREAM]).await;
    bed.events.declare_streams().await.expect("declared");
    let poison = Poison::default();
    assert_eq!(change(&bed, "POST", "/api/v1/subscriptions/quick/pause", json!({})).await.status, 204);
    poison.serve(&bed);
    bed.append_many("github.push", 3).await;
    let (_, list) = get(&bed, "/api/v1/subscriptions", Some(Caller::Admin)).await;
    let row = list["items"].as_array().expect("items").iter().find(|row| row["name"] == "quick").expect("the stream");
    assert_eq!(
        (&row["lag"], &row["paused_at_ms"], &row["position"]),
        (&json!(3), &json!(bed.clock.now_ms()), &json!(0))
    );
    assert!(handled(&bed).await.is_empty());
    assert_eq!(change(&bed, "POST", "/api/v1/subscriptions/quick/resume", json!({})).await.status, 204);
    bed.cursor_reaches(STREAM, 3).await;
    assert_eq!(change(&bed, "POST", "/api/v1/subscriptions/nobody/pause", json!({})).await.status, 404);
    let work = change(&bed, "POST", "/api/v1/subscriptions/hear_phrase/pause", json!({})).await;
    assert_eq!((work.status, work.body["code"].as_str()), (409, Some("no_stream")));
}
