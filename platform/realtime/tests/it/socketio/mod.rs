//! Socket.IO: its packets as its own libraries send them, over polling and WebSockets, in the channels of everybody else.

mod beat;
pub(crate) mod client;
mod events;
mod given_up;
mod limits;
mod polling;
mod returning;
mod rights;
mod tickets;
mod together;
mod verbs;
mod witnessed;

use std::time::Duration;

use bus::Bus;
use kernel::{Clock, Entropy, SealKey};
use realtime::socketio::{Args, Call, Namespace};
use serde_json::json;

use crate::support::Server;

/// `/` lets clients join channels; `/same` brings them back as the same; `/led` too, where the product alone lets them join; `/echo` answers.
pub(crate) fn namespaces() -> [Namespace; 4] {
    let echo = Namespace::new("/echo")
        .on_connect(async |socket, auth| socket.emit("auth", Args::of(json!([auth]))))
        .on("echo", async |call: Call| call.args)
        .on("back", async |call: Call| {
            call.socket.emit("back", call.args);
            Args::default()
        })
        .on("wait", async |_| std::future::pending().await)
        .on("ask", async |call: Call| {
            let answer = call.socket.ask("how many", Args::default(), Duration::from_secs(20)).await;
            answer.unwrap_or_default()
        })
        .on("gone", async |call: Call| {
            call.socket.disconnect();
            let answer = call.socket.ask("any", Args::default(), Duration::from_secs(3_600)).await;
            assert!(answer.is_none());
            call.args
        })
        .on("reserved", async |call: Call| {
            call.socket.emit("disconnect", Args::default());
            call.socket.emit("subscribed", Args::default());
            assert!(call.socket.ask("connect", Args::default(), Duration::from_secs(3_600)).await.is_none());
            call.args
        })
        .on("panic", async |_| panic!("a product's fault"))
        .on("leave", async |call: Call| {
            call.socket.disconnect();
            Args::default()
        });
    let led = Namespace::new("/led")
        .on_connect(async |socket, _| socket.emit("here", Args::of(json!([socket.recovered(), 0]))))
        .on("come", come)
        .on("go", async |call: Call| {
            call.socket.leave(call.args.values[0].as_str().expect("a channel"));
            Args::default()
        })
        .on("leave", async |call: Call| {
            call.socket.disconnect();
            Args::default()
        })
        .recovering(SealKey::new([7; 32]));
    [
        Namespace::new("/").with_subscriptions(),
        Namespace::new("/same").with_subscriptions().on("come", come).recovering(SealKey::new([7; 32])),
        led,
        echo,
    ]
}

async fn come(call: Call) -> Args {
    call.socket.join(call.args.values[0].as_str().expect("a channel")).await.expect("joined");
    Args::default()
}

async fn server() -> Server {
    on(Bus::memory(Clock::system(), &Entropy::system())).await
}

async fn on(bus: Bus) -> Server {
    let server = Server::on(bus, []).await;
    namespaces().into_iter().for_each(|namespace| server.hub.socketio(namespace));
    server
}
