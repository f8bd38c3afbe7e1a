//! The API's own description, and a page to read it.

use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{RefOr, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

#[derive(OpenApi)]
#[openapi(info(
    title = "Mainspring",
    description = "The live backend in one binary. Errors are `application/problem+json` (RFC 9457) with a `code` to switch on and a `request_id` to quote. Programs send an API key (`Authorization: Bearer msk_…`); a change may carry an `Idempotency-Key` and then runs once; every answer says in `RateLimit` where the client stands, and past its share it is 429."
))]
struct Document;

/// The routes of every part, with their descriptions.
pub(crate) struct Api(OpenApiRouter);

impl Api {
    pub(crate) fn new() -> Self {
        Self(OpenApiRouter::with_openapi(Document::openapi()))
    }

    /// Adds a part.
    ///
    /// # Panics
    /// When it calls a schema as another part calls a different one: the document would describe one of them wrongly.
    pub(crate) fn with(mut self, mut part: OpenApiRouter) -> Self {
        let known = self.0.get_openapi_mut().components.get_or_insert_default();
        for (name, schema) in &part.get_openapi_mut().components.get_or_insert_default().schemas {
            let other = known.schemas.get(name).filter(|other| *other != schema);
            assert!(other.is_none(), "two parts have a schema {name}: give one of them another name (schema(as = …))");
        }
        Self(self.0.merge(part))
    }

    /// The routes, `/api/v1/openapi.json`, and the reference at `/docs`.
    pub(crate) fn router(self) -> Router {
        let (router, mut document) = self.0.split_for_parts();
        let session = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("mainspring_session")));
        let key = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("session", session);
        components.add_security_scheme("key", key);
        // What stands before every route answers for every route.
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                let refused = || RefOr::T(ResponseBuilder::new().description("over the rate limit").build());
                operation.responses.responses.entry("429".to_owned()).or_insert_with(refused);
                operation.operation_id = Some(id_of(method, path));
            }
        }
        let page = SwaggerUi::new("/docs").config(Config::from("/api/v1/openapi.json"));
        router.route("/api/v1/openapi.json", get(|| async move { Json(document) })).merge(page)
    }
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = path;
    let all = [("get", get), ("put", put), ("post", post), ("delete", delete), ("patch", patch)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// A name for generated clients, of one operation alone whatever its handler is called: `get_jobs_by_id`.
fn id_of(method: &str, path: &str) -> String {
    let words = path.split('/').filter(|word| !["", "api", "v1"].contains(word)).map(|word| {
        let place = word.strip_prefix('{').and_then(|word| word.strip_suffix('}'));
        place.map_or_else(|| word.to_owned(), |place| format!("by_{place}")).replace(['-', '.'], "_")
    });
    std::iter::once(method.to_owned()).chain(words).collect::<Vec<_>>().join("_")
}
