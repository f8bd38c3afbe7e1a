//! How messages lie on the transport of a connection.

use bytes::Bytes;

use super::protobuf::{VARINT_BYTES, varint};
use crate::ws::BINARY;
use crate::ws::encode::{HEADER_BYTES, TextFrame, header};

/// Everything that a connection is sent is made for its transport, once for all who share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A text frame of WebSocket.
    Frame,
    /// A server-sent event.
    Event,
    /// A line of a body without end.
    Line,
    /// A binary frame of WebSocket, in protocol buffers.
    BinaryFrame,
    /// Behind its length in a body without end, in protocol buffers.
    Delimited,
    /// As [`Wire::Frame`], of a client that only listens: it is told pushes alone, without their envelope.
    OneWayFrame,
    /// As [`Wire::Event`], likewise.
    OneWayEvent,
    /// As [`Wire::Line`], likewise.
    OneWayLine,
}

impl Wire {
    pub(crate) const COUNT: usize = 8;

    /// Whether commands come by other requests.
    pub(crate) fn is_emulated(self) -> bool {
        matches!(self, Self::Event | Self::Line | Self::Delimited)
    }

    /// Whether its client asks nothing once it has connected.
    pub(crate) fn is_one_way(self) -> bool {
        matches!(self, Self::OneWayFrame | Self::OneWayEvent | Self::OneWayLine)
    }

    /// Whether messages are in protocol buffers and not in JSON.
    pub(crate) fn is_binary(self) -> bool {
        matches!(self, Self::BinaryFrame | Self::Delimited)
    }

    /// One message; `write` appends what it says, about `bytes`, in the encoding of the transport. Line ends, which JSON has between
    /// its tokens only, become spaces: on every transport they end a message.
    pub(crate) fn message(self, bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        let (before, after) = match self {
            Self::Frame | Self::OneWayFrame => {
                let mut frame = TextFrame::with_capacity(bytes);
                write(frame.payload());
                return frame.finish();
            }
            Self::Event | Self::OneWayEvent => ("data: ", "\n\n"),
            Self::Line | Self::OneWayLine => ("", "\n"),
            Self::BinaryFrame | Self::Delimited => return self.delimited(bytes, write),
        };
        let mut message = Vec::with_capacity(before.len() + bytes + after.len());
        message.extend_from_slice(before.as_bytes());
        write(&mut message);
        message.iter_mut().filter(|byte| matches!(**byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        message.extend_from_slice(after.as_bytes());
        message.into()
    }

    /// What is said behind its length. That is known last, and there is room for it before.
    fn delimited(self, bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        const ROOM_BYTES: usize = HEADER_BYTES + VARINT_BYTES;
        let mut message = Vec::with_capacity(ROOM_BYTES + bytes);
        message.resize(ROOM_BYTES, 0);
        write(&mut message);
        let (length, used) = varint((message.len() - ROOM_BYTES) as u64);
        let mut start = ROOM_BYTES - used;
        message[start..ROOM_BYTES].copy_from_slice(&length[..used]);
        if self == Self::BinaryFrame {
            let (header, used) = header(BINARY, message.len() - start);
            message[start - used..start].copy_from_slice(&header[..used]);
            start -= used;
        }
        Bytes::from(message).slice(start..)
    }

    /// The server's ping in the protocol's own form: a message that says nothing.
    pub(crate) const fn ping(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Frame | Self::OneWayFrame => b"\x81\x02{}",
            Self::Event | Self::OneWayEvent => b"data: {}\n\n",
            Self::Line | Self::OneWayLine => b"{}\n",
            Self::BinaryFrame => b"\x82\x01\0",
            Self::Delimited => b"\0",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_one_message() {
        let write = |bytes: &mut Vec<u8>| bytes.extend_from_slice(b"{\r\n}");
        assert_eq!(Wire::Frame.message(4, write), &b"\x81\x04{  }"[..]);
        assert_eq!(Wire::Event.message(4, write), "data: {  }\n\n");
        assert_eq!(Wire::Line.message(4, write), "{  }\n");
    }

    #[test]
    fn a_binary_message_is_behind_its_length() {
        let write = |bytes: &mut Vec<u8>| bytes.extend_from_slice(b"\x08\n");
        assert_eq!(Wire::BinaryFrame.message(2, write), &b"\x82\x03\x02\x08\n"[..]);
        assert_eq!(Wire::Delimited.message(2, write), &b"\x02\x08\n"[..]);
        let long = Wire::BinaryFrame.message(0, |bytes| bytes.resize(bytes.len() + 300, 1));
        assert_eq!(long[..6], [0x82, 126, 1, 46, 0xac, 2]);
        assert_eq!(long.len(), 306);
    }

    #[test]
    fn a_ping_says_nothing() {
        for wire in [Wire::Frame, Wire::Event, Wire::Line, Wire::BinaryFrame, Wire::Delimited] {
            let nothing = |bytes: &mut Vec<u8>| bytes.extend_from_slice(if wire.is_binary() { b"" } else { b"{}" });
            assert_eq!(wire.ping(), wire.message(2, nothing));
        }
    }
}
