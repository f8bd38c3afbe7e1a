//! Many subscribers at once, as light as can be: Centrifuge's JSON protocol, frames counted by their heads.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Connections that are being opened at a time.
const OPENING: usize = 32;
/// Connections of one source address: each has 28,232 ports to one server.
const PER_SOURCE: usize = 4_000;
/// `{}`, masked with zeros: the answer to a ping.
const PONG: [u8; 8] = [0x81, 0x82, 0, 0, 0, 0, b'{', b'}'];
const HANDSHAKE: &str = "GET /connection/websocket HTTP/1.1\r\nhost: bench\r\nconnection: upgrade\r\n\
    upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 * 1024]);
}

/// Open connections that read and count until they are dropped.
pub(crate) struct Crowd {
    readers: JoinSet<()>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    messages: AtomicU64,
    bytes: AtomicU64,
    ended: AtomicU64,
}

impl Crowd {
    /// Connects `count` clients; each subscribes to the channel that `channel` gives for its number, if any.
    pub(crate) async fn gather(address: &str, count: usize, channel: impl Fn(usize) -> Option<String>) -> Result<Self> {
        let address: SocketAddr = address.parse()?;
        let counts = Arc::new(Counts::default());
        let (mut readers, mut opening) = (JoinSet::new(), JoinSet::new());
        let mut begun = 0;
        while begun < count || !opening.is_empty() {
            while begun < count && opening.len() < OPENING {
                let source = Ipv4Addr::new(127, 0, 0, 2 + (begun / PER_SOURCE) as u8);
                opening.spawn(open(address, source, channel(begun)));
                begun += 1;
            }
            if let Some(opened) = opening.join_next().await {
                readers.spawn(read(opened??, counts.clone()));
            }
        }
        Ok(Self { readers, counts })
    }

    /// Messages that came since the replies to `connect` and `subscribe`.
    pub(crate) fn messages(&self) -> u64 {
        self.counts.messages.load(Ordering::Relaxed)
    }

    /// Bytes of those messages.
    pub(crate) fn bytes(&self) -> u64 {
        self.counts.bytes.load(Ordering::Relaxed)
    }

    /// That nobody was sent away.
    pub(crate) fn check(&self) -> Result<()> {
        match self.counts.ended.load(Ordering::Relaxed) {
            0 => Ok(()),
            ended => bail!("{ended} of {} connections ended", self.readers.len()),
        }
    }
}

async fn open(server: SocketAddr, source: Ipv4Addr, channel: Option<String>) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    let mut stream = socket.connect(server).await.context("no connection")?;
    stream.set_nodelay(true)?;
    stream.write_all(HANDSHAKE.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        bail!("no upgrade: {}", String::from_utf8_lossy(&head));
    }
    let mut replies = 1;
    let mut commands = "{\"id\":1,\"connect\":{}}".to_owned();
    if let Some(channel) = channel {
        replies = 2;
        commands.push_str(&format!("\n{{\"id\":2,\"subscribe\":{{\"channel\":\"{channel}\"}}}}"));
    }
    let length = u8::try_from(commands.len()).ok().filter(|length| *length < 126).context("the channel is too long")?;
    stream.write_all(&[&[0x81, 0x80 | length, 0, 0, 0, 0], commands.as_bytes()].concat()).await?;
    for _ in 0..replies {
        reply(&mut stream).await?;
    }
    Ok(stream)
}

/// Reads one reply byte for byte, so that nothing behind it is taken.
async fn reply(stream: &mut TcpStream) -> Result<()> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await?;
    let length = if head[1] == 126 { stream.read_u16().await? } else { u16::from(head[1]) };
    let mut text = vec![0; usize::from(length)];
    stream.read_exact(&mut text).await?;
    let text = String::from_utf8_lossy(&text);
    if head[0] != 0x81 || text.contains("\"error\"") {
        bail!("refused: {text}");
    }
    Ok(())
}

async fn read(mut stream: TcpStream, counts: Arc<Counts>) {
    let mut frames = Frames::default();
    loop {
        if stream.readable().await.is_err() {
            break;
        }
        let read = SCRATCH.with_borrow_mut(|scratch| {
            let read = stream.try_read(scratch);
            read.map(|bytes| (bytes, frames.feed(&scratch[..bytes])))
        });
        let seen = match read {
            Ok((0, _)) => break,
            Ok((_, seen)) => seen,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => break,
        };
        counts.messages.fetch_add(seen.messages, Ordering::Relaxed);
        counts.bytes.fetch_add(seen.bytes, Ordering::Relaxed);
        if seen.closed || (seen.pinged && stream.write_all(&PONG).await.is_err()) {
            break;
        }
    }
    counts.ended.fetch_add(1, Ordering::Relaxed);
}

/// Where one connection stands in its stream of frames.
#[derive(Default)]
struct Frames {
    head: [u8; 10],
    have: usize,
    payload_left: usize,
}

#[derive(Default, Debug, PartialEq)]
struct Seen {
    messages: u64,
    bytes: u64,
    pinged: bool,
    closed: bool,
}

impl Frames {
    fn feed(&mut self, mut bytes: &[u8]) -> Seen {
        let mut seen = Seen::default();
        loop {
            let skipped = self.payload_left.min(bytes.len());
            self.payload_left -= skipped;
            bytes = &bytes[skipped..];
            let Some((&byte, rest)) = bytes.split_first() else { return seen };
            self.head[self.have] = byte;
            self.have += 1;
            bytes = rest;
            let Some(length) = self.length() else { continue };
            (self.have, self.payload_left) = (0, length);
            match self.head[0] & 0xf {
                8 => seen.closed = true,
                // Two bytes are the empty object: the ping of the protocol.
                1 if length == 2 => seen.pinged = true,
                1 => {
                    seen.messages += 1;
                    seen.bytes += length as u64;
                }
                _ => {}
            }
        }
    }

    /// The length of the payload, once its head is whole.
    fn length(&self) -> Option<usize> {
        let (short, have) = (self.head[1] & 0x7f, self.have);
        let long =
            |to: usize| (have == to).then(|| self.head[2..to].iter().fold(0, |n, byte| n << 8 | usize::from(*byte)));
        match short {
            _ if have < 2 => None,
            126 => long(4),
            127 => long(10),
            short => Some(usize::from(short)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_however_they_are_cut() {
        let long = [&[0x81, 126, 1, 44][..], &[b'x'; 300]].concat();
        let stream = [&[0x81, 5][..], b"12345", &[0x81, 2], b"{}", &long, &[0x88, 2, 3, 232]].concat();
        for step in [1, 2, 3, 7, 1000] {
            let (mut frames, mut sum) = (Frames::default(), Seen::default());
            for part in stream.chunks(step) {
                let seen = frames.feed(part);
                sum.messages += seen.messages;
                sum.bytes += seen.bytes;
                sum.pinged |= seen.pinged;
                sum.closed |= seen.closed;
            }
            assert_eq!(sum, Seen { messages: 2, bytes: 305, pinged: true, closed: true }, "in steps of {step}");
        }
    }
}
