//! One connection's stream of frames, told apart without copying them.

use super::dialect::{Dialect, Kind, LOOKED_AT};

/// Where one connection stands in its stream of frames.
pub(crate) struct Frames {
    dialect: Dialect,
    head: [u8; 10],
    have: usize,
    /// The beginning of the payload, and its length.
    begins: [u8; LOOKED_AT],
    seen: usize,
    length: usize,
    in_payload: bool,
}

/// What a piece of the stream held.
#[derive(Default, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) messages: u64,
    pub(crate) pings: u32,
    pub(crate) closed: bool,
}

impl Frames {
    pub(crate) fn new(dialect: Dialect) -> Self {
        let (head, begins) = ([0; 10], [0; LOOKED_AT]);
        Self { dialect, head, have: 0, begins, seen: 0, length: 0, in_payload: false }
    }

    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> Seen {
        let mut seen = Seen::default();
        loop {
            if self.in_payload {
                let taken = (self.length - self.seen).min(bytes.len());
                let looked_at = LOOKED_AT.saturating_sub(self.seen).min(taken);
                if looked_at > 0 {
                    self.begins[self.seen..self.seen + looked_at].copy_from_slice(&bytes[..looked_at]);
                }
                self.seen += taken;
                bytes = &bytes[taken..];
                if self.seen < self.length {
                    return seen;
                }
                self.judge(&mut seen);
            }
            let Some((&byte, rest)) = bytes.split_first() else { return seen };
            self.head[self.have] = byte;
            self.have += 1;
            bytes = rest;
            if let Some(length) = length(&self.head, self.have) {
                (self.have, self.seen, self.length, self.in_payload) = (0, 0, length, true);
            }
        }
    }

    fn judge(&mut self, seen: &mut Seen) {
        self.in_payload = false;
        match self.head[0] & 0xf {
            8 => seen.closed = true,
            1 | 2 => match self.dialect.kind(&self.begins[..self.length.min(LOOKED_AT)], self.length) {
                Kind::Message => seen.messages += 1,
                Kind::Ping => seen.pings += 1,
                Kind::Other => {}
            },
            _ => {}
        }
    }
}

/// The length of a server's frame, once its head is whole.
pub(crate) fn length(head: &[u8], have: usize) -> Option<usize> {
    let long = |to: usize| (have == to).then(|| head[2..to].iter().fold(0, |n, byte| n << 8 | usize::from(*byte)));
    match head[1] & 0x7f {
        _ if have < 2 => None,
        126 => long(4),
        127 => long(10),
        short => Some(usize::from(short)),
    }
}

/// A client's frame of text, masked with zeros.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        long => {
            frame.push(0x80 | 126);
            frame.extend((long as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart_however_they_are_cut() {
        let message = format!("42[\"message\",{}]", "x".repeat(300));
        let length = (message.len() as u16).to_be_bytes();
        let long = [&[0x81, 126][..], &length, message.as_bytes()].concat();
        let stream =
            [&[0x81, 1][..], b"2", &[0x81, 5], b"42[\"p", &long, &[0x82, 0], &long, &[0x88, 2, 3, 232]].concat();
        for step in [1, 2, 3, 7, 1000] {
            let (mut frames, mut sum) = (Frames::new(Dialect::SocketIo), Seen::default());
            for part in stream.chunks(step) {
                let seen = frames.feed(part);
                sum.messages += seen.messages;
                sum.pings += seen.pings;
                sum.closed |= seen.closed;
            }
            assert_eq!(sum, Seen { messages: 2, pings: 1, closed: true }, "in steps of {step}");
        }
    }

    #[test]
    fn what_a_client_says_is_masked() {
        assert_eq!(text("{}"), [0x81, 0x82, 0, 0, 0, 0, b'{', b'}']);
        assert_eq!(text(&"x".repeat(200))[..8], [0x81, 0xfe, 0, 200, 0, 0, 0, 0]);
    }
}
