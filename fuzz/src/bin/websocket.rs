//! Frames are decoded as RFC 6455 says, however the network cuts them.
//!
//! The decoder gets the bytes whole, byte by byte, and in pieces that the input chooses; each time it must give the messages and
//! the close code of `Model`, which reads the RFC again in its own words. Memory never goes far over what came: a length that is
//! only announced costs nothing.
//!
//! Input: the bound of a message and the sizes of the pieces, a byte each; then what the client sends.
#![no_main]

use fuzz::{Input, within};
use libfuzzer_sys::fuzz_target;
use realtime::fuzzing::{Decoder, Message};

const PROTOCOL: u16 = 1002;
const NOT_UTF8: u16 = 1007;
const TOO_BIG: u16 = 1009;

type Decoded = (Vec<Message>, Option<u16>);

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let limit = *input.pick(&[16, 125, 300, 2_000]);
    let sizes = input.bytes::<3>().map(|size| usize::from(size).max(1));
    let expected = Model { bytes: input.0, limit, out: Vec::new() }.read();
    for sizes in [&sizes[..], &[usize::MAX], &[1]] {
        // Short pings are the dearest: a message for six bytes.
        let granted = 4 * 1024 + 32 * input.0.len() + 4 * limit;
        assert_eq!(within(granted, || decoded(input.0, sizes, limit)), expected, "in pieces of {sizes:?}");
    }
});

fn decoded(bytes: &[u8], sizes: &[usize], limit: usize) -> Decoded {
    let (mut decoder, mut out) = (Decoder::default(), Vec::new());
    let (mut rest, mut sizes) = (bytes.to_vec(), sizes.iter().cycle());
    while !rest.is_empty() {
        let size = sizes.next().map_or(1, |size| rest.len().min(*size));
        let later = rest.split_off(size);
        if let Err(code) = decoder.feed(&mut rest, limit, &mut out) {
            return (out, Some(code));
        }
        rest = later;
    }
    (out, None)
}

/// The RFC over bytes that are all there, or end in the middle.
struct Model<'a> {
    bytes: &'a [u8],
    limit: usize,
    out: Vec<Message>,
}

/// Why reading ends: nothing more is there, or this is wrong.
enum Stop {
    End,
    Wrong(u16),
}

impl Model<'_> {
    fn read(mut self) -> Decoded {
        let mut message: Option<(bool, Vec<u8>)> = None;
        loop {
            match self.frame(&mut message) {
                Ok(true) => {}
                Ok(false) | Err(Stop::End) => return (self.out, None),
                Err(Stop::Wrong(code)) => return (self.out, Some(code)),
            }
        }
    }

    /// One frame; whether another may follow. `message` is the one that is on its way, and whether it is text.
    fn frame(&mut self, message: &mut Option<(bool, Vec<u8>)>) -> Result<bool, Stop> {
        let [first, second] = self.take()?;
        let (last, opcode, length) = (first >= 0x80, first % 16, second % 128);
        // 5.1: a client masks. 5.2: no extension gives a meaning to the three bits; opcodes 3 to 7 and 11 to 15 have none.
        require(second >= 0x80 && (first >> 4) % 8 == 0 && [0, 1, 2, 8, 9, 10].contains(&opcode), PROTOCOL)?;
        // 5.5: control frames are whole and short.
        require(opcode < 8 || last && length < 126, PROTOCOL)?;
        let length = match length {
            126 => u64::from(u16::from_be_bytes(self.take()?)),
            127 => u64::from_be_bytes(self.take()?),
            short => u64::from(short),
        };
        // 5.2: the fewest bytes that can say it, and never a number of 64 bits.
        let fewest = match second % 128 {
            126 => 126,
            127 => 65_536,
            _ => 0,
        };
        require(length >= fewest && length < 1 << 63, PROTOCOL)?;
        require(opcode >= 8 || length <= self.limit as u64, TOO_BIG)?;
        let mask: [u8; 4] = self.take()?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if self.bytes.len() < length {
            return Err(Stop::End);
        }
        let (payload, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        let payload: Vec<u8> = payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
        match opcode {
            8 => {
                self.out.push(Message::Close(close(&payload)?));
                return Ok(false);
            }
            9 => self.out.push(Message::Ping(payload)),
            10 => self.out.push(Message::Pong),
            // 5.4: fragments follow one another, with nothing but control frames between.
            _ => {
                require((opcode == 0) == message.is_some(), PROTOCOL)?;
                let (text, so_far) = message.get_or_insert((opcode == 1, Vec::new()));
                require(so_far.len() + payload.len() <= self.limit, TOO_BIG)?;
                so_far.extend(payload);
                if last {
                    let whole = if *text { Message::Text(utf8(so_far)?) } else { Message::Binary };
                    self.out.push(whole);
                    *message = None;
                }
            }
        }
        Ok(true)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(Stop::End)?;
        self.bytes = rest;
        Ok(*taken)
    }
}

/// 5.5.1 and 7.4: a close frame is empty, or has a code that may be sent and a reason.
fn close(payload: &[u8]) -> Result<u16, Stop> {
    if payload.is_empty() {
        return Ok(1000);
    }
    require(payload.len() >= 2, PROTOCOL)?;
    utf8(&payload[2..])?;
    let code = u16::from_be_bytes([payload[0], payload[1]]);
    let may_be_sent = (1000..5000).contains(&code) && !(1015..3000).contains(&code) && !(1004..=1006).contains(&code);
    require(may_be_sent, PROTOCOL)?;
    Ok(code)
}

fn utf8(bytes: &[u8]) -> Result<String, Stop> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Stop::Wrong(NOT_UTF8))
}

fn require(holds: bool, code: u16) -> Result<(), Stop> {
    if holds { Ok(()) } else { Err(Stop::Wrong(code)) }
}
