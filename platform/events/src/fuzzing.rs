//! What the fuzz targets see of this crate: it is built for them alone.

use axum::http::HeaderMap;
use kernel::Problem;
use serde_json::Value;

use crate::{Event, cloud_event, http};

/// An event that came in.
pub struct Read {
    /// As the log would have it, at position 1.
    pub event: Event,
    /// The payload, parsed.
    pub data: Value,
    /// The version of its schema where it names one of ours.
    pub version: Option<u32>,
}

/// The events of a request.
///
/// # Errors
/// What a client is told.
pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Read>, Problem> {
    let read = http::read(headers, body)?.into_iter().map(|incoming| {
        let id = incoming.event.id.clone().unwrap_or_default();
        Read { event: incoming.event.at(1, id, 0), data: incoming.data, version: incoming.version }
    });
    Ok(read.collect())
}

/// The event as it goes out.
pub fn to_json(event: &Event, typed: bool) -> String {
    cloud_event::to_json(event, typed)
}
