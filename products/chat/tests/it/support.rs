//! A site with people in it. Every wait is for something that is read; time stands still unless a test moves it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use bus::Bus;
use events::{Events, Registry};
use futures_util::StreamExt;
use host::{Ctx, Product};
use http_body_util::BodyExt;
use identity::people::{Actor, NewPerson};
use identity::{By, Identity, Role};
use jobs::{Jobs, Life};
use kernel::{Clock, Entropy, PersonId, SealKey, Secret};
use mail::Mail;
use objects::Objects;
use outbound::Outbound;
use realtime::socketio::Namespace;
use realtime::{Caller, Hub};
use serde_json::{Value, json};
use store::{Durability, Migration, Store};
use tower::ServiceExt;

use crate::sockets::Door;

/// Later than anything that works, earlier than a person loses patience.
pub(crate) const LONG: Duration = Duration::from_secs(20);
/// Monday, 1 March 2027, 00:00 in UTC.
pub(crate) const START_MS: i64 = 1_803_859_200_000;

pub(crate) const BASE_URL: &str = "https://live.example.org";

const NAMES: [&str; 5] = ["Ann", "Ben", "Cem", "Dan", "Eve"];
/// Between two requests.
pub(crate) const STEP_MS: i64 = 1_000;

/// Everything that a chat needs.
pub(crate) struct Site {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clock: Clock,
    pub(crate) ctx: Ctx,
    /// The description of the routes.
    pub(crate) api: Value,
    router: Router,
    outside: Outside,
}

fn open(dir: &std::path::Path, clock: &Clock) -> Store {
    let migrations: Vec<Migration> = [
        identity::MIGRATIONS,
        fleet::MIGRATIONS,
        jobs::MIGRATIONS,
        schedules::MIGRATIONS,
        events::MIGRATIONS,
        chat::product().schema(),
    ]
    .concat();
    testkit::open(dir, Durability::Normal, &migrations, clock, &Entropy::seeded(1)).expect("opened")
}

/// A process over the store: its bus, its hub, and what reacts to the log.
async fn process(
    (store, dir): (Store, &std::path::Path),
    clock: &Clock,
    bus: Bus,
    outside: &Outside,
) -> (Ctx, (Value, Router)) {
    let entropy = Entropy::system();
    let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), "test".to_owned(), Life::Locked);
    let jobs = jobs.await.expect("a lease");
    let product: Product = chat::product();
    let mut registry = Registry::default();
    host::people::declare(&mut registry);
    product.declare(&mut registry);
    attendance::Attendance::declare(&mut registry);
    let events = Events::new(store.clone(), jobs.clone(), clock.clone(), entropy.clone(), registry);
    events.declare_streams().await.expect("declared");
    let key = SealKey::new([7; 32]);
    let identity = Identity::new(store.clone(), clock.clone(), entropy.clone(), key.clone());
    host::people::tell(&identity, &events);
    let hub = Hub::new(bus.clone(), clock.clone(), entropy.clone(), Arc::new(Door(identity.clone())));
    hub.socketio(Namespace::main(key.clone()));
    let objects = Objects::in_directory(&dir.join("objects"), clock, &entropy).expect("a directory");
    product.channels(&store).into_iter().for_each(|namespace| hub.namespace(namespace));
    let parts = mail::Parts {
        store: store.clone(),
        jobs: jobs.clone(),
        identity: identity.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        key: key.clone(),
        base_url: BASE_URL.to_owned(),
    };
    let mail = Mail::new(&outside.mail, parts).expect("settings");
    let outbound = Outbound::new(outside.reach());
    let clock = clock.clone();
    let ctx =
        Ctx { store, events, jobs: jobs.clone(), hub, identity, bus, objects, outbound, mail, key, clock, entropy };
    let (router, api) = product.router(&ctx).split_for_parts();
    // What is posted stays posted here: whoever looks at it reads the job.
    jobs.serve([product.start(&ctx), ctx.events.handlers()].into_iter().flatten().collect(), 4);
    (ctx, (serde_json::to_value(&api).expect("JSON"), router))
}

/// What is outside the site.
#[derive(Clone, Default)]
pub(crate) struct Outside {
    /// Where letters go; nowhere unless said.
    pub(crate) mail: mail::Settings,
    /// Networks inside that addresses of people may lead to.
    pub(crate) allow: &'static [&'static str],
    /// What else is said of requests that go out.
    pub(crate) outbound: outbound::Settings,
}

impl Outside {
    fn reach(&self) -> outbound::Settings {
        let mut settings = self.outbound.clone();
        for network in self.allow {
            settings.allow_private.push(network.parse().expect("a network"));
        }
        settings
    }
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::with(Outside::default()).await
    }

    pub(crate) async fn with(outside: Outside) -> Self {
        let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(START_MS));
        let bus = Bus::memory(clock.clone(), &Entropy::system());
        let (ctx, (api, router)) = process((open(dir.path(), &clock), dir.path()), &clock, bus, &outside).await;
        Self { dir, clock, ctx, api, router, outside }
    }

    /// The process ends and another begins: nothing is left but what is stored.
    pub(crate) async fn restart(self) -> Self {
        self.ctx.events.stop().await;
        self.ctx.jobs.stop(LONG).await;
        let Self { dir, clock, ctx, outside, .. } = self;
        let bus = Bus::memory(clock.clone(), &Entropy::system());
        let (ctx, (api, router)) = process((ctx.store.clone(), dir.path()), &clock, bus, &outside).await;
        Self { dir, clock, ctx, api, router, outside }
    }

    /// Somebody who may sign in: Ann, Ben, Cem, Dan, Eve, and then by number.
    pub(crate) async fn person(&self, n: usize) -> PersonId {
        let name = NAMES.get(n).map_or_else(|| format!("Person {n}"), |name| (*name).to_owned());
        let email = format!("{}@example.com", Entropy::system().token(8));
        let new = NewPerson { name, email, role: Role::Member };
        let made = self.ctx.identity.make_person(Actor::Admin, &new, &Secret::new("correct horse")).await;
        made.expect("made")
    }

    /// Somebody opened a letter to their address.
    pub(crate) async fn shows_address(&self, who: PersonId) {
        let sql = "UPDATE people SET email_confirmed_at_ms = 1 WHERE id = $1";
        let who = who.to_string();
        let shown: Result<u64, store::StoreError> =
            self.ctx.store.write(async move |tx| tx.execute(sql, store::params![&who]).await).await;
        assert_eq!(shown.expect("written"), 1);
    }

    pub(crate) async fn people<const N: usize>(&self) -> [PersonId; N] {
        let mut people = Vec::with_capacity(N);
        for n in 0..N {
            people.push(self.person(n).await);
        }
        people.try_into().expect("as many")
    }

    /// A request by somebody, or by nobody.
    pub(crate) async fn ask(
        &self,
        who: Option<PersonId>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let caller = who.map(|id| identity::Caller::Person { id, role: Role::Member, by: By::Token });
        self.ask_as(caller.unwrap_or_default(), method, path, body).await
    }

    /// A request by whoever.
    pub(crate) async fn ask_as(
        &self,
        who: identity::Caller,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(format!("/api/v1/chat{path}")).extension(who);
        let request = request.header("content-type", "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).expect("a request")).await
    }

    /// A request by an administrator.
    pub(crate) async fn office(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(format!("/api/v1/chat/admin{path}"));
        let request = request.header("content-type", "application/json").header("x-mainspring-console", "1");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.extension(identity::Caller::Admin).body(body).expect("a request")).await
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let (head, bytes) = self.raw(request).await;
        (head.status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// A request as it is, with its answer as that is.
    pub(crate) async fn raw(&self, request: Request<Body>) -> (axum::http::response::Parts, bytes::Bytes) {
        let response = self.router.clone().oneshot(request).await.expect("answered");
        // Whatever a person has a share of has come back before the next request.
        self.clock.advance(STEP_MS);
        let (head, body) = response.into_parts();
        (head, body.collect().await.expect("a body").to_bytes())
    }

    pub(crate) async fn get(&self, who: PersonId, path: &str) -> Value {
        let (status, answer) = self.ask(Some(who), Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    pub(crate) async fn post(&self, who: PersonId, path: &str, body: Value) -> (StatusCode, Value) {
        self.ask(Some(who), Method::POST, path, Some(&body)).await
    }

    /// A group of the first of these people.
    pub(crate) async fn group(&self, people: &[PersonId]) -> String {
        let body = json!({ "name": "Everybody", "people": people[1..] });
        let (status, room) = self.post(people[0], "/rooms", body).await;
        assert_eq!(status, StatusCode::CREATED, "{room}");
        room["room"].as_str().expect("an id").to_owned()
    }

    pub(crate) async fn say(&self, who: PersonId, room: &str, content: &str) -> i64 {
        let body = json!({ "client_id": Entropy::system().token(8), "content": content });
        let (status, message) = self.post(who, &format!("/rooms/{room}/messages"), body).await;
        assert_eq!(status, StatusCode::CREATED, "{message}");
        message["seq"].as_i64().expect("a number")
    }

    /// Runs the nightly job, and waits until it has ended.
    pub(crate) async fn run_retention(&self) {
        self.run("chat.retention").await;
    }

    /// Runs a job, and waits until it and all others of its kind have ended.
    pub(crate) async fn run(&self, kind: &'static str) {
        self.run_job(kind, "chat").await;
        self.ended(kind).await;
    }

    /// Waits until every job of a kind has ended well; there must be one.
    pub(crate) async fn ended(&self, kind: &'static str) {
        let ended = async {
            loop {
                let seen = self.ctx.jobs.changes();
                let rows = self.jobs(kind).await;
                if !rows.is_empty() && rows.iter().all(|row| row.state == jobs::state::State::Completed) {
                    return;
                }
                self.ctx.jobs.change_since(seen).await;
            }
        };
        tokio::time::timeout(LONG, ended).await.expect("the jobs end");
    }

    /// Runs a job, and waits until it has ended.
    pub(crate) async fn run_job(&self, kind: &'static str, queue: &'static str) {
        let (jobs, job) = (self.ctx.jobs.clone(), jobs::NewJob::dynamic(kind, queue, &Value::Null));
        let enqueued = self.ctx.store.write(async move |tx| jobs.enqueue(tx, job).await).await;
        enqueued.expect("enqueued");
        self.jobs_settled(kind).await;
        let newest = self.jobs(kind).await.into_iter().next().expect("there");
        assert_eq!(newest.state, jobs::state::State::Completed, "{newest:?}");
    }

    /// The jobs of a kind, newest first.
    pub(crate) async fn jobs(&self, kind: &str) -> Vec<jobs::JobRow> {
        let query = jobs::Query { kind: Some(kind.to_owned()), limit: 200, ..jobs::Query::default() };
        self.ctx.jobs.list(query).await.expect("listed")
    }

    /// Waits until every job of a kind has ended, or waits for a time to come.
    pub(crate) async fn jobs_settled(&self, kind: &str) {
        let settled = async {
            loop {
                let seen = self.ctx.jobs.changes();
                let now_ms = self.clock.now_ms();
                let waits = |row: &jobs::JobRow| row.finished_at_ms.is_none() && row.run_at_ms <= now_ms;
                if !self.jobs(kind).await.iter().any(waits) {
                    return;
                }
                self.ctx.jobs.change_since(seen).await;
            }
        };
        tokio::time::timeout(LONG, settled).await.unwrap_or_else(|_| panic!("{kind} does not end"));
    }

    /// What a browser shows in which this person signed in.
    pub(crate) async fn session(&self, who: PersonId) -> String {
        let details = self.ctx.identity.person(who).await.expect("read").expect("there");
        let body = json!({ "email": details.email, "password": "correct horse" });
        let request = Request::post("/api/v1/session").header("content-type", "application/json");
        let request = request.body(Body::from(body.to_string())).expect("a request");
        let router = identity::routes(self.ctx.identity.clone()).split_for_parts().0;
        let response = router.oneshot(request).await.expect("answered");
        assert_eq!(response.status(), StatusCode::OK);
        let cookie = response.headers()["set-cookie"].to_str().expect("text");
        cookie.split(';').next().expect("a cookie").to_owned()
    }

    pub(crate) async fn end_session(&self, cookie: &str) {
        let request = Request::post("/api/v1/session/end").header("cookie", cookie).header("x-mainspring-console", "1");
        let mut request = request.body(Body::empty()).expect("a request");
        let caller = self.ctx.identity.caller_of(request.headers()).await;
        request.extensions_mut().insert(caller);
        let router = identity::routes(self.ctx.identity.clone()).split_for_parts().0;
        let response = router.oneshot(request).await.expect("answered");
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }

    /// A request of a page in somebody's browser.
    pub(crate) async fn in_session(
        &self,
        who: PersonId,
        cookie: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> StatusCode {
        let caller = identity::Caller::Person { id: who, role: Role::Member, by: By::Session };
        let request = Request::builder().method(method).uri(format!("/api/v1/chat{path}")).extension(caller);
        let request = request.header("content-type", "application/json").header("x-mainspring-console", "1");
        let request = request.header("cookie", cookie).body(Body::from(body.to_string()));
        self.send(request.expect("a request")).await.0
    }

    /// Messages of these in turn that nobody was told of, in one write, after all that the room has.
    pub(crate) async fn fill(&self, room: &str, people: &[PersonId; 2], count: i64) {
        let (room, [one, other], now_ms) = (room.to_owned(), people.map(|it| it.to_string()), self.clock.now_ms());
        let insert = async move |tx: &mut store::Tx| {
            for n in 0..count {
                let who = if n % 2 == 0 { &one } else { &other };
                let sql =
                    "INSERT INTO chat_messages (room, seq, sender, client_id, content, words, mentions, at_ms, deleted)
                    VALUES ($1, $2, $3, $4, 'filled', 'filled', '', $5, 0)";
                tx.execute(sql, store::params![&room, 1_000 + n, who, &format!("fill-{n}"), now_ms]).await?;
            }
            Ok::<_, store::StoreError>(())
        };
        self.ctx.store.write(insert).await.expect("filled");
    }

    pub(crate) async fn rows(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let rows: Result<(i64,), store::StoreError> =
            self.ctx.store.read(async move |tx| tx.one(&sql, &[]).await).await;
        rows.expect("counted").0
    }

    /// A channel as somebody hears it, from after a number on.
    pub(crate) async fn listen(&self, who: PersonId, channel: &str, since: Option<u64>) -> Ear {
        let caller = Caller { user: who.to_string(), ..Caller::default() };
        let feed = self.ctx.hub.open_stream(channel, since, 300, &caller).await.expect("a stream");
        Ear(feed)
    }
}

/// Somebody who listens.
pub(crate) struct Ear(pub(crate) realtime::Feed);

impl Ear {
    /// What comes next, with its offset; `None` when the channel has ended.
    pub(crate) async fn next(&mut self) -> Option<(u64, Value)> {
        let next = tokio::time::timeout(LONG, self.0.next()).await.expect("something comes in time")?;
        Some((next.offset, serde_json::from_slice(&next.data).expect("JSON")))
    }

    /// The next thing of this type.
    pub(crate) async fn hear(&mut self, kind: &str) -> (u64, Value) {
        loop {
            let (offset, said) = self.next().await.expect("the channel goes on");
            if said["type"] == kind {
                return (offset, said);
            }
        }
    }
}
