//! Who shows a token that is worth nothing is refused, over every transport, and is not nobody, who shows none.

use std::sync::Arc;

use bus::Bus;
use kernel::{Clock, Entropy};
use serde_json::{Value, json};

use crate::register::Register;
use crate::support::{Events, Server};

type Headers = [(&'static str, &'static str)];
const NOTHING: &Headers = &[];
const BAD: &Headers = &[("authorization", "Bearer bad")];
const OLD: &Headers = &[("authorization", "Bearer old")];

async fn house() -> (Server, Arc<Register>) {
    let clock = Clock::system();
    let register = Register::new(&clock);
    let bus = Bus::memory(clock.clone(), &Entropy::system());
    let server = Server::behind(register.clone(), clock, bus, []).await;
    server.hub.socketio(realtime::socketio::Namespace::new("/").with_subscriptions());
    (server, register)
}

/// A way in over plain HTTP: its method, its address, and what is said there by who shows this token in it.
type Way = (&'static str, &'static str, fn(&str) -> String);

fn commands(token: &str) -> String {
    json!({ "id": 1, "connect": { "token": token } }).to_string()
}

fn request(token: &str) -> String {
    json!({ "token": token }).to_string()
}

fn nothing(_: &str) -> String {
    String::new()
}

/// Those that may bring a token of their own, and those that cannot.
const BRINGING: [Way; 6] = [
    ("GET", "/connection/sse?cf_connect=", commands),
    ("POST", "/connection/sse", commands),
    ("POST", "/connection/http_stream", commands),
    ("GET", "/connection/uni_sse?cf_connect=", request),
    ("POST", "/connection/uni_sse", request),
    ("POST", "/connection/uni_http_stream", request),
];
const OTHERS: [Way; 2] =
    [("GET", "/api/v1/channels/plain:a/events", nothing), ("GET", "/socket.io/?EIO=4&transport=polling", nothing)];

async fn ask(server: &Server, (method, path, says): Way, headers: &Headers, token: &str) -> Events {
    let said = says(token);
    if path.ends_with('=') {
        let hex: String = said.bytes().map(|byte| format!("%{byte:02x}")).collect();
        server.request(method, &format!("{path}{hex}"), headers, "").await
    } else {
        server.request(method, path, headers, said).await
    }
}

async fn refused(server: &Server, way: Way, headers: &Headers) -> Value {
    let mut answer = ask(server, way, headers, "").await;
    assert_eq!(answer.status(), 401, "{way:?} {headers:?}: {}", answer.head);
    assert!(answer.head.contains("application/problem+json"), "{}", answer.head);
    serde_json::from_str(&answer.body().await).expect("JSON")
}

#[tokio::test]
async fn plain_http_answers_a_bad_bearer_with_what_to_do() {
    let (server, _register) = house().await;
    for way in BRINGING.into_iter().chain(OTHERS) {
        assert_eq!(ask(&server, way, NOTHING, "").await.status(), 200, "{way:?}: nobody may come");
        let bad = refused(&server, way, BAD).await;
        assert_eq!(bad["code"], "unauthorized", "{way:?}");
        assert!(bad["detail"].as_str().is_some_and(|detail| detail.contains("Authorization")), "{bad}");
        assert_eq!(refused(&server, way, OLD).await["code"], "token_expired", "{way:?}");
    }
    for way in BRINGING {
        assert_eq!(ask(&server, way, BAD, "ann").await.status(), 200, "{way:?}: the token that it brings counts");
    }
}

#[tokio::test]
async fn nobody_who_is_refused_takes_a_seat() {
    let (server, register) = house().await;
    server.hub.connections_at_most(1);
    for way in BRINGING.into_iter().chain(OTHERS) {
        refused(&server, way, BAD).await;
    }
    assert_eq!(server.hub.stats().connections, 0);
    register.go_away(true);
    let headers = [("x-user", "ann")];
    let away = server.events("plain:a/events", &headers).await;
    assert_eq!(away.status(), 503, "whoever cannot be looked up is not refused for good");
}

#[tokio::test]
async fn over_a_websocket_it_takes_a_good_token_to_come_in() {
    for (headers, token, expected) in [
        (BAD, "ann", json!("ann")),
        (BAD, "", json!(3500)),
        (OLD, "", json!(109)),
        (OLD, "ann", json!("ann")),
        (NOTHING, "", json!("")),
    ] {
        let (server, register) = house().await;
        let mut client = server.try_open(headers).await.expect("a handshake");
        client.send(commands(token)).await;
        let came = if expected == 3500 {
            json!(client.closed().await.0)
        } else {
            match client.next().await {
                reply if reply["error"].is_object() => reply["error"]["code"].clone(),
                reply => {
                    assert!(reply["connect"].is_object(), "{reply}");
                    token.into()
                }
            }
        };
        assert_eq!(came, expected, "{headers:?} {token:?}");
        let mut listener = server.open_at_path("/connection/uni_websocket", headers).await.expect("a handshake");
        listener.send(request(token)).await;
        if expected.is_string() {
            assert!(listener.next().await["connect"].is_object(), "{headers:?}");
            // Both are whoever the token says, and nobody where there is none.
            register.ban("ann");
            server.hub.ask_again("ann").await;
            for mut it in [client, listener] {
                let gone =
                    if token == "ann" { it.closed().await.0 == 3503 } else { server.hub.stats().connections < 2 };
                assert_eq!(gone, token == "ann", "{headers:?}");
            }
        } else {
            let code = if expected == 109 { 3005 } else { 3500 };
            assert_eq!(listener.closed().await.0, code, "{headers:?}");
        }
    }
    let (server, _register) = house().await;
    for headers in [BAD, OLD] {
        assert!(server.open_at_path("/socket.io/?EIO=4&transport=websocket", headers).await.is_err(), "{headers:?}");
    }
}
