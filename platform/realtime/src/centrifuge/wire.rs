//! How messages lie on the transport of a connection.

use bytes::Bytes;

use crate::ws::encode::TextFrame;

/// Everything that a connection is sent is made for its transport, once for all who share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A text frame of WebSocket.
    Frame,
    /// A server-sent event.
    Event,
    /// A line of a body without end.
    Line,
}

impl Wire {
    pub(crate) const COUNT: usize = 3;

    /// One message; `write` appends its JSON, of about `bytes`. Line ends, which JSON has between its tokens only, become spaces: on
    /// every transport they end a message.
    pub(crate) fn message(self, bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        let (before, after) = match self {
            Self::Frame => {
                let mut frame = TextFrame::with_capacity(bytes);
                write(frame.payload());
                return frame.finish();
            }
            Self::Event => ("data: ", "\n\n"),
            Self::Line => ("", "\n"),
        };
        let mut message = Vec::with_capacity(before.len() + bytes + after.len());
        message.extend_from_slice(before.as_bytes());
        write(&mut message);
        message.iter_mut().filter(|byte| matches!(**byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        message.extend_from_slice(after.as_bytes());
        message.into()
    }

    /// The server's ping in the protocol's own form: the empty object.
    pub(crate) const fn ping(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Frame => b"\x81\x02{}",
            Self::Event => b"data: {}\n\n",
            Self::Line => b"{}\n",
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
    fn a_ping_is_the_empty_object() {
        for wire in [Wire::Frame, Wire::Event, Wire::Line] {
            assert_eq!(wire.ping(), wire.message(2, |bytes| bytes.extend_from_slice(b"{}")));
        }
    }
}
