//! Our hub in a process of its own, as the peers are: people come in by tokens, and hear what it is told to publish.

use std::sync::Arc;

use anyhow::Result;
use bus::Bus;
use kernel::{Clock, Entropy, SealKey};
use realtime::{Hub, Namespace, socketio};
use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;

use super::order::Order;
use super::token::BySecret;
use crate::fanout_server;
use crate::pace::Pace;

/// Channels without a history, and those that are caught up with.
pub(crate) const PASSING: &str = "bench";
pub(crate) const KEPT: &str = "kept";
/// As many wait to be accepted as at the product's own listener.
const BACKLOG: u32 = 4096;
const HISTORY: usize = 64;
const HISTORY_MS: u64 = 120_000;

/// Prints its address, then obeys orders until its input ends, answering each when it is done.
pub(crate) async fn serve() -> Result<()> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let doorman = Arc::new(BySecret(clock.clone()));
    let hub = Hub::new(Bus::memory(clock.clone(), &entropy), clock, entropy, doorman);
    hub.namespace(Namespace::public(PASSING));
    hub.namespace(Namespace::public(KEPT).history(HISTORY, HISTORY_MS));
    hub.socketio(socketio::Namespace::new("/").with_subscriptions().recovering(SealKey::new([7; 32])));
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(BACKLOG)?;
    println!("{}", listener.local_addr()?);
    let (routes, stop) = (hub.routes(), CancellationToken::new());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let ticking = tokio::spawn({
        let (hub, stop) = (hub.clone(), stop.clone());
        async move { hub.run(stop).await }
    });
    // As in the product, whoever publishes is a task: the main thread would be one more to wake.
    tokio::spawn(obey(hub)).await??;
    stop.cancel();
    ticking.await?;
    Ok(())
}

async fn obey(hub: Hub) -> Result<()> {
    let mut orders = fanout_server::orders();
    while let Some(line) = orders.recv().await {
        let order = Order::read(&line)?;
        let (data, pace) = (order.data(), (order.per_s > 0).then(|| Pace::start(order.per_s, order.count as usize)));
        for _ in 0..order.count {
            if let Some(pace) = &pace {
                pace.next().await;
            }
            hub.publish_json(order.channel, data.clone().into()).await?;
        }
        println!("done");
    }
    Ok(())
}
