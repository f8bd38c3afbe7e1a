//! The thread that runs from a webhook to its sound: a W3C trace id, kept in every delivery, event, job and publication.

use std::fmt;
use std::str::FromStr;

use crate::Entropy;

/// 128 bits, printed as 32 hexadecimal digits; never zero (Trace Context, W3C).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

impl TraceId {
    /// A fresh trace. Public senders never choose ours: what they send is at most a link.
    pub fn new(entropy: &Entropy) -> Self {
        Self((u128::from(entropy.u64()) << 64 | u128::from(entropy.u64())).max(1))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TraceId {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let valid = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        match u128::from_str_radix(text, 16) {
            Ok(value) if valid && value != 0 => Ok(Self(value)),
            _ => Err(()),
        }
    }
}

impl serde::Serialize for TraceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What the edge knows about a request, in the request's extensions.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// The request's id: the sender's `X-Request-Id` when it is a sane one, else ours.
    pub request_id: String,
    /// The trace that begins with this request.
    pub trace: TraceId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints_and_nothing_else() {
        let trace = TraceId::new(&Entropy::seeded(3));
        assert_eq!(trace.to_string().parse(), Ok(trace));
        for bad in ["", "0", "00000000000000000000000000000000", "+bf92f3577b34da6a3ce929d0e0e4736"] {
            assert_eq!(bad.parse::<TraceId>(), Err(()));
        }
    }
}
