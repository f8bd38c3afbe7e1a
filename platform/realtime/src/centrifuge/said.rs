//! What clients send, as it comes: commands, one behind the other, in one of the protocol's two encodings.

use super::command::{Command, Payload};
use super::connection::next_line;
use super::protobuf::next_delimited;
use crate::codes::Disconnect;

/// Commands that came together, or one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// JSON, a command a line.
    Text(&'a str),
    /// Protocol buffers, each command behind its length.
    Binary(&'a [u8]),
}

/// The same, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Text(String),
    Binary(Vec<u8>),
}

impl<'a> Said<'a> {
    /// The next command; `at` moves behind it.
    ///
    /// # Errors
    /// Where it has no end.
    pub(crate) fn next(self, at: &mut usize) -> Result<Option<Self>, Disconnect> {
        match self {
            Self::Text(text) => Ok(next_line(text, at).map(Self::Text)),
            Self::Binary(bytes) => {
                let next = next_delimited(bytes, at).transpose().map_err(|_| Disconnect::BAD_REQUEST)?;
                Ok(next.map(Self::Binary))
            }
        }
    }

    /// A command that says nothing answers a ping.
    pub(crate) fn is_pong(self) -> bool {
        matches!(self, Self::Text("{}") | Self::Binary([]))
    }

    pub(crate) fn is_blank(self) -> bool {
        match self {
            Self::Text(text) => text.trim_ascii().is_empty(),
            Self::Binary(bytes) => bytes.is_empty(),
        }
    }

    pub(crate) fn len(self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    pub(crate) fn keep(self) -> Kept {
        match self {
            Self::Text(text) => Kept::Text(text.to_owned()),
            Self::Binary(bytes) => Kept::Binary(bytes.to_owned()),
        }
    }
}

impl Kept {
    pub(crate) fn said(&self) -> Said<'_> {
        match self {
            Self::Text(text) => Said::Text(text),
            Self::Binary(bytes) => Said::Binary(bytes),
        }
    }

    /// One command; none where it is none, or in the encoding that its connection does not speak.
    pub(crate) fn command(&self, binary: bool) -> Option<(u32, Payload)> {
        match (self, binary) {
            (Self::Text(line), false) => Command::parse(line),
            (Self::Binary(message), true) => Command::of_protobuf(message),
            _ => None,
        }
    }
}
