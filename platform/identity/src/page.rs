//! The one page of this part: signing a browser in. It needs nothing from elsewhere, and its policy allows nothing else.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const STYLE: &str = "\
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:light-dark(#f6f7f9,#0c0f14);color:light-dark(#14171c,#e8ebf0)}\
main{max-width:22rem;padding:2rem;border:1px solid light-dark(#e2e5ea,#232833);border-radius:.75rem;background:light-dark(#fff,#12161d)}\
h1{margin:0 0 .25rem;font-size:1.25rem}p{margin:0 0 1.25rem;color:light-dark(#59616e,#9aa3b2)}\
button{font:inherit;font-weight:600;width:100%;padding:.6rem 1rem;border:0;border-radius:.5rem;background:#3353d6;color:#fff;cursor:pointer}\
button:hover{background:#2743b8}button:focus-visible{outline:2px solid #8ea2f5;outline-offset:2px}code{font-size:.95em}";

/// Asks before the link is used: previews that chat programs fetch must not use it up.
pub(crate) fn confirm() -> Response {
    let form = "<h1>Mainspring</h1><p>Sign this browser in to the console, for 30 days.</p>\
        <form method=\"post\"><button autofocus>Sign in</button></form>";
    page(StatusCode::OK, form)
}

/// The link cannot be used; what to do.
pub(crate) fn used() -> Response {
    let advice = "<h1>This link no longer works</h1><p>It was used already, or is older than 15 minutes. \
        Run <code>mainspring admin-link</code> beside the server for a new one.</p>";
    page(StatusCode::GONE, advice)
}

fn page(status: StatusCode, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Mainspring</title><style>{STYLE}</style><main>{body}</main></html>"
    );
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    let mut response = (status, headers, html).into_response();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
