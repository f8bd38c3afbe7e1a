//! What the fuzz targets see of this crate: it is built for them alone.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;

use crate::Hub;
use crate::centrifuge::client::{Admission, Client};
use crate::centrifuge::command::Command;
use crate::centrifuge::connection::next_line;
use crate::centrifuge::said::Kept;
use crate::centrifuge::wire::Wire;
use crate::socketio::engine::{self, Packet};
use crate::socketio::packet::Assembler;
use crate::ws::decode;

/// What a client sent, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text.
    Text(String),
    /// Bytes that are no text; they are not kept.
    Binary,
    /// With its payload.
    Ping(Vec<u8>),
    /// The answer to a ping.
    Pong,
    /// The end, with the code to echo.
    Close(u16),
}

/// The decoder of frames.
#[derive(Default)]
pub struct Decoder(decode::Decoder);

impl Decoder {
    /// Decodes what was read, in place, and appends the messages to `out`.
    ///
    /// # Errors
    /// The close code.
    pub fn feed(&mut self, bytes: &mut [u8], limit: usize, out: &mut Vec<Message>) -> Result<(), u16> {
        let mut messages = VecDeque::new();
        let fed = self.0.feed(bytes, limit, &mut messages);
        out.extend(messages.into_iter().map(|message| match message {
            decode::Message::Text(text) => Message::Text(text),
            decode::Message::Binary(_) => Message::Binary,
            decode::Message::Ping(payload) => Message::Ping(payload),
            decode::Message::Pong => Message::Pong,
            decode::Message::Close(code) => Message::Close(code),
        }));
        fed.map_err(|why| why.code)
    }
}

/// The lines of a text message, as they are handled one after the other.
pub fn lines(text: &str) -> Vec<&str> {
    let mut at = 0;
    std::iter::from_fn(|| next_line(text, &mut at)).collect()
}

/// What a line asks, in words; none where it is no command.
pub fn command(line: &str) -> Option<String> {
    Command::parse(line).map(|asked| format!("{asked:?}"))
}

/// What the packets of a polling body say, written anew as such a body; none where it is refused, or a packet has no end.
pub fn socketio(body: &str) -> Option<String> {
    let (mut assembler, mut frames, mut whole) = (Assembler::default(), Vec::new(), true);
    for packet in Packet::parse_body(body) {
        let packet = match packet.ok()? {
            Packet::Message(text) => assembler.text(text),
            Packet::Binary(bytes) => assembler.binary(bytes),
            Packet::Close | Packet::Probe | Packet::Pong | Packet::Upgrade => continue,
        };
        let packet = packet.ok()?;
        whole = packet.is_some();
        frames.extend(packet.map(|packet| packet.frames()));
    }
    whole.then(|| String::from_utf8(engine::body(&frames)).expect("text"))
}

/// A client of a hub, without its socket.
pub struct Session(Arc<Client>);

impl Session {
    /// Of nobody in particular.
    pub fn open(hub: &Hub) -> Self {
        Self(Arc::new(Client::new(hub.0.clone(), Admission::AtTheDoor(hub.0.nobody.clone()), Wire::Frame, false)))
    }

    /// Handles a line of a message.
    ///
    /// # Errors
    /// The code with which the connection ends.
    pub fn say(&self, line: &str) -> Result<(), u16> {
        let done = match line {
            "{}" => self.0.pong(),
            line => self.0.clone().handle(Kept::Text(line.to_owned())).now_or_never().expect("nothing here waits"),
        };
        done.map_err(|why| why.code)
    }

    /// The second of its look has come: it may be pinged.
    pub fn tick(&self) {
        self.0.tick(&self.0.core.entropy);
    }

    /// The frames that wait for it, and the code with which it is closed.
    pub fn hear(&self) -> (Vec<Bytes>, Option<u16>) {
        let mut frames = VecDeque::new();
        let closing = self.0.outbox.take(&mut frames, usize::MAX);
        (frames.into(), closing.map(|why| why.code))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.leave(crate::codes::Disconnect::ABNORMAL);
    }
}
