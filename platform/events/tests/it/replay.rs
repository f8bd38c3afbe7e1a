//! A stretch of the log once more, into one subscription and no other.

use std::sync::{Arc, Mutex};

use events::handler::{StreamFailure, StreamHandler, WorkHandler};
use events::{Filter, Stream, Work};
use jobs::{Failure, Kind};
use kernel::limits::STREAM_BATCH;
use serde_json::{Value, json};
use store::{Tx, params};

use crate::http::{change, get};
use crate::support::{Bed, GITHUB, START_MS, small, until};
use identity::Caller;

const REPLAY: &str = "/api/v1/events/replay";

/// Serves what replays run as.
fn serve(bed: &Bed) {
    bed.jobs.serve(bed.events.handlers(), 1);
}

async fn replay(bed: &Bed, body: Value) -> (u16, Value) {
    let answer = change(bed, "POST", REPLAY, body).await;
    (answer.status, answer.body)
}

async fn state(bed: &Bed, id: i64) -> Value {
    get(bed, &format!("/api/v1/events/replays/{id}"), Some(Caller::Admin)).await.1
}

async fn ends(bed: &Bed, id: i64, how: &str) {
    until(async || state(bed, id).await["state"] == how).await;
}

#[tokio::test]
async fn a_replay_is_counted_first_and_then_makes_each_job_once() {
    let bed = Bed::with(&[]).await;
    for n in 0..30 {
        let kind = if n % 3 == 0 { "github.ping" } else { "github.push" };
        bed.append(small(kind).subject(Some(format!("s{}", n % 2)))).await.expect("appended");
        bed.clock.advance(1_000);
    }
    bed.append_many("radio.phrase", 5).await;
    bed.execute("DELETE FROM jobs").await;
    for (body, count) in [
        (json!({"from": 1}), 30),
        (json!({"from": 11, "to": 20}), 10),
        (json!({"from": -5, "to": 1_000}), 30),
        (json!({"from": 20, "to": 11}), 0),
        (
            json!({"from": kernel::clock::rfc3339(START_MS + 10_000), "to": kernel::clock::rfc3339(START_MS + 20_000)}),
            10,
        ),
        (json!({"from": 1, "type": "github.ping"}), 10),
        (json!({"from": 1, "filter": {"exact": {"subject": "s1"}}}), 15),
    ] {
        let mut body = body;
        body["subscription"] = GITHUB.name.into();
        let (status, answer) = replay(&bed, body.clone()).await;
        assert_eq!((status, answer["count"].as_i64(), &answer["complete"]), (200, Some(count), &json!(true)), "{body}");
    }
    assert_eq!(bed.number("SELECT COUNT(*) FROM jobs").await, 0, "a count makes nothing");

    let asked = json!({"subscription": GITHUB.name, "from": 5, "to": 24, "type": "github.push", "dry_run": false});
    let (status, begun) = replay(&bed, asked.clone()).await;
    assert_eq!((status, &begun["state"]), (202, &json!("running")));
    assert_eq!(replay(&bed, asked).await.0, 409, "one at a time");
    serve(&bed);
    ends(&bed, 1, "completed").await;
    let expected: Vec<i64> = (5..=24).filter(|position| (position - 1) % 3 != 0).collect();
    let rows: Result<Vec<(i64,)>, store::StoreError> = bed
        .store
        .read(async |tx| {
            tx.all("SELECT event_position FROM jobs WHERE kind = $1 ORDER BY id", params![GITHUB.name]).await
        })
        .await;
    let positions: Vec<i64> = rows.expect("read").into_iter().map(|(position,)| position).collect();
    assert_eq!(positions, expected, "each once, in the order of the log, and no other subscription");
    let done = state(&bed, 1).await;
    assert_eq!((&done["replayed"], &done["next_position"]), (&json!(expected.len()), &json!(25)));
    assert_eq!(bed.number("SELECT COUNT(*) FROM jobs WHERE kind <> 'events.replay'").await, expected.len() as i64);
    for (body, status) in [
        (json!({"subscription": "nobody", "from": 1}), 422),
        (json!({"subscription": GITHUB.name}), 422),
        (json!({"subscription": GITHUB.name, "from": "yesterday"}), 422),
        (json!({"subscription": GITHUB.name, "from": 1, "filter": {"sql": "x"}}), 422),
        (json!({"subscription": GITHUB.name, "from": 1, "more": 1}), 422),
        (json!({"subscription": GITHUB.name, "from": 99, "dry_run": false}), 422),
    ] {
        assert_eq!(replay(&bed, body.clone()).await.0, status, "{body}");
    }
}

#[tokio::test]
async fn a_stream_gets_the_range_again_and_its_own_cursor_stays() {
    const STREAM: Stream = Stream::new("words", Filter("github.*"));
    let bed = Bed::with(&[STREAM]).await;
    bed.events.declare_streams().await.expect("declared");
    let fails = Arc::new(Mutex::new(0));
    let failing = fails.clone();
    bed.events.serve_in_tx(STREAM, async move |tx: &mut Tx, batch| {
        for event in batch {
            tx.execute("INSERT INTO scratch (word) VALUES ($1)", params![&event.position.to_string()]).await?;
        }
        let mut left = failing.lock().expect("a lock");
        if *left > 0 {
            *left -= 1;
            return Err(StreamFailure::new("not now"));
        }
        Ok(())
    });
    let last = bed.append_many("github.push", 3 * STREAM_BATCH).await;
    bed.cursor_reaches(STREAM, last).await;
    bed.execute("DELETE FROM jobs").await;
    *fails.lock().expect("a lock") = 1;
    let asked = json!({"subscription": "words", "from": 101, "to": 500, "dry_run": false});
    assert_eq!(replay(&bed, asked).await.0, 202);
    serve(&bed);
    // The first try fails whole; the job that tries again waits for its time.
    until(async || !state(&bed, 1).await["error"].is_null()).await;
    until(async || {
        bed.clock.advance(60_000);
        bed.jobs.wake();
        state(&bed, 1).await["state"] == "completed"
    })
    .await;
    assert_eq!(bed.cursor(STREAM).await, last);
    assert_eq!(bed.number("SELECT COUNT(*) FROM scratch").await, 3 * STREAM_BATCH as i64 + 400);
    let twice = "SELECT COUNT(*) FROM (SELECT word FROM scratch GROUP BY word HAVING COUNT(*) = 2) AS twice";
    assert_eq!(bed.number(twice).await, 400, "each of the range once more, whatever failed between");
}

#[tokio::test]
async fn a_replay_is_cancelled_between_two_batches() {
    const STREAM: Stream = Stream::new("slow", Filter("github.*"));
    let bed = Bed::with(&[STREAM]).await;
    bed.events.declare_streams().await.expect("declared");
    let (gate, passed) = (Arc::new(tokio::sync::Semaphore::new(3)), Arc::new(Mutex::new(0)));
    let handler: StreamHandler = {
        let (gate, passed) = (gate.clone(), passed.clone());
        Arc::new(move |batch| {
            let (gate, passed) = (gate.clone(), passed.clone());
            Box::pin(async move {
                gate.acquire().await.map_err(|error| error.to_string())?.forget();
                *passed.lock().expect("a lock") += batch.len();
                Ok(())
            })
        })
    };
    bed.events.serve(STREAM, handler);
    let last = bed.append_many("github.push", 3 * STREAM_BATCH).await;
    bed.cursor_reaches(STREAM, last).await;
    assert_eq!(replay(&bed, json!({"subscription": "slow", "from": 1, "dry_run": false})).await.0, 202);
    serve(&bed);
    gate.add_permits(1);
    until(async || state(&bed, 1).await["replayed"] == STREAM_BATCH).await;
    let cancel = "/api/v1/events/replays/1/cancel";
    assert_eq!(change(&bed, "POST", cancel, json!({})).await.status, 204);
    gate.add_permits(10);
    assert_eq!(change(&bed, "POST", cancel, json!({})).await.status, 409);
    // The batch that ran when it was called off may still end; the cursor of the replay stays.
    until(async || {
        bed.number("SELECT COUNT(*) FROM jobs WHERE kind = 'events.replay' AND finished_at_ms IS NULL").await == 0
    })
    .await;
    let over = state(&bed, 1).await;
    assert_eq!((&over["state"], &over["replayed"]), (&json!("cancelled"), &json!(STREAM_BATCH)));
    assert!(*passed.lock().expect("a lock") <= 5 * STREAM_BATCH);
    let (_, page) = get(&bed, "/api/v1/events/replays?limit=1", Some(Caller::Admin)).await;
    assert_eq!((page["items"][0]["id"].as_i64(), page["next"].as_i64()), (Some(1), Some(1)));
}

#[tokio::test]
async fn a_replay_keeps_the_order_of_a_subject_and_its_events() {
    const ORDERED: Kind = Kind::new("ordered");
    let bed = Bed::wired(&[], |registry| registry.work(Work::new(ORDERED, Filter("github.*")).ordered())).await;
    for n in 0..40 {
        bed.append(small("github.push").subject(Some(format!("s{}", n % 4)))).await.expect("appended");
    }
    bed.execute("DELETE FROM jobs").await;
    let ran: Arc<Mutex<Vec<(i64, String)>>> = Arc::default();
    let seen = ran.clone();
    let handler: WorkHandler = Arc::new(move |event, run| {
        let seen = seen.clone();
        Box::pin(async move {
            if run.attempt() == 1 && event.position % 7 == 0 {
                return Err(Failure::Retry("again".to_owned()));
            }
            seen.lock().expect("a lock").push((event.position, event.subject.unwrap_or_default()));
            Ok(())
        })
    });
    assert_eq!(replay(&bed, json!({"subscription": "ordered", "from": 1, "dry_run": false})).await.0, 202);
    // What is to be replayed, retention keeps.
    bed.clock.advance(10 * 86_400_000);
    assert_eq!(bed.prune(86_400_000).await, 0);
    let mut handlers = bed.events.handlers();
    handlers.push((ORDERED, bed.events.work_handler(handler)));
    bed.jobs.serve(handlers, 8);
    until(async || {
        bed.clock.advance(60_000);
        bed.jobs.wake();
        ran.lock().expect("a lock").len() == 40
    })
    .await;
    let ran = ran.lock().expect("a lock");
    for subject in ["s0", "s1", "s2", "s3"] {
        let of: Vec<i64> = ran.iter().filter(|(_, s)| s == subject).map(|(position, _)| *position).collect();
        assert!(of.is_sorted(), "{subject}: {of:?}");
    }
}
