//! What happens in a namespace is told.

use realtime::socketio::Namespace;
use realtime::witness::What;
use serde_json::json;

use super::client::Client;
use crate::witness::{subscribed, unsubscribed, watched};

#[tokio::test]
async fn a_client_of_socketio_in_its_namespace() {
    let (server, mut told) = watched().await;
    server.hub.socketio(Namespace::new("/").with_subscriptions());
    let (mut client, _) = Client::enter(&server, "/", json!({})).await;
    let (name, what) = told.next().await;
    assert_eq!(what, What::Connected);
    client.subscribe("/", "lively:a").await;
    told.expect(&name, subscribed("lively:a")).await;
    client.say("41").await;
    told.expect(&name, unsubscribed("lively:a", 1, "client disconnected")).await;
    told.expect(&name, What::Disconnected { code: 1000, reason: "" }).await;
    assert!(told.is_silent());
}
