//! Why a delivery is refused: one answer for the sender, and more for whoever set the webhook up.

use axum::http::{HeaderMap, StatusCode};
use events::AppendError;
use kernel::Problem;

use crate::scheme::Sender;
use crate::verify::{SHOWN, Unverified};

/// Why a delivery is refused.
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) cause: &'static str,
    pub(crate) reason: String,
    pub(crate) signature: Option<Unverified>,
}

/// When a sender is asked to come again, seconds.
const COME_AGAIN_S: u32 = 5;

impl Refusal {
    pub(crate) fn new(status: StatusCode, cause: &'static str, reason: impl Into<String>) -> Self {
        Self { status, cause, reason: reason.into(), signature: None }
    }

    pub(crate) fn unparsable(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "UNPARSABLE", reason)
    }

    pub(crate) fn unverified(sender: &Sender<'_>, unverified: Unverified) -> Self {
        let status = StatusCode::from_u16(sender.refusal).unwrap_or(StatusCode::UNAUTHORIZED);
        let cause = if unverified.stale { "STALE_TIMESTAMP" } else { "VERIFICATION_FAILED" };
        let refusal = Self::new(status, cause, unverified.reason);
        Self { signature: Some(unverified), ..refusal }
    }

    pub(crate) fn too_many() -> Self {
        let reason = "More deliveries come than this source may send in a second. Nothing was kept: send it again.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", reason)
    }

    /// Whether the delivery was good, and we could not take it now.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.cause, "STORE_UNAVAILABLE" | "RATE_LIMITED") && self.status != StatusCode::INTERNAL_SERVER_ERROR
    }

    pub(crate) fn problem(&self) -> Problem {
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => Problem::unavailable(COME_AGAIN_S, self.reason.clone()),
            StatusCode::INTERNAL_SERVER_ERROR => Problem::internal(self.reason.clone()),
            StatusCode::TOO_MANY_REQUESTS => {
                Problem::new(self.status, "rate_limited", self.reason.clone()).retry_after(1)
            }
            status => Problem::new(status, code(self.cause), self.reason.clone()),
        }
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        match &error {
            AppendError::Store(store) if store.is_temporary() => {
                tracing::error!(error = %kernel::problem::chain(store), "a delivery could not be stored");
                let reason = "The store cannot write now. Nothing was kept: send it again.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "STORE_UNAVAILABLE", reason)
            }
            AppendError::Store(_) | AppendError::Enqueue(_) => {
                tracing::error!(error = %kernel::problem::chain(&error), "a delivery could not be stored");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "STORE_UNAVAILABLE", "Something broke on our side.")
            }
            AppendError::Invalid { source, .. } => Self::unparsable(source.to_string()),
            _ => Self::unparsable(error.to_string()),
        }
    }
}

fn code(cause: &str) -> &'static str {
    match cause {
        "VERIFICATION_FAILED" => "verification_failed",
        "STALE_TIMESTAMP" => "stale_timestamp",
        "BAD_CONTENT_TYPE" => "bad_content_type",
        "BAD_METHOD" => "bad_method",
        "SOURCE_DISABLED" => "not_found",
        "TOO_LARGE" => "too_large",
        "TOO_SLOW" => "too_slow",
        _ => "unparsable",
    }
}

/// What a header's name holds when its value may be somebody's credentials.
const CREDENTIALS: [&str; 6] = ["authorization", "cookie", "token", "secret", "password", "api-key"];
const HEADERS: usize = 64;
const HEADER_CHARS: usize = 500;

/// Headers worth keeping, as a JSON list of pairs. Of a signature only its beginning is kept: with the whole of it, whoever
/// reads this could send the delivery again.
pub(crate) fn headers_kept(sender: &Sender<'_>, headers: &HeaderMap) -> String {
    let proves = |name: &str| sender.proofs.iter().any(|proof| proof.header == name);
    let kept: Vec<(&str, String)> = headers
        .iter()
        .filter(|(name, _)| !CREDENTIALS.iter().any(|word| name.as_str().contains(word)))
        .take(HEADERS)
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            let signature = proves(name.as_str()) || ["signature", "hmac"].iter().any(|w| name.as_str().contains(w));
            (
                name.as_str(),
                if signature { beginnings(sender, &value) } else { value.chars().take(HEADER_CHARS).collect() },
            )
        })
        .collect();
    serde_json::to_string(&kept).unwrap_or_default()
}

/// `sha256=12345678…` of a signature; of several, of each.
fn beginnings(sender: &Sender<'_>, value: &str) -> String {
    let between = sender.proofs.iter().find_map(|proof| proof.between).unwrap_or('\n');
    let beginning = |entry: &str| {
        // The time in the header is no secret, and whoever looks for a mistake needs it.
        if entry.len() <= SHOWN + 7 && entry.starts_with("t=") {
            return entry.to_owned();
        }
        let tag = entry.find(['=', ',']).filter(|at| *at < SHOWN).map_or(0, |at| at + 1);
        let shown: String = entry[..tag].chars().chain(entry[tag..].chars().take(SHOWN)).collect();
        if shown.len() < entry.len() { shown + "…" } else { shown }
    };
    let shown: Vec<_> = value.split(between).take(8).map(beginning).collect();
    shown.join(&between.to_string())
}

/// The headers that prove a delivery, as a JSON list of pairs: what it takes to verify it again.
pub(crate) fn headers_that_prove(headers: &HeaderMap) -> String {
    let kept: Vec<(&str, String)> = headers
        .iter()
        .take(HEADERS)
        .filter_map(|(name, value)| {
            Some((name.as_str(), value.to_str().ok()?.chars().take(4 * HEADER_CHARS).collect()))
        })
        .collect();
    serde_json::to_string(&kept).unwrap_or_default()
}
