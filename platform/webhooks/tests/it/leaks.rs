//! No secret, signature or body in a line of the log or in an answer to a stranger.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Request;
use identity::Caller;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Bed, Delivery, SECRET, github_signature};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("a lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const WORDS: &str = "a-word-of-somebody's-letter";

/// Every way a delivery can end, with a word in each place that a sender controls.
async fn every_way(bed: &Bed) -> Vec<String> {
    let object = |n: u32| format!("{{\"n\":{n},\"message\":\"{WORDS}\"}}");
    let form = format!("payload=%7B%22m%22%3A%22{WORDS}%22%7D");
    let deliveries = [
        Delivery::signed("d-1", object(1)),
        Delivery::signed("d-1", object(1)),
        Delivery::signed("d-2", object(1)),
        Delivery::signed("d-3", format!("[\"{WORDS}\"]")),
        Delivery::signed("d-4", format!("\"{WORDS}\"")),
        Delivery::signed("d-5", format!("{{\"{WORDS}\"")),
        Delivery::signed("d-6", [WORDS.as_bytes(), b"\xff"].concat()),
        Delivery::signed("d-7", object(7)).without("x-github-event"),
        Delivery::signed("d-8", object(8)).header("x-github-event", WORDS),
        Delivery::signed("d-9", object(9)).without("x-github-delivery"),
        Delivery::signed("d-10", object(10)).header("content-type", "text/plain"),
        Delivery::signed("d-11", form.clone()).header("content-type", "application/x-www-form-urlencoded"),
        Delivery::signed("d-12", form.replace("payload", "other"))
            .header("content-type", "application/x-www-form-urlencoded"),
        Delivery::unsigned("d-13", object(13)),
        Delivery::unsigned("d-14", object(14)).header("x-hub-signature-256", format!("sha256={}", "ab12".repeat(16))),
        Delivery::unsigned("d-15", object(15)).header("x-hub-signature-256", format!("md5={WORDS}")),
        Delivery::signed("d-16", object(16)).header("authorization", WORDS).header("cookie", WORDS),
        Delivery::signed("d-17", object(17)).to("nobody"),
    ];
    let mut answers = Vec::new();
    for delivery in deliveries {
        answers.push(bed.send(delivery).await.text);
        bed.clock.advance(1000);
    }
    bed.store.close().await;
    answers.push(bed.send(Delivery::signed("d-20", object(20))).await.text);
    answers
}

#[tokio::test]
async fn neither_the_log_nor_an_answer_repeats_what_nobody_else_may_see() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let bed = Bed::new().await;
    let reveal = Request::post("/api/v1/webhooks/sources/github/secret").header("x-mainspring-console", "1");
    let revealed = bed.ask(reveal.body(Body::empty()).expect("a request"), Some(Caller::Admin)).await;
    assert_eq!(revealed.body["secret"], SECRET);
    let answers = every_way(&bed).await;
    let log = String::from_utf8(log.0.lock().expect("a lock").clone()).expect("text");
    assert!(log.contains("delivery refused") && log.contains("was shown"), "the log was caught: {log}");
    let signatures = (0..30).map(|n| {
        let body = format!("{{\"n\":{n},\"message\":\"{WORDS}\"}}");
        github_signature(SECRET, body.as_bytes())
    });
    // Even the eight digits that an administrator may see are nothing for a log.
    let digits = signatures.map(|signature| signature[7..15].to_owned());
    for forbidden in [SECRET.to_owned(), WORDS.to_owned(), "ab12ab12".to_owned()].into_iter().chain(digits) {
        assert!(!log.contains(&forbidden), "{forbidden} in the log: {log}");
        let leak = answers.iter().find(|answer| answer.contains(&forbidden));
        assert_eq!(leak, None, "{forbidden}");
    }
}

#[tokio::test]
async fn headers_with_credentials_are_never_kept() {
    let bed = Bed::new().await;
    let credentials =
        ["authorization", "proxy-authorization", "cookie", "x-gitlab-token", "x-api-key", "x-client-secret"];
    for signed in [true, false] {
        let delivery = if signed { Delivery::signed("d-1", "{}") } else { Delivery::unsigned("d-2", "{}") };
        let delivery = credentials.iter().fold(delivery, |delivery, name| delivery.header(name, WORDS));
        bed.send(delivery.header("user-agent", "GitHub-Hookshot/1")).await;
        let detail = bed.last_detail().await;
        let names: Vec<_> =
            detail["headers"].as_array().expect("headers").iter().filter_map(|pair| pair[0].as_str()).collect();
        assert!(names.contains(&"user-agent") && names.contains(&"x-github-delivery"), "{names:?}");
        assert!(!detail.to_string().contains(WORDS), "{detail}");
    }
    bed.store.close().await;
    for name in ["mainspring.db", "mainspring.db-wal"] {
        let bytes = std::fs::read(bed.dir.path().join(name)).unwrap_or_default();
        assert!(!bytes.windows(WORDS.len()).any(|window| window == WORDS.as_bytes()), "{name}");
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "{name}");
    }
}
