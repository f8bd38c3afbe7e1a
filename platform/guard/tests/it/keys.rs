//! Programs with API keys: each has answers, entries and a share of its own.

use std::collections::HashSet;

use guard::Query;
use identity::Caller;

use crate::{Answer, Bench};

const JOBS: &str = "/api/v1/jobs";

fn ended(answer: &Answer) -> (u16, &str, bool) {
    (answer.status, answer.body.as_str(), answer.headers.contains_key("idempotency-replayed"))
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("text"))
}

#[tokio::test]
async fn one_idempotency_key_of_two_programs_is_two() {
    let bench = Bench::new();
    let ((_, one), (_, other)) = (bench.api_key().await, bench.api_key().await);
    assert_eq!(ended(&bench.by(&one, JOBS, Some("k"), "a").await), (200, "ran 1", false));
    assert_eq!(ended(&bench.by(&other, JOBS, Some("k"), "a").await), (200, "ran 2", false), "not the other's answer");
    assert_eq!(ended(&bench.by(&one, JOBS, Some("k"), "a").await), (200, "ran 1", true));
    assert_eq!(ended(&bench.by(&other, JOBS, Some("k"), "a").await), (200, "ran 2", true));
    // Another request under a key of the one says nothing about the other's.
    assert_eq!(bench.by(&one, JOBS, Some("k"), "b").await.status, 422);
    assert_eq!(bench.by(&other, JOBS, Some("fresh"), "b").await.status, 200);
}

#[tokio::test]
async fn an_answer_never_crosses_principals() {
    let bench = Bench::with(["off"; 6]);
    let ((id, one), (_, other)) = (bench.api_key().await, bench.api_key().await);
    let keys = ["k", "1", "admin", "key:1", "key:2", ":k", "k:1"];
    let mut bodies = HashSet::new();
    for key in keys {
        bodies.insert(bench.by(&one, JOBS, Some(key), "a").await.body);
        bodies.insert(bench.by(&other, JOBS, Some(key), "a").await.body);
        bodies.insert(bench.send(bench.request("POST", JOBS, Some(key), "a")).await.body);
    }
    assert_eq!(bodies.len(), keys.len() * 3, "{bodies:?}");
    // The key's number is its name, and not what it may do.
    let mut same = bench.request("POST", JOBS, Some("k"), "a");
    same.extensions_mut().insert(Caller::Key { id, scopes: u16::MAX });
    assert_eq!(ended(&bench.send(same).await), (200, "ran 1", true));
}

#[tokio::test]
async fn a_revoked_key_is_401_also_for_an_answer_that_is_kept() {
    let bench = Bench::new();
    let (id, token) = bench.api_key().await;
    assert_eq!(bench.by(&token, JOBS, Some("k"), "a").await.status, 200);
    assert!(bench.identity.revoke_key(identity::people::Actor::Admin, id).await.expect("written"));
    for key in [Some("k"), None] {
        let answer = bench.by(&token, JOBS, key, "a").await;
        assert_eq!((answer.status, bench.ran()), (401, 1), "{key:?}");
        assert!(!answer.body.contains("ran"), "{}", answer.body);
    }
}

#[tokio::test]
async fn what_a_key_may_not_do_is_not_remembered_for_when_it_may() {
    let bench = Bench::new();
    let (id, _) = bench.api_key().await;
    let by = |scopes| {
        let mut request = bench.request("POST", JOBS, Some("k"), "a");
        request.extensions_mut().insert(Caller::Key { id, scopes });
        bench.send(request)
    };
    assert_eq!(by(0).await.status, 403);
    assert_eq!(ended(&by(u16::MAX).await), (200, "ran 1", false));
}

#[tokio::test]
async fn what_a_key_changes_is_recorded_under_its_number() {
    let bench = Bench::new();
    let ((one, token), (other, second)) = (bench.api_key().await, bench.api_key().await);
    bench.by(&token, JOBS, None, "a").await;
    bench.by(&second, JOBS, None, "refuse").await;
    bench.by(&token, "/api/v1/jobs/claim", None, "a").await;
    bench.by("msk_of_nobody", JOBS, None, "a").await;
    let entries = bench.guard.audit(Query { limit: 50, ..Query::default() }).await.expect("readable");
    let seen: Vec<_> = entries.iter().map(|it| (it.actor.clone(), it.action.as_str(), it.status)).collect();
    let expected =
        [(format!("key:{other}"), "POST /api/v1/jobs", 422), (format!("key:{one}"), "POST /api/v1/jobs", 200)];
    assert_eq!(seen, expected, "and neither what a worker says about its job nor a stranger");
    assert_eq!(entries[0].address, "203.0.113.9");
    assert!(!format!("{entries:?}").contains("msk_"));
    let query = Query { actor: Some(format!("key:{one}")), limit: 50, ..Query::default() };
    assert_eq!(bench.guard.audit(query).await.expect("readable").len(), 1);
}

#[tokio::test]
async fn a_key_has_a_share_of_its_own_from_wherever_it_is_used() {
    let bench = Bench::new();
    let ((id, token), (_, other)) = (bench.api_key().await, bench.api_key().await);
    for left in ["3", "2", "1", "0"] {
        let answer = bench.by(&token, JOBS, None, "a").await;
        assert_eq!((answer.status, header(&answer, "ratelimit-policy")), (200, "\"key\";q=4;w=60"));
        assert!(header(&answer, "ratelimit").starts_with(&format!("\"key\";r={left};t=")), "{:?}", answer.headers);
    }
    let refused = bench.by(&token, JOBS, None, "a").await;
    assert_eq!((refused.status, header(&refused, "retry-after")), (429, "15"));
    assert!(refused.body.contains("quota_exceeded") && refused.body.contains("API key"), "{}", refused.body);
    assert_eq!(header(&refused, "content-type"), "application/problem+json");
    // From this machine it is the same key, and its neighbour at the same address has not used anything up.
    let mut local = bench.request("POST", JOBS, None, "a");
    local.extensions_mut().insert(Caller::Key { id, scopes: u16::MAX });
    assert_eq!(bench.send(local).await.status, 429);
    assert_eq!(bench.by(&other, JOBS, None, "a").await.status, 200);
    // Whoever guesses keys is counted by the address: three, and no more.
    let guesses: Vec<_> = [bench.by("msk_1", JOBS, None, "").await, bench.by("msk_2", JOBS, None, "").await].into();
    assert!(
        guesses.iter().all(|answer| answer.status == 401 && header(answer, "ratelimit-policy").contains("\"api\""))
    );
    assert_eq!(bench.by("msk_3", JOBS, None, "").await.status, 401);
    assert_eq!(bench.by("msk_4", JOBS, None, "").await.status, 429);
    bench.clock.advance(15_000);
    assert_eq!(bench.by(&token, JOBS, None, "a").await.status, 200);
}
