//! What one process commits reaches the others at once, and not only when they look by themselves: every test here is over
//! before the next look would be. Embedded there are no others.

use std::time::Duration;

use identity::Caller;
use jobs::policy::Pausable;
use jobs::state::State;
use jobs::{Jobs, Kind, Life, NewJob, QueuePolicy, Run};
use serde_json::json;
use store::Store;

use crate::support::{LONG, PLAIN, START_MS, Site, engine, get, heard, held, new_id, open, polled, post, send, works};

/// Well before a process looks by itself.
const SOON: Duration = Duration::from_millis(2_500);

/// Two processes, the second of which runs nothing.
async fn two() -> Option<(Site, Store, Jobs)> {
    if !testkit::on_postgres() {
        return None;
    }
    let site = Site::new(Life::Renewed).await;
    let store = open(site.dir.path(), &site.clock).expect("opened");
    let jobs = engine(&store, &site.clock, Life::Renewed).await;
    jobs.attend();
    Some((site, store, jobs))
}

async fn soon<T>(what: &str, it: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, it).await.unwrap_or_else(|_| panic!("it did not happen soon that {what}"))
}

/// The first looks are done, and hints are heard.
async fn settle(site: &Site, other: &Jobs, ear: &mut crate::support::Ear) {
    for jobs in [&site.jobs, other] {
        let id = new_id(jobs.enqueue_now(NewJob::new(PLAIN, &())).await.expect("enqueued"));
        assert_eq!(ear.next().await.0, id);
        site.reaches(id, State::Completed).await;
    }
}

#[tokio::test]
async fn a_job_begins_where_there_is_room_for_it() {
    let Some((site, _store, other)) = two().await else { return };
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 2);
    settle(&site, &other, &mut ear).await;
    for _ in 0..3 {
        let id = new_id(other.enqueue_now(NewJob::new(PLAIN, &())).await.expect("enqueued"));
        assert_eq!(soon("it begins", ear.next()).await, (id, 1));
    }
    // For a time: the process that enqueues it has no upkeep of its own.
    let later = NewJob::new(PLAIN, &()).at(START_MS + 300);
    let id = new_id(other.enqueue_now(later).await.expect("enqueued"));
    site.clock.advance(300);
    assert_eq!(soon("its time comes", ear.next()).await, (id, 1));
    // And what is run again by a person.
    site.settled(id).await;
    assert!(other.run_now(id).await.expect("written"));
    assert_eq!(soon("it begins anew", ear.next()).await, (id, 1));
}

#[tokio::test]
async fn a_worker_that_waits_at_one_process_gets_the_job_of_another() {
    let Some((site, _store, other)) = two().await else { return };
    site.jobs.attend();
    let worker = Caller::Key { id: 1, scopes: 1 };
    let waits = json!({ "queues": ["q"], "wait_s": 20 });
    let waiting = send(&site, worker, "POST", "/api/v1/jobs/claim", &waits);
    let enqueued = async {
        polled("it waits", async || get(&site, "/api/v1/queues").await.as_array().map(drop)).await;
        other.enqueue_now(NewJob::dynamic("k", "q", &())).await.expect("enqueued")
    };
    let ((status, answer), _) = soon("the worker is answered", async { tokio::join!(waiting, enqueued) }).await;
    assert_eq!((status, answer["jobs"].as_array().map(Vec::len)), (200, Some(1)));
}

#[tokio::test]
async fn a_running_job_is_called_off_from_anywhere() {
    let Some((site, _store, other)) = two().await else { return };
    let (handler, mut ear) = heard(|run: Run| async move {
        run.cancellation().cancelled().await;
        Ok(())
    });
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert_eq!(ear.next().await, (id, 1));
    assert!(other.cancel(id).await.expect("written"));
    assert_eq!(soon("it stops", site.settled(id)).await, (State::Cancelled, 1));
}

#[tokio::test]
async fn a_pause_and_a_policy_hold_everywhere_at_once() {
    let Some((site, store, other)) = two().await else { return };
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 2);
    settle(&site, &other, &mut ear).await;
    let shown = async |field: &'static str| get(&site, "/api/v1/queues").await[0][field].clone();
    other.pause(Pausable::Queue, "default").await.expect("written");
    let is_paused = polled("it is known", async || (shown("paused").await == true).then_some(()));
    soon("the pause is known", is_paused).await;
    let waits = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert_eq!(site.row(waits).await.state, State::Available, "not even where a slot is free");
    other.resume(Pausable::Queue, "default").await.expect("written");
    assert_eq!(soon("it begins", ear.next()).await, (waits, 1));
    let policy = QueuePolicy { concurrency: Some(7), ..QueuePolicy::default() };
    other.set_policy("default", Some(policy)).await.expect("written");
    let is_set = polled("it is known", async || (shown("policy").await["concurrency"] == 7).then_some(()));
    soon("the policy is known", is_set).await;
    other.stop(LONG).await;
    store.close().await;
}

#[tokio::test]
async fn room_under_a_limit_is_seen_by_all() {
    let Some((site, _store, other)) = two().await else { return };
    let policy = QueuePolicy { concurrency: Some(1), ..QueuePolicy::default() };
    site.jobs.set_policy("default", Some(policy)).await.expect("written");
    const OTHER: Kind = Kind::new("other");
    let (handler, mut ear, gate) = held(|_| Ok(()));
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let (handler, mut others_ear) = works();
    other.serve(vec![(OTHER, handler)], 1);
    for n in 1..4 {
        let here = site.enqueue(NewJob::new(PLAIN, &())).await;
        assert_eq!(ear.next().await, (here, 1));
        let there = site.enqueue(NewJob::new(OTHER, &n)).await;
        // It has met the limit by then, and looks no more.
        tokio::time::timeout(Duration::from_millis(300), others_ear.next()).await.expect_err("the queue is full");
        gate.add_permits(1);
        assert_eq!(soon("there is room", others_ear.next()).await, (there, 1));
        site.settled(there).await;
    }
}

#[tokio::test]
async fn whoever_shows_jobs_hears_that_they_were_changed_elsewhere() {
    let Some((site, _store, other)) = two().await else { return };
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 2);
    settle(&site, &other, &mut ear).await;
    // What happened until now may still be on its way.
    while tokio::time::timeout(Duration::from_millis(800), other.change_since(other.changes())).await.is_ok() {}
    let seen = other.changes();
    let (status, _) = post(&site, "/api/v1/jobs", &json!({ "kind": "plain" })).await;
    assert_eq!(status, 201);
    soon("the other hears it", other.change_since(seen)).await;
    // And they do not tell one another what they have from one another.
    while tokio::time::timeout(Duration::from_millis(1_200), other.change_since(other.changes())).await.is_ok() {}
}
