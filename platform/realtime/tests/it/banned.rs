//! A ban that comes while something else happens to the same connection.

use std::net::SocketAddr;
use std::sync::Arc;

use bus::Bus;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use http::request::Parts;
use kernel::{Clock, Entropy, Problem};
use realtime::doorman::{Allowed, Gate, Shown, Standing, Unknown};
use realtime::{Caller, Doorman};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::register::Register;
use crate::support::{Server, in_time, post_to};

const START_S: i64 = 1_700_000_000;

/// Answers whether somebody may stay only when it is let.
struct Slow {
    register: Arc<Register>,
    asked: Semaphore,
    gate: Semaphore,
}

impl Doorman for Slow {
    fn at_the_door<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Caller, Unknown>> {
        Doorman::at_the_door(&*self.register, headers)
    }

    fn by_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Shown> {
        Doorman::by_token(&*self.register, token)
    }

    fn still<'a>(&'a self, caller: &'a Caller) -> BoxFuture<'a, Standing> {
        async move {
            let standing = Doorman::still(&*self.register, caller).await;
            self.asked.add_permits(1);
            self.gate.acquire().await.expect("open").forget();
            standing
        }
        .boxed()
    }
}

struct Anybody;

impl Gate for Anybody {
    fn allows<'a>(&'a self, _: &'a mut Parts) -> BoxFuture<'a, Result<Allowed, Problem>> {
        async { Ok(Allowed { read: true, write: true }) }.boxed()
    }
}

async fn api(server: &Server) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let routes: axum::Router = server.hub.api_routes(Arc::new(Anybody));
    tokio::spawn(async move { axum::serve(listener, routes).await.expect("serving") });
    address
}

/// The new end is of the right that was asked about: it is no other.
#[tokio::test]
async fn whoever_is_banned_while_a_program_moves_its_end_is_gone() {
    let clock = Clock::manual(START_S * 1_000);
    let register = Register::new(&clock);
    let slow = Arc::new(Slow { register: register.clone(), asked: Semaphore::new(0), gate: Semaphore::new(0) });
    let bus = Bus::memory(clock.clone(), &Entropy::system());
    let server = Server::behind(slow.clone(), clock, bus, []).await;
    let api = api(&server).await;
    let mut client = server.open().await;
    let token = format!("ann@{}", (START_S + 60) * 1_000);
    assert!(client.ask(json!({ "connect": { "token": token } })).await["connect"].is_object());

    register.ban("ann");
    let moved = async {
        in_time(slow.asked.acquire()).await.expect("open").forget();
        let later = json!({ "user": "ann", "expire_at": START_S + 600 }).to_string();
        let (status, answer) = post_to(api, "/api/refresh", &[], &later).await;
        assert_eq!((status, &answer), (200, &json!({ "result": {} })));
        slow.gate.add_permits(10);
    };
    tokio::join!(server.hub.ask_again("ann"), moved);
    assert_eq!(client.closed().await, (3503, "force disconnect".to_owned()));
}
