//! What one process ends is worth nothing in the others from the next request on: who is who is kept in no memory.

use axum::http::HeaderMap;
use identity::{Caller, NewKey, Scope};

use crate::support::Bed;

fn with(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, value.parse().expect("a header"));
    headers
}

#[tokio::test]
async fn a_key_that_one_process_revokes_is_refused_by_another_at_once() {
    let bed = Bed::new();
    let other = bed.beside();
    let new = NewKey { name: "a program".into(), scopes: vec![Scope::JobsWork], expires_at_ms: None };
    let (id, token) = bed.identity.make_key(identity::people::Actor::Admin, &new).await.expect("made");
    let headers = with("authorization", &format!("Bearer {}", token.expose()));
    assert!(matches!(other.caller_of(&headers).await, Caller::Key { id: known, .. } if known == id));
    assert!(bed.identity.revoke_key(identity::people::Actor::Admin, id).await.expect("written"));
    assert_eq!(other.caller_of(&headers).await, Caller::Anonymous);
}

#[tokio::test]
async fn a_session_of_one_process_holds_in_all_until_it_ends_in_any() {
    let bed = Bed::new();
    let other = bed.beside();
    // The link is made by one process, as the command line asks it to, and opened at another.
    let link = other.make_link().await.expect("made");
    let session = bed.enter(link.expose()).await.session();
    let cookie = format!("mainspring_session={session}");
    let headers = with("cookie", &cookie);
    assert_eq!(other.caller_of(&headers).await, Caller::Admin);
    assert_eq!(bed.enter(link.expose()).await.status, 410, "once, wherever");
    bed.send("POST", "/api/v1/session/end", &[("cookie", &cookie), ("x-mainspring-console", "1")]).await;
    assert_eq!(other.caller_of(&headers).await, Caller::Anonymous);
}
