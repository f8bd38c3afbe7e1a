//! What is sent, and what an error says about it.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use outbound::{Error, Policy, Request};
use tokio::net::TcpListener;

use crate::support::{SOON, Server, Then, answer, get, plain};

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let server = Server::saying(answer("201 Created", "x-id: 7\r\n", b"{}"), Then::Next).await;
    let request = Request::new("test", Policy::Operator, Method::POST, server.url("/hook?a=b"))
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(&b"{\"a\":1}"[..]);
    let response = plain().send(request).await.expect("an answer");
    assert_eq!(
        (response.status, &response.headers["x-id"], &response.body[..]),
        (StatusCode::CREATED, &HeaderValue::from_static("7"), &b"{}"[..])
    );
    let heard = server.heard();
    assert!(heard.starts_with("POST /hook?a=b HTTP/1.1\r\n") && heard.ends_with("\r\n\r\n{\"a\":1}"), "{heard}");
    for header in
        ["content-type: application/json", "user-agent: Mainspring/", "accept-encoding: gzip", "host: 127.0.0.1"]
    {
        assert!(heard.to_lowercase().contains(&header.to_lowercase()), "{header} in {heard}");
    }
}

#[tokio::test]
async fn a_closed_door_has_seen_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let error = plain().send(get(Policy::Operator, format!("http://{address}/"))).await.expect_err("closed");
    assert!(matches!(error, Error::Connect(_)) && error.nothing_sent(), "{error:?}");
}

#[tokio::test]
async fn who_does_not_speak_tls_has_seen_nothing() {
    let server = Server::saying(answer("200 OK", "", b""), Then::End).await;
    let error = plain().send(get(Policy::Operator, format!("https://{}/", server.address))).await.expect_err("no TLS");
    assert!(matches!(error, Error::Connect(_)) && error.nothing_sent(), "{error:?}");
}

#[tokio::test]
async fn silence_after_the_request_may_mean_that_it_was_seen() {
    let server = Server::saying("", Then::Silence).await;
    let error = plain().send(get(Policy::Operator, server.url("/")).timeout(SOON)).await.expect_err("silent");
    assert!(matches!(error, Error::Timeout(_)) && !error.nothing_sent(), "{error:?}");
    let server = Server::saying("HTTP/1.1 200", Then::End).await;
    let error = plain().send(get(Policy::Operator, server.url("/"))).await.expect_err("cut");
    assert!(matches!(error, Error::Broken(_)) && !error.nothing_sent(), "{error:?}");
}
