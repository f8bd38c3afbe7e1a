//! One thing done to many: counted first, done once each, over a death.

use jobs::bulk::{Action, Filter};
use jobs::policy::Keep;
use jobs::state::State;
use jobs::{Failure, Life, NewJob};
use serde_json::json;

use crate::support::{PLAIN, Site, engine, get, heard, new_id, post, until};

async fn count(site: &Site, state: &str) -> i64 {
    site.jobs.counts().await.expect("read")[state]
}

async fn dead_letters(site: &Site, how_many: usize) {
    let new = |n: usize| NewJob::new(PLAIN, &n);
    for from in (0..how_many).step_by(1_000) {
        let jobs = (from..(from + 1_000).min(how_many)).map(new).collect();
        site.jobs.enqueue_all(jobs).await.expect("enqueued");
    }
    let errors = r#"'[{"attempt":1,"at_ms":1,"message":"error ' || (id % 2) || '"}]'"#;
    let now_ms = site.clock.now_ms();
    site.run_sql(format!("UPDATE jobs SET state = 6, finished_at_ms = {now_ms} + id, attempt = 20, errors = {errors}"))
        .await;
    site.clock.advance(how_many as i64 + 1);
}

#[tokio::test]
async fn a_redrive_counts_first_and_then_begins_each_anew_once() {
    const MANY: usize = 2_500;
    let site = Site::new(Life::Locked).await;
    dead_letters(&site, MANY).await;
    let filter = json!({ "filter": { "error": "error 1", "kind": "plain" } });
    let (status, dry) = post(&site, "/api/v1/jobs/redrive", &filter).await;
    assert_eq!((status, &dry["matching"], &dry["job"]), (200, &json!(MANY / 2), &json!(null)));
    assert_eq!(count(&site, "discarded").await, MANY as i64, "nothing was done");
    // Each fails again, and is not begun anew a second time.
    let (handler, mut ear) = heard(|_| async { Err(Failure::Discard("still".to_owned())) });
    site.jobs.serve(vec![(PLAIN, handler)], 20);
    let wet = json!({ "filter": { "error": "error 1", "kind": "plain" }, "dry_run": false });
    let (status, wet) = post(&site, "/api/v1/jobs/redrive", &wet).await;
    assert_eq!(status, 202);
    let job: i64 = wet["job"].as_str().and_then(|id| id.parse().ok()).expect("a number");
    site.reaches(job, State::Completed).await;
    for _ in 0..MANY / 2 {
        ear.next().await;
    }
    until(&site.jobs, "all have ended", async || (count(&site, "discarded").await == MANY as i64).then_some(())).await;
    assert!(ear.rest().is_empty());
    let shown = get(&site, &format!("/api/v1/jobs/{job}")).await;
    assert_eq!(shown["result"], json!({ "matched": MANY / 2, "changed": MANY / 2 }));
    for wrong in [json!({ "filter": { "state": "executing" } }), json!({ "filter": { "speed": 1 } })] {
        assert!(matches!(post(&site, "/api/v1/jobs/redrive", &wrong).await.0, 400 | 422), "{wrong}");
    }
}

/// The process dies in the middle; the next one goes on, and nothing is begun anew twice.
#[tokio::test]
async fn an_interrupted_redrive_goes_on() {
    const MANY: usize = 3_000;
    let site = Site::new(Life::Locked).await;
    dead_letters(&site, MANY).await;
    let jobs = site.jobs.clone();
    let own = Filter::default();
    let id: Result<i64, jobs::EnqueueError> =
        site.store.write(async move |tx| jobs.enqueue_bulk(tx, Action::Redrive, own).await).await;
    let id = id.expect("enqueued");
    // As if it had died after the first steps: the job is executing under a dead lease, some are done.
    site.run_sql("UPDATE jobs SET state = 0, attempt = 0, finished_at_ms = NULL WHERE state = 6 AND id <= 1000").await;
    let taken = format!("UPDATE jobs SET state = 2, attempt = 1, claims = 1, lease = 77 WHERE id = {id}");
    site.run_sql(taken).await;
    let next = engine(&site.store, &site.clock, Life::Locked).await;
    next.serve(Vec::new(), 2);
    until(&next, "it is done", async || (site.row(id).await.state == State::Completed).then_some(())).await;
    assert_eq!((count(&site, "available").await, count(&site, "discarded").await), (MANY as i64, 0));
    let shown = get(&site, &format!("/api/v1/jobs/{id}")).await;
    assert_eq!(shown["result"], json!({ "matched": 2_000, "changed": 2_000 }));
}

#[tokio::test]
async fn many_are_called_off_by_a_filter() {
    let site = Site::new(Life::Locked).await;
    let mut ids = Vec::new();
    for n in 0..40i64 {
        let job = NewJob::new(PLAIN.on(["a", "b"][n as usize % 2]), &n).at(i64::MAX);
        ids.push(new_id(site.jobs.enqueue_now(job).await.expect("enqueued")));
    }
    site.jobs.serve(Vec::new(), 1);
    let body = json!({ "filter": { "queue": "a", "state": "scheduled" }, "dry_run": false });
    let (status, answer) = post(&site, "/api/v1/jobs/cancel", &body).await;
    assert_eq!((status, &answer["matching"]), (202, &json!(20)));
    until(&site.jobs, "half are called off", async || (count(&site, "cancelled").await == 20).then_some(())).await;
    assert_eq!((count(&site, "scheduled").await, site.row(ids[1]).await.state), (20, State::Scheduled));
}

#[tokio::test]
async fn pruning_keeps_each_state_as_long_as_it_says() {
    let site = Site::new(Life::Locked).await;
    let mut by_state = Vec::new();
    for state in [4, 5, 6] {
        let id = site.enqueue(NewJob::new(PLAIN, &state)).await;
        let now_ms = site.clock.now_ms();
        site.run_sql(format!("UPDATE jobs SET state = {state}, finished_at_ms = {now_ms} WHERE id = {id}")).await;
        by_state.push(id);
    }
    let keep = Keep { completed_ms: 10, cancelled_ms: 20, discarded_ms: 30 };
    for (left, advance) in [(3, 10), (2, 1), (2, 9), (1, 1), (1, 9), (0, 1)] {
        site.clock.advance(advance);
        site.jobs.prune(keep).await.expect("pruned");
        let mut there = 0;
        for id in &by_state {
            there += usize::from(site.jobs.find(*id).await.expect("read").is_some());
        }
        assert_eq!(there, left);
    }
}
