//! The way out: to where senders publish their keys, and to their hubs. Only jobs go it, never a request of a sender.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use outbound::{Outbound, Policy, Request, Response};

use crate::Webhooks;

/// One question at most, milliseconds.
const TIMEOUT_MS: u64 = 15_000;
/// What is read of an answer, bytes.
const ANSWER_BYTES: usize = 16 * 1024;
/// What is told of an answer that is no success, characters.
const TOLD_CHARS: usize = 200;

pub(crate) struct Outside {
    outbound: Outbound,
    base_url: String,
}

impl Webhooks {
    /// Lets this part ask hubs for topics and senders for their keys. Hubs are told to deliver below `base_url`, which they
    /// must reach. Without this, nothing is asked; a second call changes nothing.
    pub fn reach_out(&self, outbound: Outbound, base_url: &str) {
        let base_url = base_url.trim_end_matches('/').to_owned();
        let _ = self.0.outside.set(Outside { outbound, base_url });
    }
}

impl Outside {
    /// A whole address of ours.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// What is there; in words why not.
    pub(crate) async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        let request = Request::new("webhooks", Policy::Public, Method::GET, url).at_most(ANSWER_BYTES);
        self.send(request).await
    }

    /// Sends a form; in words why it was not taken.
    pub(crate) async fn post_form(&self, url: &str, fields: &[(&str, &str)]) -> Result<(), String> {
        let form = serde_urlencoded::to_string(fields).map_err(|error| error.to_string())?;
        let request = Request::new("webhooks", Policy::Public, Method::POST, url)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .body(form)
            .keep_first(ANSWER_BYTES);
        self.send(request).await.map(drop)
    }

    async fn send(&self, request: Request) -> Result<Vec<u8>, String> {
        let sent = self.outbound.send(request.timeout(Duration::from_millis(TIMEOUT_MS))).await;
        let Response { status, body, .. } = sent.map_err(|error| error.to_string())?;
        if status.is_success() { Ok(body.to_vec()) } else { Err(complaint(status, &body)) }
    }
}

/// The status and the beginning of what was said, in one line that every store keeps.
fn complaint(status: StatusCode, body: &[u8]) -> String {
    let said: String = String::from_utf8_lossy(&body[..body.len().min(4 * TOLD_CHARS)])
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|letter| !letter.is_control())
        .take(TOLD_CHARS)
        .collect();
    if said.is_empty() { format!("answered {status}") } else { format!("answered {status}: {said}") }
}
