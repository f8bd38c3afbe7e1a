//! The API's own description, and a page to read it.

use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

#[derive(OpenApi)]
#[openapi(info(
    title = "Mainspring",
    description = "The live backend in one binary. Errors are `application/problem+json` (RFC 9457) with a `code` to switch on and a `request_id` to quote."
))]
struct Document;

/// The routes of every part, with their descriptions.
pub(crate) struct Api(OpenApiRouter);

impl Api {
    pub(crate) fn new() -> Self {
        Self(OpenApiRouter::with_openapi(Document::openapi()))
    }

    pub(crate) fn with(self, part: OpenApiRouter) -> Self {
        Self(self.0.merge(part))
    }

    /// The routes, `/api/v1/openapi.json`, and the reference at `/docs`.
    pub(crate) fn router(self) -> Router {
        let (router, mut document) = self.0.split_for_parts();
        let session = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("mainspring_session")));
        document.components.get_or_insert_default().add_security_scheme("session", session);
        let page = SwaggerUi::new("/docs").config(Config::from("/api/v1/openapi.json"));
        router.route("/api/v1/openapi.json", get(|| async move { Json(document) })).merge(page)
    }
}
