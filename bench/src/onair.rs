//! A station with a crowd: 1,000 players of its sound and 1,000 readers of its events, while 500 webhooks a second arrive,
//! its own among them. Nobody drops, and the webhooks' answers stay what they are without the crowd.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use testkit::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::http::Connection;
use crate::ingest::{Arrival, drive, send, settled};
use crate::payloads::{CHANNEL, Delivery, Sender};
use crate::process;
use crate::report::{Conditions, Report};

const PLAYERS: usize = 1_000;
const READERS: usize = 1_000;
const PER_S: u32 = 500;
const DELIVERIES: usize = 5_000;
/// One of so many repositories is the station with the crowd.
const REPOSITORIES: usize = 100;
/// A stream of 192 kbit/s.
const MP3_BYTES_PER_S: f64 = 24_000.0;
/// For 2,000 to come in one after the other, and for the last phrase to be heard by all.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(rounds: u32) -> Result<()> {
    let mut report = Report::new("onair");
    for round in 1..=rounds {
        report.progress(format_args!("round {round}"));
        let server = Server::start().await?;
        let (found, around) = Conditions::around(&server.data(), measure(&server)).await?;
        found.report(&mut report, around);
    }
    report.goal("webhook p99 with the crowd, times that without", "< 2");
    report.goal("listeners that dropped", "0");
    report.finish();
    Ok(())
}

struct Found {
    alone_p99_ms: f64,
    crowd_p99_ms: f64,
    cpu_alone_s: f64,
    cpu_crowd_s: f64,
    cpu_listening_s: f64,
    seconds: f64,
    rss_before_kib: f64,
    rss_kib: f64,
    dropped: usize,
    short: usize,
}

impl Found {
    fn report(&self, report: &mut Report, around: Conditions) {
        let core = |cpu_s: f64| 100.0 * cpu_s / self.seconds;
        report.add("webhook p99 without a crowd", "ms", self.alone_p99_ms, around);
        report.add("webhook p99 with the crowd", "ms", self.crowd_p99_ms, around);
        report.add(
            "webhook p99 with the crowd, times that without",
            "×",
            self.crowd_p99_ms / self.alone_p99_ms,
            around,
        );
        report.add("CPU of the webhooks alone", "% of a core", core(self.cpu_alone_s), around);
        report.add("CPU of the crowd alone", "% of a core", core(self.cpu_listening_s), around);
        report.add("CPU of both", "% of a core", core(self.cpu_crowd_s), around);
        report.add("memory before the crowd", "MiB", self.rss_before_kib / 1024.0, around);
        report.add("memory with the crowd, at the end", "MiB", self.rss_kib / 1024.0, around);
        report.add("listeners that dropped", "listeners", self.dropped as f64, around);
        report.add("listeners that missed something", "listeners", self.short as f64, around);
    }
}

/// What one listener has got.
#[derive(Default)]
struct Ear {
    bytes: AtomicUsize,
    phrases: AtomicUsize,
    gone: AtomicBool,
}

async fn measure(server: &Server) -> Result<Found> {
    let pid = server.pid().context("the server is gone")?;
    let (sender, admin) = (Sender::new(server, REPOSITORIES)?, server.admin().await?);
    let address = server.address();
    // The first webhook makes the station.
    send(&mut Connection::open(&address).await?, &sender.push(0)).await?;
    let deliveries = |from: usize| -> Arc<Vec<Delivery>> {
        Arc::new((from..from + DELIVERIES).map(|number| sender.push(number)).collect())
    };
    // Once to warm up, once to measure.
    drive(&address, Arrival::Steady { per_s: PER_S }, &deliveries(REPOSITORIES)).await?;
    settled(&admin).await?;
    let (cpu, begun) = (process::cpu_s(pid)?, Instant::now());
    let (mut alone, _) = drive(&address, Arrival::Steady { per_s: PER_S }, &deliveries(10_000)).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu_alone_s = process::cpu_s(pid)? - cpu;
    settled(&admin).await?;
    let rss_before_kib = process::memory(pid)?.rss;

    let station = CHANNEL.strip_prefix("radio:").unwrap_or(CHANNEL);
    let ears = crowd(&address, station).await?;
    let (cpu, begun) = (process::cpu_s(pid)?, Instant::now());
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let cpu_listening_s = (process::cpu_s(pid)? - cpu) * seconds / begun.elapsed().as_secs_f64();

    let before: Vec<(usize, usize)> = ears.iter().map(|ear| heard(ear)).collect();
    let (cpu, begun) = (process::cpu_s(pid)?, Instant::now());
    let (mut crowded, _) = drive(&address, Arrival::Steady { per_s: PER_S }, &deliveries(20_000)).await?;
    let cpu_crowd_s = process::cpu_s(pid)? - cpu;
    settled(&admin).await?;
    let played = DELIVERIES / REPOSITORIES;
    let whole = |i: usize, ear: &Ear| {
        let (bytes, phrases) = heard(ear);
        let wanted = MP3_BYTES_PER_S * (begun.elapsed().as_secs_f64() - 2.0);
        if i < PLAYERS { (bytes - before[i].0) as f64 >= wanted } else { phrases - before[i].1 >= played }
    };
    let short = || ears.iter().enumerate().filter(|(i, ear)| !whole(*i, ear)).count();
    // What is under way arrives.
    while short() > 0 && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(Found {
        alone_p99_ms: alone.quantile(0.99),
        crowd_p99_ms: crowded.quantile(0.99),
        cpu_alone_s,
        cpu_crowd_s,
        cpu_listening_s,
        seconds,
        rss_before_kib,
        rss_kib: process::memory(pid)?.rss,
        dropped: ears.iter().filter(|ear| ear.gone.load(Ordering::Relaxed)).count(),
        short: short(),
    })
}

fn heard(ear: &Ear) -> (usize, usize) {
    (ear.bytes.load(Ordering::Relaxed), ear.phrases.load(Ordering::Relaxed))
}

/// The players first, then the readers; all of them are there when it returns. They have a thread of their own, as they
/// would have machines of their own: whoever sends webhooks does not wait for them.
async fn crowd(address: &str, station: &str) -> Result<Vec<Arc<Ear>>> {
    let ears: Vec<Arc<Ear>> = (0..PLAYERS + READERS).map(|_| Arc::default()).collect();
    let (listeners, address, station) = (ears.clone(), address.to_owned(), station.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || runtime.block_on(listen_all(&listeners, &address, &station)));
    let begun = Instant::now();
    while ears.iter().any(|ear| ear.bytes.load(Ordering::Relaxed) < 400) {
        ensure!(begun.elapsed() < PATIENCE, "not everybody was let in");
        ensure!(!ears.iter().any(|ear| ear.gone.load(Ordering::Relaxed)), "somebody was sent away");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(ears)
}

/// Returns when the server is gone.
async fn listen_all(ears: &[Arc<Ear>], address: &str, station: &str) {
    let mut listening = JoinSet::new();
    for (number, ear) in ears.iter().enumerate() {
        let way = if number < PLAYERS { "stream.mp3" } else { "events" };
        let request = format!("GET /radio/{station}/{way} HTTP/1.1\r\nhost: bench\r\n\r\n");
        if let Ok(mut stream) = TcpStream::connect(address).await
            && stream.write_all(request.as_bytes()).await.is_ok()
        {
            let ear = ear.clone();
            listening.spawn(async move {
                listen(stream, &ear).await;
                ear.gone.store(true, Ordering::Relaxed);
            });
        } else {
            ear.gone.store(true, Ordering::Relaxed);
        }
    }
    listening.join_all().await;
}

/// Counts bytes, and phrases by the word that opens each; a word may lie across two reads.
async fn listen(mut stream: TcpStream, ear: &Ear) {
    const WORD: &[u8] = b"event: phrase";
    let mut buffer = vec![0; 16 * 1024];
    let mut kept = 0;
    loop {
        let Ok(read @ 1..) = stream.read(&mut buffer[kept..]).await else { return };
        ear.bytes.fetch_add(read, Ordering::Relaxed);
        let filled = kept + read;
        let phrases = buffer[..filled].windows(WORD.len()).filter(|window| *window == WORD).count();
        ear.phrases.fetch_add(phrases, Ordering::Relaxed);
        // One byte less than the word: what was counted is not counted again.
        kept = filled.min(WORD.len() - 1);
        buffer.copy_within(filled - kept..filled, 0);
    }
}
