//! Asks a page what it is. Every step goes through the guard by itself: an address that redirects inside leads nowhere.

use std::time::Duration;

use axum::http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use bytes::Bytes;
use fluent_uri::{Uri, UriRef};
use host::Ctx;
use kernel::limits;
use outbound::{Policy, Request, Response};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Found, Said};
use crate::model::{self, FileKind, Page};
use crate::pictures;

/// What stands in an address as it is: all that is written in ASCII.
const AS_IT_IS: &AsciiSet = CONTROLS;

/// What an address leads to; `None` for whatever fails.
pub(super) async fn found(ctx: &Ctx, url: &str) -> Option<Found> {
    let (url, answer) = fetched(ctx, url, "text/html", false).await?;
    let charset = html(&answer.headers)?;
    let Page { title, description, site, picture } = model::page(&answer.body, charset.as_deref())?;
    let picture = match picture.and_then(|picture| beside(&url, &picture)) {
        Some(address) => shown(ctx, &address).await,
        None => None,
    };
    Some(Found { said: Said { title, description, site }, picture })
}

/// A page's picture, made small and anew: nothing of what its server sent is passed on.
async fn shown(ctx: &Ctx, url: &str) -> Option<(Bytes, String)> {
    let (_, answer) = fetched(ctx, url, "image/*", true).await?;
    let form = model::form_of(&answer.body).filter(|form| form.kind == FileKind::Image)?;
    let picture = pictures::open(form, answer.body).await.ok()?;
    Some((picture.preview, picture.preview_form.mime.to_owned()))
}

/// What answers at an address, or where it redirects to, with the address at which it did.
async fn fetched(ctx: &Ctx, url: &str, accept: &'static str, whole: bool) -> Option<(String, Response)> {
    let mut url = utf8_percent_encode(url, AS_IT_IS).to_string();
    for _ in 0..=limits::CHAT_PAGE_REDIRECTS {
        let request = Request::new("chat_links", Policy::Public, Method::GET, url.clone())
            .header(ACCEPT, HeaderValue::from_static(accept))
            .timeout(Duration::from_millis(limits::CHAT_PAGE_MS));
        // Of a page the beginning is enough; half a picture is none.
        let request = if whole {
            request.at_most(limits::CHAT_PAGE_PICTURE_BYTES)
        } else {
            request.keep_first(limits::CHAT_PAGE_BYTES)
        };
        let answer = match ctx.outbound.send(request).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(%error, "a link leads nowhere");
                return None;
            }
        };
        if !answer.status.is_redirection() {
            return (answer.status == StatusCode::OK).then_some((url, answer));
        }
        url = beside(&url, answer.headers.get(LOCATION)?.to_str().ok()?)?;
    }
    None
}

/// The address of what another one names, without what a page jumps to.
fn beside(base: &str, named: &str) -> Option<String> {
    let base = Uri::parse(base).ok()?;
    let named = utf8_percent_encode(named.trim(), AS_IT_IS).to_string();
    let named = UriRef::parse(named.split('#').next().unwrap_or_default()).ok()?;
    named.resolve_against(&base).ok().map(|it| it.to_string())
}

/// Whether it is a page, and in which letters its server says that it is written.
fn html(headers: &HeaderMap) -> Option<Option<String>> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    let mut parts = kind.split(';').map(str::trim);
    if !matches!(parts.next()?, "text/html" | "application/xhtml+xml") {
        return None;
    }
    Some(parts.find_map(|part| part.strip_prefix("charset=")).map(|charset| charset.trim_matches('"').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_named_beside_others() {
        let base = "https://a.test/x/y?z=1";
        for (named, expected) in [
            ("/p.png", Some("https://a.test/p.png")),
            ("p.png?q=1#frag", Some("https://a.test/x/p.png?q=1")),
            ("//b.test/p", Some("https://b.test/p")),
            ("http://10.0.0.1/", Some("http://10.0.0.1/")),
            ("../ä.png", Some("https://a.test/%C3%A4.png")),
            ("file:///etc/passwd", Some("file:///etc/passwd")),
            ("https://a b/", None),
        ] {
            assert_eq!(beside(base, named).as_deref(), expected, "{named}");
        }
    }

    #[test]
    fn a_page_is_what_its_server_calls_one() {
        let said = |kind: &'static str| html(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]));
        assert_eq!(said("text/html"), Some(None));
        assert_eq!(said("Text/HTML; x=y; charset=\"UTF-8\""), Some(Some("utf-8".into())));
        assert_eq!(said("application/json"), None);
        assert_eq!(html(&HeaderMap::new()), None);
    }
}
