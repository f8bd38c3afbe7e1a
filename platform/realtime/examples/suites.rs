//! The server that the suites of Socket.IO and Centrifuge expect: `cargo xtask suites` starts it on a free port, runs them against it,
//! and closes its standard input.

use std::error::Error;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bus::Bus;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Clock, Entropy, Problem};
use realtime::doorman::{Allowed, Gate, Shown, Standing, Unknown};
use realtime::socketio::{self, Args, Beat, Call};
use realtime::{Caller, Doorman, Guard, Hub, Namespace};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the tokens of Centrifuge's suite are signed with.
const SECRET: &[u8] = b"secret";
/// As its configuration for tests has them.
const API_KEY: &str = "test-api-key";
const HISTORY: (usize, u64) = (100, 300_000);
const SMALL_HISTORY: usize = 2;
/// What Socket.IO's suite is written for, and what its own server waits for a client that enters nothing.
const BEAT: Beat =
    Beat { ping: Duration::from_millis(300), pong: Duration::from_millis(200), connect: Duration::from_secs(45) };

/// Takes the suite's tokens, and lets in strangers.
struct Suite;

impl Suite {
    fn claims(token: &str) -> Option<Value> {
        let (signed, seal) = token.rsplit_once('.')?;
        let mac = Hmac::<Sha256>::new_from_slice(SECRET).ok()?.chain_update(signed);
        mac.verify_slice(&BASE64_URL_SAFE_NO_PAD.decode(seal).ok()?).ok()?;
        let claims = BASE64_URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        serde_json::from_slice(&claims).ok()
    }

    fn read(token: &str) -> Option<Caller> {
        Caller::of_claims(&Self::claims(token)?).ok()
    }
}

/// Their `test1` is our `token:1`: whoever shows its token is let in.
impl Guard for Suite {
    fn admits<'a>(
        &'a self,
        channel: &'a str,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        let claims = caller.token.as_ref().and_then(|token| Self::claims(token.expose()));
        let theirs = channel.replace("token:", "test");
        std::future::ready(Ok(claims.is_some_and(|claims| claims["channel"] == theirs.as_str()))).boxed()
    }
}

impl Doorman for Suite {
    fn at_the_door<'a>(&'a self, _: &'a HeaderMap) -> BoxFuture<'a, Result<Caller, Unknown>> {
        std::future::ready(Ok(Caller::default())).boxed()
    }

    fn by_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Shown> {
        // Socket.IO's suite shows texts that are no tokens, and wants to hear them again.
        let nobody = (!token.contains('.')).then(Caller::default);
        std::future::ready(nobody.or_else(|| Self::read(token)).map_or(Shown::Bad, Shown::Good)).boxed()
    }

    fn still<'a>(&'a self, _: &'a Caller) -> BoxFuture<'a, Standing> {
        std::future::ready(Standing::Good).boxed()
    }
}

/// Lets in whoever shows the key of Centrifuge's suite.
impl Gate for Suite {
    fn allows<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Result<Allowed, Problem>> {
        let is_it = parts.headers.get("x-api-key").is_some_and(|key| key == API_KEY);
        let allowed = is_it.then_some(Allowed { read: true, write: true });
        std::future::ready(allowed.ok_or_else(|| Problem::unauthorized("Send the suite's key."))).boxed()
    }
}

/// A namespace that says what a client showed, and sends back what it says.
fn echoing(path: &str) -> socketio::Namespace {
    socketio::Namespace::new(path)
        .on_connect(async |socket, auth| socket.emit("auth", Args::of(json!([auth]))))
        .on("message", async |call: Call| {
            call.socket.emit("message-back", call.args);
            Args::default()
        })
        .on("message-with-ack", async |call: Call| call.args)
}

/// One thread, as theirs is: two of Socket.IO's tests send two things at once, by different connections, and want them taken in order.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let hub = Hub::new(Bus::memory(clock.clone(), &entropy), clock, entropy, Arc::new(Suite));
    let namespace = Namespace::public("test").history(HISTORY.0, HISTORY.1).presence().allow_publish_for_subscriber();
    hub.namespace(namespace);
    hub.namespace(Namespace::public("token").history(HISTORY.0, HISTORY.1).presence().guarded(Arc::new(Suite)));
    for (name, size) in [("recovery", HISTORY.0), ("delta", HISTORY.0), ("smallhistory", SMALL_HISTORY)] {
        hub.namespace(Namespace::public(name).history(size, HISTORY.1).allow_delta().open_to_api());
    }
    hub.socketio_beat(BEAT);
    for path in ["/", "/custom"] {
        hub.socketio(echoing(path));
    }
    // The suites say `localhost`.
    let listener = TcpListener::bind("localhost:0").await?;
    println!("{}", listener.local_addr()?.port());
    let (stop, ticking) = (CancellationToken::new(), hub.clone());
    let ticked = stop.clone();
    let ticks = tokio::spawn(async move { ticking.run(ticked).await });
    let routes = hub.routes().merge(hub.api_routes(Arc::new(Suite)));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    stop.cancel();
    Ok(ticks.await?)
}
