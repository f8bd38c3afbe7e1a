//! Identity over a real store, and requests as a browser sends them through the edge.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use identity::people::{Actor, NewPerson, Registration};
use identity::{Identity, Role};
use kernel::{Clock, Entropy, PersonId, SealKey, Secret};
use store::{Durability, Store};
use tower::ServiceExt;

pub(crate) const START_MS: i64 = 1_700_000_000_000;

pub(crate) const SEAL: [u8; 32] = [7; 32];
pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct Bed {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) identity: Identity,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The cookie that was set, attributes and all.
    pub(crate) fn set_cookie(&self) -> &str {
        let cookies: Vec<_> = self.headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(cookies.len(), 1, "one cookie: {}", self.text);
        cookies[0].to_str().expect("text")
    }

    /// Every cookie that was set, as a browser sends them.
    pub(crate) fn cookies(&self) -> String {
        let set = self.headers.get_all(header::SET_COOKIE).iter().map(|cookie| cookie.to_str().expect("text"));
        set.filter_map(|cookie| cookie.split(';').next()).collect::<Vec<_>>().join("; ")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    /// The session in it.
    pub(crate) fn session(&self) -> String {
        let (pair, _) = self.set_cookie().split_once(';').expect("attributes");
        pair.strip_prefix("mainspring_session=").expect("our cookie").to_owned()
    }
}

impl Bed {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = Clock::manual(START_MS);
        let store = open(dir.path(), &clock);
        let identity = over(&store, &clock);
        Self { dir, clock, store, identity }
    }

    /// Another process on the same database; on the embedded engine, which has one, another handle.
    pub(crate) fn beside(&self) -> Identity {
        let store = if testkit::on_postgres() { open(self.dir.path(), &self.clock) } else { self.store.clone() };
        over(&store, &self.clock)
    }

    /// The same people under another setting of who may register.
    pub(crate) fn registering(&mut self, registration: Registration) {
        self.identity = over(&self.store, &self.clock).registering(registration);
    }

    /// A person with the password [`PASSWORD`].
    pub(crate) async fn person(&self, name: &str, role: Role) -> PersonId {
        let email = format!("{}@example.com", name.to_lowercase());
        let new = NewPerson { name: name.to_owned(), email, role };
        self.identity.make_person(Actor::Admin, &new, &Secret::new(PASSWORD)).await.expect("made")
    }

    /// What signing in answers, to a browser that shows these cookies.
    pub(crate) async fn sign_in_as(&self, email: &str, password: &str, cookies: &str) -> Answer {
        let body = serde_json::json!({ "email": email, "password": password }).to_string();
        let headers = [("content-type", "application/json"), ("cookie", cookies), ("user-agent", "a browser")];
        self.send_body("POST", "/api/v1/session", &headers, &body).await
    }

    /// The cookies of a browser in which this person has signed in.
    pub(crate) async fn browser_of(&self, name: &str) -> String {
        let answer = self.sign_in_as(&format!("{}@example.com", name.to_lowercase()), PASSWORD, "").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.cookies()
    }

    /// A request of a page of ours in that browser.
    pub(crate) async fn ask(&self, cookies: &str, method: &str, path: &str, body: &serde_json::Value) -> Answer {
        let headers = [("content-type", "application/json"), ("cookie", cookies), ("x-mainspring-console", "1")];
        self.send_body(method, path, &headers, &body.to_string()).await
    }

    pub(crate) async fn get(&self, cookies: &str, path: &str) -> u16 {
        self.send("GET", path, &[("cookie", cookies)]).await.status.as_u16()
    }

    pub(crate) fn router(&self) -> Router {
        identity::routes(self.identity.clone()).split_for_parts().0
    }

    pub(crate) async fn link(&self) -> String {
        self.identity.make_link().await.expect("made").expose().to_owned()
    }

    /// Opens a link by its button.
    pub(crate) async fn enter(&self, token: &str) -> Answer {
        self.send("POST", &format!("/console/enter/{token}"), &[]).await
    }

    /// A fresh session.
    pub(crate) async fn sign_in(&self) -> String {
        let answer = self.enter(&self.link().await).await;
        assert_eq!(answer.status, 303);
        answer.session()
    }

    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        send(self.router(), &self.identity, method, path, headers).await
    }

    pub(crate) async fn send_body(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        send_body(self.router(), &self.identity, method, path, headers, body.to_owned()).await
    }

    /// Status of "who is signed in" with this cookie header.
    pub(crate) async fn status_with(&self, cookie: &str) -> u16 {
        self.send("GET", "/api/v1/session", &[("cookie", cookie)]).await.status.as_u16()
    }

    pub(crate) async fn status_of(&self, session: &str) -> u16 {
        self.status_with(&format!("mainspring_session={session}")).await
    }
}

fn over(store: &Store, clock: &Clock) -> Identity {
    Identity::new(store.clone(), clock.clone(), Entropy::system(), SealKey::new(SEAL))
}

fn open(dir: &std::path::Path, clock: &Clock) -> Store {
    testkit::open(dir, Durability::Normal, identity::MIGRATIONS, clock, &Entropy::system()).expect("opened")
}

/// As the edge does it: the caller is found out, then the route answers.
pub(crate) async fn send(
    router: Router,
    identity: &Identity,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Answer {
    send_body(router, identity, method, path, headers, String::new()).await
}

async fn send_body(
    router: Router,
    identity: &Identity,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::from(body)).expect("a request");
    let caller = identity.caller_of(request.headers()).await;
    request.extensions_mut().insert(caller);
    let response = router.oneshot(request).await.expect("answered");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).expect("text") }
}
