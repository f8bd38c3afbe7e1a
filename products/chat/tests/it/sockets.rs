//! Clients of Socket.IO, and who they are: the packets that its library sends over polling, and a doorman that knows the site's people.

use std::collections::VecDeque;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use identity::Identity;
use identity::people::{Pass, Welcome};
use identity::tokens::Refusal;
use kernel::PersonId;
use realtime::doorman::{Shown, Standing, Unknown};
use realtime::{Caller, Doorman};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{LONG, Site};

/// Whom the site's tokens let in, as the server does it.
pub(crate) struct Door(pub(crate) Identity);

fn caller(pass: &Pass) -> Caller {
    let user = match pass.caller {
        identity::Caller::Person { id, .. } => id.to_string(),
        _ => String::new(),
    };
    Caller { user, until_ms: Some(pass.until_ms), pass: Some(pass.shown.clone()), ..Caller::default() }
}

impl Doorman for Door {
    fn at_the_door<'a>(&'a self, _: &'a HeaderMap) -> BoxFuture<'a, Result<Caller, Unknown>> {
        async { Ok(Caller::default()) }.boxed()
    }

    fn by_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Shown> {
        async move {
            match self.0.by_token(token).await {
                Ok((pass, _)) => Shown::Good(caller(&pass)),
                Err(Refusal::Expired) => Shown::Expired,
                Err(Refusal::Bad(_)) => Shown::Bad,
                Err(Refusal::Unknown(_)) => Shown::Unknown,
            }
        }
        .boxed()
    }

    fn still<'a>(&'a self, it: &'a Caller) -> BoxFuture<'a, Standing> {
        async move {
            let Some(shown) = &it.pass else { return Standing::Good };
            if self.0.look_again(shown).await.expect("read").is_some() {
                return Standing::Good;
            }
            match self.0.welcomes(it.user.parse().expect("a person")).await.expect("read") {
                Welcome::Yes => Standing::Again,
                Welcome::No => Standing::Never,
            }
        }
        .boxed()
    }
}

impl Site {
    /// What a page of this person shows where there are no cookies.
    pub(crate) async fn token(&self, who: PersonId) -> String {
        let cookie = self.session(who).await;
        let request = Request::post("/api/v1/me/token").header("cookie", cookie).header("x-mainspring-console", "1");
        let mut request = request.body(Body::empty()).expect("a request");
        let caller = self.ctx.identity.caller_of(request.headers()).await;
        request.extensions_mut().insert(caller);
        let router = identity::routes(self.ctx.identity.clone()).split_for_parts().0;
        let response = router.oneshot(request).await.expect("answered");
        assert_eq!(response.status(), StatusCode::CREATED);
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let made: Value = serde_json::from_slice(&body).expect("JSON");
        made["token"].as_str().expect("a token").to_owned()
    }
}

/// Somebody's page, in `/`.
pub(crate) struct Page {
    router: Router,
    query: String,
    heard: VecDeque<String>,
    asked: u64,
}

impl Page {
    /// With what it shows (`auth`), and what it is answered.
    pub(crate) async fn open(site: &Site, auth: &Value) -> (Self, String) {
        let router = site.ctx.hub.routes();
        let mut page = Self { router, query: String::new(), heard: VecDeque::new(), asked: 0 };
        let (status, open) = page.ask(Method::GET, "").await;
        assert_eq!(status, StatusCode::OK, "{open}");
        let open: Value = serde_json::from_str(&open[1..]).expect("JSON");
        page.query = format!("&sid={}", open["sid"].as_str().expect("a name"));
        page.post(&format!("40{auth}")).await;
        let answer = page.next().await;
        (page, answer)
    }

    /// Of this person, by a token, which also says of itself whatever is here.
    pub(crate) async fn of(site: &Site, who: PersonId, says: &Value) -> Self {
        let mut auth = json!({ "token": site.token(who).await });
        auth.as_object_mut().expect("an object").extend(says.as_object().cloned().unwrap_or_default());
        let (page, answer) = Self::open(site, &auth).await;
        assert!(answer.starts_with("40{"), "{answer}");
        page
    }

    async fn ask(&self, method: Method, body: &str) -> (StatusCode, String) {
        let uri = format!("/socket.io/?EIO=4&transport=polling{}", self.query);
        let request = Request::builder().method(method).uri(uri).body(Body::from(body.to_owned()));
        let response = self.router.clone().oneshot(request.expect("a request")).await.expect("answered");
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    pub(crate) async fn post(&self, packet: &str) -> StatusCode {
        self.ask(Method::POST, packet).await.0
    }

    /// An answer as it is: packets, or why there are none.
    pub(crate) async fn poll(&self) -> (StatusCode, String) {
        tokio::time::timeout(LONG, self.ask(Method::GET, "")).await.expect("something comes in time")
    }

    /// The next packet.
    pub(crate) async fn next(&mut self) -> String {
        loop {
            if let Some(packet) = self.heard.pop_front() {
                return packet;
            }
            let (status, body) = self.poll().await;
            assert_eq!(status, StatusCode::OK, "{body}");
            self.heard.extend(body.split('\x1e').map(str::to_owned));
        }
    }

    /// The next packet that says this.
    pub(crate) async fn hear(&mut self, what: &str) -> String {
        loop {
            let packet = self.next().await;
            if packet.contains(what) {
                return packet;
            }
        }
    }

    /// Says something, and waits for its acknowledgement: with whatever is heard before.
    pub(crate) async fn say(&mut self, event: &str, args: &Value) -> (String, Vec<String>) {
        self.asked += 1;
        let mut said = vec![json!(event)];
        said.extend(args.as_array().expect("a list").iter().cloned());
        assert_eq!(self.post(&format!("42{}{}", self.asked, Value::Array(said))).await, StatusCode::OK);
        let acknowledges = format!("43{}[", self.asked);
        let mut before = Vec::new();
        loop {
            let packet = self.next().await;
            match packet.strip_prefix(&acknowledges) {
                Some(answer) => return (answer.trim_end_matches(']').to_owned(), before),
                None => before.push(packet),
            }
        }
    }

    /// Everything that was heard until now.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        self.say("unsubscribe", &json!(["nothing:at all"])).await.1
    }
}
