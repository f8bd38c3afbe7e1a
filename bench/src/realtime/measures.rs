//! What is measured of each server: the same steps, the same clients.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::crowd::{Crowd, Guests};
use super::dialect::Place;
use super::hub::{KEPT, PASSING};
use super::order::Order;
use super::peers::{Peer, Running};
use crate::latencies::Latencies;

/// From the last connection to the reading of memory: allocators give back late. What was connected settles as well before CPU counts.
const SETTLING: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_secs(1);
/// Of a message's data.
const BYTES: usize = 100;
/// Messages on their way, of a publisher that goes as fast as they are heard.
const WINDOW: u32 = 50;
/// Those who come back at a time.
const RETURNING: usize = 256;
const MISSED: u32 = 10;
/// What only the stalled reader is sent: more than any socket holds.
const FAT: (u32, usize) = (400, 60_000);
const TIMED_PER_S: u32 = 20;

fn channel(namespace: &str) -> String {
    format!("{namespace}:all")
}

/// Connections that were opened, and what they keep.
pub(crate) struct Idle {
    /// KiB each: proportional, resident.
    pub(crate) memory_kib: [f64; 2],
    pub(crate) opened_per_s: f64,
    pub(crate) opening_us: f64,
}

/// People come in by tokens, hear one channel, and nothing happens. Half as many were there before, so that what the start left free
/// in the heap hides nothing.
pub(crate) async fn idle(peer: Peer, clients: usize) -> Result<Idle> {
    let server = peer.start(false).await?;
    let idle =
        idle_on(&server.guests(&[&channel(PASSING)])?, clients, || server.memory_kib(), || server.cpu_s()).await?;
    server.end().await?;
    Ok(idle)
}

pub(crate) async fn idle_on(
    guests: &Guests,
    clients: usize,
    memory: impl Fn() -> Result<[f64; 2]>,
    cpu: impl Fn() -> Result<f64>,
) -> Result<Idle> {
    let warm = Crowd::gather(guests, clients..clients + clients / 2).await?;
    tokio::time::sleep(SETTLING).await;
    let (before, cpu_before, begun) = (memory()?, cpu()?, Instant::now());
    let crowd = Crowd::gather(guests, 0..clients).await?;
    let (seconds, cpu_s) = (begun.elapsed().as_secs_f64(), cpu()? - cpu_before);
    tokio::time::sleep(SETTLING).await;
    let after = memory()?;
    for crowd in [&crowd, &warm] {
        crowd.hears(0).await?;
    }
    let clients = clients as f64;
    let memory_kib = [0, 1].map(|of| (after[of] - before[of]) / clients);
    Ok(Idle { memory_kib, opened_per_s: clients / seconds, opening_us: cpu_s * 1e6 / clients })
}

/// A beat, or as fast as one publisher goes who waits for its readers.
#[derive(Clone, Copy)]
pub(crate) enum Rate {
    PerS(u32),
    AsFastAsHeard,
}

/// µs of the server's CPU a delivery, and deliveries a second.
pub(crate) async fn fanout(peer: Peer, subscribers: usize, rate: Rate, seconds: u32) -> Result<[f64; 2]> {
    let mut server = peer.start(false).await?;
    let name = channel(PASSING);
    let crowd = Crowd::gather(&server.guests(&[&name])?, 0..subscribers).await?;
    tokio::time::sleep(PAUSE).await;
    let (cpu, begun, mut said) = (server.cpu_s()?, Instant::now(), 0);
    let mut order = Order { per_s: 0, count: WINDOW, bytes: BYTES, channel: &name };
    match rate {
        Rate::PerS(per_s) => {
            (order.per_s, order.count, said) = (per_s, per_s * seconds, per_s * seconds);
            server.publisher.obey(order).await?;
            crowd.hears(said as usize).await?;
        }
        Rate::AsFastAsHeard => {
            while begun.elapsed() < Duration::from_secs(seconds.into()) {
                server.publisher.obey(order).await?;
                said += WINDOW;
                crowd.hears(said as usize).await?;
            }
        }
    }
    let (seconds, cpu_s) = (begun.elapsed().as_secs_f64(), server.cpu_s()? - cpu);
    drop(crowd);
    server.end().await?;
    let deliveries = subscribers as f64 * f64::from(said);
    Ok([cpu_s * 1e6 / deliveries, deliveries / seconds])
}

/// All cut off at once, and back.
pub(crate) struct Storm {
    pub(crate) back_s: f64,
    pub(crate) cpu_us: f64,
    /// From knocking to having heard all that was missed.
    pub(crate) took: Latencies,
    /// Clients that heard all they missed.
    pub(crate) recovered: usize,
    pub(crate) turned_away: u64,
}

/// Everybody hears one message, is cut off, misses some, and comes back at once.
pub(crate) async fn storm(peer: Peer, clients: usize) -> Result<Storm> {
    let mut server = peer.start(true).await?;
    let name = channel(KEPT);
    let guests = server.guests(&[&name])?;
    let mut wires = guests.come(0..clients).await?;
    let order = Order { per_s: 0, count: 1, bytes: BYTES, channel: &name };
    server.publisher.obey(order).await?;
    let mut places = Vec::with_capacity(clients);
    for wire in &mut wires {
        let message = wire.message().await?;
        let place = peer.recovers().then(|| peer.dialect().place(&message, &wire.opening.of));
        places.push((wire.number, place.transpose()?));
    }
    drop(wires);
    tokio::time::sleep(PAUSE).await;
    server.publisher.obey(Order { count: MISSED, ..order }).await?;
    let storm = come_back(&server, &guests, places).await?;
    server.end().await?;
    Ok(storm)
}

async fn come_back(server: &Running, guests: &Guests, places: Vec<(usize, Option<Place>)>) -> Result<Storm> {
    let (cpu, begun, clients) = (server.cpu_s()?, Instant::now(), places.len());
    let (mut storm, mut coming) = (Storm::default(), JoinSet::new());
    let (mut open, mut places) = (Vec::with_capacity(clients), places.into_iter());
    loop {
        while coming.len() < RETURNING {
            let Some((number, place)) = places.next() else { break };
            coming.spawn(comes_back(guests.clone(), number, place));
        }
        let Some(back) = coming.join_next().await else { break };
        let (wire, took, caught_up, turned_away) = back??;
        storm.took.add(took);
        storm.recovered += usize::from(caught_up);
        storm.turned_away += turned_away;
        open.push(wire);
    }
    storm.back_s = begun.elapsed().as_secs_f64();
    storm.cpu_us = (server.cpu_s()? - cpu) * 1e6 / clients as f64;
    Ok(storm)
}

async fn comes_back(
    guests: Guests,
    number: usize,
    place: Option<Place>,
) -> Result<(super::crowd::Wire, Duration, bool, u64)> {
    let begun = Instant::now();
    let (mut wire, turned_away) = guests.open(number, place.as_ref()).await?;
    let mut heard = wire.opening.caught_up;
    while wire.opening.recovered && heard < MISSED as usize {
        wire.message().await?;
        heard += 1;
    }
    Ok((wire, begun.elapsed(), heard >= MISSED as usize, turned_away))
}

impl Default for Storm {
    fn default() -> Self {
        Self { back_s: 0.0, cpu_us: 0.0, took: Latencies::default(), recovered: 0, turned_away: 0 }
    }
}

/// One reader reads no more.
pub(crate) struct Stalled {
    /// Of all others, milliseconds at p99: before, and meanwhile.
    pub(crate) p99_ms: [f64; 2],
    /// What the server grew by, KiB.
    pub(crate) grown_kib: f64,
}

/// Readers are sent messages at a steady rate, each timed from its order to its arrival; then once more while one of them is sent far
/// more than it takes.
pub(crate) async fn stalled(peer: Peer, readers: usize, seconds: u32) -> Result<Stalled> {
    let mut server = peer.start(false).await?;
    let (name, fat) = (channel(PASSING), format!("{PASSING}:fat"));
    let crowd = Crowd::gather(&server.guests(&[&name])?, 0..readers).await?;
    let slow = Guests { window: Some(4096), ..server.guests(&[&name, &fat])? };
    let slow = slow.come(readers..readers + 1).await?;
    let mut said = 0;
    let mut calm = timed(&mut server, &crowd, &name, seconds, &mut said).await?;
    let before = server.memory_kib()?[0];
    server.publisher.obey(Order { per_s: 0, count: FAT.0, bytes: FAT.1, channel: &fat }).await?;
    let mut meanwhile = timed(&mut server, &crowd, &name, seconds, &mut said).await?;
    let grown_kib = server.memory_kib()?[0] - before;
    ensure!(slow.len() == 1, "there was no slow reader");
    drop(crowd);
    server.end().await?;
    Ok(Stalled { p99_ms: [calm.quantile(0.99), meanwhile.quantile(0.99)], grown_kib })
}

async fn timed(server: &mut Running, crowd: &Crowd, name: &str, seconds: u32, said: &mut usize) -> Result<Latencies> {
    let mut beat = tokio::time::interval(Duration::from_secs(1) / TIMED_PER_S);
    for _ in 0..TIMED_PER_S * seconds {
        beat.tick().await;
        crowd.order();
        *said += 1;
        server.publisher.obey(Order { per_s: 0, count: 1, bytes: BYTES, channel: name }).await?;
    }
    crowd.hears(*said).await?;
    Ok(crowd.took())
}
