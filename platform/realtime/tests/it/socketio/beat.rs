//! A beat of the operator's own.

use std::time::Duration;

use realtime::socketio::Beat;
use tokio_util::sync::CancellationToken;

use super::client::{Client, json_of};
use super::{polling, server};
use crate::support::{Server, in_time};

async fn quick() -> Server {
    let server = server().await;
    // No whole seconds, and a second to answer on a machine that is busy.
    let [ping, pong, connect] = [1_100, 1_000, 45_000].map(Duration::from_millis);
    server.hub.socketio_beat(Beat { ping, pong, connect });
    server
}

#[tokio::test]
async fn clients_are_told_of_it_pinged_by_it_and_given_up_by_it() {
    let server = quick().await;
    let (status, open) = polling::poll(&server, "EIO=4&transport=polling").await;
    let told = json_of(&open);
    assert_eq!((status, &told["pingInterval"], &told["pingTimeout"]), (200, &1_100.into(), &1_000.into()));
    let (stop, hub) = (CancellationToken::new(), server.hub.clone());
    let stopped = stop.clone();
    let ticks = tokio::spawn(async move { hub.run(stopped).await });
    let mut client = Client::open(&server, &[]).await.expect("a handshake");
    for _ in 0..2 {
        assert_eq!(client.text().await, "2", "before it has entered anything");
        client.say("3").await;
    }
    assert_eq!(client.text().await, "2");
    assert_eq!(client.closed().await, 3012, "and not answered");
    stop.cancel();
    ticks.await.expect("an end");
}

#[tokio::test]
async fn seconds_of_it_are_many_looks() {
    let server = quick().await;
    let query = polling::open(&server).await;
    assert_eq!(server.hub.stats().connections, 1);
    (0..3).for_each(|_| server.hub.tick());
    in_time(async {
        while server.hub.stats().connections > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(polling::poll(&server, &query).await.0, 400);
}

#[tokio::test]
#[should_panic(expected = "no beat")]
async fn one_that_cannot_be_kept_is_refused() {
    let [ping, pong, connect] = [250, 200, 45_000].map(Duration::from_millis);
    server().await.hub.socketio_beat(Beat { ping, pong, connect });
}
