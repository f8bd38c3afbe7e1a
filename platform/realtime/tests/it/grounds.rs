//! What a token hangs on beside its user is taken back: connections and subscriptions end, here and in every process, and others stay.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bus::Bus;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use kernel::{Clock, Entropy};
use parking_lot::Mutex;
use realtime::doorman::{Shown, Standing, Ticket, Unknown};
use realtime::{Caller, Doorman, Namespace};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::notary::{Notary, sealed};
use crate::support::{Client, Server, in_time};
use crate::tickets::percent;

const START_S: i64 = 1_700_000_000;

/// Believes sealed tokens, each of which hangs on its claim `key`, until that falls. A look-up of a subscription's token can be held.
struct Keeper {
    notary: Notary,
    fallen: Mutex<HashSet<String>>,
    held: AtomicBool,
    looked: Semaphore,
    gate: Semaphore,
}

fn ground(token: &str) -> String {
    let said: Value = serde_json::from_str(token.strip_prefix("sealed:").unwrap_or("{}")).expect("JSON");
    format!("key:{}", said["key"])
}

impl Keeper {
    fn has_fallen(&self, token: &str) -> bool {
        self.fallen.lock().contains(&ground(token))
    }
}

impl Doorman for Keeper {
    /// A reader is whoever its header says.
    fn at_the_door<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Caller, Unknown>> {
        let user = headers.get("x-user").and_then(|user| user.to_str().ok()).unwrap_or_default().to_owned();
        async { Ok(Caller { user, ..Caller::default() }) }.boxed()
    }

    fn by_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Shown> {
        async move {
            match self.notary.by_token(token).await {
                Shown::Good(_) if self.has_fallen(token) => Shown::Expired,
                Shown::Good(caller) => Shown::Good(Caller { grounds: vec![ground(token)], ..caller }),
                other => other,
            }
        }
        .boxed()
    }

    fn by_ticket<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Ticket> {
        async move {
            let answer = match self.notary.by_ticket(token).await {
                Ticket::Good(_) if self.has_fallen(token) => Ticket::Expired,
                other => other,
            };
            if self.held.load(Ordering::SeqCst) {
                self.looked.add_permits(1);
                self.gate.acquire().await.expect("open").forget();
            }
            answer
        }
        .boxed()
    }

    fn still<'a>(&'a self, caller: &'a Caller) -> BoxFuture<'a, Standing> {
        let fallen = caller.grounds.iter().any(|ground| self.fallen.lock().contains(ground));
        async move { if fallen { Standing::Again } else { Standing::Good } }.boxed()
    }
}

struct House {
    keeper: Arc<Keeper>,
    servers: [Server; 2],
}

impl House {
    async fn new() -> Self {
        let clock = Clock::manual(START_S * 1_000);
        let keeper = Arc::new(Keeper {
            notary: Notary(clock.clone()),
            fallen: Mutex::default(),
            held: AtomicBool::new(false),
            looked: Semaphore::new(0),
            gate: Semaphore::new(0),
        });
        let bus = Bus::memory(clock.clone(), &Entropy::system());
        let server = async || {
            let only = Namespace::public("only").history(10, u64::MAX).opened_by_tokens_alone();
            Server::behind(keeper.clone(), clock.clone(), bus.clone(), [only]).await
        };
        Self { servers: [server().await, server().await], keeper }
    }

    /// As each process is told of it.
    async fn fall(&self, key: i64) {
        self.keeper.fallen.lock().insert(format!("key:{key}"));
        for server in &self.servers {
            server.hub.fell(&[format!("key:{key}")]).await;
        }
    }
}

fn token(key: i64) -> String {
    sealed(&json!({ "sub": "ann", "exp": START_S + 600, "key": key }))
}

fn ticket(key: i64) -> String {
    sealed(&json!({ "sub": "ann", "channel": "only:a", "exp": START_S + 600, "expire_at": 0, "key": key }))
}

async fn ann(server: &Server, key: i64) -> Client {
    let mut client = server.open().await;
    assert!(client.ask(json!({ "connect": { "token": token(key) } })).await["connect"].is_object());
    client
}

fn subscribe(key: i64) -> Value {
    json!({ "subscribe": { "channel": "only:a", "token": ticket(key) } })
}

const ENDED: (i64, &str) = (2501, "subscription expired");

async fn is_out(client: &mut Client) {
    let push = client.next().await["push"].take();
    assert_eq!(push, json!({ "channel": "only:a", "unsubscribe": { "code": ENDED.0, "reason": ENDED.1 } }));
}

#[tokio::test]
async fn connections_end_with_what_their_tokens_hang_on() {
    let house = House::new().await;
    let mut lost = Vec::new();
    let mut kept = Vec::new();
    for server in &house.servers {
        lost.push(ann(server, 1).await);
        kept.push(ann(server, 2).await);
    }
    let mut moved = ann(&house.servers[0], 1).await;
    assert!(moved.ask(json!({ "refresh": { "token": token(2) } })).await["refresh"].is_object());
    let here: Vec<_> = house.servers[0].hub.grounds().into_iter().collect();
    assert_eq!(here, ["key:1", "key:2"]);
    house.fall(1).await;
    for mut client in lost {
        assert_eq!(client.closed().await.0, 3014);
    }
    let mut again = house.servers[1].open().await;
    assert_eq!(again.error(json!({ "connect": { "token": token(1) } })).await, 109, "it gets another");
    kept.push(moved);
    for client in &mut kept {
        assert!(client.subscribe("plain:a").await.is_object(), "what hangs on another stays");
    }
    kept[0].send(json!({ "id": 9, "refresh": { "token": token(1) } }).to_string()).await;
    assert_eq!(kept[0].closed().await.0, 3005, "nor does it prolong anything");
}

#[tokio::test]
async fn subscriptions_end_with_what_their_tokens_hang_on() {
    let house = House::new().await;
    let [here, there] = &house.servers;
    let (mut one, mut other, mut moved) = (ann(here, 2).await, ann(there, 2).await, ann(there, 2).await);
    for client in [&mut one, &mut moved] {
        assert!(client.ask(subscribe(1)).await["subscribe"].is_object());
    }
    assert!(other.ask(subscribe(3)).await["subscribe"].is_object());
    let refresh = json!({ "sub_refresh": { "channel": "only:a", "token": ticket(3) } });
    assert_eq!(moved.ask(refresh).await["sub_refresh"], json!({}));
    let path = format!("only:a/events?last_event_id=0@x&token={}", percent(&ticket(1)));
    let mut reader = here.events(&path, &[("x-user", "ann")]).await;
    assert_eq!(reader.status(), 200, "{}", reader.head);
    house.fall(1).await;
    is_out(&mut one).await;
    while let Some(event) = reader.next().await {
        assert!(!event.contains("data: 7"), "{event}");
    }
    assert_eq!(here.hub.subscribers("only:a"), 0);
    assert_eq!(one.error(subscribe(1)).await, 109);
    assert!(one.ask(subscribe(3)).await["subscribe"].is_object(), "its connection stays, and it comes by another");
    here.publish("only:a", json!(7)).await;
    for client in [&mut one, &mut other, &mut moved] {
        assert_eq!(client.next().await["push"]["pub"]["data"], 7);
    }
}

/// Its token was good when it was looked up, and is not when it is in.
#[tokio::test]
async fn whoever_is_on_its_way_in_meanwhile_is_found() {
    let house = House::new().await;
    let server = &house.servers[0];
    let mut client = ann(server, 2).await;
    house.keeper.held.store(true, Ordering::SeqCst);
    client.send(json!({ "id": 2, "subscribe": { "channel": "only:a", "token": ticket(1) } }).to_string()).await;
    in_time(house.keeper.looked.acquire()).await.expect("open").forget();
    house.fall(1).await;
    house.keeper.gate.add_permits(1);
    let reply = client.next().await;
    assert!(reply["subscribe"].is_object(), "it was let in: {reply}");
    is_out(&mut client).await;

    let path = format!("only:a/events?token={}", percent(&ticket(4)));
    let read = server.events(&path, &[("x-user", "ann")]);
    let fall = async {
        in_time(house.keeper.looked.acquire()).await.expect("open").forget();
        house.fall(4).await;
        house.keeper.gate.add_permits(1);
    };
    let (mut reader, ()) = tokio::join!(read, fall);
    while reader.next().await.is_some() {}
    assert_eq!(server.hub.subscribers("only:a"), 0);
}
