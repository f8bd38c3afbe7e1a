//! People by their tokens: what one may with a token, what one may not, and what is taken back.

use axum::http::{HeaderMap, header};
use futures_util::future::join_all;
use identity::issuers::{Issuers, Settings};
use identity::people::Actor;
use identity::tokens::{Purpose, Refusal, Tokens};
use identity::{By, Caller, NewKey, Role, Scope};
use kernel::{Entropy, PersonId, SealKey, Secret};
use outbound::Outbound;
use serde_json::{Value, json};

use crate::support::{Answer, Bed, SEAL};
use crate::tokens::{encode, members};

pub(crate) const ISSUER: &str = "https://login.example";
const SHARED: &str = "a secret of thirty-two bytes, and more";

/// The same people, beside an issuer that shares a secret with us.
pub(crate) fn trusting(bed: &mut Bed) {
    let settings = Settings {
        issuer: ISSUER.into(),
        audience: "mainspring".into(),
        authorized_parties: Vec::new(),
        jwks_url: None,
        algorithms: Vec::new(),
        hmac_secret: Some(Secret::new(SHARED)),
    };
    let issuers = Issuers::new(&[settings], Outbound::new(outbound::Settings::default()), bed.clock.clone());
    bed.identity = bed.identity.clone().trusting(issuers.expect("settings"));
}

pub(crate) fn signed(secret: &str, claims: &Value) -> String {
    let text = format!("{}.{}", encode(r#"{"alg":"HS256"}"#), encode(claims.to_string()));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    format!("{text}.{}", encode(ring::hmac::sign(&key, text.as_bytes())))
}

pub(crate) fn of_issuer(bed: &Bed, subject: &str, more: Value) -> String {
    let now_s = bed.clock.now_ms() / 1_000;
    let mut claims = json!({ "iss": ISSUER, "aud": "mainspring", "sub": subject, "iat": now_s, "exp": now_s + 60 });
    claims.as_object_mut().expect("an object").extend(members(more));
    signed(SHARED, &claims)
}

async fn by(bed: &Bed, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let shown = format!("Bearer {token}");
    let headers = [("content-type", "application/json"), ("authorization", shown.as_str())];
    bed.send_body(method, path, &headers, &body.to_string()).await
}

pub(crate) async fn token_of(bed: &Bed, cookies: &str) -> String {
    let made = bed.ask(cookies, "POST", "/api/v1/me/token", &json!({})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn a_token_is_its_person_but_not_for_what_changes_the_account() {
    let bed = Bed::new();
    let ada = bed.person("Ada", Role::Member).await;
    let cookies = bed.browser_of("Ada").await;
    let token = token_of(&bed, &cookies).await;
    let me = by(&bed, &token, "GET", "/api/v1/me", &json!({})).await;
    assert_eq!((me.status.as_u16(), &me.json()["id"]), (200, &json!(ada.to_string())));
    for (method, path) in [
        ("PATCH", "/api/v1/me"),
        ("POST", "/api/v1/me/password"),
        ("POST", "/api/v1/me/sign-out"),
        ("POST", "/api/v1/me/token"),
        ("GET", "/api/v1/me/sessions"),
        ("DELETE", "/api/v1/me/sessions/1"),
        ("POST", "/api/v1/session/end"),
    ] {
        let refused = by(&bed, &token, method, path, &json!({ "name": "x", "old": "x", "new": "x" })).await;
        assert_eq!(refused.status, 403, "{method} {path}: {}", refused.text);
    }
    // A cookie beside it does not help, and a token in a cookie is none.
    let headers = [("authorization", "Bearer a.b.c"), ("cookie", cookies.as_str())];
    assert_eq!(bed.send("GET", "/api/v1/me", &headers).await.status, 401);
    assert_eq!(bed.status_with(&format!("mainspring_session={token}")).await, 401);
    bed.clock.advance(600_000 + 30_000);
    assert_eq!(by(&bed, &token, "GET", "/api/v1/me", &json!({})).await.status, 401);
}

#[tokio::test]
async fn a_token_ends_with_what_it_was_given_for() {
    let bed = Bed::new();
    let ada = bed.person("Ada", Role::Member).await;
    let verdict = async |token: &str| match bed.identity.by_token(token).await {
        Ok((pass, _)) => format!("{:?}", pass.caller),
        Err(Refusal::Expired) => "expired".into(),
        Err(Refusal::Bad(why)) => format!("bad: {why}"),
        Err(Refusal::Unknown(_)) => "unknown".into(),
    };
    let ways: [(&str, &str); 4] = [
        ("sign out", "expired"),
        ("role", "expired"),
        ("ban", "bad: its person may not come"),
        ("delete", "bad: its person may not come"),
    ];
    for (way, then) in ways {
        let token = token_of(&bed, &bed.browser_of("Ada").await).await;
        assert!(verdict(&token).await.starts_with("Person"), "{way}");
        let it = &bed.identity;
        match way {
            "sign out" => it.sign_out_everywhere(Actor::Admin, ada).await.expect("done"),
            "role" => it.set_role(Actor::Admin, ada, Role::Admin).await.expect("done"),
            "ban" => it.ban(Actor::Admin, ada, None, "").await.expect("done"),
            _ => it.delete_person(Actor::Admin, ada).await.expect("done"),
        }
        assert_eq!(verdict(&token).await, then, "{way}");
        if way == "ban" {
            it.unban(Actor::Admin, ada).await.expect("done");
            assert_eq!(verdict(&token).await, "expired", "what was taken back stays so");
        }
    }
}

#[tokio::test]
async fn who_shows_something_that_is_not_good_is_not_nobody() {
    let bed = Bed::new();
    let ada = bed.person("Ada", Role::Member).await;
    let cookies = bed.browser_of("Ada").await;
    let token = token_of(&bed, &cookies).await;
    let new = NewKey { name: "a program".into(), scopes: vec![Scope::JobsWork], expires_at_ms: None };
    let (_, key) = bed.identity.make_key(Actor::Admin, &new).await.expect("made");
    let pass = async |shown: &str, cookie: &str| {
        let mut headers = HeaderMap::new();
        for (name, value) in [(header::AUTHORIZATION, shown), (header::COOKIE, cookie)] {
            if !value.is_empty() {
                headers.insert(name, value.parse().expect("a value"));
            }
        }
        match bed.identity.pass_of(&headers).await {
            Ok(pass) => pass.map_or("nobody", |pass| if pass.caller.is_somebody() { "somebody" } else { "?" }),
            Err(Refusal::Expired) => "expired",
            Err(Refusal::Bad(_)) => "bad",
            Err(Refusal::Unknown(_)) => "unknown",
        }
    };
    let (by_token, by_key) = (format!("Bearer {token}"), format!("bearer {}", key.expose()));
    let forged = format!("Bearer {}AAAA", &token[..token.len() - 4]);
    let last = if key.expose().ends_with('0') { "1" } else { "0" };
    let other_key = format!("Bearer {}{last}", &key.expose()[..67]);
    for (shown, cookie, expected) in [
        ("", "", "nobody"),
        ("", cookies.as_str(), "somebody"),
        ("", "mainspring_session=of-last-year", "nobody"),
        ("Basic QWRhOnB3", "", "nobody"),
        (&by_token, "", "somebody"),
        (&by_key, &cookies, "nobody"),
        (&forged, "", "bad"),
        (&forged, &cookies, "bad"),
        (&other_key, "", "bad"),
        ("Bearer junk", &cookies, "bad"),
        ("Bearer ", "", "bad"),
    ] {
        assert_eq!(pass(shown, cookie).await, expected, "{shown:?} {cookie:?}");
    }
    bed.identity.sign_out_everywhere(Actor::Admin, ada).await.expect("done");
    assert_eq!((pass(&by_token, "").await, pass("", &cookies).await), ("expired", "nobody"));
    let (again, other) = (token_of(&bed, &bed.browser_of("Ada").await).await, "Bearer a.b.c");
    bed.clock.advance(600_000 + 30_000);
    assert_eq!((pass(&format!("Bearer {again}"), "").await, pass(other, "").await), ("expired", "bad"));
}

#[tokio::test]
async fn a_token_for_something_else_is_nobodys() {
    let bed = Bed::new();
    let ada = bed.person("Ada", Role::Admin).await;
    let ours = Tokens::new(bed.store.clone(), bed.clock.clone(), Entropy::system(), SealKey::new(SEAL));
    let ttl = std::time::Duration::from_secs(60);
    let epoch = json!({ "epoch": 1 });
    let made = async |tokens: &Tokens, sub: &str, extra: &Value| {
        tokens.issue(sub, ttl, members(extra.clone())).await.expect("made").expose().to_owned()
    };
    let good = made(&ours, &ada.to_string(), &epoch).await;
    assert_eq!(by(&bed, &good, "GET", "/api/v1/me", &json!({})).await.status, 200);
    // Nobody administers by a token: it could set its own person's password.
    for (method, path) in [
        ("GET", "/api/v1/people".to_owned()),
        ("POST", format!("/api/v1/people/{ada}/password-reset")),
        ("PATCH", format!("/api/v1/people/{ada}")),
        ("POST", "/api/v1/invitations".to_owned()),
        ("POST", "/api/v1/keys".to_owned()),
    ] {
        assert_eq!(by(&bed, &good, method, &path, &json!({ "role": "admin" })).await.status, 403, "{method} {path}");
    }
    let subscription = ours.meant_for(Purpose::Subscription);
    for bad in [
        made(&subscription, &ada.to_string(), &epoch).await,
        made(&ours, &ada.to_string(), &json!({})).await,
        made(&ours, &ada.to_string(), &json!({ "epoch": "1" })).await,
        made(&ours, "admin", &epoch).await,
        made(&ours, "usr_00000000000000000000000000", &epoch).await,
        signed(SHARED, &json!({ "iss": ISSUER, "aud": "mainspring", "sub": "x", "exp": i64::MAX })),
    ] {
        assert_eq!(by(&bed, &bad, "GET", "/api/v1/people", &json!({})).await.status, 401, "{bad}");
    }
}

#[tokio::test]
async fn a_person_is_found_by_what_one_issuer_calls_them() {
    let mut bed = Bed::new();
    assert!(!bed.identity.trusts(ISSUER), "none is");
    trusting(&mut bed);
    assert!(bed.identity.trusts(ISSUER) && !bed.identity.trusts("https://login.example/") && !bed.identity.trusts(""));
    let (pass, _) = bed.identity.by_token(&of_issuer(&bed, "auth0|7", json!({}))).await.expect("good");
    let Caller::Person { id, .. } = pass.caller else { panic!("{pass:?}") };
    let found = async |issuer: &str, subject: &str| bed.identity.person_of(issuer, subject).await.expect("read");
    assert_eq!(found(ISSUER, "auth0|7").await, Some(id));
    bed.identity.ban(Actor::Admin, id, None, "").await.expect("banned");
    assert_eq!(found(ISSUER, "auth0|7").await, Some(id), "what they have open can be ended");
    for (issuer, subject) in
        [(ISSUER, "auth0|8"), (ISSUER, "AUTH0|7"), ("https://other.example", "auth0|7"), (ISSUER, &id.to_string())]
    {
        assert_eq!(found(issuer, subject).await, None, "{issuer} {subject}");
    }
}

#[tokio::test]
async fn whoever_a_trusted_issuer_speaks_of_becomes_one_person() {
    let mut bed = Bed::new();
    trusting(&mut bed);
    let tokens: Vec<_> = (0..8).map(|_| of_issuer(&bed, "auth0|7", json!({ "name": "Grace" }))).collect();
    let callers = join_all(tokens.iter().map(|token| bed.identity.by_token(token))).await;
    let callers: Vec<_> = callers.into_iter().map(|it| it.expect("good").0.caller).collect();
    let Caller::Person { id, role: Role::Member, by: By::Token } = callers[0] else { panic!("{callers:?}") };
    assert!(callers.iter().all(|caller| *caller == callers[0]), "{callers:?}");
    assert_eq!(bed.identity.profiles(&[id]).await.expect("read")[0].name, "Grace");
    let person = bed.identity.person(id).await.expect("read").expect("there");
    assert_eq!(person.email, None, "an address that somebody else says is nobody's proof");

    // Another subject is another person, an odd name is none.
    let other = of_issuer(&bed, "auth0|8", json!({ "name": "a\u{202e}b", "nickname": "Joan" }));
    let (pass, _) = bed.identity.by_token(&other).await.expect("good");
    assert_ne!(pass.caller, callers[0]);
    let Caller::Person { id: joan, .. } = pass.caller else { panic!("{pass:?}") };
    assert_eq!(bed.identity.profiles(&[joan]).await.expect("read")[0].name, "Joan");
    let forged = signed(
        "another secret of thirty-two bytes",
        &json!({ "iss": ISSUER, "aud": "mainspring", "sub": "auth0|7", "exp": 9_999_999_999_i64 }),
    );
    assert!(matches!(bed.identity.by_token(&forged).await, Err(Refusal::Bad(_))));

    // Banned here, whatever the issuer says; and what it said before everything was taken back is worth nothing after.
    bed.identity.ban(Actor::Admin, id, None, "").await.expect("banned");
    let fresh = of_issuer(&bed, "auth0|7", json!({}));
    assert!(matches!(bed.identity.by_token(&fresh).await, Err(Refusal::Bad(_))));
    bed.identity.unban(Actor::Admin, id).await.expect("done");
    assert!(matches!(bed.identity.by_token(&tokens[0]).await, Err(Refusal::Expired)));
    bed.clock.advance(1_000);
    assert!(bed.identity.by_token(&of_issuer(&bed, "auth0|7", json!({}))).await.is_ok());
    let undated =
        signed(SHARED, &json!({ "iss": ISSUER, "aud": "mainspring", "sub": "auth0|7", "exp": 9_999_999_999_i64 }));
    assert!(matches!(bed.identity.by_token(&undated).await, Err(Refusal::Expired)), "nobody knows when it was made");
    let ids: Vec<PersonId> = bed.identity.people("", None, 10).await.expect("read").iter().map(|it| it.id).collect();
    assert_eq!(ids.len(), 2);
}
