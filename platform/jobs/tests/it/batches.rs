//! Batches: one callback, once.

use jobs::state::State;
use jobs::{EnqueueError, Failure, Life, NewJob};
use serde_json::json;
use store::{Store, StoreError};

use crate::support::{PLAIN, Site, get, heard, held, post, send, until, works};

#[tokio::test]
async fn the_callback_begins_once_when_the_last_has_ended() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear, gate) = held(|run| match run.args::<i32>()? {
        0 => Err(Failure::Discard("hopeless".to_owned())),
        _ => Ok(()),
    });
    site.jobs.serve(vec![(PLAIN, handler)], 9);
    let jobs = site.jobs.clone();
    let opened: Result<i64, EnqueueError> =
        site.store.write(async move |tx| jobs.open_batch(tx, "import", Some(NewJob::new(PLAIN, &99))).await).await;
    let batch = opened.expect("opened");
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(site.enqueue(NewJob::new(PLAIN, &n).in_batch(batch)).await);
    }
    let later = site.enqueue(NewJob::new(PLAIN, &5).in_batch(batch).at(i64::MAX)).await;
    for id in &ids {
        assert_eq!(ear.next().await.0, *id);
    }
    gate.add_permits(4);
    for id in &ids {
        until(&site.jobs, "it ends", async || site.row(*id).await.state.is_end().then_some(())).await;
    }
    let row = async || site.jobs.batch(batch).await.expect("read").expect("there");
    let before = row().await;
    assert_eq!((before.total, before.completed, before.discarded, before.percent), (5, 3, 1, 80));
    let callback: i64 = before.callback.expect("it waits").parse().expect("a number");
    assert_eq!(site.row(callback).await.state, State::Pending);
    let (status, sealed) = post(&site, &format!("/api/v1/batches/{batch}/seal"), &json!(null)).await;
    assert_eq!((status, &sealed["finished_at_ms"]), (200, &json!(null)));
    let closed = site.jobs.enqueue_now(NewJob::new(PLAIN, &6).in_batch(batch)).await;
    assert!(matches!(closed, Err(EnqueueError::Batch(_))), "it is sealed");
    // A dead letter that runs again before the end is waited for again.
    assert!(site.jobs.run_now(ids[0]).await.expect("written"));
    assert_eq!((ear.next().await.0, row().await.discarded), (ids[0], 0));
    assert!(site.jobs.cancel(later).await.expect("written"));
    assert_eq!(site.row(callback).await.state, State::Pending);
    gate.add_permits(1);
    assert_eq!(ear.next().await, (callback, 1));
    gate.add_permits(9);
    site.reaches(callback, State::Completed).await;
    assert!(site.jobs.run_now(ids[0]).await.expect("written"));
    assert_eq!(ear.next().await.0, ids[0]);
    site.reaches(ids[0], State::Discarded).await;
    let after = row().await;
    assert_eq!((after.completed, after.cancelled, after.discarded, after.percent), (3, 1, 1, 100));
    assert!(ear.rest().is_empty(), "no second callback");
}

#[tokio::test]
async fn a_batch_over_http_is_opened_filled_and_called_off() {
    let site = Site::new(Life::Locked).await;
    let key = identity::Caller::Key { id: 1, scopes: identity::Scope::JobsEnqueue.bit() };
    let body = json!({ "name": "report", "callback": { "kind": "plain", "args": "done" },
        "jobs": [{ "kind": "plain", "run_at_ms": i64::MAX }, { "kind": "plain", "run_at_ms": i64::MAX }] });
    let (status, batch) = send(&site, key, "POST", "/api/v1/batches", &body).await;
    assert_eq!((status, &batch["total"], &batch["sealed_at_ms"]), (201, &json!(2), &json!(null)), "{batch}");
    let id = batch["id"].as_str().expect("a number").to_owned();
    let third = json!({ "kind": "plain", "batch": id, "run_at_ms": i64::MAX });
    assert_eq!(send(&site, key, "POST", "/api/v1/jobs", &third).await.0, 201);
    assert_eq!(get(&site, &format!("/api/v1/jobs?batch={id}")).await["items"].as_array().expect("items").len(), 3);
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 2);
    let (status, _) = send(&site, key, "POST", &format!("/api/v1/batches/{id}/cancel"), &json!(null)).await;
    assert_eq!(status, 202);
    let callback: i64 = batch["callback"].as_str().and_then(|id| id.parse().ok()).expect("a number");
    assert_eq!(ear.next().await, (callback, 1));
    let after = get(&site, &format!("/api/v1/batches/{id}")).await;
    assert_eq!((&after["cancelled"], &after["percent"]), (&json!(3), &json!(100)));
    assert_eq!(send(&site, key, "POST", "/api/v1/jobs", &third).await.1["code"], "batch_closed");
    assert_eq!(send(&site, key, "GET", "/api/v1/batches/77", &json!(null)).await.0, 404);
    let empty = json!({ "name": "empty", "callback": { "kind": "plain" }, "sealed": true });
    let (_, empty) = send(&site, key, "POST", "/api/v1/batches", &empty).await;
    assert!(empty["finished_at_ms"].is_i64(), "an empty batch ends when it is sealed");
    assert_eq!(ear.next().await.0.to_string(), empty["callback"].as_str().expect("a number"));
}

/// Whatever moment the process dies in: when it comes back, each callback has been enqueued once and runs once to its end.
#[test]
fn callbacks_come_once_over_deaths() {
    let clock = kernel::Clock::manual(crate::support::START_MS);
    let dir = tempfile::tempdir().expect("a directory");
    let entropy = kernel::Entropy::system();
    let mut begun = Vec::new();
    for life in 0..12 {
        let store: Store = crate::support::open(dir.path(), &clock).expect("opened");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let batch = runtime.block_on(async {
            let jobs = crate::support::engine(&store, &clock, Life::Locked).await;
            let own = jobs.clone();
            let batch: Result<i64, EnqueueError> = store
                .write(async move |tx| {
                    let batch = own.open_batch(tx, "b", Some(NewJob::new(PLAIN.on("callbacks"), &()))).await?;
                    for n in 0..20 {
                        own.enqueue(tx, NewJob::new(PLAIN, &n).in_batch(batch)).await?;
                    }
                    own.seal_batch(tx, batch).await?;
                    Ok(batch)
                })
                .await;
            let (handler, mut ear) = heard(|_| async { Ok(()) });
            jobs.serve(vec![(PLAIN, handler)], 3);
            for _ in 0..entropy.below(20) {
                ear.next().await;
            }
            batch.expect("opened")
        });
        // Nothing is stopped, nothing is flushed: the tasks are gone, and what was not committed with them.
        drop(runtime);
        begun.push((life, batch));
        let closing = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        closing.block_on(store.close());
    }
    let store = crate::support::open(dir.path(), &clock).expect("opened");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let jobs = crate::support::engine(&store, &clock, Life::Locked).await;
        let (handler, _ear) = works();
        jobs.serve(vec![(PLAIN, handler)], 3);
        for (_, batch) in &begun {
            until(&jobs, "the batch is finished", async || {
                jobs.batch(*batch).await.expect("read").filter(|row| row.finished_at_ms.is_some())
            })
            .await;
        }
        let sql = "SELECT COUNT(*) FROM jobs WHERE queue = 'callbacks' AND state IN (0, 2, 4)";
        let rows: Result<(i64,), StoreError> = store.read(async move |tx| tx.one(sql, &[]).await).await;
        assert_eq!(rows.expect("read").0, begun.len() as i64, "one callback a batch, none pending, none twice");
    });
}
