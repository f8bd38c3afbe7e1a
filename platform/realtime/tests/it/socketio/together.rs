//! One channel joined by a product twice at once: whoever may hear it does, under the right by which it came in, and misses nothing.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use bus::Bus;
use futures_util::future::{BoxFuture, join_all};
use futures_util::{FutureExt, poll};
use kernel::{Clock, Entropy, Secret};
use parking_lot::Mutex;
use realtime::socketio::{Args, Call, JoinError, Namespace, Socket};
use realtime::witness::What;
use realtime::{Caller, Guard};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::client::Client;
use crate::support::{Server, in_time};
use crate::witness::{subscribed, told_by};

/// Lets in whoever shows a token that begins with `yes`, once the test lets it answer about that token.
struct Gates {
    asked: Semaphore,
    answers: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Gates {
    fn new() -> Arc<Self> {
        Arc::new(Self { asked: Semaphore::new(0), answers: Mutex::default() })
    }

    fn of(&self, token: &str) -> Arc<Semaphore> {
        self.answers.lock().entry(token.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(0))).clone()
    }

    fn open(&self, token: &str) {
        self.of(token).add_permits(100);
    }

    async fn is_asked(&self) {
        in_time(self.asked.acquire()).await.expect("open").forget();
    }
}

impl Guard for Gates {
    fn admits<'a>(
        &'a self,
        _: &'a str,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        let token = caller.token.as_ref().map(Secret::expose).unwrap_or_default().to_owned();
        async move {
            self.asked.add_permits(1);
            self.of(&token).acquire().await?.forget();
            Ok(token.starts_with("yes"))
        }
        .boxed()
    }
}

/// Joins by both tokens at once, and says so when the first of them has been answered.
async fn both(call: Call) -> Args {
    let text = |at: usize| call.args.values[at].as_str().expect("a token").to_owned();
    let (first, second) = (text(0), text(1));
    let one = async {
        let joined = call.socket.join_showing("rooms:a", &first).await;
        call.socket.emit("ended", Args::default());
        joined
    };
    let (one, two) = tokio::join!(one, call.socket.join_showing("rooms:a", &second));
    Args::of(json!([said(&one), said(&two)]))
}

fn said(joined: &Result<(), JoinError>) -> Value {
    joined.as_ref().map_or_else(|error| json!(error.to_string()), |()| json!("joined"))
}

async fn server(gates: &Arc<Gates>, namespace: Namespace) -> Server {
    let rooms = realtime::Namespace::public("rooms").history(10, u64::MAX).guarded(gates.clone());
    let server = Server::with([rooms]).await;
    server.hub.socketio(namespace);
    server
}

async fn race(gates: &Arc<Gates>, tokens: [&str; 2]) -> (Server, Client) {
    let server = server(gates, Namespace::new("/race").on("both", both)).await;
    let (mut client, _) = Client::enter(&server, "/race", json!({})).await;
    client.say(&format!("42/race,1{}", json!(["both", tokens[0], tokens[1]]))).await;
    gates.is_asked().await;
    (server, client)
}

/// What it is told until the answer, and that.
async fn told(client: &mut Client) -> (Vec<String>, Value) {
    let mut before = Vec::new();
    loop {
        let text = client.text().await;
        if let Some(answer) = text.strip_prefix("43/race,1") {
            return (before, serde_json::from_str(answer).expect("JSON"));
        }
        before.push(text);
    }
}

#[tokio::test]
async fn one_that_is_not_let_in_takes_nothing_from_the_other() {
    let gates = Gates::new();
    let (server, mut client) = race(&gates, ["no", "yes"]).await;
    gates.open("no");
    assert_eq!(client.text().await, r#"42/race,["subscribed","rooms:a"]"#, "which it is not told");
    assert_eq!(client.text().await, r#"42/race,["ended"]"#);
    gates.open("yes");
    assert_eq!(told(&mut client).await.1, json!(["joined", "joined"]));
    assert_eq!(server.hub.subscribers("rooms:a"), 1);
    server.publish("rooms:a", json!(1)).await;
    assert_eq!(client.text().await, r#"42/race,["message",1,"rooms:a"]"#);
}

#[tokio::test]
async fn the_right_by_which_it_came_in_is_the_one_that_is_asked_about() {
    let gates = Gates::new();
    let (server, mut client) = race(&gates, ["yes", "no"]).await;
    gates.open("yes");
    assert_eq!(client.text().await, r#"42/race,["subscribed","rooms:a"]"#);
    assert_eq!(client.text().await, r#"42/race,["ended"]"#);
    gates.open("no");
    assert_eq!(told(&mut client).await, (Vec::new(), json!(["joined", "joined"])), "it is told once");
    server.hub.recheck("rooms:a").await;
    assert_eq!(server.hub.subscribers("rooms:a"), 1, "its own right stands");
    server.publish("rooms:a", json!(1)).await;
    assert_eq!(client.text().await, r#"42/race,["message",1,"rooms:a"]"#);
}

/// Hands the socket to the test.
pub(super) async fn handed_out(server: &Server) -> (Client, Arc<Socket>) {
    let (sender, mut sockets) = tokio::sync::mpsc::unbounded_channel();
    server.hub.socketio(Namespace::new("/race").on_connect(move |socket, _| {
        let _ = sender.send(socket);
        async {}
    }));
    let (client, _) = Client::enter(server, "/race", json!({})).await;
    (client, in_time(sockets.recv()).await.expect("a socket"))
}

#[tokio::test]
async fn one_that_is_given_up_takes_nothing_from_the_other() {
    let gates = Gates::new();
    let rooms = realtime::Namespace::public("rooms").history(10, u64::MAX).guarded(gates.clone());
    let server = Server::with([rooms]).await;
    let (mut client, socket) = handed_out(&server).await;
    let join = |token: &'static str| {
        let socket = socket.clone();
        tokio::spawn(async move { socket.join_showing("rooms:a", token).await })
    };
    let given_up = join("never");
    gates.is_asked().await;
    let other = join("yes");
    // It has begun, as far as it can.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    given_up.abort();
    assert!(given_up.await.expect_err("given up").is_cancelled());
    gates.open("yes");
    in_time(other).await.expect("no panic").expect("joined");
    assert_eq!(client.text().await, r#"42/race,["subscribed","rooms:a"]"#);
    server.publish("rooms:a", json!(1)).await;
    assert_eq!(client.text().await, r#"42/race,["message",1,"rooms:a"]"#);
}

#[tokio::test]
async fn what_is_left_on_the_way_in_is_not_heard() {
    let gates = Gates::new();
    let rooms = realtime::Namespace::public("rooms").history(10, u64::MAX).guarded(gates.clone()).tell_subscriptions();
    let server = Server::with([rooms]).await;
    let mut told = told_by(&server);
    let (mut client, socket) = handed_out(&server).await;
    let (name, what) = told.next().await;
    assert_eq!(what, What::Connected);
    for token in ["yes", "no"] {
        let joining = tokio::spawn({
            let socket = socket.clone();
            async move { socket.join_showing("rooms:a", token).await }
        });
        gates.is_asked().await;
        server.publish("rooms:a", json!("before")).await;
        socket.leave("rooms:a");
        server.publish("rooms:a", json!("after")).await;
        gates.open(token);
        let left = in_time(joining).await.expect("no panic");
        assert!(matches!(left, Err(JoinError::Gone)), "{token}: {left:?}");
        assert_eq!(server.hub.subscribers("rooms:a"), 0);
        assert!(told.is_silent(), "{token}: it never came");
    }
    in_time(socket.join_showing("rooms:a", "yes")).await.expect("it may come again");
    assert_eq!(client.text().await, r#"42/race,["subscribed","rooms:a"]"#, "and was told of nothing before");
    told.expect(&name, subscribed("rooms:a")).await;
    server.publish("rooms:a", json!(1)).await;
    assert_eq!(client.text().await, r#"42/race,["message",1,"rooms:a"]"#);
}

#[tokio::test]
async fn whoever_waits_for_a_join_leaves_with_it() {
    let gates = Gates::new();
    let rooms = realtime::Namespace::public("rooms").history(10, u64::MAX).guarded(gates.clone());
    let server = Server::with([rooms]).await;
    let (mut client, socket) = handed_out(&server).await;
    let join = |token| Box::pin(socket.join_showing("rooms:a", token));
    let (mut first, mut second, mut later) = (join("yes 1"), join("yes 2"), join("yes 3"));
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    socket.leave("rooms:a");
    assert!(poll!(&mut later).is_pending(), "it waits for the first as well");
    ["yes 1", "yes 2", "yes 3"].iter().for_each(|token| gates.open(token));
    for left in [in_time(first).await, in_time(second).await] {
        assert!(matches!(left, Err(JoinError::Gone)), "{left:?}");
    }
    assert_eq!(server.hub.subscribers("rooms:a"), 0);
    in_time(later).await.expect("it came after that");
    assert_eq!(client.text().await, r#"42/race,["subscribed","rooms:a"]"#);
    server.publish("rooms:a", json!(1)).await;
    assert_eq!(client.text().await, r#"42/race,["message",1,"rooms:a"]"#);
}

/// Over Redis reading takes its time, so publications fall between everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_joins_again_and_again_hears_each_publication_once() {
    let redis = testkit::Redis::start().expect("a Redis");
    let settings = bus::RedisSettings::parse(&Secret::new(redis.url())).expect("a URL");
    let server = Server::on(Bus::redis(settings, Clock::system(), Entropy::system()).await, []).await;
    let (mut client, socket) = handed_out(&server).await;
    for round in 0..20 {
        let channel = format!("news:{round}");
        let joins = join_all((0..8).map(|_| {
            let (socket, channel) = (socket.clone(), channel.clone());
            tokio::spawn(async move { socket.join(&channel).await })
        }));
        let publishing = async {
            for n in 1..=40 {
                server.publish(&channel, json!(n)).await;
            }
        };
        let (joined, ()) = tokio::join!(joins, publishing);
        assert!(joined.into_iter().all(|joined| joined.is_ok_and(|joined| joined.is_ok())), "round {round}");
        server.publish(&channel, json!(41)).await;
        let mut heard = Vec::new();
        let mut subscribed = 0;
        while heard.last() != Some(&41) {
            let text = client.text().await;
            let event: Vec<Value> =
                serde_json::from_str(text.strip_prefix("42/race,").expect("an event")).expect("JSON");
            match event[0].as_str() {
                Some("subscribed") => subscribed += 1,
                _ => heard.push(event[1].as_u64().expect("a number")),
            }
        }
        assert_eq!(subscribed, 1, "round {round}");
        assert!(heard.iter().copied().eq(heard[0]..=41), "round {round}: {heard:?}");
        socket.leave(&channel);
        while !client.text().await.contains("unsubscribed") {}
    }
}
