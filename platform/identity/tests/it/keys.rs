//! API keys: made once, worth what they say, worth nothing after they are revoked.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use identity::{Admin, Key, NewKey, Scope, scopes};
use store::StoreError;

use crate::support::{Answer, Bed, START_MS, send};

fn doors() -> Router {
    Router::new()
        .route("/work", any(async |_: Key<scopes::JobsWork>| StatusCode::NO_CONTENT))
        .route("/read", any(async |_: Key<scopes::EventsRead>| StatusCode::NO_CONTENT))
        .route("/admin", any(async |_: Admin| StatusCode::NO_CONTENT))
}

async fn knock(bed: &Bed, path: &str, headers: &[(&str, &str)]) -> Answer {
    send(doors(), &bed.identity, "POST", path, headers).await
}

async fn key(bed: &Bed, scopes: &[Scope]) -> (i64, String) {
    expiring(bed, scopes, None).await
}

async fn expiring(bed: &Bed, scopes: &[Scope], expires_at_ms: Option<i64>) -> (i64, String) {
    let (id, token) =
        bed.identity.make_key(identity::people::Actor::Admin, &new(scopes, expires_at_ms)).await.expect("made");
    (id, token.expose().to_owned())
}

fn new(scopes: &[Scope], expires_at_ms: Option<i64>) -> NewKey {
    NewKey { name: "a worker".into(), scopes: scopes.to_vec(), expires_at_ms }
}

#[tokio::test]
async fn a_key_opens_the_doors_of_its_scopes_and_no_other() {
    let bed = Bed::new();
    let (_, token) = key(&bed, &[Scope::JobsWork]).await;
    assert!(token.len() == 68 && token.starts_with("msk_"), "{token}");
    for scheme in ["Bearer", "bearer"] {
        let bearer = format!("{scheme} {token}");
        let headers = [("authorization", bearer.as_str())];
        assert_eq!(knock(&bed, "/work", &headers).await.status, 204);
        let refused = knock(&bed, "/read", &headers).await;
        assert_eq!(refused.status, 403);
        assert!(refused.text.contains("events:read"), "{}", refused.text);
        assert_eq!(knock(&bed, "/admin", &headers).await.status, 403, "a key is no administrator");
    }
    // As programs send it that know Centrifugo.
    let apikey = format!("apikey {token}");
    for header in [("x-api-key", token.as_str()), ("authorization", apikey.as_str())] {
        assert_eq!(knock(&bed, "/work", &[header]).await.status, 204, "{header:?}");
        assert_eq!(knock(&bed, "/read", &[header]).await.status, 403, "{header:?}");
    }
    let session = format!("mainspring_session={}", bed.sign_in().await);
    for wrong in [("x-api-key", ""), ("x-api-key", "a.b.c"), ("x-api-key", "é"), ("authorization", "apikey x")] {
        let headers = [("cookie", session.as_str()), wrong, ("x-mainspring-console", "1")];
        assert_eq!(knock(&bed, "/admin", &headers).await.status, 401, "{wrong:?}: the cookie beside it does not help");
    }
    // Whoever shows a key acts for the key, whatever cookie is there.
    let (session, bearer) = (format!("mainspring_session={}", bed.sign_in().await), format!("Bearer {token}"));
    let both = [("cookie", session.as_str()), ("authorization", bearer.as_str()), ("x-mainspring-console", "1")];
    assert_eq!(knock(&bed, "/admin", &both).await.status, 403);
}

#[tokio::test]
async fn strangers_forged_and_changed_keys_are_401() {
    let bed = Bed::new();
    let (_, token) = key(&bed, &[Scope::JobsWork, Scope::EventsRead]).await;
    let changed: Vec<String> = (0..token.len())
        .map(|at| {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            String::from_utf8(bytes).expect("text")
        })
        .collect();
    let others = ["", "msk_", &token[..67], &format!("{token}0"), &token.to_uppercase()].map(str::to_owned);
    for token in changed.iter().chain(&others) {
        let bearer = format!("Bearer {token}");
        assert_eq!(knock(&bed, "/work", &[("authorization", &bearer)]).await.status, 401, "{token}");
    }
    for header in [token.clone(), format!("Basic {token}"), format!("Bearer{token}")] {
        assert_eq!(knock(&bed, "/work", &[("authorization", &header)]).await.status, 401, "{header}");
    }
    assert_eq!(knock(&bed, "/work", &[]).await.status, 401);
}

#[tokio::test]
async fn an_administrator_passes_with_the_header_and_only_with_it() {
    let bed = Bed::new();
    let session = format!("mainspring_session={}", bed.sign_in().await);
    assert_eq!(knock(&bed, "/work", &[("cookie", &session)]).await.status, 403);
    assert_eq!(knock(&bed, "/work", &[("cookie", &session), ("x-mainspring-console", "1")]).await.status, 204);
}

#[tokio::test]
async fn a_revoked_key_is_refused_from_the_next_request_on() {
    let bed = Bed::new();
    let (id, token) = key(&bed, &[Scope::JobsWork]).await;
    let (_, other) = key(&bed, &[Scope::JobsWork]).await;
    let (bearer, other) = (format!("Bearer {token}"), format!("Bearer {other}"));
    assert_eq!(knock(&bed, "/work", &[("authorization", &bearer)]).await.status, 204);
    assert!(bed.identity.revoke_key(identity::people::Actor::Admin, id).await.expect("written"));
    assert_eq!(knock(&bed, "/work", &[("authorization", &bearer)]).await.status, 401);
    assert_eq!(knock(&bed, "/work", &[("authorization", &other)]).await.status, 204, "the other one still works");
    assert!(!bed.identity.revoke_key(identity::people::Actor::Admin, 77).await.expect("written"));
}

#[tokio::test]
async fn a_key_is_worth_nothing_from_its_expiry_on() {
    let bed = Bed::new();
    let (_, token) = expiring(&bed, &[Scope::JobsWork], Some(START_MS + 1_000)).await;
    let (_, lasting) = key(&bed, &[Scope::JobsWork]).await;
    let (bearer, lasting) = (format!("Bearer {token}"), format!("Bearer {lasting}"));
    for (moved, status) in [(0, 204), (999, 204), (1, 401), (1_000_000, 401)] {
        bed.clock.advance(moved);
        assert_eq!(knock(&bed, "/work", &[("authorization", &bearer)]).await.status, status, "after {moved} ms more");
        assert_eq!(knock(&bed, "/work", &[("authorization", &lasting)]).await.status, 204);
    }
    let past = bed
        .identity
        .make_key(identity::people::Actor::Admin, &new(&[Scope::JobsWork], Some(bed.clock.now_ms())))
        .await
        .expect_err("past");
    assert_eq!((past.status().as_u16(), past.code()), (400, "expiry_invalid"));
}

#[tokio::test]
async fn expired_keys_leave_room_for_others() {
    let bed = Bed::new();
    for _ in 0..kernel::limits::API_KEYS {
        expiring(&bed, &[Scope::EventsRead], Some(START_MS + 1_000)).await;
    }
    let full = bed
        .identity
        .make_key(identity::people::Actor::Admin, &new(&[Scope::EventsRead], None))
        .await
        .expect_err("full");
    assert_eq!(full.code(), "keys_full");
    bed.clock.advance(1_000);
    key(&bed, &[Scope::EventsRead]).await;
}

#[tokio::test]
async fn a_key_is_stored_as_a_digest_and_its_use_is_noted_once_a_minute() {
    let bed = Bed::new();
    let (_, token) = key(&bed, &[Scope::JobsWork]).await;
    let rows: Result<Vec<(Vec<u8>, String)>, StoreError> =
        bed.store.read(async |tx| tx.all("SELECT digest, prefix || name FROM api_keys", &[]).await).await;
    let rows = rows.expect("read");
    assert_eq!((rows.len(), rows[0].0.len()), (1, 32));
    assert!(!rows[0].1.contains(&token[12..]), "only its beginning is kept");
    let bearer = format!("Bearer {token}");
    for (moved, used) in [(0, START_MS), (59_999, START_MS), (1, START_MS + 60_000)] {
        bed.clock.advance(moved);
        knock(&bed, "/work", &[("authorization", &bearer)]).await;
        assert_eq!(bed.identity.keys().await.expect("read")[0].last_used_at_ms, Some(used));
    }
}

#[tokio::test]
async fn a_key_works_on_a_full_disk_and_nobody_is_a_stranger_for_want_of_an_answer() {
    let bed = Bed::new();
    let (_, token) = key(&bed, &[Scope::JobsWork]).await;
    let bearer = format!("Bearer {token}");
    // As a disk that takes nothing more: each note of a use is refused.
    let refuse = if testkit::on_postgres() {
        "ALTER TABLE api_keys ADD CONSTRAINT disk_full CHECK (last_used_at_ms IS NULL)"
    } else {
        "CREATE TRIGGER disk_full BEFORE UPDATE ON api_keys BEGIN SELECT RAISE(ABORT, 'full'); END"
    };
    let made: Result<(), StoreError> = bed.store.write(async move |tx| tx.execute(refuse, &[]).await.map(drop)).await;
    made.expect("made");
    assert_eq!(knock(&bed, "/work", &[("authorization", &bearer)]).await.status, 204);
    assert_eq!(bed.identity.keys().await.expect("read")[0].last_used_at_ms, None);
    bed.store.close().await;
    for path in ["/work", "/admin"] {
        let refused = knock(&bed, path, &[("authorization", &bearer)]).await;
        assert_eq!(refused.status, 503, "401 would say that the key is worth nothing");
        assert!(refused.headers.contains_key("retry-after"));
        assert_eq!(knock(&bed, path, &[]).await.status, 401);
    }
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked_over_http_by_an_administrator_alone() {
    let bed = Bed::new();
    let session = format!("mainspring_session={}", bed.sign_in().await);
    let admin = [("cookie", session.as_str()), ("x-mainspring-console", "1"), ("content-type", "application/json")];
    let make = async |body: &str| bed.send_body("POST", "/api/v1/keys", &admin, body).await;
    let made = make(r#"{"name":" node ","scopes":["jobs:work","events:publish"]}"#).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(made.text.contains("msk_"));
    for (body, status) in [
        (r#"{"name":" ","scopes":["jobs:work"]}"#, 400),
        (r#"{"name":"x","scopes":[]}"#, 400),
        (r#"{"name":"x","scopes":["jobs:everything"]}"#, 422),
        (r#"{"name":"x","scopes":["jobs:work"],"expires_at_ms":1700000000000}"#, 400),
        (r#"{"name":"x","scopes":["jobs:work"],"expires":"never"}"#, 422),
    ] {
        assert_eq!(make(body).await.status, status, "{body}");
    }
    let listed = bed.send("GET", "/api/v1/keys", &admin).await;
    assert!(listed.text.contains(r#""name":"node""#) && listed.text.contains(r#"["jobs:work","events:publish"]"#));
    assert_eq!(listed.text.matches("msk_").count(), 1);
    assert!(!made.text.contains(listed.text.split("msk_").nth(1).expect("a prefix")), "never shown again");
    assert_eq!(bed.send("DELETE", "/api/v1/keys/1", &admin).await.status, 204);
    assert_eq!(bed.send("DELETE", "/api/v1/keys/2", &admin).await.status, 404);
    for method in ["GET", "POST"] {
        assert_eq!(bed.send(method, "/api/v1/keys", &[]).await.status, 401);
    }
    let many = kernel::limits::API_KEYS;
    for _ in 0..many {
        key(&bed, &[Scope::EventsRead]).await;
    }
    assert_eq!(make(r#"{"name":"one more","scopes":["jobs:work"]}"#).await.status, 409);
}
