//! The built pages, embedded in the binary: the console and each product's own.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use host::Product;
use kernel::Problem;
use rust_embed::{Embed, EmbeddedFile};

/// What Vite built. A build without npm embeds an empty folder, and says so where a page would be.
#[derive(Embed)]
#[folder = "../console/dist"]
struct Built;

pub(crate) fn routes(products: &[Product]) -> Router {
    let console = || page("console");
    let mut router = Router::new()
        .route("/", get(|| async { Redirect::temporary("/console") }))
        .route("/console", get(console))
        .route("/console/", get(console))
        .route("/console/{*path}", get(console))
        .route("/assets/{*path}", get(asset))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }));
    for product in products {
        for page in product.worker_list().iter().copied() {
            router = router.route(&format!("/{page}/worker.js"), get(move || worker(page)));
        }
        let hears = product.uses_microphone();
        for (path, name) in product.page_list().iter().copied() {
            router = router.route(path, get(move || page_of_product(name, hears)));
            if !path.ends_with('}') {
                router = router.route(&format!("{path}/"), get(move || page_of_product(name, hears)));
            }
        }
    }
    router
}

/// A page that may ask for the microphone says so itself; no other may.
async fn page_of_product(name: &'static str, hears: bool) -> Response {
    let mut response = page(name).await;
    if hears {
        let devices = HeaderValue::from_static("camera=(), geolocation=(), microphone=(self)");
        response.headers_mut().insert("permissions-policy", devices);
    }
    response
}

pub(crate) async fn nothing_here() -> Problem {
    Problem::not_found("There is nothing at this address.")
}

async fn page(name: &'static str) -> Response {
    let Some(file) = Built::get(&format!("{name}/index.html")) else { return not_built() };
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, file.data).into_response()
}

fn not_built() -> Response {
    let text = "The pages are not in this binary: it was built without npm.\n\
        Install Node.js 20 or newer and run `cargo xtask serve`, which builds them.\n\
        The API works all the same; its reference is at /docs.\n";
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// What a browser keeps for a page: it asks for it anew each day at least, and may run it for the page's own address too, above the
/// folder that the script lies in. Without it, a page is told that there is nothing.
async fn worker(name: &'static str) -> Response {
    let Some(file) = Built::get(&format!("{name}/worker.js")) else { return nothing_here().await.into_response() };
    let scope = format!("/{name}");
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("service-worker-allowed"), scope.as_str()),
    ];
    (headers, file.data).into_response()
}

/// Names of assets carry a hash of their content: they can be kept for ever.
async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let Some(file) = Built::get(&format!("assets/{path}")) else { return nothing_here().await.into_response() };
    let tag = tag(&file);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|sent| sent.as_bytes() == tag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let kind = file.metadata.mimetype().to_owned();
    let kept = "public, max-age=31536000, immutable".to_owned();
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept), (header::ETAG, tag)], file.data).into_response()
}

fn tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let digits: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

/// Whether the pages are in this binary.
pub(crate) fn are_built() -> bool {
    Built::get("console/index.html").is_some()
}
