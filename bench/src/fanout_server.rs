//! What publishes to many, in a process of its own, so that its CPU can be told from the clients': our hub, and the floor
//! under any hub.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bus::Bus;
use kernel::{Clock, Entropy};
use realtime::doorman::Nobody;
use realtime::{Hub, Namespace};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::pace::Pace;

/// The one channel, without history, as in the peers' measurements.
pub(crate) const CHANNEL: &str = "bench:all";
/// Orders that wait: there is one at a time.
const ORDERS: usize = 1;

/// The hub and its routes. Prints its address, then obeys `{a second} {how many}` lines until its input ends, answering
/// each when it is done.
pub(crate) async fn hub() -> Result<()> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let hub = Hub::new(Bus::memory(clock.clone(), &entropy), clock, entropy, Arc::new(Nobody));
    hub.namespace(Namespace::public("bench"));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let routes = hub.routes();
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let payload = payload();
    let mut orders = orders();
    while let Some(order) = orders.recv().await {
        let pace = begin(&order)?;
        while pace.next().await.is_some() {
            hub.publish_json(CHANNEL, payload.clone().into()).await?;
        }
        println!("done");
    }
    Ok(())
}

/// One `send` of a ready frame to each connection in turn, and nothing else: what the system itself takes.
pub(crate) async fn floor() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let text = format!("{{\"push\":{{\"channel\":\"{CHANNEL}\",\"pub\":{{\"data\":{}}}}}}}", payload());
    let frame = [&[0x81, 126][..], &u16::try_from(text.len())?.to_be_bytes(), text.as_bytes()].concat();
    let (mut connections, mut orders) = (Vec::new(), orders());
    loop {
        tokio::select! {
            accepted = listener.accept() => connections.push(welcome(accepted?.0).await?),
            order = orders.recv() => {
                let Some(order) = order else { return Ok(()) };
                let pace = begin(&order)?;
                while pace.next().await.is_some() {
                    for connection in &connections {
                        ensure!(connection.try_write(&frame)? == frame.len(), "a reader is too slow");
                    }
                }
                println!("done");
            }
        }
    }
}

/// The handshake and two replies, as far as our own client looks at them.
async fn welcome(mut stream: TcpStream) -> Result<TcpStream> {
    stream.set_nodelay(true)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x03{1}\x81\x03{2}").await?;
    Ok(stream)
}

fn payload() -> String {
    format!("{{\"text\":\"{}\"}}", "x".repeat(100 - 11))
}

fn begin(order: &str) -> Result<Pace> {
    let (per_s, count) = order.split_once(' ').context("an order has two numbers")?;
    Ok(Pace::start(per_s.parse()?, count.parse()?))
}

/// Lines of standard input, from a thread that waits for them.
pub(crate) fn orders() -> mpsc::Receiver<String> {
    let (tell, orders) = mpsc::channel(ORDERS);
    std::thread::spawn(move || {
        std::io::stdin().lines().map_while(Result::ok).try_for_each(|order| tell.blocking_send(order))
    });
    orders
}
