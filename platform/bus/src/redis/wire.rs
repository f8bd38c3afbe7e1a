//! What goes over a subscription.
//!
//! A publication of a live stream, as `publish.lua` writes it: `L <epoch> <offset> <time_ms> <channel bytes>\n`, channel, data.
//! Several that one process carries: `B <origin> <number>\n`, then each as `C <channel bytes> <data bytes>\n` or
//! `D <channel bytes> <data bytes> <offset> <size> <ttl_ms>\n` with channel and data.

use std::str::FromStr;

use bytes::{Bytes, BytesMut};

use crate::Keep;

pub(super) enum Message {
    Live { channel: Bytes, epoch: String, offset: u64, time_ms: i64, data: Bytes },
    Batch { origin: String, number: u64, carried: Bytes },
}

/// A publication that a process tells the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    pub(super) channel: String,
    pub(super) data: Bytes,
    /// The offset that the database gave, on a durable stream.
    pub(super) placed: Option<(u64, Keep)>,
}

impl Message {
    /// Nothing for what this version does not know.
    pub(super) fn read(mut message: Bytes) -> Option<Self> {
        let head = head(&mut message)?;
        let mut words = head.split(' ');
        match words.next()? {
            "L" => {
                let (epoch, offset, time_ms) = (words.next()?.to_owned(), next(&mut words)?, next(&mut words)?);
                let channel = cut(&mut message, next(&mut words)?)?;
                Some(Self::Live { channel, epoch, offset, time_ms, data: message })
            }
            "B" => Some(Self::Batch { origin: words.next()?.to_owned(), number: next(&mut words)?, carried: message }),
            _ => None,
        }
    }
}

impl Carried {
    /// Bytes that it takes in a queue.
    pub(super) fn weight(&self) -> usize {
        self.channel.len() + self.data.len()
    }

    /// One message of all.
    pub(super) fn write<'a>(origin: &str, number: u64, all: impl Iterator<Item = &'a Self>) -> BytesMut {
        let mut message = BytesMut::from(format!("B {origin} {number}\n").as_bytes());
        for Self { channel, data, placed } in all {
            let (channel_bytes, bytes) = (channel.len(), data.len());
            let head = match placed {
                None => format!("C {channel_bytes} {bytes}\n"),
                Some((offset, Keep { size, ttl_ms })) => {
                    format!("D {channel_bytes} {bytes} {offset} {size} {ttl_ms}\n")
                }
            };
            message.extend_from_slice(head.as_bytes());
            message.extend_from_slice(channel.as_bytes());
            message.extend_from_slice(data);
        }
        message
    }

    /// Takes the first of a batch.
    pub(super) fn read(batch: &mut Bytes) -> Option<Self> {
        let head = head(batch)?;
        let mut words = head.split(' ');
        let kind = words.next()?;
        let (channel_bytes, bytes) = (next(&mut words)?, next(&mut words)?);
        let placed = match kind {
            "C" => None,
            "D" => Some((next(&mut words)?, Keep { size: next(&mut words)?, ttl_ms: next(&mut words)? })),
            _ => return None,
        };
        let channel = String::from_utf8(cut(batch, channel_bytes)?.to_vec()).ok()?;
        // A copy: a publication that is kept must not keep the whole message.
        let data = Bytes::copy_from_slice(&cut(batch, bytes)?);
        Some(Self { channel, data, placed })
    }
}

fn head(message: &mut Bytes) -> Option<String> {
    let end = message.iter().position(|byte| *byte == b'\n')?;
    let head = message.split_to(end + 1);
    std::str::from_utf8(&head[..end]).ok().map(str::to_owned)
}

fn next<'a, T: FromStr>(words: &mut impl Iterator<Item = &'a str>) -> Option<T> {
    words.next()?.parse().ok()
}

fn cut(message: &mut Bytes, bytes: usize) -> Option<Bytes> {
    (bytes <= message.len()).then(|| message.split_to(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn carried() -> impl Strategy<Value = Carried> {
        let placed = prop::option::of((any::<u64>(), any::<usize>(), any::<u64>()));
        ("[a-z\n ]{0,9}", prop::collection::vec(any::<u8>(), 0..50), placed).prop_map(|(channel, data, placed)| {
            Carried {
                channel,
                data: data.into(),
                placed: placed.map(|(offset, size, ttl_ms)| (offset, Keep { size, ttl_ms })),
            }
        })
    }

    proptest! {
        #[test]
        fn a_batch_is_read_as_it_was_written(all in prop::collection::vec(carried(), 0..9), number in any::<u64>()) {
            let message = Message::read(Carried::write("me", number, all.iter()).freeze());
            let Some(Message::Batch { origin, number: read, carried: mut rest }) = message else { panic!("no batch") };
            prop_assert_eq!((&*origin, read), ("me", number));
            let found: Vec<_> = std::iter::from_fn(|| Carried::read(&mut rest)).collect();
            prop_assert_eq!(found, all);
            prop_assert!(rest.is_empty());
        }

        /// Whoever may write to the Redis may write anything.
        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..60), head in "[LBCD ][ 0-9]{0,20}\n?") {
            let mut message = Bytes::from([head.as_bytes(), &bytes].concat());
            Message::read(message.clone());
            while Carried::read(&mut message).is_some() {}
        }
    }
}
