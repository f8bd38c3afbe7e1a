//! What is sent, what comes back, and why not.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use kernel::limits;

use crate::address::{Policy, Refused};

/// A request that goes out. It prints neither its address nor its headers: both may hold secrets.
#[derive(Clone)]
pub struct Request {
    pub(crate) class: &'static str,
    pub(crate) policy: Policy,
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) timeout: Duration,
    pub(crate) most: usize,
    pub(crate) cut: bool,
}

impl Request {
    /// `class` names what this is for, in figures: a word of ours (`endpoints`), nothing that a user said.
    pub fn new(class: &'static str, policy: Policy, method: Method, url: impl Into<String>) -> Self {
        Self {
            class,
            policy,
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: Duration::from_millis(limits::OUTBOUND_TIMEOUT_MS),
            most: limits::OUTBOUND_BODY_BYTES,
            cut: false,
        }
    }

    /// With one header more.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// From now to the last byte of the answer at most; waiting for the host's turn, names and TLS included.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// An answer with more than `most` bytes, unpacked, is an error.
    #[must_use]
    pub fn at_most(self, most: usize) -> Self {
        Self { most, cut: false, ..self }
    }

    /// Only the first `most` bytes of the answer matter: the status counts even when the rest is long, slow or broken.
    #[must_use]
    pub fn keep_first(self, most: usize) -> Self {
        Self { most, cut: true, ..self }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} [address] for {}, {} bytes)", self.method, self.class, self.body.len())
    }
}

/// An answer, whole or cut as the request allowed.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, unpacked.
    pub body: Bytes,
    /// Whether the body is all there was.
    pub whole: bool,
    /// From the call to the end of the body.
    pub took: Duration,
}

impl Response {
    /// When to come back according to `Retry-After`, Unix milliseconds: seconds from `now_ms`, or a date (RFC 9110 §10.2.3).
    pub fn retry_at_ms(&self, now_ms: i64) -> Option<i64> {
        let value = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = value.parse::<u32>() {
            return Some(now_ms + i64::from(seconds) * 1000);
        }
        let date = httpdate::parse_http_date(value).ok()?;
        let since = date.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_millis()).ok()
    }
}

/// Why there is no answer. The words name no part of the address.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing goes to this address, now or later, unless the settings or the name's addresses change. Nothing was sent.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// Too many wait for this host already. Nothing was sent.
    #[error("too many requests wait for this host")]
    Busy,
    /// The name is unknown, or nobody answers there, or not in TLS that we believe. Nothing was sent.
    #[error("no connection: {0}")]
    Connect(String),
    /// The time was over. The other side may have acted.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The connection broke, or what came is no HTTP. The other side may have acted.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The answer's body is over the request's bound. The other side has acted.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
}

impl Error {
    /// Whether it is certain that the other side has seen nothing: trying again cannot do anything twice.
    pub fn nothing_sent(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Busy | Self::Connect(_))
    }

    /// A word for figures.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Busy => "busy",
            Self::Connect(_) => "connect",
            Self::Timeout(_) => "timeout",
            Self::Broken(_) => "broken",
            Self::TooLarge(_) => "too_large",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let says = |value: &'static str| Response {
            status: StatusCode::TOO_MANY_REQUESTS,
            headers: HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]),
            body: Bytes::new(),
            whole: true,
            took: Duration::ZERO,
        };
        assert_eq!(says("120").retry_at_ms(1_000), Some(121_000));
        assert_eq!(says("0").retry_at_ms(1_000), Some(1_000));
        assert_eq!(says("Wed, 21 Oct 2015 07:28:00 GMT").retry_at_ms(0), Some(1_445_412_480_000));
        for nonsense in ["", "-1", "soon", "1.5", "99999999999999999999"] {
            assert_eq!(says(nonsense).retry_at_ms(0), None, "{nonsense}");
        }
    }

    #[test]
    fn a_request_prints_no_address() {
        let request = Request::new("test", Policy::Public, Method::POST, "https://example.org/hook?token=hunter2");
        assert!(!format!("{request:?}").contains("hunter2"));
    }
}
