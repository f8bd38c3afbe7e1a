//! Commands in protocol buffers (centrifugal/protocol, `client.proto`). What is JSON in the other encoding are bytes here, and must be
//! JSON as well: a channel has listeners of every kind.

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{Call, Command, Connect, Data, History, OfChannel, Payload, Publish, Resume, Since, Subscribe, WithToken};
use crate::centrifuge::protobuf::{Decode, Value};

impl Command {
    pub(crate) fn of_protobuf(message: &[u8]) -> Option<(u32, Payload)> {
        let command = Self::decode(message)?;
        Some((command.id, command.payload()))
    }
}

impl Decode for Command {
    fn field(&mut self, number: u64, value: Value<'_>) -> Option<()> {
        match number {
            1 => self.id = value.number()? as u32,
            4 => self.connect = Some(value.message()?),
            5 => self.subscribe = Some(value.message()?),
            6 => self.unsubscribe = Some(value.message()?),
            7 => self.publish = Some(value.message()?),
            8 => self.presence = Some(value.message()?),
            9 => self.presence_stats = Some(value.message()?),
            10 => self.history = Some(value.message()?),
            11 => self.ping = Some(value.bytes().map(|_| IgnoredAny)?),
            12 => self.send = Some(value.message::<Sent>()?.0),
            13 => self.rpc = Some(value.message()?),
            14 => self.refresh = Some(value.message()?),
            15 => self.sub_refresh = Some(value.message()?),
            _ => {}
        }
        Some(())
    }
}

impl Decode for Connect {
    fn field(&mut self, number: u64, value: Value<'_>) -> Option<()> {
        match number {
            1 => self.token = value.text()?,
            3 => self.subs.extend([value.message::<Sub>().map(|sub| (sub.channel, sub.resume))?]),
            _ => {}
        }
        Some(())
    }
}

/// An entry of a map: its key, and its value.
#[derive(Default)]
struct Sub {
    channel: String,
    resume: Resume,
}

impl Decode for Sub {
    fn field(&mut self, number: u64, value: Value<'_>) -> Option<()> {
        match number {
            1 => self.channel = value.text()?,
            2 => self.resume = value.message()?,
            _ => {}
        }
        Some(())
    }
}

impl Decode for Resume {
    fn field(&mut self, number: u64, value: Value<'_>) -> Option<()> {
        match number {
            2 => self.token = value.text()?,
            3 => self.recover = value.flag()?,
            6 => self.epoch = value.text()?,
            7 => self.offset = value.number()?,
            _ => {}
        }
        Some(())
    }
}

impl Decode for WithToken {
    fn field(&mut self, number: u64, value: Value<'_>) -> Option<()> {
        if number == 1 {
            self.token = value.text()?;
        }
        Some(())
    }
}

impl Decode for OfChannel {
    fn field(&mut self, number: u64, value: Value<'_>) -> Option<()> {
        match number {
            1 => self.channel = value.text()?,
            2 => self.token = value.text()?,
            _ => {}
        }
        Some(())
    }
}

impl Decode for Box<Subscribe> {
    fn field(&mut self, number: u64, value: Value<'_>) -> Option<()> {
        match number {
            1 => self.channel = value.text()?,
            2 => self.token = value.text()?,
            3 => self.recover = value.flag()?,
            6 => self.epoch = value.text()?,
            7 => self.offset = value.number()?,
            11 => self.join_leave = value.flag()?,
            12 => self.delta = value.text()?,
            13 => self.tf = Some(value.bytes().map(|_| IgnoredAny)?),
            14 => self.flag = value.number()?.cast_signed(),
            15 => self.kind = value.number()? as i32,
            _ => {}
        }
        Some(())
    }
}

impl Decode for Publish {
    fn field(&mut self, number: u64, value: Value<'_>) -> Option<()> {
        match number {
            1 => self.channel = value.text()?,
            2 => self.data = data(value)?,
            _ => {}
        }
        Some(())
    }
}

impl Decode for Call {
    fn field(&mut self, number: u64, value: Value<'_>) -> Option<()> {
        match number {
            1 => self.data = data(value)?,
            2 => self.method = value.text()?,
            _ => {}
        }
        Some(())
    }
}

/// Of `send`.
#[derive(Default)]
struct Sent(Call);

impl Decode for Sent {
    fn field(&mut self, number: u64, value: Value<'_>) -> Option<()> {
        if number == 1 {
            self.0.data = data(value)?;
        }
        Some(())
    }
}

impl Decode for History {
    fn field(&mut self, number: u64, value: Value<'_>) -> Option<()> {
        match number {
            1 => self.channel = value.text()?,
            7 => self.limit = value.number()? as i32,
            8 => self.since = Some(value.message()?),
            9 => self.reverse = value.flag()?,
            _ => {}
        }
        Some(())
    }
}

impl Decode for Since {
    fn field(&mut self, number: u64, value: Value<'_>) -> Option<()> {
        match number {
            1 => self.offset = value.number()?,
            2 => self.epoch = value.text()?,
            _ => {}
        }
        Some(())
    }
}

/// Empty is absent.
fn data(value: Value<'_>) -> Option<Option<Data>> {
    let bytes = value.bytes()?;
    if bytes.is_empty() {
        return Some(None);
    }
    let json: Option<&RawValue> = serde_json::from_slice(bytes).ok();
    Some(Some(Data(json.map(RawValue::to_owned))))
}

#[cfg(test)]
mod tests;
