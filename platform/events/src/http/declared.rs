//! What is declared: event types with their schemas, and the AsyncAPI document.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use identity::Key;
use identity::scopes::EventsRead;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::cloud_event::schema_urn;
use crate::{Events, asyncapi};

#[derive(Serialize, ToSchema)]
pub(super) struct EventTypeList {
    items: Vec<EventTypeRow>,
}

#[derive(Serialize, ToSchema)]
struct EventTypeRow {
    /// The CloudEvents `type`, or a family of them (`github.*`).
    r#type: String,
    /// The version of its schema; a family has none.
    version: Option<u32>,
    /// What `dataschema` says of this version.
    dataschema: Option<String>,
    /// Whether a key with the scope `events:publish` may publish it; else it is this server's own.
    open: bool,
    /// What its payload must fit (JSON Schema 2020-12).
    #[schema(value_type = Object)]
    schema: Value,
}

/// Every event type that is declared, with its schema. What is not here is refused. Needs the scope `events:read`.
#[utoipa::path(get, path = "/api/v1/event-types", tag = "events", responses((status = 200, body = EventTypeList), (status = 401), (status = 403)))]
pub(super) async fn list(_: Key<EventsRead>, State(events): State<Events>) -> Json<EventTypeList> {
    let items = events.0.registry.types().map(|declared| EventTypeRow {
        r#type: declared.pattern.clone(),
        version: declared.version,
        dataschema: declared.version.map(|version| schema_urn(&declared.pattern, version)),
        open: declared.open,
        schema: declared.schema.clone(),
    });
    Json(EventTypeList { items: items.collect() })
}

/// The AsyncAPI 3.0 document of this server: its events and its channels. Needs the scope `events:read`.
#[utoipa::path(get, path = "/api/v1/asyncapi.json", tag = "events", responses((status = 200, body = Object), (status = 401), (status = 403)))]
pub(super) async fn document(_: Key<EventsRead>, State(events): State<Events>) -> Response {
    let text = asyncapi::document(&events.0.registry).to_string();
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
