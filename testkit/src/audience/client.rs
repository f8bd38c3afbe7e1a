//! One of them.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use kernel::limits;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Hall;

type Socket = WebSocketStream<TcpStream>;

/// Clients of one source address: each has 28,232 ports to one server.
const PER_SOURCE: usize = 4_000;
/// The pauses of the console's client, milliseconds (`console/src/shared/live.ts`).
const PAUSE_MS: (u64, u64) = (300, 8_000);
/// From the first byte to the upgrade, and from there to the subscription, where the official client waits for 5 s.
const PATIENCE: Duration = Duration::from_secs(10);
/// Without a word for so long the server is gone.
const SILENCE: Duration = Duration::from_secs((limits::REALTIME_PING_S + limits::REALTIME_PONG_S) as u64);
/// Bytes of a client's buffers.
const BUFFER: usize = 4 * 1024;

pub(super) struct Client {
    hall: Arc<Hall>,
    number: usize,
    last: watch::Receiver<Option<Arc<[u64]>>>,
    at: Option<Position>,
    subscribed: bool,
    /// Attempts that failed since it was last let in.
    attempts: u32,
}

struct Position {
    offset: u64,
    epoch: String,
}

/// How a session ended.
enum Ended {
    HeardAll,
    /// Come back, after so long at least.
    Away(Duration),
}

impl Ended {
    const AWAY: Self = Self::Away(Duration::ZERO);
}

impl Client {
    pub(super) fn new(hall: Arc<Hall>, number: usize, last: watch::Receiver<Option<Arc<[u64]>>>) -> Self {
        Self { hall, number, last, at: None, subscribed: false, attempts: 0 }
    }

    /// Ends when it has heard all there is to hear.
    pub(super) async fn live(mut self) -> Result<()> {
        let hall = self.hall.clone();
        let mut opening = Some(hall.opening.acquire().await?);
        loop {
            let ended = match self.open().await? {
                Ok(socket) => {
                    let ended = self.session(socket, || drop(opening.take())).await;
                    self.left();
                    ended.with_context(|| format!("client {}", self.number))?
                }
                Err(ended) => ended,
            };
            match ended {
                Ended::HeardAll => return Ok(()),
                Ended::Away(at_least) => tokio::time::sleep(self.pause().max(at_least)).await,
            }
        }
    }

    /// With full jitter, as the official client.
    fn pause(&mut self) -> Duration {
        let (min, max) = PAUSE_MS;
        let jitter = self.hall.entropy.below((min << self.attempts.min(16)).min(max) + 1);
        self.attempts += 1;
        Duration::from_millis((min + jitter).min(max))
    }

    async fn open(&self) -> Result<Result<Socket, Ended>> {
        let socket = TcpSocket::new_v4()?;
        let source = Ipv4Addr::new(127, 0, 0, 2 + (self.number / PER_SOURCE) as u8);
        socket.bind((source, 0).into()).context("a client has no port or no file")?;
        let url = format!("ws://{}/connection/websocket", self.hall.address);
        let config =
            WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0).max_message_size(Some(1 << 24));
        let upgrade = async {
            let stream = socket.connect(self.hall.address).await?;
            stream.set_nodelay(true)?;
            tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await
        };
        match tokio::time::timeout(PATIENCE, upgrade).await {
            Ok(Ok((socket, _))) => {
                self.hall.score(|score| score.arrival());
                Ok(Ok(socket))
            }
            Ok(Err(Error::Http(answer))) => {
                let after = answer.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse().ok());
                let (status, after) = (answer.status().as_u16(), after.map(Duration::from_secs));
                let Some(after) = after.filter(|_| [429, 503].contains(&status)) else {
                    bail!("refused for good: {status}, {:?}", answer.headers());
                };
                self.hall.score(|score| score.tally.refused += 1);
                Ok(Err(Ended::Away(after)))
            }
            Ok(Err(_)) | Err(_) => Ok(Err(Ended::AWAY)),
        }
    }

    /// Listens until there is nothing more to hear, or the connection ends.
    async fn session(&mut self, mut socket: Socket, mut opened: impl FnMut()) -> Result<Ended> {
        let connect = match self.hall.tokens.get(self.number) {
            Some(token) => json!({ "token": token }),
            None => json!({}),
        };
        let hello = format!("{}\n{}", json!({ "id": 1, "connect": connect }), self.subscribe());
        if socket.send(Message::text(hello)).await.is_err() {
            return Ok(Ended::AWAY);
        }
        let mut last = self.last.clone();
        loop {
            if self.has_heard_all() {
                // Whoever listens to us has seen enough.
                let _ = socket.close(None).await;
                return Ok(Ended::HeardAll);
            }
            let patience = if self.subscribed { SILENCE } else { PATIENCE };
            let message = tokio::select! {
                message = tokio::time::timeout(patience, socket.next()) => message,
                _ = last.changed() => continue,
            };
            let text = match message {
                Ok(Some(Ok(Message::Text(text)))) => text,
                // 3500–3999 and 4500–4999: stay away (Centrifuge protocol).
                Ok(Some(Ok(Message::Close(Some(why))))) => match u16::from(why.code) {
                    3500..4000 | 4500..5000 => bail!("sent away for good: {why}"),
                    _ => return Ok(Ended::AWAY),
                },
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => continue,
                _ => return Ok(Ended::AWAY),
            };
            for line in text.lines() {
                let said = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
                let Some(answer) = self.hears(&said)? else { continue };
                if answer.is_empty() || socket.send(Message::text(answer)).await.is_err() {
                    return Ok(Ended::AWAY);
                }
            }
            if self.subscribed {
                opened();
            }
        }
    }

    fn has_heard_all(&self) -> bool {
        let channel = self.channel();
        let last = self.last.borrow().as_ref().map(|last| last[channel]);
        self.subscribed && last.is_some_and(|last| self.at.as_ref().is_some_and(|at| at.offset >= last))
    }

    fn channel(&self) -> usize {
        self.number % self.hall.channels.len()
    }

    fn subscribe(&self) -> String {
        let channel = &self.hall.channels[self.channel()];
        let asked = match &self.at {
            None => json!({ "channel": channel }),
            Some(at) => json!({ "channel": channel, "recover": true, "offset": at.offset, "epoch": at.epoch }),
        };
        json!({ "id": 2, "subscribe": asked }).to_string()
    }

    /// What is to be answered: the empty text ends the session.
    fn hears(&mut self, said: &Value) -> Result<Option<String>> {
        let push = &said["push"];
        if said.as_object().is_some_and(serde_json::Map::is_empty) {
            return Ok(Some("{}".to_owned()));
        }
        if !said["error"].is_null() {
            ensure!(said["error"]["temporary"] == true, "refused for good: {said}");
            return Ok(Some(String::new()));
        }
        if !said["subscribe"].is_null() {
            self.enters(&said["subscribe"])?;
        } else if !push["pub"].is_null() {
            ensure!(self.subscribed, "a publication before the subscription: {said}");
            self.publication(&push["pub"], true)?;
        } else if let Some(code) = push["unsubscribe"]["code"].as_u64() {
            ensure!(code >= 2500, "sent away for good: {said}");
            self.left();
            return Ok(Some(self.subscribe()));
        }
        Ok(None)
    }

    fn enters(&mut self, reply: &Value) -> Result<()> {
        let offset = reply["offset"].as_u64().unwrap_or(0);
        let epoch = reply["epoch"].as_str().context("an epoch")?;
        let publications = reply["publications"].as_array().map_or(&[][..], Vec::as_slice);
        ensure!(reply["recoverable"] == true, "the channel has no history: {reply}");
        match &self.at {
            Some(at) if reply["recovered"] == true => {
                ensure!(at.epoch == epoch, "recovered over another epoch: {reply}");
                self.hall.score(|score| {
                    score.tally.recovered += 1;
                    score.tally.caught_up += publications.len() as u64;
                });
                for publication in publications {
                    self.publication(publication, false)?;
                }
            }
            before => {
                let channel = self.channel();
                self.hall.score(|score| match before {
                    None => score.from[channel] = offset,
                    Some(at) => {
                        score.tally.told_to_reload += 1;
                        score.tally.reloaded += offset.saturating_sub(at.offset);
                    }
                });
                self.at = Some(Position { offset, epoch: epoch.to_owned() });
            }
        }
        (self.subscribed, self.attempts) = (true, 0);
        self.hall.presence.send_modify(|presence| presence.online += 1);
        Ok(())
    }

    fn publication(&mut self, publication: &Value, live: bool) -> Result<()> {
        let channel = self.channel();
        let at = self.at.as_mut().context("a publication before the subscription")?;
        let offset = publication["offset"].as_u64().filter(|offset| *offset > 0).context("an offset")?;
        let id = (self.hall.id)(&publication["data"]).with_context(|| format!("not what was sent: {publication}"))?;
        at.offset = self.hall.score(|score| {
            if live {
                score.took.extend(score.begun_at.get(id).map(Instant::elapsed));
            }
            score.publication(channel, at.offset, offset, id)
        });
        Ok(())
    }

    fn left(&mut self) {
        if std::mem::take(&mut self.subscribed) {
            self.hall.presence.send_modify(|presence| {
                presence.online -= 1;
                presence.ended += 1;
            });
        }
    }
}
