use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use identity::issuers::{Issuers, Settings};
use identity::people::{Actor, NewPerson};
use identity::{Caller, NewKey, Role, Scope};
use kernel::{Entropy, SealKey};
use outbound::Outbound;
use realtime::doorman::{Shown, Standing, Ticket, Unknown};
use realtime::{Doorman, Namespace};
use tower::ServiceExt;

use super::*;
use crate::doorman::Door;

mod taken_back;

const START_MS: i64 = 1_700_000_000_000;
const CONNECTION: &str = "connection-tokens";
const SUBSCRIPTION: &str = "subscription-tokens";

struct House {
    clock: Clock,
    store: store::Store,
    identity: Identity,
    door: Door,
    router: Router,
    _data: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let (data, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(START_MS));
        let entropy = Entropy::system();
        let store =
            store::Store::embedded(data.path(), store::Durability::Normal, identity::MIGRATIONS, &clock, &entropy);
        let store = store.expect("opened");
        let identity = Identity::new(store.clone(), clock.clone(), entropy, SealKey::new([1; 32]));
        let issuer = |name: &str| Settings {
            issuer: name.to_owned(),
            audience: "mainspring".into(),
            authorized_parties: Vec::new(),
            jwks_url: None,
            algorithms: Vec::new(),
            hmac_secret: Some(Secret::new("a secret of thirty-two bytes, and more")),
        };
        let trusted = [issuer("https://one.example"), issuer("https://two.example")];
        let outbound = Outbound::new(outbound::Settings::default());
        let identity = identity.trusting(Issuers::new(&trusted, outbound, clock.clone()).expect("settings"));
        let (bus, door) = (bus::Bus::memory(clock.clone(), &Entropy::system()), Arc::new(Door(identity.clone())));
        let hub = Hub::new(bus, clock.clone(), Entropy::system(), door);
        hub.namespace(Namespace::public("news").opened_by_tokens_alone());
        hub.namespace(Namespace::public("a").opened_by_tokens());
        hub.namespace(Namespace::public("plain"));
        hub.namespace(Namespace::admin("console"));
        let router = routes(clock.clone(), identity.clone(), hub).split_for_parts().0;
        Self { store, door: Door(identity.clone()), router, clock, identity, _data: data }
    }

    async fn person(&self, name: &str, role: Role) -> PersonId {
        let new = NewPerson { name: name.to_owned(), email: format!("{name}@example.com"), role };
        self.identity.make_person(Actor::Admin, &new, &Secret::new("correct horse")).await.expect("made")
    }

    async fn key(&self, scopes: &[Scope]) -> HeaderMap {
        self.key_until(scopes, None).await.1
    }

    async fn key_until(&self, scopes: &[Scope], expires_at_ms: Option<i64>) -> (i64, HeaderMap) {
        let new = NewKey { name: "backend".into(), scopes: scopes.to_vec(), expires_at_ms };
        let (id, token) = self.identity.make_key(Actor::Admin, &new).await.expect("made");
        (id, bearer(token.expose()))
    }

    /// As the edge lets a request in.
    async fn ask(&self, headers: &HeaderMap, kind: &str, body: &Value) -> (u16, Value) {
        let (status, answer, _) = self.answer(headers, kind, body).await;
        (status, answer)
    }

    /// And what the audit log is told.
    async fn answer(&self, headers: &HeaderMap, kind: &str, body: &Value) -> (u16, Value, String) {
        let mut request = Request::post(format!("/api/v1/realtime/{kind}")).body(Body::from(body.to_string()));
        let request = request.as_mut().expect("a request");
        *request.headers_mut() = headers.clone();
        request.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().expect("a value"));
        request.extensions_mut().insert(self.identity.caller_of(headers).await);
        let response = self.router.clone().oneshot(std::mem::take(request)).await.expect("answered");
        let status = response.status().as_u16();
        let about = response.extensions().get().map(|About(about)| about.clone()).unwrap_or_default();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default(), about)
    }

    async fn made(&self, kind: &str, body: &Value) -> String {
        self.made_by(&self.key(&[Scope::RealtimeTokens]).await, kind, body).await
    }

    async fn made_by(&self, key: &HeaderMap, kind: &str, body: &Value) -> String {
        let (status, answer) = self.ask(key, kind, body).await;
        assert_eq!(status, 201, "{body}: {answer}");
        answer["token"].as_str().expect("a token").to_owned()
    }

    async fn lets_in(&self, token: &str) -> realtime::Caller {
        match self.door.by_token(token).await {
            Shown::Good(caller) => caller,
            shown => panic!("{shown:?}"),
        }
    }
}

fn bearer(token: &str) -> HeaderMap {
    HeaderMap::from_iter([(header::AUTHORIZATION, format!("Bearer {token}").parse().expect("a value"))])
}

#[tokio::test]
async fn a_token_says_what_the_backend_had_it_say() {
    let house = House::new();
    let ann = house.person("ann", Role::Admin).await.to_string();
    let said = json!({ "channels": ["news:a"], "subs": { "news:b": { "info": [1], "data": { "a": 2 } } },
        "caps": [{ "channels": ["news:*"], "match": "wildcard", "allow": ["sub", "hst"] }],
        "meta": { "plan": "gold" }, "info": { "name": "Ann" } });
    let mut body = said.clone();
    body["user"] = json!(ann);
    let caller = house.lets_in(&house.made(CONNECTION, &body).await).await;
    let expected = realtime::Caller::of_claims(&said).expect("good claims");
    assert_eq!((caller.user.as_str(), caller.admin), (ann.as_str(), false), "nobody administers by it");
    assert_eq!((&caller.claimed, &caller.info), (&expected.claimed, &expected.info));
    assert_eq!(caller.claimed.expect("something").meta.as_deref(), Some(&b"{\"plan\":\"gold\"}"[..]));
    assert_eq!(caller.until_ms, Some(START_MS + limits::TOKEN_TTL_MS));
    for more_s in [7_200, LONGEST_OPEN_S] {
        let body = json!({ "user": ann, "ttl_s": 60, "expire_at": START_MS / 1_000 + more_s });
        let until_ms = house.lets_in(&house.made(CONNECTION, &body).await).await.until_ms;
        assert_eq!(until_ms, Some(START_MS + more_s * 1_000));
    }
    let body = json!({ "user": ann, "channel": "news:a", "client": "c", "ttl_s": 60, "info": [1], "data": 2,
        "override": { "presence": { "value": false } } });
    let Ticket::Good(ticket) = house.door.by_ticket(&house.made(SUBSCRIPTION, &body).await).await else { panic!() };
    assert_eq!((ticket.user, ticket.channel, ticket.client), (ann, "news:a".to_owned(), "c".to_owned()));
    let terms = ticket.terms;
    assert_eq!((terms.info.as_deref(), terms.data.as_deref()), (Some(&b"[1]"[..]), Some(&b"2"[..])));
    assert!(terms.hidden && terms.until_ms == Some(START_MS + 60_000));
}

#[tokio::test]
async fn only_a_key_for_it_makes_one() {
    let house = House::new();
    let ann = house.person("ann", Role::Member).await.to_string();
    for (kind, body) in [(CONNECTION, json!({ "user": ann })), (SUBSCRIPTION, json!({ "user": ann, "channel": "a:b" }))]
    {
        for scope in Scope::ALL {
            let expected = if scope == Scope::RealtimeTokens { 201 } else { 403 };
            assert_eq!(house.ask(&house.key(&[scope]).await, kind, &body).await.0, expected, "{scope:?}");
        }
        assert_eq!(house.ask(&HeaderMap::new(), kind, &body).await.0, 401);
        assert_eq!(house.ask(&bearer(&format!("msk_{}", "0".repeat(64))), kind, &body).await.0, 401);
        let token = house.made(kind, &body).await;
        assert_eq!(house.ask(&bearer(&token), kind, &body).await.0, 401, "a token makes no other");
    }
}

#[tokio::test]
async fn it_is_worth_nothing_anywhere_else() {
    let house = House::new();
    let ann = house.person("ann", Role::Admin).await.to_string();
    let connection = house.made(CONNECTION, &json!({ "user": ann })).await;
    let subscription = house.made(SUBSCRIPTION, &json!({ "user": ann, "channel": "news:a" })).await;
    for token in [&connection, &subscription] {
        let headers = bearer(token);
        assert!(!house.identity.caller_of(&headers).await.is_somebody(), "a request by it is nobody's");
        assert_eq!(house.door.at_the_door(&headers).await, Err(Unknown::Bad), "nor is a stream");
        let key = HeaderMap::from_iter([("x-api-key".parse().expect("a name"), token.parse().expect("a value"))]);
        assert!(!house.identity.caller_of(&key).await.is_somebody());
        let cookie = format!("mainspring_session={token}").parse().expect("a value");
        let cookie = HeaderMap::from_iter([(header::COOKIE, cookie)]);
        assert_eq!(house.identity.caller_of(&cookie).await, Caller::Anonymous);
    }
    assert!(matches!(house.door.by_ticket(&connection).await, Ticket::Bad), "it opens no channel");
    assert!(matches!(house.door.by_token(&subscription).await, Shown::Bad), "that lets nobody in");
    let (head, _) = connection.rsplit_once('.').expect("a signature");
    let (_, other) = subscription.rsplit_once('.').expect("a signature");
    assert!(matches!(house.door.by_token(&format!("{head}.{other}")).await, Shown::Bad));
}

#[tokio::test]
async fn what_would_be_refused_or_last_too_long_is_not_made() {
    let house = House::new();
    let (ann, key) = (house.person("ann", Role::Member).await.to_string(), house.key(&[Scope::RealtimeTokens]).await);
    let many: Vec<_> = (0..=limits::CHANNELS_PER_CONNECTION).map(|number| format!("news:{number}")).collect();
    let long = "x".repeat(limits::CLIENT_INFO_BYTES);
    let subs: Map<_, _> =
        (0..4).map(|number| (format!("news:{number}"), json!({ "data": "x".repeat(1_500) }))).collect();
    for (kind, more, status) in [
        (CONNECTION, json!({ "ttl_s": 0 }), 400),
        (CONNECTION, json!({ "ttl_s": 901 }), 400),
        (CONNECTION, json!({ "ttl_s": u64::MAX }), 400),
        (CONNECTION, json!({ "ttl_s": -1 }), 422),
        (CONNECTION, json!({ "expire_at": START_MS / 1_000 }), 400),
        (CONNECTION, json!({ "expire_at": -1 }), 400),
        (CONNECTION, json!({ "expire_at": 0 }), 400),
        (CONNECTION, json!({ "expire_at": START_MS / 1_000 + LONGEST_OPEN_S + 1 }), 400),
        (CONNECTION, json!({ "expire_at": i64::MAX }), 400),
        (SUBSCRIPTION, json!({ "channel": "news:a", "expire_at": 0 }), 201),
        (CONNECTION, json!({ "channels": many }), 400),
        (CONNECTION, json!({ "channels": [""] }), 400),
        (CONNECTION, json!({ "subs": { "news:a": null } }), 400),
        (CONNECTION, json!({ "subs": subs }), 400),
        (CONNECTION, json!({ "caps": [{ "channels": ["a"], "match": "glob" }] }), 400),
        (CONNECTION, json!({ "info": long }), 400),
        (CONNECTION, json!({ "exp": i64::MAX }), 422),
        (CONNECTION, json!({ "epoch": 0 }), 422),
        (CONNECTION, json!({ "channel": "news:a" }), 422),
        (CONNECTION, json!({ "sub": "root" }), 422),
        (SUBSCRIPTION, json!({}), 422),
        (SUBSCRIPTION, json!({ "channel": "" }), 400),
        (SUBSCRIPTION, json!({ "channel": format!("a:{}", "x".repeat(limits::CHANNEL_BYTES)) }), 400),
        (SUBSCRIPTION, json!({ "channel": "news:a", "ttl_s": 901 }), 400),
        (SUBSCRIPTION, json!({ "channel": "news:a", "info": long }), 400),
        (SUBSCRIPTION, json!({ "channel": "news:a", "channels": ["news:b"] }), 422),
        (SUBSCRIPTION, json!({ "channel": "news:a", "override": true }), 400),
    ] {
        let mut body = more.clone();
        body["user"] = json!(ann);
        let (answered, answer) = house.ask(&key, kind, &body).await;
        assert_eq!(answered, status, "{more}: {answer}");
    }
}

#[tokio::test]
async fn it_is_for_somebody_who_may_come_and_ends_with_that() {
    let house = House::new();
    let key = house.key(&[Scope::RealtimeTokens]).await;
    let (ann, bob) = (house.person("ann", Role::Member).await, house.person("bob", Role::Member).await);
    house.identity.ban(Actor::Admin, bob, None, "").await.expect("banned");
    for (named, status) in [
        (json!({ "user": bob.to_string() }), 404),
        (json!({ "user": "usr_00000000000000000000000000" }), 404),
        (json!({ "user": "admin" }), 404),
        (json!({ "user": "" }), 404),
        (json!({ "user": "7", "issuer": "https://one.example" }), 404),
        (json!({ "user": ann.to_string(), "issuer": "https://one.example" }), 404),
        (json!({ "user": ann.to_string(), "issuer": "https://three.example" }), 400),
    ] {
        for kind in [CONNECTION, SUBSCRIPTION] {
            let mut body = named.clone();
            if kind == SUBSCRIPTION {
                body["channel"] = json!("news:a");
            }
            assert_eq!(house.ask(&key, kind, &body).await.0, status, "{kind} {body}");
        }
    }
    let token = house.made(CONNECTION, &json!({ "user": ann.to_string(), "ttl_s": 600 })).await;
    let caller = house.lets_in(&token).await;
    assert_eq!(house.door.still(&caller).await, Standing::Good);
    house.identity.sign_out_everywhere(Actor::Admin, ann).await.expect("done");
    assert!(matches!(house.door.by_token(&token).await, Shown::Expired), "she may have another");
    assert_eq!(house.door.still(&caller).await, Standing::Again);
    let next = house.made(CONNECTION, &json!({ "user": ann.to_string(), "ttl_s": 600 })).await;
    house.clock.advance(600_000 + limits::TOKEN_LEEWAY_MS);
    assert!(matches!(house.door.by_token(&next).await, Shown::Expired));
    let last = house.lets_in(&house.made(CONNECTION, &json!({ "user": ann.to_string() })).await).await;
    house.identity.ban(Actor::Admin, ann, None, "").await.expect("banned");
    assert_eq!(house.door.still(&last).await, Standing::Never);
}

#[tokio::test]
async fn a_channel_that_would_refuse_it_is_named_and_no_token_made() {
    let house = House::new();
    let (ann, key) = (house.person("ann", Role::Member).await.to_string(), house.key(&[Scope::RealtimeTokens]).await);
    for (kind, more, named) in [
        (SUBSCRIPTION, json!({ "channel": "nobody:a" }), Some(("channel_unknown", "nobody:a", "/channel"))),
        (SUBSCRIPTION, json!({ "channel": "news" }), Some(("channel_unknown", "news", "/channel"))),
        (SUBSCRIPTION, json!({ "channel": "plain:a" }), Some(("channel_closed", "plain:a", "/channel"))),
        (SUBSCRIPTION, json!({ "channel": "console:jobs" }), Some(("channel_closed", "console:jobs", "/channel"))),
        (SUBSCRIPTION, json!({ "channel": "a:b" }), None),
        (
            CONNECTION,
            json!({ "channels": ["news:a", "nobody:a"] }),
            Some(("channel_unknown", "nobody:a", "/channels/1")),
        ),
        (CONNECTION, json!({ "channels": ["console:jobs"] }), Some(("channel_closed", "console:jobs", "/channels/0"))),
        (CONNECTION, json!({ "subs": { "no/b:a": {} } }), Some(("channel_unknown", "no/b:a", "/subs/no~1b:a"))),
        (CONNECTION, json!({ "channels": ["plain:a"], "subs": { "a:b": {} } }), None),
    ] {
        let mut body = more.clone();
        body["user"] = json!(ann);
        let (status, answer) = house.ask(&key, kind, &body).await;
        let Some((code, channel, at)) = named else {
            assert_eq!(status, 201, "{more}: {answer}");
            continue;
        };
        assert_eq!((status, &answer["code"]), (400, &json!(code)), "{more}: {answer}");
        assert!(answer["detail"].as_str().expect("words").contains(channel), "{answer}");
        assert!(answer.to_string().contains(at), "{answer}");
    }
}

#[tokio::test]
async fn the_audit_log_is_told_for_whom_and_for_what_and_not_the_token() {
    let house = House::new();
    let (ann, key) = (house.person("ann", Role::Member).await.to_string(), house.key(&[Scope::RealtimeTokens]).await);
    let channel = json!({ "user": ann, "channel": "news:a" });
    let channels = json!({ "user": ann, "channels": ["news:a"], "subs": { "a:b": {} },
        "caps": [{ "channels": ["news:*"], "match": "wildcard", "allow": ["pub"] }] });
    for (kind, body, named) in
        [(SUBSCRIPTION, channel, "\"news:a\""), (CONNECTION, channels, "\"news:*\", \"news:a\", \"a:b\"")]
    {
        let (status, answer, about) = house.answer(&key, kind, &body).await;
        let (id, token) = (answer["id"].as_str().expect("a name"), answer["token"].as_str().expect("a token"));
        assert_eq!((status, about.as_str()), (201, format!("token {id} for {ann}: {named}").as_str()));
        assert!(id.len() == 32 && token.split('.').all(|part| !about.contains(part)), "{about}");
    }
}
