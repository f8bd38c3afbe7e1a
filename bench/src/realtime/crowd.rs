//! Many clients at once, as light as can be.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use kernel::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::dialect::{Dialect, Kind, LOOKED_AT, Opening, Place};
use super::frames::{self, Frames};
use super::token;
use crate::latencies::Latencies;

/// Connections that are being opened at a time.
const OPENING: usize = 64;
/// Connections of one source address: each has 28,232 ports to one server.
const PER_SOURCE: usize = 4_000;
/// A person has several connections, as one with several pages open.
const PEOPLE: usize = 2_000;
/// A client that is told to come later does.
const LATER: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(30);

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 * 1024]);
}

/// How clients come in.
#[derive(Clone)]
pub(crate) struct Guests {
    pub(crate) server: SocketAddr,
    pub(crate) dialect: Dialect,
    pub(crate) channels: Vec<String>,
    /// Bytes that the kernel keeps for one; as it likes unless said.
    pub(crate) window: Option<u32>,
}

/// An open connection.
pub(crate) struct Wire {
    /// Of its client, who is a person by it.
    pub(crate) number: usize,
    stream: TcpStream,
    dialect: Dialect,
    /// Read, and not yet looked at.
    rest: Vec<u8>,
    pub(crate) opening: Opening,
}

impl Guests {
    /// The client of this number comes in, where it was if it says so. Sent away for now it comes again; how often that was.
    pub(crate) async fn open(&self, number: usize, place: Option<&Place>) -> Result<(Wire, u64)> {
        let begun = Instant::now();
        for turned_away in 0.. {
            let once = tokio::time::timeout(PATIENCE, self.once(number, place)).await;
            match once.unwrap_or_else(|_| Err(anyhow!("client {number} was not let in"))) {
                Ok(wire) => return Ok((wire, turned_away)),
                Err(error) if begun.elapsed() > PATIENCE => return Err(error),
                Err(error) if error.is::<Later>() => tokio::time::sleep(LATER).await,
                Err(error) => return Err(error),
            }
        }
        bail!("a client came too often")
    }

    async fn once(&self, number: usize, place: Option<&Place>) -> Result<Wire> {
        let (socket, dialect) = (TcpSocket::new_v4()?, self.dialect);
        socket.bind((Ipv4Addr::new(127, 0, 0, 2 + (number / PER_SOURCE) as u8), 0).into())?;
        if let Some(window) = self.window {
            socket.set_recv_buffer_size(window)?;
        }
        let mut stream = socket.connect(self.server).await.context("no connection")?;
        stream.set_nodelay(true)?;
        let token = token::sign(&Clock::system(), number % PEOPLE);
        stream.write_all(dialect.handshake(&self.channels, place).as_bytes()).await?;
        let opening = Opening::new(dialect, &token, &self.channels, place);
        let mut wire = Wire { number, stream, dialect, rest: Vec::new(), opening };
        wire.upgraded().await?;
        if let Some(first) = dialect.first(&token, &self.channels, place) {
            wire.say(&first).await?;
        }
        while !wire.opening.is_open() {
            let text = wire.text().await?;
            for answer in wire.opening.hear(&text)? {
                wire.say(&answer).await?;
            }
        }
        Ok(wire)
    }

    /// Opens these, [`OPENING`] at a time; each with what `place` says of its number.
    pub(crate) async fn come(&self, numbers: std::ops::Range<usize>) -> Result<Vec<Wire>> {
        let (mut wires, mut opening, mut numbers) = (Vec::new(), JoinSet::new(), numbers);
        loop {
            while opening.len() < OPENING {
                let Some(number) = numbers.next() else { break };
                let guests = self.clone();
                opening.spawn(async move { guests.open(number, None).await });
            }
            match opening.join_next().await {
                Some(opened) => wires.push(opened??.0),
                None => return Ok(wires),
            }
        }
    }
}

/// The server asks this client to come later.
#[derive(Debug)]
struct Later;

impl std::fmt::Display for Later {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the server asks to come later")
    }
}

impl std::error::Error for Later {}

impl Wire {
    async fn upgraded(&mut self) -> Result<()> {
        let head = loop {
            if let Some(end) = self.rest.windows(4).position(|end| end == b"\r\n\r\n") {
                break self.rest.drain(..end + 4).collect::<Vec<_>>();
            }
            self.more().await?;
        };
        if head.starts_with(b"HTTP/1.1 503") || head.starts_with(b"HTTP/1.1 429") {
            return Err(Later.into());
        }
        ensure!(head.starts_with(b"HTTP/1.1 101"), "no upgrade: {}", String::from_utf8_lossy(&head));
        Ok(())
    }

    async fn more(&mut self) -> Result<()> {
        ensure!(self.stream.read_buf(&mut self.rest).await? > 0, "the server ended the connection");
        Ok(())
    }

    pub(crate) async fn say(&mut self, text: &str) -> Result<()> {
        Ok(self.stream.write_all(&frames::text(text)).await?)
    }

    /// The next frame of text.
    async fn text(&mut self) -> Result<String> {
        loop {
            let known = (2..=10.min(self.rest.len())).find_map(|have| Some((have, frames::length(&self.rest, have)?)));
            if let Some((head, length)) = known.filter(|(head, length)| self.rest.len() >= head + length) {
                let frame: Vec<_> = self.rest.drain(..head + length).collect();
                let text = String::from_utf8_lossy(&frame[head..]).into_owned();
                match frame[0] & 0xf {
                    1 | 2 => return Ok(text),
                    8 => bail!("the server sends us away: {text}"),
                    _ => continue,
                }
            }
            self.more().await?;
        }
    }

    /// The next message, whole; pings before it are answered.
    pub(crate) async fn message(&mut self) -> Result<String> {
        let number = self.number;
        let heard = tokio::time::timeout(PATIENCE, self.next_message()).await;
        heard.with_context(|| format!("client {number} hears nothing"))?
    }

    async fn next_message(&mut self) -> Result<String> {
        loop {
            let text = self.text().await?;
            let begins = &text.as_bytes()[..text.len().min(LOOKED_AT)];
            match self.dialect.kind(begins, text.len()) {
                Kind::Message => return Ok(text),
                Kind::Ping => self.say(self.dialect.pong()).await?,
                Kind::Other => {}
            }
        }
    }

    async fn listen(mut self, board: Arc<Board>) {
        let (mut frames, mut heard) = (Frames::new(self.dialect), 0);
        let pong = frames::text(self.dialect.pong());
        let mut seen = frames.feed(&std::mem::take(&mut self.rest));
        loop {
            board.heard(&mut heard, seen.messages);
            if seen.closed || (seen.pings > 0 && self.stream.write_all(&pong).await.is_err()) {
                break;
            }
            if self.stream.readable().await.is_err() {
                break;
            }
            let read = SCRATCH.with_borrow_mut(|scratch| {
                let read = self.stream.try_read(scratch)?;
                Ok((read, frames.feed(&scratch[..read])))
            });
            seen = match read {
                Ok((0, _)) => break,
                Ok((_, seen)) => seen,
                Err(error) if std::io::Error::kind(&error) == std::io::ErrorKind::WouldBlock => frames::Seen::default(),
                Err(_) => break,
            };
        }
        board.ended.fetch_add(1, Ordering::Relaxed);
        board.rang.notify_waiters();
    }
}

/// What all listeners of a crowd write on.
#[derive(Default)]
struct Board {
    messages: AtomicU64,
    ended: AtomicU64,
    /// When each message was ordered, where that is of interest, and how long each took to each listener.
    ordered: Mutex<Vec<Instant>>,
    took: Mutex<Latencies>,
    /// How many messages somebody waits for.
    awaited: AtomicU64,
    rang: Notify,
}

impl Board {
    /// `heard` of one listener, who just heard this many more.
    fn heard(&self, heard: &mut usize, more: u64) {
        if more == 0 {
            return;
        }
        let now = Instant::now();
        let ordered = hold(&self.ordered);
        for _ in 0..more {
            if let Some(at) = ordered.get(*heard) {
                hold(&self.took).add(now.saturating_duration_since(*at));
            }
            *heard += 1;
        }
        let all = self.messages.fetch_add(more, Ordering::Relaxed) + more;
        if all >= self.awaited.load(Ordering::Relaxed) {
            self.rang.notify_waiters();
        }
    }
}

fn hold<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Open connections that read and count until they are dropped.
pub(crate) struct Crowd {
    _listeners: JoinSet<()>,
    size: usize,
    board: Arc<Board>,
}

impl Crowd {
    pub(crate) async fn gather(guests: &Guests, numbers: std::ops::Range<usize>) -> Result<Self> {
        let (board, mut listeners) = (Arc::new(Board::default()), JoinSet::new());
        let wires = guests.come(numbers).await?;
        let size = wires.len();
        wires.into_iter().for_each(|wire| drop(listeners.spawn(wire.listen(board.clone()))));
        Ok(Self { _listeners: listeners, size, board })
    }

    /// A message is ordered now: each of its arrivals is timed from here.
    pub(crate) fn order(&self) {
        hold(&self.board.ordered).push(Instant::now());
    }

    /// The times of what was ordered so far.
    pub(crate) fn took(&self) -> Latencies {
        std::mem::take(&mut hold(&self.board.took))
    }

    /// Waits until everybody has heard this many messages.
    pub(crate) async fn hears(&self, each: usize) -> Result<()> {
        let owed = (self.size * each) as u64;
        self.board.awaited.store(owed, Ordering::Relaxed);
        let heard = async {
            loop {
                let rang = self.board.rang.notified();
                let (heard, ended) = (&self.board.messages, self.board.ended.load(Ordering::Relaxed));
                ensure!(ended == 0, "{ended} of {} connections ended", self.size);
                if heard.load(Ordering::Relaxed) >= owed {
                    return Ok(());
                }
                rang.await;
            }
        };
        let heard = tokio::time::timeout(PATIENCE, heard).await;
        heard.with_context(|| format!("{} of {owed} messages came", self.board.messages.load(Ordering::Relaxed)))?
    }
}
