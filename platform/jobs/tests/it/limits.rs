//! Limits, pauses, and turns between keys. Facts §3d, tests 19 to 22.

use std::sync::{Arc, Mutex};

use jobs::policy::{Pausable, Rate};
use jobs::state::State;
use jobs::{EnqueueError, Kind, Life, NewJob, QueuePolicy};
use serde_json::json;

use crate::support::{LONG, PLAIN, Site, engine, get, heard, held, polled, send, until, watched, works};

async fn limit(site: &Site, policy: QueuePolicy) {
    site.jobs.set_policy("default", Some(policy)).await.expect("written");
}

async fn in_state(site: &Site, state: &str) -> i64 {
    site.jobs.counts().await.expect("read")[state]
}

/// Many jobs in one transaction; their numbers.
async fn bulk(site: &Site, key: &str, count: usize) -> Vec<i64> {
    let (jobs, key) = (site.jobs.clone(), key.to_owned());
    let told: Result<Vec<i64>, EnqueueError> = site
        .store
        .write(async move |tx| {
            let mut ids = Vec::new();
            for n in 0..count {
                ids.push(crate::support::new_id(jobs.enqueue(tx, NewJob::new(PLAIN, &n).key(key.as_str())).await?));
            }
            Ok(ids)
        })
        .await;
    told.expect("enqueued")
}

#[tokio::test]
async fn a_queue_runs_no_more_at_one_time_than_it_may() {
    let site = Site::new(Life::Locked).await;
    limit(&site, QueuePolicy { concurrency: Some(2), ..QueuePolicy::default() }).await;
    let (handler, mut ear, gate) = held(|_| Ok(()));
    site.jobs.serve(vec![(PLAIN, handler)], 10);
    for n in 0..7 {
        site.enqueue(NewJob::new(PLAIN, &n)).await;
    }
    for begun in 1..=7 {
        ear.next().await;
        if begun >= 2 {
            assert_eq!(in_state(&site, "executing").await, 2.min(8 - begun + 1));
            assert!(ear.rest().is_empty());
            gate.add_permits(1);
        }
    }
    gate.add_permits(9);
    until(&site.jobs, "all are done", async || (in_state(&site, "completed").await == 7).then_some(())).await;
    // Nobody waits any more, and the limit is raised while everything runs.
    limit(&site, QueuePolicy { concurrency: Some(4), ..QueuePolicy::default() }).await;
    let (before, _) = (gate.available_permits(), gate.forget_permits(100));
    assert!(before > 0);
    for n in 0..6 {
        site.enqueue(NewJob::new(PLAIN, &n)).await;
    }
    for _ in 0..4 {
        ear.next().await;
    }
    assert_eq!((in_state(&site, "executing").await, in_state(&site, "available").await), (4, 2));
    site.jobs.set_policy("default", None).await.expect("written");
    ear.next().await;
    ear.next().await;
}

#[tokio::test]
async fn a_key_runs_no_more_at_one_time_than_it_may_and_others_pass_it() {
    let site = Site::new(Life::Locked).await;
    limit(&site, QueuePolicy { key_concurrency: Some(1), ..QueuePolicy::default() }).await;
    let (handler, mut ear, gate) = held(|_| Ok(()));
    site.jobs.serve(vec![(PLAIN, handler)], 10);
    let mut ids = Vec::new();
    for key in ["a", "a", "b", "a", "b", "", ""] {
        ids.push(site.enqueue(NewJob::new(PLAIN, &()).key(key)).await);
    }
    let mut begun = Vec::new();
    for _ in 0..4 {
        begun.push(ear.next().await.0);
    }
    begun.sort_unstable();
    assert_eq!(begun, [ids[0], ids[2], ids[5], ids[6]], "jobs without a key are not limited by key");
    assert!(ear.rest().is_empty());
    gate.add_permits(100);
    let mut rest = [ear.next().await.0, ear.next().await.0, ear.next().await.0];
    rest.sort_unstable();
    assert_eq!(rest, [ids[1], ids[3], ids[4]]);
}

/// The limit is counted in the table: what a dead worker held is free once its jobs are taken back.
#[tokio::test]
async fn a_limit_held_by_a_dead_worker_is_freed() {
    let site = Site::new(Life::Locked).await;
    limit(&site, QueuePolicy { concurrency: Some(1), key_concurrency: Some(1), ..QueuePolicy::default() }).await;
    let (handler, mut ear, _gate) = held(|_| Ok(()));
    site.jobs.serve(vec![(PLAIN, handler)], 4);
    let first = site.enqueue(NewJob::new(PLAIN, &()).key("a")).await;
    assert_eq!(ear.next().await, (first, 1));
    let second = site.enqueue(NewJob::new(PLAIN, &()).key("a")).await;
    let other = engine(&site.store, &site.clock, Life::Renewed).await;
    assert_eq!(watched(&other, &site.store).await, 1);
    let (handler, mut ear) = works();
    other.serve(vec![(PLAIN, handler)], 4);
    assert_eq!((ear.next().await, ear.next().await), ((first, 2), (second, 1)));
}

#[tokio::test]
async fn a_rate_lets_no_more_begin_and_the_rest_exactly_when_it_may() {
    let site = Site::new(Life::Locked).await;
    let rate = Rate { jobs: 10, period_ms: 1_000, burst: Some(3) };
    limit(&site, QueuePolicy { rate: Some(rate), ..QueuePolicy::default() }).await;
    let (handler, mut ear) = works();
    let ids = bulk(&site, "", 6).await;
    site.jobs.serve(vec![(PLAIN, handler)], 10);
    for id in &ids[..3] {
        assert_eq!(ear.next().await.0, *id);
    }
    until(&site.jobs, "they are done", async || (in_state(&site, "completed").await == 3).then_some(())).await;
    for id in &ids[3..] {
        site.advance(99);
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        assert!(ear.rest().is_empty(), "not before its time");
        site.advance(1);
        assert_eq!(ear.next().await.0, *id);
    }
}

#[tokio::test]
async fn a_rate_by_key_holds_back_that_key_alone() {
    let site = Site::new(Life::Locked).await;
    let key_rate = Some(Rate { jobs: 1, period_ms: 1_000, burst: None });
    limit(&site, QueuePolicy { key_rate, ..QueuePolicy::default() }).await;
    let (handler, mut ear) = works();
    let (slow, other) = (bulk(&site, "a", 3).await, bulk(&site, "b", 1).await);
    site.jobs.serve(vec![(PLAIN, handler)], 10);
    assert_eq!((ear.next().await.0, ear.next().await.0), (slow[0], other[0]));
    let free = bulk(&site, "", 5).await;
    for id in free {
        assert_eq!(ear.next().await.0, id);
    }
    for id in &slow[1..] {
        site.advance(1_000);
        assert_eq!(ear.next().await.0, *id);
        assert!(ear.rest().is_empty());
    }
}

/// By the engine's own timer: nobody wakes it here.
#[tokio::test]
async fn a_rested_lane_is_woken_by_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = kernel::Clock::system();
    let store = crate::support::open(dir.path(), &clock).expect("opened");
    let jobs = engine(&store, &clock, Life::Locked).await;
    let rate = Rate { jobs: 50, period_ms: 1_000, burst: Some(1) };
    jobs.declare("default", QueuePolicy { rate: Some(rate), ..QueuePolicy::default() });
    let (handler, mut ear) = works();
    jobs.serve(vec![(PLAIN, handler)], 2);
    let begun = std::time::Instant::now();
    for n in 0..6 {
        jobs.enqueue_now(NewJob::new(PLAIN, &n)).await.expect("enqueued");
    }
    for _ in 0..6 {
        ear.next().await;
    }
    assert!(begun.elapsed().as_millis() >= 99, "five pauses of 20 ms");
}

/// One tenant has a hundred thousand jobs waiting, another comes with one.
#[tokio::test]
async fn a_tenant_with_many_jobs_delays_anothers_first_by_a_bounded_number() {
    const SLOTS: usize = 4;
    let site = Site::new(Life::Locked).await;
    for _ in 0..100 {
        bulk(&site, "greedy", 1_000).await;
    }
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = order.clone();
    let (say, mut enough) = tokio::sync::mpsc::channel(1);
    let handler = jobs::handler(move |run| {
        let mut seen = seen.lock().expect("unpoisoned");
        seen.push(run.key().to_owned());
        if run.key() == "modest" {
            // The test may have heard enough.
            let _ = say.try_send(());
        }
        async { Ok(()) }
    });
    let modest = bulk(&site, "modest", 1).await;
    let cheap = bulk(&site, "third", 500).await;
    site.jobs.serve(vec![(PLAIN, handler)], SLOTS);
    tokio::time::timeout(LONG, enough.recv()).await.expect("its turn comes").expect("said");
    let at = order.lock().expect("unpoisoned").iter().position(|key| key == "modest").expect("it began");
    assert!(at <= 4 * SLOTS, "{at} jobs of others began before job {}", modest[0]);
    until(&site.jobs, "the third is through", async || {
        site.row(*cheap.last().expect("one")).await.state.is_end().then_some(())
    })
    .await;
    let begun = order.lock().expect("unpoisoned").iter().rposition(|key| key == "third").expect("they began");
    // Two take turns, in portions of half a claim: the last claim may begin with the other's portion.
    assert!(begun <= 1_000 + kernel::limits::JOB_CLAIM_BATCH, "500 jobs took {begun} turns of two");
    site.jobs.stop(LONG).await;
}

#[tokio::test]
async fn what_is_paused_stays_paused_over_a_restart_until_it_is_resumed() {
    let site = Site::new(Life::Locked).await;
    let other = Kind::new("other");
    site.jobs.pause(Pausable::Queue, "default").await.expect("written");
    let (plain, mut ear) = works();
    let (others, mut other_ear) = works();
    let first = site.enqueue(NewJob::new(PLAIN, &())).await;
    let second = site.enqueue(NewJob::new(other, &())).await;
    let again = engine(&site.store, &site.clock, Life::Renewed).await;
    again.serve(vec![(PLAIN, plain), (other, others)], 2);
    polled("it has looked", async || (again.changes() > 0).then_some(())).await;
    assert!(ear.rest().is_empty() && other_ear.rest().is_empty());
    assert_eq!(get(&site, "/api/v1/queues").await[0]["paused"], true);
    again.pause(Pausable::Kind, "other").await.expect("written");
    again.resume(Pausable::Queue, "default").await.expect("written");
    assert_eq!(ear.next().await, (first, 1));
    // A paused kind does not stand in the way, and is not started from the fast path either.
    let third = again.enqueue_now(NewJob::new(other, &())).await.expect("enqueued");
    let fourth = again.enqueue_now(NewJob::new(PLAIN, &())).await.expect("enqueued");
    assert_eq!(ear.next().await.0, crate::support::new_id(fourth));
    assert!(other_ear.rest().is_empty());
    again.resume(Pausable::Kind, "other").await.expect("written");
    let mut begun = [other_ear.next().await.0, other_ear.next().await.0];
    begun.sort_unstable();
    assert_eq!(begun, [second, crate::support::new_id(third)]);
}

#[tokio::test]
async fn policies_are_shown_changed_and_checked_over_http() {
    let site = Site::new(Life::Locked).await;
    site.jobs.declare("media", QueuePolicy { concurrency: Some(1), ..QueuePolicy::default() });
    let (handler, _ear, gate) = held(|_| Ok(()));
    site.jobs.serve(vec![(PLAIN.on("media"), handler)], 1);
    let first_ms = site.clock.now_ms();
    for n in 0..3 {
        site.enqueue(NewJob::new(PLAIN.on("media"), &n)).await;
        site.clock.advance(5);
    }
    let put = async |path: &str, body| send(&site, identity::Caller::Admin, "PUT", path, &body).await;
    let media = async || {
        let rows = get(&site, "/api/v1/queues").await;
        rows.as_array().expect("a list").iter().find(|row| row["queue"] == "media").expect("there").clone()
    };
    until(&site.jobs, "one runs", async || (media().await["executing"] == 1).then_some(())).await;
    let row = media().await;
    assert_eq!(row["policy"]["concurrency"], 1);
    assert_eq!((&row["changed"], &row["available"], &row["served"]), (&json!(false), &json!(2), &json!(true)));
    assert_eq!(row["oldest_at_ms"], first_ms + 5, "the second waits longest: the first runs");
    let policy = json!({ "rate": { "jobs": 5, "period_ms": 1000 }, "key_concurrency": 2 });
    assert_eq!(put("/api/v1/queues/media/policy", policy).await.0, 204);
    let row = media().await;
    assert_eq!((&row["changed"], &row["policy"]["concurrency"]), (&json!(true), &json!(null)));
    for wrong in [json!({ "concurrency": 0 }), json!({ "rate": { "jobs": 0, "period_ms": 9 } })] {
        let (status, problem) = put("/api/v1/queues/media/policy", wrong).await;
        assert_eq!((status, &problem["code"]), (400, &json!("policy_invalid")));
    }
    assert_eq!(put("/api/v1/queues/media/policy", json!({ "speed": 9 })).await.0, 422);
    assert_eq!(
        send(&site, identity::Caller::Admin, "DELETE", "/api/v1/queues/media/policy", &json!(null)).await.0,
        204
    );
    assert_eq!(media().await["policy"]["concurrency"], 1);
    assert_eq!(send(&site, identity::Caller::Admin, "POST", "/api/v1/kinds/plain/pause", &json!(null)).await.0, 204);
    let kinds = get(&site, "/api/v1/kinds").await;
    let plain = kinds.as_array().expect("a list").iter().find(|row| row["kind"] == "plain").expect("there").clone();
    assert_eq!(plain, json!({ "kind": "plain", "queue": "media", "paused": true }));
    gate.add_permits(1);
    until(&site.jobs, "it is done", async || (media().await["executing"] == 0).then_some(())).await;
    assert_eq!(site.jobs.counts().await.expect("read")["available"], 2, "the others wait");
    assert_eq!(site.row(2).await.state, State::Available);
}

/// A printout, not a promise: what limits cost that are not reached. The bench measures it in a release build.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_that_are_not_reached_are_cheap() {
    let policy = QueuePolicy {
        concurrency: Some(10_000),
        rate: Some(Rate { jobs: 10_000_000, period_ms: 1_000, burst: None }),
        key_concurrency: Some(10_000),
        key_rate: Some(Rate { jobs: 10_000_000, period_ms: 1_000, burst: None }),
    };
    for policy in [None, Some(policy), None, Some(policy)] {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = kernel::Clock::system();
        let store = crate::support::open(dir.path(), &clock).expect("opened");
        let jobs = engine(&store, &clock, Life::Locked).await;
        jobs.set_policy("default", policy).await.expect("written");
        let new = |n: usize| NewJob::new(PLAIN, &n).key(["a", "b"][n % 2]);
        for from in (0..4_000).step_by(1_000) {
            jobs.enqueue_all((from..from + 1_000).map(new).collect()).await.expect("enqueued");
        }
        let (handler, mut ear) = heard(|_| async { Ok(()) });
        let begun = std::time::Instant::now();
        jobs.serve(vec![(PLAIN, handler)], 100);
        for _ in 0..4_000 {
            ear.next().await;
        }
        jobs.stop(LONG).await;
        println!("{}: 4,000 jobs in {:?}", if policy.is_some() { "limited" } else { "free" }, begun.elapsed());
        assert_eq!(jobs.counts().await.expect("read")["completed"], 4_000);
    }
}
