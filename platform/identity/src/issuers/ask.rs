//! What an issuer is asked: where its keys are, and the keys.

use std::time::Duration;

use http::header::CACHE_CONTROL;
use http::{HeaderMap, Method, StatusCode};
use kernel::limits;
use outbound::{Outbound, Policy, Request, Response};
use serde_json::Value;

use super::settings::{Address, Place};
use crate::tokens::{Algorithm, Key, key_set, object};

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the issuer does not answer")]
    Away(#[from] outbound::Error),
    #[error("the issuer answers {0}")]
    Status(StatusCode),
    #[error("the issuer says nothing that can be used: {0}")]
    Document(&'static str),
    #[error("the issuer takes too long")]
    Late,
}

/// An issuer's keys, and how long they may be kept, milliseconds.
pub(crate) async fn keys(
    out: (&Outbound, Policy),
    issuer: &str,
    address: &Address,
    algorithms: &[Algorithm],
) -> Result<(Vec<Key>, i64), Trouble> {
    let asking = async {
        let url = match address {
            Address::Published(url) => url.clone(),
            Address::Discovered(place) => discover(out, issuer, place).await?,
        };
        let answer = get(out, url).await?;
        let keys = key_set(&answer.body, algorithms, limits::ISSUER_KEYS);
        Ok((keys.ok_or(Trouble::Document("its key set is none"))?, kept_ms(&answer.headers)))
    };
    // Both questions together: two slow answers are as late as one.
    tokio::time::timeout(Duration::from_millis(limits::ISSUER_ASK_MS), asking).await.unwrap_or(Err(Trouble::Late))
}

/// Where the keys are (OpenID Connect Discovery 1.0, section 4): on the issuer's own host, by a document that is the issuer's own.
async fn discover(out: (&Outbound, Policy), issuer: &str, place: &Place) -> Result<String, Trouble> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let answer = get(out, url).await?;
    let document = object(&answer.body).ok_or(Trouble::Document("its configuration is no JSON object"))?;
    let says = |name: &str| document.get(name).and_then(Value::as_str);
    if says("issuer") != Some(issuer) {
        return Err(Trouble::Document("its configuration is another issuer's"));
    }
    let keys = says("jwks_uri").ok_or(Trouble::Document("its configuration has no jwks_uri"))?;
    if Place::of(keys).as_ref() != Some(place) {
        return Err(Trouble::Document("its keys are on another host: if they should be, set jwks_url"));
    }
    Ok(keys.to_owned())
}

/// The answer, if it is one: a redirect leads elsewhere, and is none. Addresses of issuers whose tokens anybody may
/// bring are judged as those that people give, since the issuer has a say in them.
async fn get((outbound, policy): (&Outbound, Policy), url: String) -> Result<Response, Trouble> {
    let request = Request::new("issuers", policy, Method::GET, url).at_most(limits::ISSUER_DOCUMENT_BYTES);
    let answer = outbound.send(request).await?;
    if answer.status == StatusCode::OK { Ok(answer) } else { Err(Trouble::Status(answer.status)) }
}

/// How long an answer may be kept (RFC 9111, section 5.2.2). What the caller does with it has bounds of its own.
fn kept_ms(headers: &HeaderMap) -> i64 {
    let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut said_ms = None;
    for directive in lines.flat_map(|line| line.split(',')) {
        let (name, value) = directive.trim().split_once('=').unwrap_or((directive.trim(), ""));
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return 0;
        }
        if name.eq_ignore_ascii_case("max-age") {
            let seconds = value.trim_matches('"').parse().unwrap_or(0_i64);
            said_ms = said_ms.or(Some(seconds.saturating_mul(1000)));
        }
    }
    said_ms.unwrap_or(limits::ISSUER_UNSAID_MS)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn how_long_an_answer_is_kept_is_its_own_word() {
        for (said, kept) in [
            ("max-age=600", 600_000),
            ("public, Max-Age=600, must-revalidate", 600_000),
            ("max-age=\"600\"", 600_000),
            ("max-age=600, no-cache", 0),
            ("no-store", 0),
            ("max-age=soon", 0),
            ("max-age=-5", -5_000),
            ("max-age=99999999999999999999", 0),
            ("max-age=9223372036854775807", i64::MAX),
            ("public", limits::ISSUER_UNSAID_MS),
            ("", limits::ISSUER_UNSAID_MS),
        ] {
            let headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(said))]);
            assert_eq!(kept_ms(&headers), kept, "{said}");
        }
        assert_eq!(kept_ms(&HeaderMap::new()), limits::ISSUER_UNSAID_MS);
    }
}
