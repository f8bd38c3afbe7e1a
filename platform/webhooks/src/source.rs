//! What a sender is: data, in one constant a sender.

use axum::http::HeaderMap;
use serde_json::Value;

/// A sender of webhooks.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The last part of its address, and the first of its event types: `github` at `/in/github`, `github.push`.
    pub name: &'static str,
    /// How it signs.
    pub scheme: Scheme,
    /// The header with the type of the event.
    pub type_header: &'static str,
    /// The header with the sender's id of the delivery.
    pub id_header: &'static str,
    /// What an event is about.
    pub subject: fn(&Value) -> Option<String>,
    /// The form field that holds the JSON when the body is a form.
    pub form_field: Option<&'static str>,
    /// Body at most, bytes.
    pub body_bytes: usize,
    /// The environment variable that may hold its secret.
    pub secret_env: &'static str,
    /// The sender's page that says all this.
    pub documentation: &'static str,
}

/// How a sender proves that it is the sender.
#[derive(Clone, Copy, Debug)]
pub enum Scheme {
    /// `{prefix}{hex of HMAC-SHA256(secret as UTF-8, raw body)}` in a header.
    HmacSha256Hex {
        /// The header.
        header: &'static str,
        /// What stands before the digits.
        prefix: &'static str,
    },
}

impl Source {
    /// The sender's event type, when it looks like one.
    pub(crate) fn event_type(&self, headers: &HeaderMap) -> Option<String> {
        let sent = headers.get(self.type_header)?.to_str().ok()?;
        let sane = (1..=64).contains(&sent.len())
            && sent.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        sane.then(|| format!("{}.{sent}", self.name))
    }

    /// The sender's id of the delivery, when it is one that can be kept.
    pub(crate) fn sender_id(&self, headers: &HeaderMap) -> Option<String> {
        let sent = headers.get(self.id_header)?.to_str().ok()?;
        let sane =
            (1..=kernel::limits::SENDER_ID_BYTES).contains(&sent.len()) && sent.bytes().all(|b| b.is_ascii_graphic());
        sane.then(|| sent.to_owned())
    }
}
