//! The routes, as the console calls them.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use identity::Caller;
use jobs::policy::Keep;
use jobs::state::State;
use jobs::{Failure, Kind, Life, NewJob, Query};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{LONG, PLAIN, Site, heard, held, works};

async fn call(site: &Site, method: Method, path: &str) -> (StatusCode, Value) {
    let (router, _) = jobs::routes(site.jobs.clone()).split_for_parts();
    let request = Request::builder().method(method).uri(path).header("x-mainspring-console", "1");
    let request = request.extension(Caller::Admin).body(Body::empty()).expect("a request");
    let response = router.oneshot(request).await.expect("answered");
    let status = response.status();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&bytes).expect("JSON"))
}

async fn get(site: &Site, path: &str) -> (StatusCode, Value) {
    call(site, Method::GET, path).await
}

async fn post(site: &Site, path: &str) -> (StatusCode, Value) {
    call(site, Method::POST, path).await
}

#[tokio::test]
async fn a_dead_letter_runs_again_with_all_its_attempts() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear) = heard({
        let broken = std::sync::atomic::AtomicBool::new(true);
        move |_| {
            let broken = broken.swap(false, std::sync::atomic::Ordering::SeqCst);
            async move { if broken { Err(Failure::Discard("hopeless".to_owned())) } else { Ok(()) } }
        }
    });
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &json!({ "to": "all" })).unique("key")).await;
    site.reaches(id, State::Discarded).await;
    let (status, shown) = get(&site, &format!("/api/v1/jobs/{id}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&shown["state"], &shown["args"]), (&json!("discarded"), &json!({ "to": "all" })));
    let at_ms = site.clock.now_ms();
    assert_eq!(shown["errors"], json!([{ "attempt": 1, "at_ms": at_ms, "message": "hopeless" }]));
    // Its key was taken meanwhile: it cannot come back before the other has ended.
    let other = site.enqueue(NewJob::new(PLAIN, &()).unique("key").at(i64::MAX)).await;
    let (status, problem) = post(&site, &format!("/api/v1/jobs/{id}/retry")).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("job_not_retryable")));
    assert_eq!(post(&site, &format!("/api/v1/jobs/{other}/cancel")).await.1["state"], "cancelled");
    let (status, retried) = post(&site, &format!("/api/v1/jobs/{id}/retry")).await;
    assert_eq!((status, &retried["id"]), (StatusCode::OK, &json!(id.to_string())));
    assert_eq!((ear.next().await, ear.next().await), ((id, 1), (id, 1)));
    let row = site.reaches(id, State::Completed).await;
    assert_eq!(row.last_error.as_deref(), Some("hopeless"));
}

#[tokio::test]
async fn a_delayed_job_can_be_run_now_and_an_unfinished_one_called_off() {
    let site = Site::new(Life::Locked).await;
    let delayed = site.enqueue(NewJob::new(PLAIN, &1).at(i64::MAX)).await;
    let unwanted = site.enqueue(NewJob::new(PLAIN, &2)).await;
    let (_, row) = post(&site, &format!("/api/v1/jobs/{delayed}/retry")).await;
    assert_eq!((&row["state"], &row["run_at_ms"]), (&json!("available"), &json!(site.clock.now_ms())));
    assert_eq!(post(&site, &format!("/api/v1/jobs/{delayed}/retry")).await.0, StatusCode::OK, "already available");
    assert_eq!(post(&site, &format!("/api/v1/jobs/{unwanted}/cancel")).await.0, StatusCode::OK);
    let (status, problem) = post(&site, &format!("/api/v1/jobs/{unwanted}/cancel")).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("job_ended")));
    for path in ["/api/v1/jobs/77", "/api/v1/jobs/77/retry", "/api/v1/jobs/77/cancel"] {
        let method = if path.ends_with("77") { Method::GET } else { Method::POST };
        assert_eq!(call(&site, method, path).await.0, StatusCode::NOT_FOUND);
    }
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    assert_eq!(ear.next().await, (delayed, 1));
    site.reaches(delayed, State::Completed).await;
    assert!(ear.rest().is_empty());
}

#[tokio::test]
async fn lists_are_paged_and_filtered_and_counts_agree() {
    let site = Site::new(Life::Locked).await;
    let other = Kind::new("other").on("slow");
    let (handler, mut ear, gate) = held(|run| match run.args::<i64>()? % 2 {
        0 => Ok(()),
        _ => Err(Failure::Discard("odd".to_owned())),
    });
    let mut ids = Vec::new();
    for n in 0..10i64 {
        ids.push(site.enqueue(NewJob::new(PLAIN, &n).event(n / 2)).await);
    }
    site.jobs.serve(vec![(PLAIN, handler)], 10);
    gate.add_permits(6);
    for _ in 0..10 {
        ear.next().await;
    }
    for id in &ids[..6] {
        let ended = async || site.row(*id).await.state.is_end().then_some(());
        crate::support::until(&site.jobs, "six have ended", ended).await;
    }
    for n in 10..25i64 {
        ids.push(site.enqueue(NewJob::new(other, &n)).await);
    }
    let start_ms = site.clock.now_ms();
    ids.push(site.enqueue(NewJob::new(other, &25).at(start_ms + 1)).await);
    ids.reverse();

    let (mut seen, mut path) = (Vec::new(), "/api/v1/jobs?limit=7".to_owned());
    let mut pages = 0;
    loop {
        let (status, page) = get(&site, &path).await;
        assert_eq!(status, StatusCode::OK);
        let items = page["items"].as_array().expect("items");
        seen.extend(items.iter().map(|job| job["id"].as_str().and_then(|id| id.parse::<i64>().ok()).expect("an id")));
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/jobs?limit=7&before={next}");
    }
    assert_eq!((pages, &seen), (4, &ids), "newest first, each once");

    let count = async |query: &str| {
        get(&site, &format!("/api/v1/jobs?{query}")).await.1["items"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(count("queue=slow").await, 16);
    assert_eq!(count("kind=plain&state=discarded").await, 3);
    assert_eq!(count("state=executing").await, 4);
    assert_eq!(count("state=available&queue=default").await, 0);
    assert_eq!(count("limit=100000").await, 26);
    let caused = site.jobs.list(Query { event_position: Some(2), limit: 10, ..Query::default() }).await.expect("read");
    let caused: BTreeSet<String> = caused.into_iter().map(|job| job.id).collect();
    assert_eq!(caused, BTreeSet::from([5.to_string(), 6.to_string()]));
    let wanted = json!({ "available": 15, "scheduled": 1, "executing": 4, "retryable": 0, "completed": 3,
        "cancelled": 0, "discarded": 3, "pending": 0 });
    assert_eq!(get(&site, "/api/v1/jobs/counts").await.1, wanted);

    assert_eq!(site.jobs.prune(Keep::all(0)).await.expect("pruned"), 0, "what ended this millisecond is kept");
    site.clock.advance(1);
    assert_eq!(site.jobs.prune(Keep::all(0)).await.expect("pruned"), 6);
    assert_eq!(count("limit=200").await, 20);
    gate.add_permits(100);
    site.jobs.stop(LONG).await;
}

#[tokio::test]
async fn strangers_see_and_change_nothing() {
    let site = Site::new(Life::Locked).await;
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    let (router, _) = jobs::routes(site.jobs.clone()).split_for_parts();
    let paths = ["/api/v1/jobs".to_owned(), "/api/v1/jobs/counts".to_owned(), format!("/api/v1/jobs/{id}")];
    let changes = [format!("/api/v1/jobs/{id}/retry"), format!("/api/v1/jobs/{id}/cancel")];
    let gets = paths.into_iter().map(|path| (Method::GET, path));
    for (method, path) in gets.chain(changes.into_iter().map(|path| (Method::POST, path))) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
        assert_eq!(router.clone().oneshot(request).await.expect("answered").status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(site.row(id).await.state, State::Available);
}
