//! One effect under one key, whatever is repeated, raced, cut or killed.

use std::sync::Arc;

use axum::http::HeaderValue;
use identity::Caller;
use kernel::limits;
use tokio::task::JoinSet;

use crate::Bench;

#[tokio::test]
async fn the_same_request_gets_the_same_answer() {
    let bench = Bench::new();
    let first = bench.post(Some("k1"), "a").await;
    assert_eq!((first.status, first.body.as_str(), bench.ran()), (200, "ran 1", 1));
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let again = bench.post(Some("\"k1\""), "a").await;
    assert_eq!((again.status, again.body.as_str(), bench.ran()), (200, "ran 1", 1), "quoted or bare, one key");
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.headers["location"], "/api/v1/things/1");
    assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    assert_eq!(bench.post(Some("k2"), "a").await.body, "ran 2", "another key, another request");
    assert_eq!(bench.post(None, "a").await.body, "ran 3");
}

#[tokio::test]
async fn another_request_under_the_key_is_refused() {
    let bench = Bench::new();
    bench.post(Some("k"), "a").await;
    let other = bench.post(Some("k"), "b").await;
    assert_eq!((other.status, bench.ran()), (422, 1));
    assert!(other.body.contains("idempotency_key_reused"));
    let query = bench.send(bench.request("POST", "/api/v1/things?x=1", Some("k"), "a")).await;
    assert_eq!((query.status, bench.ran()), (422, 1));
}

#[tokio::test]
async fn fifty_at_once_run_once() {
    let bench = Arc::new(Bench::new());
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let bench = bench.clone();
        callers.spawn(async move { bench.post(Some("k"), "gate").await.status });
    }
    bench.effects.begun.acquire().await.expect("one begins").forget();
    for _ in 0..49 {
        assert_eq!(callers.join_next().await.expect("a caller").expect("no panic"), 409);
    }
    bench.effects.gate.add_permits(50);
    assert_eq!(callers.join_next().await.expect("the first").expect("no panic"), 200);
    assert_eq!(bench.ran(), 1);
    assert_eq!(bench.post(Some("k"), "gate").await.body, "ran 1");
}

#[tokio::test]
async fn a_sender_who_hangs_up_finds_the_answer_later() {
    let bench = Arc::new(Bench::new());
    let cut = tokio::spawn({
        let bench = bench.clone();
        async move { bench.post(Some("k"), "gate").await.status }
    });
    bench.effects.begun.acquire().await.expect("it begins").forget();
    cut.abort();
    assert!(cut.await.expect_err("cut").is_cancelled());
    let busy = bench.post(Some("k"), "gate").await;
    assert_eq!((busy.status, busy.headers["retry-after"].to_str().expect("text")), (409, "2"));
    bench.effects.gate.add_permits(1);
    loop {
        let answer = bench.post(Some("k"), "gate").await;
        if answer.status == 200 {
            assert_eq!((answer.body.as_str(), bench.ran()), ("ran 1", 1));
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_failure_of_ours_may_be_tried_again_a_refusal_stays() {
    let bench = Bench::new();
    assert_eq!(bench.post(Some("k1"), "fail").await.status, 500);
    assert_eq!((bench.post(Some("k1"), "fail").await.status, bench.ran()), (500, 2));
    assert_eq!(bench.post(Some("k2"), "refuse").await.status, 422);
    let again = bench.post(Some("k2"), "refuse").await;
    assert_eq!((again.status, again.body.as_str(), bench.ran()), (422, "no", 3));
}

#[tokio::test]
async fn a_key_is_free_after_a_day_and_after_a_death() {
    let bench = Arc::new(Bench::new());
    bench.post(Some("k"), "a").await;
    bench.clock.advance(limits::IDEMPOTENCY_MS - 1);
    assert_eq!(bench.post(Some("k"), "a").await.body, "ran 1");
    bench.clock.advance(1);
    assert_eq!(bench.post(Some("k"), "b").await.body, "ran 2");

    // A run that never ends, as if its process had been killed: another takes its place, and its late answer changes nothing.
    let late = tokio::spawn({
        let bench = bench.clone();
        async move { bench.post(Some("dead"), "gate").await.body }
    });
    bench.effects.begun.acquire().await.expect("it begins").forget();
    bench.clock.advance(limits::IDEMPOTENCY_LEASE_MS);
    let second = tokio::spawn({
        let bench = bench.clone();
        async move { bench.post(Some("dead"), "gate").await.body }
    });
    bench.effects.begun.acquire().await.expect("another begins").forget();
    bench.effects.gate.add_permits(2);
    let mut bodies = [late.await.expect("no panic"), second.await.expect("no panic")];
    bodies.sort();
    assert_eq!(bodies, ["ran 3", "ran 4"]);
    assert_eq!(bench.post(Some("dead"), "gate").await.body, "ran 4", "the one that has the key answers");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_kept_and_says_so() {
    let bench = Bench::new();
    assert_eq!(bench.post(Some("k"), "large").await.body.len(), 300 * 1024);
    let again = bench.post(Some("k"), "large").await;
    assert_eq!((again.status, bench.ran()), (409, 1));
    assert!(again.body.contains("idempotency_answer_not_kept"));
    // A refusal has done nothing: it is made again, and nobody is told that there is something to look at.
    for ran in [2, 3] {
        let refused = bench.post(Some("other"), "refuse at length").await;
        assert_eq!((refused.status, bench.ran()), (422, ran));
    }
}

#[tokio::test]
async fn bad_keys_and_bodies_are_refused_before_anything_happens() {
    let bench = Bench::new();
    let long = "k".repeat(256);
    for key in ["", "\"\"", "a b", long.as_str()] {
        let answer = bench.post(Some(key), "a").await;
        assert_eq!(answer.status, 400, "{key:?}");
        assert!(answer.body.contains("idempotency_key_invalid"));
    }
    let mut two = bench.request("POST", "/api/v1/things", Some("a"), "a");
    two.headers_mut().append("idempotency-key", HeaderValue::from_static("b"));
    assert_eq!(bench.send(two).await.status, 400);
    assert_eq!(bench.post(Some("k"), &"x".repeat(limits::API_BODY_BYTES + 1)).await.status, 413);
    assert_eq!(bench.ran(), 0);
}

#[tokio::test]
async fn a_stranger_has_no_keys() {
    let bench = Bench::new();
    bench.post(Some("k"), "a").await;
    for ran in ["ran 2", "ran 3"] {
        let mut stranger = bench.request("POST", "/api/v1/things", Some("k"), "a");
        stranger.extensions_mut().insert(Caller::Anonymous);
        let answer = bench.send(stranger).await;
        assert_eq!(answer.body, ran, "the route decides about strangers, and remembers nothing for them");
    }
}

#[tokio::test]
async fn a_kept_answer_is_sealed() {
    let bench = Bench::new();
    bench.post(Some("k"), "a").await;
    for file in std::fs::read_dir(bench.dir.path()).expect("a directory") {
        let bytes = std::fs::read(file.expect("a file").path()).unwrap_or_default();
        assert!(!bytes.windows(16).any(|window| window == b"/api/v1/things/1"), "the answer lies there in clear");
    }
}
