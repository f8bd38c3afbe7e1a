//! What goes over a subscription.
//!
//! A publication of a live stream, as `publish.lua` writes it: `L <epoch> <offset> <time_ms> <channel bytes>\n`, channel, data.
//! Several that one process carries: `B <origin> <number>\n`, then each as `C <channel bytes> <data bytes>\n` or
//! `D <channel bytes> <data bytes> <offset> <size> <ttl_ms>\n` with channel and data. Clients of a process that came or went, as
//! `tell.lua` and `beat.lua` write it: `P <stream> <number> <process>\n`, where numbers grow within a stream, then each as
//! `J <channel bytes> <client bytes> <value bytes>\n` or `Q …` with channel, client and value: `<person bytes>:`, person, info.
//!
//! Behind the words of `L` and `C` may stand what is said of the publisher, up to the end of the line: an older process reads the words
//! that it knows and leaves the rest.

use std::str::FromStr;

use bytes::{Bytes, BytesMut};

use crate::{Keep, Present};

pub(super) enum Message {
    Live { channel: Bytes, epoch: String, offset: u64, time_ms: i64, data: Bytes, info: Option<Bytes> },
    Batch { origin: String, number: u64, carried: Bytes },
    Presence { stream: String, number: u64, process: String, moves: Bytes },
}

/// A client that came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) joined: bool,
    pub(super) channel: String,
    pub(super) present: Present,
}

/// A publication that a process tells the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    pub(super) channel: String,
    pub(super) data: Bytes,
    /// What is said of who published it; not on a durable stream.
    pub(super) info: Option<Bytes>,
    /// The offset that the database gave, on a durable stream.
    pub(super) placed: Option<(u64, Keep)>,
}

impl Message {
    /// Nothing for what this version does not know.
    pub(super) fn read(mut message: Bytes) -> Option<Self> {
        let head = head(&mut message)?;
        let mut words = head.splitn(6, ' ');
        match words.next()? {
            "L" => {
                let (epoch, offset, time_ms) = (words.next()?.to_owned(), next(&mut words)?, next(&mut words)?);
                let channel = cut(&mut message, next(&mut words)?)?;
                let info = words.next().map(|info| Bytes::copy_from_slice(info.as_bytes()));
                Some(Self::Live { channel, epoch, offset, time_ms, data: message, info })
            }
            "B" => Some(Self::Batch { origin: words.next()?.to_owned(), number: next(&mut words)?, carried: message }),
            "P" => {
                let (stream, number) = (words.next()?.to_owned(), next(&mut words)?);
                Some(Self::Presence { stream, number, process: words.next()?.to_owned(), moves: message })
            }
            _ => None,
        }
    }
}

impl Carried {
    /// Bytes that it takes in a queue.
    pub(super) fn weight(&self) -> usize {
        self.channel.len() + self.data.len() + self.info.as_ref().map_or(0, Bytes::len)
    }

    /// One message of all.
    pub(super) fn write<'a>(origin: &str, number: u64, all: impl Iterator<Item = &'a Self>) -> BytesMut {
        let mut message = BytesMut::from(format!("B {origin} {number}\n").as_bytes());
        for Self { channel, data, info, placed } in all {
            let (channel_bytes, bytes) = (channel.len(), data.len());
            let head = match placed {
                None => format!("C {channel_bytes} {bytes}"),
                Some((offset, Keep { size, ttl_ms })) => {
                    format!("D {channel_bytes} {bytes} {offset} {size} {ttl_ms}")
                }
            };
            message.extend_from_slice(head.as_bytes());
            if let (None, Some(info)) = (placed, info) {
                message.extend_from_slice(b" ");
                message.extend_from_slice(info);
            }
            message.extend_from_slice(b"\n");
            message.extend_from_slice(channel.as_bytes());
            message.extend_from_slice(data);
        }
        message
    }

    /// Takes the first of a batch.
    pub(super) fn read(batch: &mut Bytes) -> Option<Self> {
        let head = head(batch)?;
        let mut words = head.splitn(4, ' ');
        let kind = words.next()?;
        let (channel_bytes, bytes) = (next(&mut words)?, next(&mut words)?);
        let (placed, info) = match kind {
            "C" => (None, words.next().map(|info| Bytes::copy_from_slice(info.as_bytes()))),
            "D" => {
                let mut words = words.next()?.split(' ');
                let (offset, size) = (next(&mut words)?, next(&mut words)?);
                (Some((offset, Keep { size, ttl_ms: next(&mut words)? })), None)
            }
            _ => return None,
        };
        let channel = text(&cut(batch, channel_bytes)?)?;
        // A copy: a publication that is kept must not keep the whole message.
        let data = Bytes::copy_from_slice(&cut(batch, bytes)?);
        Some(Self { channel, data, info, placed })
    }
}

impl Move {
    /// Takes the first of several.
    pub(super) fn read(moves: &mut Bytes) -> Option<Self> {
        let head = head(moves)?;
        let mut words = head.split(' ');
        let joined = match words.next()? {
            "J" => true,
            "Q" => false,
            _ => return None,
        };
        let channel = text(&cut(moves, next(&mut words)?)?)?;
        let client = text(&cut(moves, next(&mut words)?)?)?;
        let present = present_of(&client, cut(moves, next(&mut words)?)?)?;
        Some(Self { joined, channel, present })
    }
}

/// What Redis keeps of a client.
pub(super) fn value_of(present: &Present) -> Bytes {
    let mut value = BytesMut::from(format!("{}:{}", present.person.len(), present.person).as_bytes());
    value.extend_from_slice(&present.info);
    value.freeze()
}

pub(super) fn present_of(client: &str, mut value: Bytes) -> Option<Present> {
    let colon = value.iter().position(|byte| *byte == b':')?;
    let bytes = std::str::from_utf8(&value.split_to(colon + 1)[..colon]).ok()?.parse().ok()?;
    let person = text(&cut(&mut value, bytes)?)?;
    // A copy: whoever keeps it must not keep the whole message.
    let info = Bytes::copy_from_slice(&value);
    Some(Present { client: client.into(), person: person.into(), info })
}

fn text(bytes: &Bytes) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
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
        let info = prop::option::of("[ -~é]{1,20}");
        let parts = ("[a-z\n ]{0,9}", prop::collection::vec(any::<u8>(), 0..50), placed, info);
        parts.prop_map(|(channel, data, placed, info)| Carried {
            channel,
            data: data.into(),
            info: info.filter(|_| placed.is_none()).map(Bytes::from),
            placed: placed.map(|(offset, size, ttl_ms)| (offset, Keep { size, ttl_ms })),
        })
    }

    /// What a process of an older release makes of a message: it reads the words that it knows.
    #[test]
    fn an_older_process_reads_what_is_said_of_a_publisher_as_nothing() {
        fn older(message: &[u8], words: usize) -> (Vec<&str>, &[u8]) {
            let end = message.iter().position(|byte| *byte == b'\n').expect("a line");
            let head = std::str::from_utf8(&message[..end]).expect("text");
            (head.split(' ').take(words).collect(), &message[end + 1..])
        }
        let info = Some(Bytes::from_static(b"{\"user\":\"ann b\"}"));
        let carried = Carried { channel: "a".to_owned(), data: Bytes::from_static(b"1"), info, placed: None };
        let message = Carried::write("me", 7, [&carried].into_iter());
        let (words, rest) = older(&message, 3);
        assert_eq!(words, ["B", "me", "7"]);
        assert_eq!(older(rest, 3), (vec!["C", "1", "1"], &b"a1"[..]));
        let live = Bytes::from_static(b"L e 1 2 1 {\"user\": \"x y\"}\na1");
        assert_eq!(older(&live, 5), (vec!["L", "e", "1", "2", "1"], &b"a1"[..]));
        let Some(Message::Live { data, info, .. }) = Message::read(live) else { panic!("it is live") };
        assert_eq!((&*data, info.as_deref()), (&b"1"[..], Some(&b"{\"user\": \"x y\"}"[..])));
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

        #[test]
        fn a_client_is_read_as_it_was_written(person in "\\PC{0,9}", info in prop::collection::vec(any::<u8>(), 0..50)) {
            let present = Present { client: "a\n".into(), person: person.into(), info: info.into() };
            let value = value_of(&present);
            prop_assert_eq!(present_of("a\n", value.clone()), Some(present.clone()));
            let mut message = BytesMut::from(format!("P s 7 me\nQ 3 2 {}\nb: a\n", value.len()).as_bytes());
            message.extend_from_slice(&value);
            let Some(Message::Presence { number: 7, mut moves, .. }) = Message::read(message.freeze()) else { panic!() };
            let left = Move { joined: false, channel: "b: ".to_owned(), present };
            prop_assert_eq!(Move::read(&mut moves), Some(left));
            prop_assert!(moves.is_empty());
        }

        /// Whoever may write to the Redis may write anything.
        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..60), head in "[LBCDPJQ ][ 0-9]{0,20}\n?") {
            let message = Bytes::from([head.as_bytes(), &bytes].concat());
            Message::read(message.clone());
            let (mut batch, mut moves) = (message.clone(), message.clone());
            while Carried::read(&mut batch).is_some() {}
            while Move::read(&mut moves).is_some() {}
            present_of("a", message);
        }
    }
}
