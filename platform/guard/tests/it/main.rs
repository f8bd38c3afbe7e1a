//! The guard before a small router, over a real store.

mod audit;
mod idempotency;
mod keys;
mod rate;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bus::Bus;
use guard::{Client, Guard, Policies};
use http_body_util::BodyExt;
use identity::{Caller, Identity, Key, NewKey, Scope, scopes};
use kernel::problem::share::Share;
use kernel::{Clock, Entropy, Problem, RequestInfo, SealKey, TraceId};
use store::Durability;
use tokio::sync::Semaphore;
use tower::ServiceExt;

pub(crate) const NOW_MS: i64 = 1_790_000_000_000;

pub(crate) struct Bench {
    pub(crate) guard: Guard,
    pub(crate) identity: Identity,
    pub(crate) clock: Clock,
    pub(crate) effects: Arc<Effects>,
    pub(crate) dir: tempfile::TempDir,
    router: Router,
}

/// What the routes did, and what holds them up.
pub(crate) struct Effects {
    pub(crate) ran: AtomicUsize,
    pub(crate) begun: Semaphore,
    pub(crate) gate: Semaphore,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

async fn act(State(effects): State<Arc<Effects>>, body: String) -> Response {
    let ran = effects.ran.fetch_add(1, Ordering::SeqCst) + 1;
    match body.as_str() {
        "gate" => {
            effects.begun.add_permits(1);
            effects.gate.acquire().await.expect("open").forget();
            format!("ran {ran}").into_response()
        }
        "fail" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "refuse" => (StatusCode::UNPROCESSABLE_ENTITY, "no").into_response(),
        "about" => (axum::Extension(guard::About(format!("for ann:\n{}", "ä".repeat(2_000)))), "told").into_response(),
        "large" => "x".repeat(300 * 1024).into_response(),
        "refuse at length" => (StatusCode::UNPROCESSABLE_ENTITY, "x".repeat(300 * 1024)).into_response(),
        _ => ([("location", "/api/v1/things/1")], format!("ran {ran}")).into_response(),
    }
}

/// The body names a session that is open, or none; `?` does not say.
async fn of_session(mut request: Request) -> Result<&'static str, Problem> {
    let share = request.extensions_mut().remove::<Share>().expect("a share");
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    match std::str::from_utf8(&body).expect("text") {
        "?" => {}
        session => share.spend(Some(session).filter(|session| !session.is_empty())).await?,
    }
    Ok("taken")
}

async fn enqueue(_: Key<scopes::JobsEnqueue>, effects: State<Arc<Effects>>, body: String) -> Response {
    act(effects, body).await
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(["2/1m", "3/1m", "4/1m", "5/1m", "off", "1000/1m"])
    }

    pub(crate) fn with(rates: [&str; 6]) -> Self {
        let (clock, entropy) = (Clock::manual(NOW_MS), Entropy::seeded(7));
        let dir = tempfile::tempdir().expect("a directory");
        let migrations: Vec<_> = [identity::MIGRATIONS, guard::MIGRATIONS].concat();
        let store = testkit::open(dir.path(), Durability::Normal, &migrations, &clock, &entropy).expect("a store");
        let bus = Bus::memory(clock.clone(), &entropy);
        let policies = Policies::parse(rates).expect("rates");
        let identity = Identity::new(store.clone(), clock.clone(), entropy.clone(), SealKey::new([5; 32]));
        let guard = Guard::new(store, bus, clock.clone(), entropy, SealKey::new([5; 32]), policies);
        let effects = Arc::new(Effects { ran: AtomicUsize::new(0), begun: Semaphore::new(0), gate: Semaphore::new(0) });
        let router = Router::new()
            .route("/api/v1/things", post(act).get(|| async { "things" }))
            .route("/api/v1/jobs", post(enqueue))
            .route("/api/v1/jobs/claim", post(act))
            .route("/api/v1/me/password", post(act))
            .route("/console/enter/{token}", post(|| async { "in" }))
            .route("/in/{source}", post(|| async { "ok" }))
            .route("/livez", get(|| async { "ok" }))
            .route("/emulation", post(of_session))
            .with_state(effects.clone())
            .merge(axum::Router::from(guard::routes(guard.clone())))
            .layer(axum::middleware::from_fn_with_state(guard.clone(), Guard::handle));
        Self { guard, identity, clock, effects, dir, router }
    }

    pub(crate) fn ran(&self) -> usize {
        self.effects.ran.load(Ordering::SeqCst)
    }

    pub(crate) fn request(&self, method: &str, path: &str, key: Option<&str>, body: &str) -> Request {
        let mut request = Request::builder().method(method).uri(path).header("x-mainspring-console", "1");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let mut request = request.body(Body::from(body.to_owned())).expect("a request");
        let info = RequestInfo { request_id: "req_of_the_test".into(), trace: TraceId::new(&Entropy::seeded(1)) };
        request.extensions_mut().insert(info);
        request.extensions_mut().insert(Caller::Admin);
        request.extensions_mut().insert(Client(IpAddr::from([127, 0, 0, 1])));
        request
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// An API key that may enqueue jobs: its number and its secret.
    pub(crate) async fn api_key(&self) -> (i64, String) {
        let new = NewKey { name: "a program".into(), scopes: vec![Scope::JobsEnqueue], expires_at_ms: None };
        let (id, token) = self.identity.make_key(identity::people::Actor::Admin, &new).await.expect("made");
        (id, token.expose().to_owned())
    }

    /// A request of whoever has this secret, found out as the edge does it, from an address on the internet.
    pub(crate) async fn by(&self, token: &str, path: &str, key: Option<&str>, body: &str) -> Answer {
        let mut request = self.request("POST", path, key, body);
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().expect("a header"));
        let caller = self.identity.caller_of(request.headers()).await;
        request.extensions_mut().insert(caller);
        request.extensions_mut().insert(Client(IpAddr::from([203, 0, 113, 9])));
        self.send(request).await
    }

    pub(crate) async fn post(&self, key: Option<&str>, body: &str) -> Answer {
        self.send(self.request("POST", "/api/v1/things", key, body)).await
    }
}
