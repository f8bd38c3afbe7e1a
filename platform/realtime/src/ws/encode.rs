//! Frames to the client: unmasked, so the same bytes serve every connection.

use bytes::{BufMut, Bytes, BytesMut};

use super::{BINARY, CLOSE, PING, PONG, TEXT};
use crate::codes::Disconnect;

/// Bytes of the longest header of a server's frame.
pub(crate) const HEADER_BYTES: usize = 10;

/// Builds one text frame. The payload is written behind room for the longest header; the header is filled in last.
pub(crate) struct TextFrame(Vec<u8>);

impl TextFrame {
    pub(crate) fn with_capacity(payload_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload_bytes);
        bytes.resize(HEADER_BYTES, 0);
        Self(bytes)
    }

    pub(crate) fn payload(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    /// Line ends would end a message of the Centrifuge protocol. Valid JSON has them between its tokens only, where a
    /// space is as good.
    pub(crate) fn finish(mut self) -> Bytes {
        self.0[HEADER_BYTES..].iter_mut().filter(|byte| matches!(**byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        let payload = self.0.len() - HEADER_BYTES;
        let (header, used) = header(TEXT, payload);
        let start = HEADER_BYTES - used;
        self.0[start..HEADER_BYTES].copy_from_slice(&header[..used]);
        Bytes::from(self.0).slice(start..)
    }
}

/// The header of a frame that is a whole message, and how many bytes of it are used.
pub(crate) fn header(opcode: u8, payload: usize) -> ([u8; HEADER_BYTES], usize) {
    const FIN: u8 = 0x80;
    let mut header = [0; HEADER_BYTES];
    header[0] = FIN | opcode;
    let used = match payload {
        0..=125 => {
            header[1] = payload as u8;
            2
        }
        126..=0xffff => {
            header[1] = 126;
            header[2..4].copy_from_slice(&(payload as u16).to_be_bytes());
            4
        }
        _ => {
            header[1] = 127;
            header[2..].copy_from_slice(&(payload as u64).to_be_bytes());
            10
        }
    };
    (header, used)
}

/// A whole binary message.
pub(crate) fn binary(payload: &[u8]) -> Bytes {
    unmasked(BINARY, payload)
}

/// What our text and binary frames carry that lie one behind the other here, and whether it is text.
pub(crate) fn payloads(mut frames: &[u8]) -> impl Iterator<Item = (bool, &[u8])> {
    std::iter::from_fn(move || {
        let (header, payload) = match frames {
            [] => return None,
            [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            [_, 127, length @ ..] => {
                (10, length.first_chunk().map_or(0, |length| u64::from_be_bytes(*length) as usize))
            }
            [_, short, ..] => (2, usize::from(*short)),
            [_] => unreachable!("a frame of ours has a length"),
        };
        let (frame, rest) = frames.split_at(header + payload);
        frames = rest;
        Some((frame[0] & 0x0f == TEXT, &frame[header..]))
    })
}

/// A ping without payload.
pub(crate) const PING_FRAME: Bytes = Bytes::from_static(&[0x80 | PING, 0]);

/// The pong to a ping; a control frame's payload is at most 125 bytes.
pub(crate) fn pong(payload: &[u8]) -> Bytes {
    control(PONG, payload)
}

/// The close frame: code and reason.
pub(crate) fn close(why: Disconnect) -> Bytes {
    close_saying(why.code, why.reason)
}

/// The close frame of this code, with words of `limits::DISCONNECT_REASON_BYTES` at most.
pub(crate) fn close_saying(code: u16, words: &str) -> Bytes {
    control(CLOSE, &[&code.to_be_bytes(), words.as_bytes()].concat())
}

fn control(opcode: u8, payload: &[u8]) -> Bytes {
    debug_assert!(payload.len() <= 125);
    unmasked(opcode, payload)
}

fn unmasked(opcode: u8, payload: &[u8]) -> Bytes {
    let (header, used) = header(opcode, payload.len());
    let mut frame = BytesMut::with_capacity(used + payload.len());
    frame.put_slice(&header[..used]);
    frame.put_slice(payload);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_grows_with_the_payload() {
        for (bytes, expected) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (0xffff, vec![0x81, 126, 0xff, 0xff]),
            (0x1_0000, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut frame = TextFrame::with_capacity(0);
            frame.payload().resize(HEADER_BYTES + bytes, b'x');
            let frame = frame.finish();
            assert_eq!(frame.len(), expected.len() + bytes);
            assert_eq!(frame[..expected.len()], expected);
        }
    }

    #[test]
    fn frames_that_lie_together_are_told_apart() {
        let all: Vec<Vec<u8>> = [0, 125, 126, 0xffff, 0x1_0000].iter().map(|bytes| vec![b'x'; *bytes]).collect();
        let frames: Vec<Bytes> = all.iter().map(|payload| binary(payload)).collect();
        let expected: Vec<(bool, &[u8])> = all.iter().map(|payload| (false, &payload[..])).collect();
        assert_eq!(payloads(&frames.concat()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn line_ends_become_spaces() {
        let mut frame = TextFrame::with_capacity(16);
        frame.payload().extend_from_slice(b"{\r\n}");
        assert_eq!(&frame.finish()[2..], b"{  }");
    }
}
