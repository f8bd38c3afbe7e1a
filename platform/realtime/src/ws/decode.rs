//! Frames from the client: masked, in pieces, and not to be trusted.

use std::collections::VecDeque;

use super::{BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT};
use crate::codes::Disconnect;

/// What a client sent, whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    /// With the code to echo: the client's, or 1000 when it gave none.
    Close(u16),
}

/// Keeps only what is incomplete between two reads: nothing at all for an idle connection.
#[derive(Default)]
pub(crate) struct Decoder {
    /// The beginning of a frame whose rest is on the way.
    tail: Vec<u8>,
    /// The fragments so far of a message in several frames.
    fragments: Vec<u8>,
    /// Of the message in several frames, while there is one.
    opcode: Option<u8>,
    closed: bool,
}

struct Frame {
    fin: bool,
    opcode: u8,
    mask: [u8; 4],
    header: usize,
    payload: usize,
}

impl Decoder {
    /// Decodes what was read, in place, and appends the messages to `out`.
    ///
    /// # Errors
    /// The close code that RFC 6455 wants for what is wrong; nothing may be fed afterwards.
    pub(crate) fn feed(
        &mut self,
        input: &mut [u8],
        limit: usize,
        out: &mut VecDeque<Message>,
    ) -> Result<(), Disconnect> {
        if self.tail.is_empty() {
            let used = self.consume(input, limit, out)?;
            self.tail = input[used..].to_vec();
        } else {
            let mut bytes = std::mem::take(&mut self.tail);
            bytes.extend_from_slice(input);
            let used = self.consume(&mut bytes, limit, out)?;
            if used < bytes.len() {
                bytes.drain(..used);
                self.tail = bytes;
            }
        }
        Ok(())
    }

    fn consume(&mut self, bytes: &mut [u8], limit: usize, out: &mut VecDeque<Message>) -> Result<usize, Disconnect> {
        let mut used = 0;
        while !self.closed {
            let Some(frame) = parse(&bytes[used..], limit)? else { return Ok(used) };
            let end = used + frame.header + frame.payload;
            if bytes.len() < end {
                return Ok(used);
            }
            let payload = &mut bytes[used + frame.header..end];
            unmask(payload, frame.mask);
            self.frame(&frame, payload, limit, out)?;
            used = end;
        }
        Ok(bytes.len())
    }

    fn frame(
        &mut self,
        frame: &Frame,
        payload: &[u8],
        limit: usize,
        out: &mut VecDeque<Message>,
    ) -> Result<(), Disconnect> {
        match (frame.opcode, self.opcode) {
            (PING, _) => out.push_back(Message::Ping(payload.to_vec())),
            (PONG, _) => out.push_back(Message::Pong),
            (CLOSE, _) => {
                out.push_back(Message::Close(close_code(payload)?));
                self.closed = true;
            }
            (TEXT | BINARY, None) if frame.fin => out.push_back(message(frame.opcode, payload)?),
            (TEXT | BINARY, None) => {
                self.opcode = Some(frame.opcode);
                self.fragments = payload.to_vec();
            }
            (CONTINUATION, Some(opcode)) => {
                if self.fragments.len() + payload.len() > limit {
                    return Err(Disconnect::TOO_BIG);
                }
                self.fragments.extend_from_slice(payload);
                if frame.fin {
                    let whole = std::mem::take(&mut self.fragments);
                    self.opcode = None;
                    out.push_back(message(opcode, &whole)?);
                }
            }
            _ => return Err(Disconnect::PROTOCOL),
        }
        Ok(())
    }
}

/// The header of the next frame, once it is there. What is forbidden is refused as soon as it shows.
fn parse(bytes: &[u8], limit: usize) -> Result<Option<Frame>, Disconnect> {
    let Some((&[first, second], rest)) = bytes.split_first_chunk::<2>() else { return Ok(None) };
    let (fin, reserved, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0f);
    let (masked, short) = (second & 0x80 != 0, second & 0x7f);
    let control = opcode >= CLOSE;
    if reserved != 0 || !masked || !matches!(opcode, CONTINUATION..=BINARY | CLOSE..=PONG) {
        return Err(Disconnect::PROTOCOL);
    }
    if control && (!fin || short > 125) {
        return Err(Disconnect::PROTOCOL);
    }
    // The shortest form that fits is the only one allowed (RFC 6455, 5.2).
    let (payload, rest) = match short {
        126 => match rest.split_first_chunk::<2>() {
            Some((length, rest)) => (at_least(126, u64::from(u16::from_be_bytes(*length)))?, rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk::<8>() {
            Some((length, rest)) => (at_least(0x1_0000, u64::from_be_bytes(*length))?, rest),
            None => return Ok(None),
        },
        short => (u64::from(short), rest),
    };
    if payload > limit as u64 && !control {
        return Err(Disconnect::TOO_BIG);
    }
    let Some((&mask, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
    Ok(Some(Frame { fin, opcode, mask, header: bytes.len() - rest.len(), payload: payload as usize }))
}

fn at_least(least: u64, length: u64) -> Result<u64, Disconnect> {
    if length < least || length > i64::MAX as u64 { Err(Disconnect::PROTOCOL) } else { Ok(length) }
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let (words, rest) = payload.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    rest.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
}

fn message(opcode: u8, payload: &[u8]) -> Result<Message, Disconnect> {
    if opcode == BINARY {
        return Ok(Message::Binary(payload.to_vec()));
    }
    let text = std::str::from_utf8(payload).map_err(|_| Disconnect::NOT_UTF8)?;
    Ok(Message::Text(text.to_owned()))
}

fn close_code(payload: &[u8]) -> Result<u16, Disconnect> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(Disconnect::CLOSED.code) } else { Err(Disconnect::PROTOCOL) };
    };
    std::str::from_utf8(reason).map_err(|_| Disconnect::NOT_UTF8)?;
    match u16::from_be_bytes(*code) {
        code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => Ok(code),
        _ => Err(Disconnect::PROTOCOL),
    }
}

#[cfg(test)]
mod tests;
