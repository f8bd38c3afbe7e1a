//! A door over a real store, and deliveries as a sender makes them.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use events::{Events, Registry};
use http_body_util::BodyExt;
use identity::Caller;
use jobs::{Jobs, Life};
use kernel::{Clock, Entropy, RequestInfo, SealKey, Secret, TraceId};
use outbound::Outbound;
use serde_json::Value;
use store::{Durability, Store, StoreError};
use tower::ServiceExt;
use webhooks::{DeliveryRow, Draft, Query, Sources, Webhooks, sources};

pub(crate) const START_MS: i64 = 1_700_000_000_000;
pub(crate) const SECRET: &str = "the secret that only the sender has";
pub(crate) const PUSH: &str = r#"{"ref":"refs/heads/main","repository":{"full_name":"Octo/Hello-World"},"n": 1.0}"#;

pub(crate) struct Bed {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) events: Events,
    pub(crate) jobs: Jobs,
    pub(crate) sources: Sources,
    pub(crate) webhooks: Webhooks,
    pub(crate) door: Router,
}

/// An answer in full.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (clock, entropy) = (Clock::manual(START_MS), Entropy::system());
        let store = open(dir.path(), &clock);
        let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), "test".to_owned(), Life::Locked).await;
        let jobs = jobs.expect("jobs");
        let mut registry = Registry::default();
        Webhooks::declare(&mut registry);
        let events = Events::new(store.clone(), jobs.clone(), clock.clone(), entropy.clone(), registry);
        let environment = |name: &str| (name == "GITHUB_WEBHOOK_SECRET").then(|| SECRET.to_owned());
        let sources =
            Sources::open(&store, &SealKey::new([7; 32]), &clock, &entropy, environment).await.expect("sources");
        let webhooks =
            Webhooks::new(store.clone(), events.clone(), jobs.clone(), clock.clone(), entropy, sources.clone());
        let door = webhooks::ingress_routes(webhooks.clone()).split_for_parts().0;
        Self { dir, clock, store, events, jobs, sources, webhooks, door }
    }

    /// Another process on the same database; on the embedded engine, which has one, another door on the same store.
    pub(crate) async fn beside(&self) -> Bed {
        let (dir, clock, entropy) = (tempfile::tempdir().expect("a directory"), self.clock.clone(), Entropy::system());
        let store = if testkit::on_postgres() { open(self.dir.path(), &clock) } else { self.store.clone() };
        let (events, jobs) = (self.events.clone(), self.jobs.clone());
        let sources = Sources::open(&store, &SealKey::new([7; 32]), &clock, &entropy, |_| None).await.expect("sources");
        let webhooks =
            Webhooks::new(store.clone(), events.clone(), jobs.clone(), clock.clone(), entropy, sources.clone());
        let door = webhooks::ingress_routes(webhooks.clone()).split_for_parts().0;
        Self { dir, clock, store, events, jobs, sources, webhooks, door }
    }

    /// Jobs run, and requests go out to this machine alone.
    pub(crate) fn goes_out(&self) {
        let allow_private = vec!["127.0.0.0/8".parse().expect("a network")];
        let outbound = Outbound::new(outbound::Settings { allow_private, ..outbound::Settings::default() });
        self.webhooks.reach_out(outbound, "https://live.example/");
        self.jobs.serve(self.webhooks.handlers(), 4);
    }

    pub(crate) async fn send(&self, delivery: Delivery) -> Answer {
        call(&self.door, delivery.request()).await
    }

    /// A request of a person to the routes for people.
    pub(crate) async fn ask(&self, mut request: Request<Body>, caller: Option<Caller>) -> Answer {
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        call(&webhooks::api_routes(self.webhooks.clone()).split_for_parts().0, request).await
    }

    /// What the administrator changes.
    pub(crate) async fn change(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = Request::builder().method(method).uri(format!("/api/v1/webhooks{path}"));
        let request = request.header("x-mainspring-console", "1");
        let request = match body {
            Value::Null => request.body(Body::empty()),
            body => request.header("content-type", "application/json").body(body.to_string().into()),
        };
        self.ask(request.expect("a request"), Some(Caller::Admin)).await
    }

    /// Makes a source and returns what was revealed of it.
    pub(crate) async fn source(&self, new: Value) -> Value {
        let answer = self.change("POST", "/sources", &new).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body
    }

    /// Delivers at a whole address.
    pub(crate) async fn post(&self, path: &str, headers: HeaderMap, body: impl Into<Body>) -> Answer {
        let mut request = Request::post(path).body(body.into()).expect("a request");
        *request.headers_mut() = headers;
        let trace = TraceId::new(&Entropy::system());
        request.extensions_mut().insert(RequestInfo { request_id: "req_of_the_test".to_owned(), trace });
        call(&self.door, request).await
    }

    /// Signs as the source's sender would, and delivers.
    pub(crate) async fn send_to(&self, source: &str, id: &str, kind: &str, body: &str) -> Answer {
        let draft = Draft { id, kind, now_ms: self.clock.now_ms(), body: body.as_bytes() };
        let headers = self.sources.sign(source, &draft).expect("signed");
        let path = self.sources.address(source).expect("an address");
        self.post(&path, headers, body.to_owned()).await
    }

    /// What the administrator reads.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).expect("a request"), Some(Caller::Admin)).await
    }

    pub(crate) async fn deliveries(&self) -> Vec<DeliveryRow> {
        self.webhooks.list(Query { limit: 200, ..Default::default() }).await.expect("listed")
    }

    /// The newest delivery.
    pub(crate) async fn last(&self) -> DeliveryRow {
        self.deliveries().await.into_iter().next().expect("a delivery")
    }

    /// The newest delivery as its page shows it.
    pub(crate) async fn last_detail(&self) -> Value {
        let id = self.last().await.id;
        self.get(&format!("/api/v1/webhooks/deliveries/{id}")).await.body
    }

    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        let row: Result<(i64,), StoreError> = self.store.read(async move |tx| tx.one(sql, &[]).await).await;
        row.expect("a number").0
    }

    pub(crate) async fn events_count(&self) -> i64 {
        self.number("SELECT COUNT(*) FROM events").await
    }
}

pub(crate) fn open(dir: &std::path::Path, clock: &Clock) -> Store {
    let migrations = [jobs::MIGRATIONS, events::MIGRATIONS, webhooks::MIGRATIONS].concat();
    testkit::open(dir, Durability::Normal, &migrations, clock, &Entropy::system()).expect("opened")
}

pub(crate) async fn call(router: &Router, request: Request<Body>) -> Answer {
    let response = within(router.clone().oneshot(request)).await.expect("answered");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Answer { status: parts.status, headers: parts.headers, body: serde_json::from_str(&text).unwrap_or_default(), text }
}

/// A delivery of GitHub, as it should be unless a test says otherwise.
pub(crate) struct Delivery {
    pub(crate) source: &'static str,
    pub(crate) headers: Vec<(&'static str, Vec<u8>)>,
    pub(crate) body: Body,
}

impl Delivery {
    /// With a right signature over these bytes.
    pub(crate) fn signed(id: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let signature = github_signature(SECRET, &body);
        Self::unsigned(id, body).header("x-hub-signature-256", signature)
    }

    pub(crate) fn unsigned(id: &str, body: impl Into<Body>) -> Self {
        let headers = vec![];
        Self { source: "github", headers, body: body.into() }
            .header("content-type", "application/json")
            .header("x-github-event", "push")
            .header("x-github-delivery", id)
    }

    /// Sets a header, in the place of one of the same name.
    pub(crate) fn header(self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        let mut delivery = self.without(name);
        delivery.headers.push((name, value.into()));
        delivery
    }

    /// Adds a header beside one of the same name.
    pub(crate) fn also(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self
    }

    pub(crate) fn to(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    pub(crate) fn request(self) -> Request<Body> {
        let mut request = Request::post(format!("/in/{}", self.source));
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(self.body).expect("a request");
        let trace = TraceId::new(&Entropy::system());
        request.extensions_mut().insert(RequestInfo { request_id: "req_of_the_test".to_owned(), trace });
        request
    }
}

/// What GitHub would send as its signature.
pub(crate) fn github_signature(secret: &str, body: &[u8]) -> String {
    let draft = Draft { id: "d", kind: "push", now_ms: START_MS, body };
    let headers = webhooks::sign(sources::find("github").expect("built in"), &Secret::new(secret), &draft);
    headers.expect("signed")["x-hub-signature-256"].to_str().expect("text").to_owned()
}

/// A body that comes in pieces, without a length.
pub(crate) fn streamed(pieces: Vec<Result<&'static [u8], &'static str>>) -> Body {
    let pieces = pieces.into_iter().map(|piece| piece.map(bytes::Bytes::from_static).map_err(std::io::Error::other));
    Body::from_stream(futures_util::stream::iter(pieces))
}

/// A guard against a test that would hang: never reached by one that passes.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("within a minute")
}
