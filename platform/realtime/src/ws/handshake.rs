//! The opening handshake (RFC 6455, 4.2) and who may open one from a browser.

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version, header};
use kernel::Problem;
use sha1::{Digest, Sha1};

/// The value of `Sec-WebSocket-Accept`, when the request is a WebSocket handshake.
pub(crate) fn accept(request: &Request<Body>) -> Result<HeaderValue, Problem> {
    let headers = request.headers();
    let upgrades = lists(headers, header::CONNECTION, "upgrade") && lists(headers, header::UPGRADE, "websocket");
    if request.method() != Method::GET || request.version() != Version::HTTP_11 || !upgrades {
        let detail = "This address speaks WebSocket: open it with a WebSocket client.";
        return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "websocket_required", detail));
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let detail = "Only version 13 of the WebSocket protocol is spoken here.";
        return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "websocket_version", detail));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|key| STANDARD.decode(key).is_ok_and(|k| k.len() == 16));
    let Some(key) = key else {
        return Err(Problem::bad_request("websocket_key", "Sec-WebSocket-Key must be 16 bytes in base 64."));
    };
    let mut sha1 = Sha1::new();
    sha1.update(key.as_bytes());
    sha1.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = STANDARD.encode(sha1.finalize());
    HeaderValue::from_str(&accept).map_err(Problem::internal)
}

/// The subprotocol to answer with, and whether protocol buffers are spoken. JSON where both are offered.
pub(crate) fn protocol(request: &Request<Body>) -> (Option<HeaderValue>, bool) {
    const JSON: &str = "centrifuge-json";
    const PROTOBUF: &str = "centrifuge-protobuf";
    let asks = |protocol| lists(request.headers(), header::SEC_WEBSOCKET_PROTOCOL, protocol);
    if asks(JSON) {
        return (Some(HeaderValue::from_static(JSON)), false);
    }
    if asks(PROTOBUF) {
        return (Some(HeaderValue::from_static(PROTOBUF)), true);
    }
    let query = request.uri().query().unwrap_or_default();
    (None, query.split('&').any(|pair| matches!(pair, "format=protobuf" | "cf_protocol=protobuf")))
}

/// The answer that hands the connection over.
pub(crate) fn switching(accept: HeaderValue, protocol: Option<HeaderValue>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(protocol) = protocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    response
}

/// Whether a page of this origin may connect: our own, or one that the operator listed. What is no browser sends none.
pub(crate) fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    if allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) {
        return true;
    }
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<http::uri::Authority>().ok());
    match (uri.authority(), host) {
        (Some(origin), Some(host)) => {
            let port = |authority: &http::uri::Authority| authority.port_u16().unwrap_or(default_port);
            origin.host().eq_ignore_ascii_case(host.host()) && port(origin) == port(&host)
        }
        _ => false,
    }
}

fn lists(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&'static str, &'static str)]) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        request
    }

    #[test]
    fn the_key_of_the_rfc_gives_its_accept() {
        let good = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        assert_eq!(accept(&request(&good)).expect("accepted"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for missing in 0..good.len() {
            let mut bad = good.to_vec();
            bad.remove(missing);
            assert!(accept(&request(&bad)).is_err(), "without {}", good[missing].0);
        }
    }

    #[test]
    fn pages_of_other_sites_stay_out() {
        let allowed = ["https://app.example".to_owned()];
        let check = |origin, host| origin_allowed(request(&[("origin", origin), ("host", host)]).headers(), &allowed);
        assert!(check("https://a.example", "a.example"));
        assert!(check("https://A.example", "a.example:443"));
        assert!(check("http://127.0.0.1:8080", "127.0.0.1:8080"));
        assert!(check("http://[::1]:8080", "[::1]:8080"));
        assert!(check("https://app.example", "a.example"));
        assert!(!check("https://a.example:444", "a.example"));
        assert!(!check("https://a.example.evil", "a.example"));
        assert!(!check("null", "a.example"));
        assert!(origin_allowed(request(&[("host", "a.example")]).headers(), &[]));
    }
}
