//! GitHub: repository, organization and app webhooks.
//!
//! The delivery id is not part of what is signed, and a redelivery by hand has the same id. GitHub sends up to 25 MB, waits
//! ten seconds for the answer and never tries again by itself.

use serde_json::Value;

use crate::{Scheme, Source};

pub(super) const SOURCE: Source = Source {
    name: "github",
    scheme: Scheme::HmacSha256Hex { header: "x-hub-signature-256", prefix: "sha256=" },
    type_header: "x-github-event",
    id_header: "x-github-delivery",
    subject,
    form_field: Some("payload"),
    body_bytes: 25 * 1024 * 1024,
    secret_env: "GITHUB_WEBHOOK_SECRET",
    documentation: "https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries",
};

/// The repository, else whoever the event is about. Names are the same in any case, so they are kept in lower case.
fn subject(payload: &Value) -> Option<String> {
    let places = ["/repository/full_name", "/organization/login", "/installation/account/login", "/sender/login"];
    let name = places.iter().find_map(|place| payload.pointer(place)?.as_str())?;
    let usable = name.len() <= kernel::limits::EVENT_ATTRIBUTE_BYTES && !name.contains(char::is_control);
    usable.then(|| name.to_ascii_lowercase())
}
