//! Socket.IO v5 packets, each in a message of Engine.IO (socketio/socket.io, `docs/socket.io-protocol/v5-current.md`). What is
//! malformed is refused, and with it the connection: nothing is guessed.

use bytes::Bytes;
use kernel::limits;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Args, Malformed, engine};
use crate::ws::encode;

/// Names that a client's library keeps for itself: a packet with one of them would end its connection.
pub(crate) const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Events that only the server says: a publication cannot pass for one.
pub(crate) const OWN: [&str; 3] = ["subscribed", "unsubscribed", "place"];

/// What either side may say, in a namespace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Packet {
    pub(crate) namespace: String,
    pub(crate) body: Body,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    /// With what the client shows, or what the server grants.
    Connect(Map<String, Value>),
    /// The server alone says so.
    ConnectError(Map<String, Value>),
    Disconnect,
    /// With an id, its receiver acknowledges it.
    Event {
        id: Option<u64>,
        name: String,
        args: Args,
    },
    Ack {
        id: u64,
        args: Args,
    },
}

/// Puts packets together from the messages of one client.
#[derive(Default)]
pub(crate) struct Assembler {
    /// A packet whose attachments are on the way, and how many it has.
    waiting: Option<(Packet, usize)>,
    /// Of the packet that came last, with what has come of its attachments.
    pub(super) bytes: usize,
}

impl Assembler {
    /// A text: a packet, or the beginning of one with attachments.
    pub(crate) fn text(&mut self, text: &str) -> Result<Option<Packet>, Malformed> {
        if self.waiting.is_some() {
            return Err(Malformed);
        }
        let (packet, attachments) = parse(text)?;
        self.bytes = text.len();
        if attachments == 0 {
            return Ok(Some(packet));
        }
        self.waiting = Some((packet, attachments));
        Ok(None)
    }

    /// The next attachment. A packet with all it has is no longer than a body may be.
    pub(crate) fn binary(&mut self, bytes: Vec<u8>) -> Result<Option<Packet>, Malformed> {
        let (mut packet, count) = self.waiting.take().ok_or(Malformed)?;
        self.bytes += bytes.len();
        let (Body::Event { args, .. } | Body::Ack { args, .. }) = &mut packet.body else { return Err(Malformed) };
        if self.bytes > limits::SOCKETIO_PAYLOAD_BYTES {
            return Err(Malformed);
        }
        args.attachments.push(bytes.into());
        if args.attachments.len() < count {
            self.waiting = Some((packet, count));
            return Ok(None);
        }
        Ok(Some(packet))
    }
}

/// `<type>[<attachments>-][<namespace>,][<id>][<payload>]`: the packet, and how many attachments follow.
fn parse(text: &str) -> Result<(Packet, usize), Malformed> {
    let (&kind, mut rest) = text.as_bytes().split_first().ok_or(Malformed)?;
    let mut attachments = 0;
    if matches!(kind, b'5' | b'6') {
        (attachments, rest) = number(rest).ok_or(Malformed)?;
        rest = rest.strip_prefix(b"-").ok_or(Malformed)?;
    }
    let attachments = usize::try_from(attachments).map_err(|_| Malformed)?;
    if attachments > limits::SOCKETIO_ATTACHMENTS {
        return Err(Malformed);
    }
    let mut namespace = &b"/"[..];
    if rest.first() == Some(&b'/') {
        let end = rest.iter().position(|byte| *byte == b',');
        (namespace, rest) = end.map_or((rest, &[][..]), |end| (&rest[..end], &rest[end + 1..]));
    }
    // A line end would not come back as it is: our frames have none.
    if namespace.len() > limits::CHANNEL_BYTES || namespace.iter().any(u8::is_ascii_control) {
        return Err(Malformed);
    }
    let (id, payload) = number(rest).map_or((None, rest), |(id, rest)| (Some(id), rest));
    let body = match (kind, id) {
        (b'0', None) if payload.is_empty() => Body::Connect(Map::new()),
        (b'0', None) => Body::Connect(json(payload)?),
        (b'1', None) if payload.is_empty() => Body::Disconnect,
        (b'2' | b'5', id) => {
            let mut values: Vec<Value> = json(payload)?;
            // A number would do for the JavaScript library; nobody can listen to it here.
            let Some(Value::String(name)) = values.first_mut().map(Value::take) else { return Err(Malformed) };
            if RESERVED.contains(&&*name) {
                return Err(Malformed);
            }
            values.remove(0);
            Body::Event { id, name, args: args(values, attachments)? }
        }
        (b'3' | b'6', Some(id)) => Body::Ack { id, args: args(json(payload)?, attachments)? },
        _ => return Err(Malformed),
    };
    // A part of a text that was cut at ASCII characters is a text.
    let namespace = std::str::from_utf8(namespace).map_err(|_| Malformed)?.to_owned();
    Ok((Packet { namespace, body }, attachments))
}

/// The number in front, as JavaScript holds it exactly and writes it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    const SAFE: u64 = (1 << 53) - 1;
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = bytes.split_at(digits);
    let canonical = digits == 1 || (digits > 1 && number[0] != b'0');
    let number: u64 = std::str::from_utf8(number).ok().filter(|_| canonical)?.parse().ok()?;
    (number <= SAFE).then_some((number, rest))
}

fn json<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_slice(payload).map_err(|_| Malformed)
}

fn args(values: Vec<Value>, attachments: usize) -> Result<Args, Malformed> {
    let whole = values.iter().all(|value| placed(value, attachments));
    if whole { Ok(Args { values, attachments: Vec::new() }) } else { Err(Malformed) }
}

/// Whether every placeholder in the value stands for an attachment that comes.
fn placed(value: &Value, attachments: usize) -> bool {
    match value {
        Value::Array(values) => values.iter().all(|value| placed(value, attachments)),
        Value::Object(members) if members.get("_placeholder") == Some(&Value::Bool(true)) => {
            let number = members.get("num").and_then(Value::as_u64);
            number.is_some_and(|number| number < attachments as u64)
        }
        Value::Object(members) => members.values().all(|value| placed(value, attachments)),
        _ => true,
    }
}

impl Packet {
    /// As frames of a WebSocket, the text and an attachment each. They are one piece: nothing may come between them.
    pub(crate) fn frames(&self) -> Bytes {
        let attachments = match &self.body {
            Body::Event { args, .. } | Body::Ack { args, .. } => &args.attachments[..],
            _ => &[],
        };
        let text = engine::message(128, |text| self.write(text, attachments.len()));
        if attachments.is_empty() {
            return text;
        }
        let attachments = attachments.iter().map(|attachment| encode::binary(attachment));
        std::iter::once(text).chain(attachments).collect::<Vec<_>>().concat().into()
    }

    fn write(&self, text: &mut Vec<u8>, attachments: usize) {
        let (kind, id) = match &self.body {
            Body::Connect(_) => ('0', None),
            Body::Disconnect => ('1', None),
            Body::Event { id, .. } if attachments == 0 => ('2', *id),
            Body::Event { id, .. } => ('5', *id),
            Body::Ack { id, .. } if attachments == 0 => ('3', Some(*id)),
            Body::Ack { id, .. } => ('6', Some(*id)),
            Body::ConnectError(_) => ('4', None),
        };
        head(text, kind, attachments, &self.namespace);
        if let Some(id) = id {
            text.extend_from_slice(id.to_string().as_bytes());
        }
        match &self.body {
            Body::Connect(members) if members.is_empty() => {}
            Body::Connect(members) | Body::ConnectError(members) => write_json(text, members),
            Body::Disconnect => {}
            Body::Event { name, args, .. } => {
                text.push(b'[');
                write_json(text, name);
                for value in &args.values {
                    text.push(b',');
                    write_json(text, value);
                }
                text.push(b']');
            }
            Body::Ack { args, .. } => write_json(text, &args.values),
        }
    }
}

/// The beginning of a packet, up to its id.
pub(crate) fn head(text: &mut Vec<u8>, kind: char, attachments: usize, namespace: &str) {
    text.push(kind as u8);
    if attachments > 0 {
        text.extend_from_slice(format!("{attachments}-").as_bytes());
    }
    if namespace != "/" {
        text.extend_from_slice(namespace.as_bytes());
        text.push(b',');
    }
}

pub(crate) fn write_json(text: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    // Values of JSON and plain structures with text keys, for which there is no error.
    if let Err(error) = serde_json::to_writer(text, value) {
        tracing::error!(%error, "a packet could not be written");
    }
}

#[cfg(test)]
mod tests;
