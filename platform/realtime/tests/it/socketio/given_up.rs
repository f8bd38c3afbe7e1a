//! A product that begins to join a channel and thinks better of it.

use std::error::Error;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, poll};
use realtime::socketio::{Args, Call, Namespace as Socketio};
use realtime::{Caller, Guard, Namespace};
use serde_json::json;
use tokio::sync::Semaphore;

use super::client::Client;
use crate::support::{FOREVER_MS, Server};

/// Answers when it is let.
struct Slow(Semaphore);

impl Guard for Slow {
    fn admits<'a>(&'a self, _: &'a str, _: &'a Caller) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        async {
            self.0.acquire().await?.forget();
            Ok(true)
        }
        .boxed()
    }
}

#[tokio::test]
async fn what_is_given_up_in_the_middle_is_not_heard() {
    let guard = Arc::new(Slow(Semaphore::new(0)));
    let server = Server::with([Namespace::public("slow").history(10, FOREVER_MS).guarded(guard.clone())]).await;
    let (hub, slow) = (server.hub.clone(), guard.clone());
    let namespace = Socketio::new("/half").on("join", move |call: Call| {
        let (hub, slow) = (hub.clone(), slow.clone());
        async move {
            let mut half = Box::pin(call.socket.join("slow:a"));
            assert!(poll!(&mut half).is_pending(), "the guard has not answered");
            let during = hub.subscribers("slow:a");
            drop(half);
            let after = hub.subscribers("slow:a");
            // Given up in the middle of another that goes on: that one is heard.
            let (mut half, mut whole) = (Box::pin(call.socket.join("slow:b")), Box::pin(call.socket.join("slow:b")));
            assert!(poll!(&mut whole).is_pending() && poll!(&mut half).is_pending());
            slow.0.add_permits(1);
            whole.await.expect("joined");
            drop(half);
            Args::of(json!([during, after, hub.subscribers("slow:b"), call.socket.channels()]))
        }
    });
    server.hub.socketio(namespace);
    let (mut client, _) = Client::enter(&server, "/half", json!({})).await;
    client.say(r#"42/half,1["join"]"#).await;
    assert_eq!(client.text().await, r#"42/half,["subscribed","slow:b"]"#);
    assert_eq!(client.text().await, r#"43/half,1[1,0,1,["slow:b"]]"#);
    server.publish("slow:a", json!("unheard")).await;
    server.publish("slow:b", json!("heard")).await;
    assert_eq!(client.text().await, r#"42/half,["message","heard","slow:b"]"#);
    assert_eq!(server.hub.stats().subscriptions, 1);
}
