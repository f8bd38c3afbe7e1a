//! What changed is recorded, by whom, and nothing else is.

use guard::Query;
use identity::{By, Caller, Role};

use crate::Bench;

fn newest() -> Query {
    Query { limit: 50, ..Query::default() }
}

#[tokio::test]
async fn a_change_is_recorded_with_its_end() {
    let bench = Bench::new();
    bench.post(None, "a").await;
    bench.post(None, "refuse").await;
    bench.send(bench.request("GET", "/api/v1/things", None, "")).await;
    let entries = bench.guard.audit(newest()).await.expect("readable");
    let ends: Vec<_> = entries.iter().map(|entry| (entry.action.as_str(), entry.status)).collect();
    assert_eq!(ends, [("POST /api/v1/things", 422), ("POST /api/v1/things", 200)]);
    let entry = &entries[0];
    assert_eq!((entry.actor.as_str(), entry.target.as_str()), ("admin", "/api/v1/things"));
    assert_eq!((entry.address.as_str(), entry.request_id.as_str()), ("127.0.0.1", "req_of_the_test"));
}

#[tokio::test]
async fn what_an_answer_says_of_it_is_kept_within_bounds_and_on_one_line() {
    let bench = Bench::new();
    bench.post(None, "about").await;
    let target = bench.guard.audit(newest()).await.expect("readable").remove(0).target;
    assert!(target.starts_with("/api/v1/things for ann: ä") && target.ends_with('ä'), "{target}");
    assert!((2_040..2_100).contains(&target.len()), "{} bytes", target.len());
}

#[tokio::test]
async fn a_sign_in_is_recorded_without_its_token() {
    let bench = Bench::new();
    let mut request = bench.request("POST", "/console/enter/s3cr3t", None, "");
    request.extensions_mut().insert(Caller::Anonymous);
    bench.send(request).await;
    let entries = bench.guard.audit(newest()).await.expect("readable");
    assert_eq!((entries[0].actor.as_str(), entries[0].target.as_str()), ("anonymous", ""));
    assert!(!format!("{entries:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn strangers_fill_nothing_and_commands_are_there() {
    let bench = Bench::new();
    let mut request = bench.request("POST", "/api/v1/things", None, "a");
    request.extensions_mut().insert(Caller::Anonymous);
    bench.send(request).await;
    bench.guard.record_command("admin-link", "").await;
    let entries = bench.guard.audit(newest()).await.expect("readable");
    let who: Vec<_> = entries.iter().map(|entry| (entry.actor.as_str(), entry.action.as_str())).collect();
    assert_eq!(who, [("cli", "admin-link")]);
}

#[tokio::test]
async fn it_can_be_searched_paged_and_pruned() {
    let bench = Bench::new();
    for n in 0..5 {
        bench.guard.record_command("Log-Level", &format!("50%_{n}")).await;
        bench.clock.advance(1_000);
    }
    let found = async |query: Query| bench.guard.audit(query).await.expect("readable").len();
    assert_eq!(found(Query { text: Some("log-level".into()), ..newest() }).await, 5);
    assert_eq!(found(Query { text: Some("50%_3".into()), ..newest() }).await, 1);
    assert_eq!(found(Query { text: Some("50_".into()), ..newest() }).await, 0, "the text is no pattern");
    assert_eq!(found(Query { actor: Some("admin".into()), ..newest() }).await, 0);
    let page = bench.send(bench.request("GET", "/api/v1/audit?limit=2", None, "")).await;
    let page: serde_json::Value = serde_json::from_str(&page.body).expect("JSON");
    assert_eq!((page["items"].as_array().map(Vec::len), page["next"].as_i64()), (Some(2), Some(4)));
    assert_eq!(bench.guard.prune(2_500).await.expect("pruned"), 3);
    assert_eq!(found(newest()).await, 2);
}

#[tokio::test]
async fn an_address_with_a_nul_is_refused_before_anybody_asks_the_store_for_it() {
    let bench = Bench::with(["off"; 6]);
    for (method, path) in [
        ("GET", "/api/v1/audit?q=%00"),
        ("GET", "/api/v1/audit?actor=a%00b"),
        ("POST", "/console/enter/a%00"),
        ("POST", "/in/%00"),
    ] {
        let answer = bench.send(bench.request(method, path, None, "")).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.body.contains("address_invalid"), "{}", answer.body);
    }
    let answer = bench.send(bench.request("GET", "/api/v1/audit?q=%2500", None, "")).await;
    assert_eq!(answer.status, 200, "the sign itself may be looked for");
}

/// What members do in a product is not in the log, what they do about their account is; of an administrator, everything.
#[tokio::test]
async fn a_person_is_recorded_by_what_they_are() {
    let bench = Bench::with(["off"; 6]);
    let id: kernel::PersonId = "usr_01arz3ndektsv4rrffq69g5fav".parse().expect("an id");
    let send = async |role: Role, path: &str| {
        let mut request = bench.request("POST", path, None, "");
        request.extensions_mut().insert(Caller::Person { id, role, by: By::Session });
        bench.send(request).await;
        let query = Query { limit: 1, ..Query::default() };
        bench.guard.audit(query).await.expect("read").pop().map(|entry| (entry.actor, entry.action))
    };
    assert_eq!(send(Role::Member, "/api/v1/things").await, None);
    let own = Some((id.to_string(), "POST /api/v1/me/password".to_owned()));
    assert_eq!(send(Role::Member, "/api/v1/me/password").await, own);
    assert_eq!(send(Role::Member, "/api/v1/things").await, own, "nothing was added");
    assert_eq!(send(Role::Admin, "/api/v1/things").await, Some((id.to_string(), "POST /api/v1/things".to_owned())));
}

/// A change whose sender has gone is a change all the same.
#[tokio::test]
async fn whoever_hangs_up_is_recorded() {
    let bench = std::sync::Arc::new(Bench::with(["off"; 6]));
    let request = bench.request("POST", "/api/v1/things", None, "gate");
    let sending = tokio::spawn({
        let bench = bench.clone();
        async move { bench.send(request).await }
    });
    bench.effects.begun.acquire().await.expect("open").forget();
    sending.abort();
    assert!(sending.await.is_err(), "nobody waits for the answer");
    bench.effects.gate.add_permits(1);
    while bench.guard.audit(newest()).await.expect("read").is_empty() {
        tokio::task::yield_now().await;
    }
}
