//! Socket.IO: its packets as its own libraries send them, over polling and WebSockets, in the channels of everybody else.

mod client;
mod events;
mod polling;
mod returning;
mod rights;

use bus::Bus;
use kernel::{Clock, Entropy, SealKey};
use realtime::socketio::{Args, Call, Namespace};
use serde_json::json;

use crate::support::Server;

/// `/` lets clients join channels; `/same` brings them back as the same; `/echo` answers.
fn namespaces() -> [Namespace; 3] {
    let echo = Namespace::new("/echo")
        .on_connect(async |socket, auth| socket.emit("auth", Args::of(json!([auth]))))
        .on("echo", async |call: Call| call.args)
        .on("back", async |call: Call| {
            call.socket.emit("back", call.args);
            Args::default()
        })
        .on("panic", async |_| panic!("a product's fault"))
        .on("leave", async |call: Call| {
            call.socket.disconnect();
            Args::default()
        });
    [
        Namespace::new("/").with_subscriptions(),
        Namespace::new("/same").with_subscriptions().recovering(SealKey::new([7; 32])),
        echo,
    ]
}

async fn server() -> Server {
    on(Bus::memory(Clock::system(), &Entropy::system())).await
}

async fn on(bus: Bus) -> Server {
    let server = Server::on(bus, []).await;
    namespaces().into_iter().for_each(|namespace| server.hub.socketio(namespace));
    server
}
