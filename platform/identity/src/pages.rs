//! How the pages of this part look: forms that need no script and nothing from elsewhere, and a policy that allows nothing else.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::html::escaped;
use sha2::{Digest, Sha256};

const STYLE: &str = "\
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:light-dark(#f6f7f9,#0c0f14);color:light-dark(#14171c,#e8ebf0)}\
main{max-width:22rem;padding:2rem;border:1px solid light-dark(#e2e5ea,#232833);border-radius:.75rem;background:light-dark(#fff,#12161d)}\
h1{margin:0 0 .25rem;font-size:1.25rem}p{margin:0 0 1.25rem;color:light-dark(#59616e,#9aa3b2)}\
button{font:inherit;font-weight:600;width:100%;padding:.6rem 1rem;border:0;border-radius:.5rem;background:#3353d6;color:#fff;cursor:pointer}\
label{display:block;margin:0 0 1rem;font-weight:600}input{display:block;box-sizing:border-box;width:100%;margin-top:.25rem;padding:.55rem .7rem;\
font:inherit;color:inherit;background:light-dark(#fff,#0c0f14);border:1px solid light-dark(#c5cad3,#39404e);border-radius:.5rem}\
input:focus-visible{outline:2px solid #8ea2f5;outline-offset:1px}small{font-weight:400;color:light-dark(#59616e,#9aa3b2)}\
.else{margin:1.25rem 0 0}.wrong{padding:.6rem .8rem;border-radius:.5rem;color:light-dark(#8a1c1c,#ffc9c9);background:light-dark(#fdecec,#3a1619)}a{color:light-dark(#3353d6,#9fb0ff)}\
.or{margin:1rem 0 0;text-align:center}.with{display:block;margin:.75rem 0 0;padding:.55rem 1rem;border:1px solid light-dark(#c5cad3,#39404e);border-radius:.5rem;\
text-align:center;font-weight:600;text-decoration:none;color:inherit;overflow-wrap:anywhere}.with:hover{background:light-dark(#f0f2f6,#1a202a)}.with:focus-visible{outline:2px solid #8ea2f5;outline-offset:2px}\
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

/// A form of this part.
pub(crate) struct Form<'a> {
    pub(crate) title: &'a str,
    pub(crate) lead: &'a str,
    /// What was wrong with what was sent before; empty at first.
    pub(crate) wrong: &'a str,
    pub(crate) fields: &'a [Field<'a>],
    pub(crate) button: &'a str,
    /// Ways that need nothing typed: words and a path each. Links, and no forms: what a form leads to must be ours all the way.
    pub(crate) with: &'a [(String, String)],
    /// Where else to go: words and a path.
    pub(crate) else_to: Option<(&'a str, &'a str)>,
}

/// One of its fields.
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    pub(crate) label: &'a str,
    pub(crate) kind: &'a str,
    /// What a password manager shall fill in (HTML, autofill).
    pub(crate) fills: &'a str,
    pub(crate) value: &'a str,
    pub(crate) hint: &'a str,
}

/// Shows a form. Whatever somebody typed is text on it.
pub(crate) fn form(status: StatusCode, form: &Form<'_>) -> Response {
    let mut html = format!("<h1>{}</h1><p>{}</p>", escaped(form.title), escaped(form.lead));
    if !form.wrong.is_empty() {
        html.push_str(&format!("<p class=\"wrong\" role=\"alert\">{}</p>", escaped(form.wrong)));
    }
    html.push_str("<form method=\"post\">");
    let mut first = true;
    for field in form.fields {
        let input = format!(
            "<input name=\"{}\" type=\"{}\" value=\"{}\" autocomplete=\"{}\"",
            field.name,
            field.kind,
            escaped(field.value),
            field.fills
        );
        let focus = if std::mem::take(&mut first) { " autofocus" } else { "" };
        let hint =
            if field.hint.is_empty() { String::new() } else { format!(" <small>{}</small>", escaped(field.hint)) };
        html.push_str(&format!("<label>{}{hint}{input} required{focus}></label>", escaped(field.label)));
    }
    html.push_str(&format!("<button>{}</button></form>", escaped(form.button)));
    if !form.with.is_empty() {
        html.push_str("<p class=\"or\">or</p>");
    }
    for (words, path) in form.with {
        html.push_str(&format!("<a class=\"with\" href=\"{}\">{}</a>", escaped(path), escaped(words)));
    }
    if let Some((words, path)) = form.else_to {
        html.push_str(&format!("<p class=\"else\"><a href=\"{}\">{}</a></p>", escaped(path), escaped(words)));
    }
    page(status, &html)
}

/// One sentence, and where to go on.
pub(crate) fn says(status: StatusCode, title: &str, words: &str) -> Response {
    page(status, &format!("<h1>{}</h1><p>{}</p><a href=\"/sign-in\">Sign in</a>", escaped(title), escaped(words)))
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
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        // A link's token stays here. Where nothing at all were sent, browsers would not say either whose page sent a form.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    let mut response = (status, headers, html).into_response();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
