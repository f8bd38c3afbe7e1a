//! Connections over plain HTTP, where WebSocket does not get through: the server speaks in an answer that does not end, the client in
//! requests of its own (`POST /emulation`), which may reach any process and go on to the one that has the connection.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use kernel::{Entropy, limits};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::client::Client;
use super::protobuf::{Decode, Value};
use super::reply;
use super::said::{Kept, Said};
use crate::codes::Disconnect;
use crate::hub::Core;
use crate::members::{Member, Seat};
use crate::sessions;

/// Before the name of a process, the channel on which it hears of commands that reached another.
pub(crate) const NODES: &str = "@node:";
/// The name of a process is no longer, bytes.
const NODE_BYTES: usize = 32;
/// Of commands that wait for their turn, bytes.
const WAITING_BYTES: usize = 4 * limits::REALTIME_MESSAGE_BYTES;
/// What a command takes beside its text, bytes: many short ones are not free.
const COMMAND_BYTES: usize = 64;

/// What a connection has whose commands come by other requests.
pub(crate) struct Session {
    /// With the connection's number, which the number alone does not open.
    pub(crate) secret: String,
    commands: Mutex<Commands>,
}

#[derive(Default)]
struct Commands {
    waiting: VecDeque<Kept>,
    bytes: usize,
}

impl Session {
    pub(crate) fn new(entropy: &Entropy) -> Self {
        Self { secret: entropy.token(16), commands: Mutex::default() }
    }

    fn next(&self) -> Option<Kept> {
        let mut commands = self.commands.lock();
        let command = commands.waiting.pop_front()?;
        commands.bytes -= COMMAND_BYTES + command.said().len();
        Some(command)
    }
}

/// A request of a client, and what processes tell one another.
#[derive(Default, Deserialize, Serialize)]
pub(crate) struct Emulation {
    session: String,
    node: String,
    /// Lines of commands, as a frame has them.
    data: String,
    /// In place of `data`, those of a client that speaks protocol buffers, in base 64.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    binary: String,
}

impl Emulation {
    /// As a client sends it that speaks protocol buffers.
    pub(crate) fn of_protobuf(message: &[u8]) -> Option<Self> {
        Self::decode(message)
    }
}

impl Decode for Emulation {
    fn field(&mut self, number: u64, value: Value<'_>) -> Option<()> {
        match number {
            1 => self.node = value.text()?,
            2 => self.session = value.text()?,
            3 => self.binary = STANDARD.encode(value.bytes()?),
            _ => {}
        }
        Some(())
    }
}

/// Why a request of a client is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// No process has such a name.
    NoNode,
    /// The process that has it cannot be reached.
    Away,
}

impl Core {
    /// Takes commands to their connection, in whichever process. One that is gone is no error: its stream has ended, and so the client
    /// knows.
    pub(crate) async fn emulate(self: &Arc<Self>, emulation: &Emulation) -> Result<(), NotTaken> {
        if emulation.node == self.node {
            self.take_commands(emulation);
            return Ok(());
        }
        let is_name = emulation.node.bytes().all(|byte| byte.is_ascii_hexdigit());
        if emulation.node.is_empty() || emulation.node.len() > NODE_BYTES || !is_name {
            return Err(NotTaken::NoNode);
        }
        let told = serde_json::to_vec(emulation).map_err(|_| NotTaken::Away)?;
        let channel = format!("{NODES}{}", emulation.node);
        self.bus.publish(&channel, told.into(), bus::Keep::NOTHING).await.map(drop).map_err(|_| NotTaken::Away)
    }

    /// What another process passed on.
    pub(crate) fn told(&self, node: &str, data: &[u8]) {
        if node != self.node {
            return;
        }
        match serde_json::from_slice::<Emulation>(data) {
            Ok(emulation) => self.take_commands(&emulation),
            Err(error) => tracing::warn!(%error, "another process passed on commands that cannot be read"),
        }
    }

    /// What the session is counted by that a request names, where it is open here.
    pub(crate) fn session_of(&self, emulation: &Emulation) -> Option<String> {
        let client = self.client_of(emulation)?;
        Some(sessions::name(self, client.id))
    }

    fn client_of(&self, emulation: &Emulation) -> Option<Arc<Client>> {
        let (number, secret) = emulation.session.split_once('-').filter(|_| emulation.node == self.node)?;
        let Some(Member::Socket(client)) = self.members.find(number.parse().ok()?) else { return None };
        let session = client.session.as_ref()?;
        bool::from(session.secret.as_bytes().ct_eq(secret.as_bytes())).then_some(client)
    }

    fn take_commands(&self, emulation: &Emulation) {
        let Some(client) = self.client_of(emulation) else { return };
        let Some(session) = &client.session else { return };
        match STANDARD.decode(&emulation.binary) {
            Ok(binary) if !binary.is_empty() => client.queue(session, Said::Binary(&binary)),
            _ => client.queue(session, Said::Text(&emulation.data)),
        }
    }
}

impl Client {
    /// Appends commands. A pong is worked on at once: the connection may be busy, or slow.
    pub(crate) fn queue(&self, session: &Session, said: Said<'_>) {
        let mut at = 0;
        if said.is_blank() {
            return self.outbox.close(Disconnect::BAD_REQUEST);
        }
        loop {
            let done = match said.next(&mut at) {
                Ok(Some(command)) if command.is_pong() => self.pong(),
                Ok(Some(command)) => session.append(command),
                Ok(None) => break,
                Err(why) => Err(why),
            };
            if let Err(why) = done {
                return self.outbox.close(why);
            }
        }
        self.outbox.wake();
    }
}

impl Session {
    fn append(&self, command: Said<'_>) -> Result<(), Disconnect> {
        let mut commands = self.commands.lock();
        let bytes = COMMAND_BYTES + command.len();
        if commands.bytes + bytes > WAITING_BYTES {
            return Err(Disconnect::TOO_MANY_REQUESTS);
        }
        commands.bytes += bytes;
        commands.waiting.push_back(command.keep());
        Ok(())
    }
}

/// The answer that does not end.
pub(crate) struct Answer {
    client: Arc<Client>,
    taken: VecDeque<Bytes>,
    /// Bytes handed over since the queue was told.
    written: usize,
    working: Option<BoxFuture<'static, Result<(), Disconnect>>>,
    ended: Option<u16>,
    _seat: Seat,
}

impl Answer {
    /// Begins with the commands of the request that opened it; of one that only listens, with that request.
    pub(crate) fn new(client: Arc<Client>, first: Said<'_>, seat: Seat) -> Self {
        let mut working: Option<BoxFuture<'static, _>> = None;
        match &client.session {
            Some(session) => client.queue(session, first),
            None => working = Some(Box::pin(client.clone().begin_one_way(first.keep()))),
        }
        tracing::debug!(connection = client.id, "a connection opened");
        Self { client, taken: VecDeque::new(), written: 0, working, ended: None, _seat: seat }
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.client.outbox.register(cx.waker());
        loop {
            if self.client.outbox.given_up().is_some() {
                self.taken.clear();
            }
            if let Some(message) = self.taken.pop_front() {
                self.written += message.len();
                return Poll::Ready(Some(message));
            }
            if self.ended.is_some() {
                return Poll::Ready(None);
            }
            let closing = self.client.outbox.take(&mut self.taken, std::mem::take(&mut self.written));
            if !self.taken.is_empty() {
                continue;
            }
            if let Some(why) = closing {
                self.ended = Some(why.code);
                let words = self.client.last_words(why);
                return Poll::Ready(Some(reply::disconnect(self.client.wire, why.code, &words)));
            }
            if self.working.is_none() {
                let next = self.client.session.as_ref().and_then(|session| session.next());
                let Some(command) = next else { return Poll::Pending };
                self.working = Some(Box::pin(self.client.clone().handle(command)));
            }
            if let Some(working) = &mut self.working {
                let done = std::task::ready!(working.as_mut().poll(cx));
                self.working = None;
                if let Err(why) = done {
                    self.client.outbox.close(why);
                }
            }
        }
    }
}

impl Stream for Answer {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_message(cx).map(|message| message.map(Ok))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.client.leave(Disconnect::ABNORMAL);
        // Abnormal, as a WebSocket without a close frame: the client went away.
        let code = self.ended.unwrap_or(1006);
        tracing::debug!(connection = self.client.id, code, "a connection ended");
        metrics::counter!("realtime_disconnects_total", "code" => code.to_string()).increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_and_keeps_its_order() {
        let session = Session::new(&Entropy::seeded(1));
        let line = |number: usize| format!("{number:09}");
        let fit = WAITING_BYTES / (COMMAND_BYTES + 9);
        let append = |number| session.append(Said::Text(&line(number)));
        assert!((0..fit).all(|number| append(number).is_ok()));
        assert_eq!(append(0), Err(Disconnect::TOO_MANY_REQUESTS));
        assert!((0..fit).all(|number| session.next() == Some(Kept::Text(line(number)))));
        assert_eq!(session.next(), None);
        assert!(append(0).is_ok(), "there is room again");
    }
}
