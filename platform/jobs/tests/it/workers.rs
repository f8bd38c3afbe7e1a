//! Workers in other languages, as they speak over HTTP.

use identity::{Caller, Scope};
use jobs::state::State;
use jobs::{Life, NewJob, QueuePolicy};
use serde_json::{Value, json};

use crate::support::{Site, engine, post, send};

const WORKER: Caller = Caller::Key { id: 1, scopes: 1 };

async fn claim(site: &Site, body: Value) -> Vec<Value> {
    let (status, answer) = send(site, WORKER, "POST", "/api/v1/jobs/claim", &body).await;
    assert_eq!(status, 200, "{answer}");
    answer["jobs"].as_array().expect("a list").clone()
}

async fn say(site: &Site, job: &Value, verb: &str, mut body: Value) -> (u16, Value) {
    body["token"] = job["token"].clone();
    let path = format!("/api/v1/jobs/{}/{verb}", job["id"].as_str().expect("a number"));
    send(site, WORKER, "POST", &path, &body).await
}

#[tokio::test]
async fn a_job_goes_through_a_worker() {
    let site = Site::new(Life::Locked).await;
    let enqueue = Caller::Key { id: 2, scopes: Scope::JobsEnqueue.bit() };
    let new = json!({ "kind": "thumbnail", "queue": "media", "args": { "of": 7 }, "key": "acme", "trace_id": "t", "unique": { "key": "of-7" } });
    let (status, new) = send(&site, enqueue, "POST", "/api/v1/jobs", &new).await;
    assert_eq!((status, &new["known"]), (201, &json!(false)));
    assert!(claim(&site, json!({ "queues": ["other"] })).await.is_empty());
    assert!(claim(&site, json!({ "queues": ["media"], "kinds": ["sound"] })).await.is_empty());
    let wanted = json!({ "queues": ["other", "media"], "kinds": ["thumbnail"], "limit": 5, "worker": "node-1" });
    let jobs = claim(&site, wanted).await;
    let [job] = jobs.as_slice() else { panic!("{jobs:?}") };
    assert_eq!((&job["id"], &job["args"], &job["attempt"]), (&new["id"], &json!({ "of": 7 }), &json!(1)));
    assert_eq!((&job["key"], &job["trace_id"]), (&json!("acme"), &json!("t")));
    assert_eq!(job["lease_ends_at_ms"], json!(site.clock.now_ms() + 60_000));
    let mut progress = site.jobs.progress();
    let (status, beat) = say(&site, job, "heartbeat", json!({ "percent": 40, "note": "half" })).await;
    assert_eq!((status, &beat["cancelled"]), (200, &json!(false)));
    let heard = progress.try_recv().expect("heard at once");
    assert_eq!((heard.percent, heard.note.as_str(), heard.state), (40, "half", State::Executing));
    let path = format!("/api/v1/jobs/{}", new["id"].as_str().expect("a number"));
    let shown = crate::support::get(&site, &path).await;
    assert_eq!((&shown["worker"], &shown["heard_at_ms"]), (&json!("node-1"), &json!(site.clock.now_ms())));
    assert_eq!((&shown["lease_ends_at_ms"], &shown["claims"]), (&beat["lease_ends_at_ms"], &json!(1)));
    assert_eq!(shown["unique_key"], "of-7");
    let (status, done) = say(&site, job, "complete", json!({ "result": { "url": "x" } })).await;
    assert_eq!((status, &done["state"]), (200, &json!("completed")));
    assert_eq!(say(&site, job, "complete", json!({})).await.1["code"], "claim_lost", "only once");
    let shown = crate::support::get(&site, &path).await;
    assert_eq!((&shown["worker"], &shown["lease_ends_at_ms"]), (&json!(null), &json!(null)), "nobody has it");
    assert_eq!((&shown["state"], &shown["result"]["url"]), (&json!("completed"), &json!("x")));
    assert_eq!(site.run_sql("DELETE FROM job_leases WHERE expires_at_ms IS NOT NULL").await, 0, "no lease is left");
}

#[tokio::test]
async fn failures_are_retried_snoozed_or_final_as_the_worker_says() {
    let site = Site::new(Life::Locked).await;
    let id = site.enqueue(NewJob::dynamic("k", "q", &()).attempts(2)).await;
    let next = async || claim(&site, json!({ "queues": ["q"] })).await.into_iter().next();
    let snooze = json!({ "error": "closed", "snooze_until_ms": site.clock.now_ms() + 5 });
    assert_eq!(say(&site, &next().await.expect("it"), "fail", snooze).await.1["state"], "scheduled");
    assert!(next().await.is_none());
    site.advance(5);
    site.jobs.run_now(id).await.expect("written");
    let job = next().await.expect("again");
    assert_eq!(job["attempt"], 1, "the snoozed attempt does not count");
    let both = json!({ "error": "e", "discard": true, "retry_at_ms": 1 });
    assert_eq!(say(&site, &job, "fail", both).await.1["code"], "failure_invalid");
    assert_eq!(say(&site, &job, "fail", json!({ "error": "once" })).await.1["state"], "retryable");
    site.jobs.run_now(id).await.expect("written");
    let job = next().await.expect("again");
    assert_eq!(say(&site, &job, "fail", json!({ "error": "twice" })).await.1["state"], "discarded");
    let row = site.row(id).await;
    assert_eq!((row.attempt, row.last_error.as_deref()), (2, Some("twice")));
}

#[tokio::test]
async fn a_silent_worker_loses_its_job_and_a_stale_or_forged_token_settles_nothing() {
    let site = Site::new(Life::Locked).await;
    let id = site.enqueue(NewJob::dynamic("k", "q", &())).await;
    let body = json!({ "queues": ["q"], "lease_s": 10 });
    let first = claim(&site, body.clone()).await.remove(0);
    site.clock.advance(9_999);
    assert_eq!(say(&site, &first, "heartbeat", json!({ "lease_s": 10 })).await.0, 200);
    site.clock.advance(9_999);
    assert_eq!(site.jobs.rescue().await.expect("written"), 0, "it lives");
    // The server starts anew: the worker does not notice, and keeps its job.
    let jobs = engine(&site.store, &site.clock, Life::Locked).await;
    let site = Site { jobs, ..site };
    assert_eq!(site.row(id).await.state, State::Executing);
    site.clock.advance(1);
    assert_eq!(site.jobs.rescue().await.expect("written"), 1);
    let second = claim(&site, body).await;
    let [second] = second.as_slice() else { panic!("the next worker gets it") };
    assert_eq!(second["attempt"], 2);
    for (verb, body) in [("heartbeat", json!({})), ("complete", json!({})), ("fail", json!({ "error": "e" }))] {
        assert_eq!(
            say(&site, &first, verb, body.clone()).await,
            say(&site, &json!({ "id": id.to_string(), "token": "1.1.x" }), verb, body).await
        );
        assert_eq!(
            say(&site, &first, verb, if verb == "fail" { json!({ "error": "e" }) } else { json!({}) }).await.0,
            409
        );
    }
    let token = second["token"].as_str().expect("text").to_owned();
    for at in 0..token.len() {
        let mut forged = token.clone().into_bytes();
        forged[at] = if forged[at] == b'1' { b'2' } else { b'1' };
        let forged = json!({ "id": id.to_string(), "token": String::from_utf8(forged).expect("text") });
        assert_eq!(say(&site, &forged, "complete", json!({})).await.0, 409, "{forged}");
    }
    assert_eq!(say(&site, second, "complete", json!({})).await.0, 200);
}

#[tokio::test]
async fn a_worker_hears_of_a_cancellation_with_its_heartbeat() {
    let site = Site::new(Life::Locked).await;
    let id = site.enqueue(NewJob::dynamic("k", "q", &())).await;
    let job = claim(&site, json!({ "queues": ["q"] })).await.remove(0);
    assert_eq!(post(&site, &format!("/api/v1/jobs/{id}/cancel"), &json!(null)).await.1["cancelling"], true);
    assert_eq!(say(&site, &job, "heartbeat", json!({})).await.1["cancelled"], true);
    assert_eq!(say(&site, &job, "complete", json!({})).await.1["state"], "cancelled", "too late to complete");
}

#[tokio::test]
async fn a_worker_that_waits_gets_the_job_when_it_comes_and_one_worker_alone_gets_it() {
    let site = Site::new(Life::Locked).await;
    let body = json!({ "queues": ["q"], "wait_s": 30 });
    let (one, two) = (claim(&site, body.clone()), claim(&site, body));
    let (mut one, mut two) = (Box::pin(one), Box::pin(two));
    let waits = async {
        tokio::select! {
            biased;
            _ = &mut one => panic!("there is nothing"),
            _ = &mut two => panic!("there is nothing"),
            () = async { for _ in 0..200 { tokio::task::yield_now().await } } => {}
        }
    };
    waits.await;
    let first = site.enqueue(NewJob::dynamic("k", "q", &1)).await;
    let (jobs, rest) = futures_first(one, two).await;
    assert_eq!(jobs[0]["id"], first.to_string());
    let second = site.enqueue(NewJob::dynamic("k", "q", &2)).await;
    assert_eq!(rest.await[0]["id"], second.to_string());
}

type Claiming<'a> = std::pin::Pin<Box<dyn Future<Output = Vec<Value>> + 'a>>;

async fn futures_first<'a>(one: Claiming<'a>, two: Claiming<'a>) -> (Vec<Value>, Claiming<'a>) {
    let (mut one, mut two) = (one, two);
    tokio::select! {
        jobs = &mut one => (jobs, two),
        jobs = &mut two => (jobs, one),
    }
}

/// No hint comes from another process: the table is looked through now and then.
#[tokio::test]
async fn a_job_of_another_process_is_found() {
    let site = Site::new(Life::Renewed).await;
    let other = engine(&site.store, &site.clock, Life::Renewed).await;
    let body = json!({ "queues": ["q"] });
    assert!(claim(&site, body.clone()).await.is_empty());
    other.enqueue_now(NewJob::dynamic("k", "q", &())).await.expect("enqueued");
    site.clock.advance(5_000);
    assert_eq!(claim(&site, body).await.len(), 1);
}

#[tokio::test]
async fn limits_hold_for_workers_too() {
    let site = Site::new(Life::Locked).await;
    site.jobs.declare("q", QueuePolicy { concurrency: Some(2), ..QueuePolicy::default() });
    for n in 0..4 {
        site.enqueue(NewJob::dynamic("k", "q", &n)).await;
    }
    let body = json!({ "queues": ["q"], "limit": 9 });
    let jobs = claim(&site, body.clone()).await;
    assert_eq!(jobs.len(), 2);
    assert!(claim(&site, body.clone()).await.is_empty());
    assert_eq!(say(&site, &jobs[0], "complete", json!({})).await.0, 200);
    assert_eq!(claim(&site, body).await.len(), 1);
}

#[tokio::test]
async fn strangers_and_keys_without_the_scope_are_refused_and_so_is_nonsense() {
    let site = Site::new(Life::Locked).await;
    let other = Caller::Key { id: 3, scopes: Scope::EventsRead.bit() };
    let body = json!({ "queues": ["q"] });
    for (caller, status) in [(Caller::Anonymous, 401), (other, 403), (WORKER, 200), (Caller::Admin, 200)] {
        assert_eq!(send(&site, caller, "POST", "/api/v1/jobs/claim", &body).await.0, status, "{caller:?}");
    }
    for (caller, status) in [(Caller::Anonymous, 401), (WORKER, 403)] {
        assert_eq!(send(&site, caller, "POST", "/api/v1/jobs", &json!({ "kind": "k" })).await.0, status, "{caller:?}");
        assert_eq!(send(&site, caller, "POST", "/api/v1/jobs/redrive", &json!({})).await.0, status, "{caller:?}");
    }
    for wrong in [
        json!({ "queues": [] }),
        json!({ "queues": [""] }),
        json!({ "queues": ["q"], "limit": 0 }),
        json!({ "queues": ["q"], "limit": 101 }),
        json!({ "queues": ["q"], "wait_s": 31 }),
        json!({ "queues": ["q"], "lease_s": 0 }),
        json!({ "queues": ["q"], "lease_s": 3_601 }),
        json!({ "queues": vec!["q"; 21] }),
        json!({ "queues": ["q".repeat(201)] }),
    ] {
        assert_eq!(send(&site, WORKER, "POST", "/api/v1/jobs/claim", &wrong).await.0, 400, "{wrong}");
    }
    for (wrong, status) in [
        (json!({ "kind": "" }), 400),
        (json!({ "kind": "k", "queue": "" }), 400),
        (json!({ "kind": "k", "key": "x".repeat(201) }), 400),
        (json!({ "kind": "k", "after": ["x"] }), 400),
        (json!({ "kind": "k", "after": [77] }), 409),
        (json!({ "kind": "k", "batch": "77" }), 409),
        (json!({ "kind": "mainspring.jobs.bulk" }), 403),
        (json!({ "kind": "k", "args": "x".repeat(300_000) }), 413),
        (json!({ "kind": "k", "colour": 1 }), 422),
        (json!([]), 422),
    ] {
        assert_eq!(post(&site, "/api/v1/jobs", &wrong).await.0, status);
    }
    let half = json!({ "jobs": [{ "kind": "k" }, { "kind": "" }] });
    assert_eq!(post(&site, "/api/v1/jobs/bulk", &half).await.0, 400);
    assert_eq!(site.jobs.counts().await.expect("read")["available"], 0, "all or nothing");
    let whole = json!({ "jobs": [{ "kind": "k", "unique": {} }, { "kind": "k", "unique": { "within_ms": 5 } }] });
    let (status, answer) = post(&site, "/api/v1/jobs/bulk", &whole).await;
    assert_eq!((status, &answer["jobs"][1]["known"]), (201, &json!(true)));
}
