//! What is taken back ends what it made, whichever process it is at.

use axum::body::BodyDataStream;
use bus::Bus;
use futures_util::StreamExt;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::doorman::watch;

/// One of several processes over the same store.
struct Process {
    hub: Hub,
    routes: Router,
    _stop: DropGuard,
}

impl Process {
    fn of(house: &House) -> Self {
        let (clock, entropy) = (house.clock.clone(), Entropy::system());
        let identity = Identity::new(house.store.clone(), clock.clone(), entropy.clone(), SealKey::new([1; 32]));
        let bus = Bus::memory(clock.clone(), &entropy);
        let hub = Hub::new(bus, clock, entropy, Arc::new(Door(identity.clone())));
        hub.namespace(Namespace::public("news").opened_by_tokens_alone());
        let stop = CancellationToken::new();
        tokio::spawn(watch(identity, hub.clone(), stop.clone()));
        Self { routes: hub.routes(), hub, _stop: stop.drop_guard() }
    }

    /// A client that only listens.
    async fn connect(&self, token: &str) -> Listener {
        let request =
            Request::post("/connection/uni_http_stream").body(Body::from(json!({ "token": token }).to_string()));
        let response = self.routes.clone().oneshot(request.expect("a request")).await.expect("answered");
        assert_eq!(response.status(), 200);
        Listener { body: response.into_body().into_data_stream(), text: String::new() }
    }

    async fn let_in(&self, token: &str) -> Listener {
        let mut listener = self.connect(token).await;
        let first = listener.next().await.expect("a push");
        assert!(first["connect"].is_object(), "{first}");
        listener
    }
}

struct Listener {
    body: BodyDataStream,
    text: String,
}

impl Listener {
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                let said = serde_json::from_str(line).expect("JSON");
                self.text = rest.to_owned();
                return Some(said);
            }
            let more = tokio::time::timeout(Duration::from_secs(20), self.body.next()).await.expect("in time")?;
            self.text.push_str(std::str::from_utf8(&more.expect("a body")).expect("text"));
        }
    }

    /// With which code it is sent away.
    async fn sent_away(mut self) -> u64 {
        loop {
            let said = self.next().await.expect("a farewell");
            if let Some(code) = said["disconnect"]["code"].as_u64() {
                assert_eq!(self.next().await, None, "and nothing more");
                return code;
            }
        }
    }
}

#[tokio::test]
async fn with_a_key_goes_what_it_had_made_in_every_process() {
    let house = House::new();
    let processes = [Process::of(&house), Process::of(&house)];
    let ann = house.person("ann", Role::Member).await.to_string();
    let (lost, key) = house.key_until(&[Scope::RealtimeTokens], None).await;
    let (_, other) = house.key_until(&[Scope::RealtimeTokens], None).await;
    let long = json!({ "user": ann, "expire_at": START_MS / 1_000 + LONGEST_OPEN_S });
    let (token, stays) = (house.made_by(&key, CONNECTION, &long).await, house.made_by(&other, CONNECTION, &long).await);
    let unused = house.made_by(&key, CONNECTION, &long).await;
    let subscription = json!({ "user": ann, "channel": "news:a", "expire_at": 0 });
    let ticket = house.made_by(&key, SUBSCRIPTION, &subscription).await;
    let Ticket::Good(opens) = house.door.by_ticket(&ticket).await else { panic!("not good") };
    assert!(opens.terms.grounds.contains(&format!("key:{lost}")), "what it opens is found by that: {opens:?}");

    let mut open = Vec::new();
    let mut left = Vec::new();
    for process in &processes {
        open.push(process.let_in(&token).await);
        left.push(process.let_in(&stays).await);
    }
    assert!(house.identity.revoke_key(Actor::Admin, lost).await.expect("revoked"));
    for listener in open {
        assert_eq!(listener.sent_away().await, 3014, "it may come by another token");
    }
    for (process, mut listener) in processes.iter().zip(left) {
        for token in [&token, &unused] {
            assert_eq!(process.connect(token).await.sent_away().await, 3005, "as one that has ended");
        }
        assert_eq!(process.hub.stats().connections, 1, "what another key had made stays");
        process.hub.disconnect(&ann, true);
        assert_eq!(listener.next().await.expect("a push")["disconnect"]["code"], 3011);
    }
    assert!(matches!(house.door.by_token(&token).await, Shown::Expired));
    assert!(matches!(house.door.by_ticket(&ticket).await, Ticket::Expired));
    let (status, answer) = house.ask(&key, CONNECTION, &long).await;
    assert_eq!(status, 401, "{answer}");
}

#[tokio::test]
async fn nothing_outlasts_a_key_that_ends_by_itself() {
    let house = House::new();
    let ann = house.person("ann", Role::Member).await.to_string();
    let ends_ms = START_MS + 120_000;
    let (_, key) = house.key_until(&[Scope::RealtimeTokens], Some(ends_ms)).await;
    let until = async |body: &Value| house.lets_in(&house.made_by(&key, CONNECTION, body).await).await.until_ms;
    assert_eq!(until(&json!({ "user": ann })).await, Some(ends_ms));
    assert_eq!(until(&json!({ "user": ann, "ttl_s": 60 })).await, Some(START_MS + 60_000));
    let long = json!({ "user": ann, "expire_at": START_MS / 1_000 + LONGEST_OPEN_S });
    assert_eq!(until(&long).await, Some(ends_ms));
    let for_ever = json!({ "user": ann, "channel": "news:a", "expire_at": 0 });
    let ticket = house.made_by(&key, SUBSCRIPTION, &for_ever).await;
    let Ticket::Good(opens) = house.door.by_ticket(&ticket).await else { panic!("not good") };
    assert_eq!(opens.terms.until_ms, Some(ends_ms));
    let token = house.made_by(&key, CONNECTION, &long).await;
    let caller = house.lets_in(&token).await;
    house.clock.advance(119_500);
    assert_eq!(house.ask(&key, CONNECTION, &long).await.0, 401, "a token would end at once");
    house.clock.advance(500);
    assert!(matches!(house.door.by_token(&token).await, Shown::Expired), "without leeway");
    assert!(matches!(house.door.by_ticket(&ticket).await, Ticket::Expired));
    assert_eq!(house.door.still(&caller).await, Standing::Again);
}

#[tokio::test]
async fn one_token_is_taken_back_with_what_it_opened_in_every_process() {
    let house = House::new();
    let processes = [Process::of(&house), Process::of(&house)];
    let ann = house.person("ann", Role::Member).await.to_string();
    let key = house.key(&[Scope::RealtimeTokens]).await;
    let long = json!({ "user": ann, "expire_at": START_MS / 1_000 + LONGEST_OPEN_S });
    let (token, stays) = (house.made_by(&key, CONNECTION, &long).await, house.made_by(&key, CONNECTION, &long).await);
    let ticket = house.made_by(&key, SUBSCRIPTION, &json!({ "user": ann, "channel": "news:a" })).await;
    let name = |token: &str| Tokens::name_of(&Secret::new(token)).expect("a name");
    let (mut open, mut left) = (Vec::new(), Vec::new());
    for process in &processes {
        open.push(process.let_in(&token).await);
        left.push(process.let_in(&stays).await);
    }
    // After its end: what it opened is open for longer.
    house.clock.advance(limits::TOKEN_TTL_MS + limits::TOKEN_LEEWAY_MS);
    house.identity.revoke_token(Actor::Admin, &name(&token)).await.expect("taken back");
    for listener in open {
        assert_eq!(listener.sent_away().await, 3014);
    }
    for process in &processes {
        assert_eq!(process.hub.stats().connections, 1, "and no other");
    }
    assert!(matches!(house.door.by_ticket(&ticket).await, Ticket::Expired), "it has ended by itself");
    let (token, other) = (house.made_by(&key, CONNECTION, &long).await, house.made_by(&key, CONNECTION, &long).await);
    let ticket = house.made_by(&key, SUBSCRIPTION, &json!({ "user": ann, "channel": "news:a" })).await;
    for lost in [&token, &ticket] {
        house.identity.revoke_token(Actor::Admin, &name(lost)).await.expect("taken back");
        house.identity.revoke_token(Actor::Admin, &name(lost)).await.expect("and again");
    }
    assert!(matches!(house.door.by_token(&token).await, Shown::Expired), "it may come by another");
    assert!(matches!(house.door.by_ticket(&ticket).await, Ticket::Expired));
    assert!(matches!(house.door.by_token(&other).await, Shown::Good(_)));
    for wrong in ["", "x", &token, "0123456789ABCDEF0123456789ABCDEF"] {
        let refused = house.identity.revoke_token(Actor::Admin, wrong).await.expect_err("no name");
        assert_eq!((refused.status().as_u16(), refused.code()), (400, "token_invalid"));
    }
}
