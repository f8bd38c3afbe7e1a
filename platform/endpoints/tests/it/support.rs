//! A log with endpoints, and a receiver that answers as a test wants. Nothing here sleeps.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use endpoints::state::State;
use endpoints::{EndpointRow, Endpoints, MessageRow, NewEndpoint, Parts, Query, Settings, Signature};
use events::{Appended, Events, Filter, NewEvent, Registry};
use jobs::{Jobs, Life};
use kernel::{Clock, Entropy, SealKey, Secret};
use outbound::{Looked, Lookup, Outbound};
use store::{Durability, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub(crate) const LONG: Duration = Duration::from_secs(20);
pub(crate) const START_MS: i64 = 1_800_000_000_000;
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Everything, with a resolver whose answer a test can change.
pub(crate) struct Site {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) jobs: Jobs,
    pub(crate) events: Events,
    pub(crate) endpoints: Endpoints,
    pub(crate) dns: Dns,
}

impl Site {
    /// This machine may be reached.
    pub(crate) async fn new() -> Self {
        Self::allowing(&["127.0.0.0/8"]).await
    }

    pub(crate) async fn allowing(nets: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = Clock::manual(START_MS);
        let dns = Dns::default();
        let outbound = Outbound::new(outbound::Settings {
            allow_private: nets.iter().map(|net| net.parse().expect("a network")).collect(),
            lookup: Arc::new(dns.clone()),
            ..Default::default()
        });
        let migrations = [jobs::MIGRATIONS, events::MIGRATIONS, endpoints::MIGRATIONS].concat();
        let entropy = Entropy::system();
        let store = testkit::open(dir.path(), Durability::Normal, &migrations, &clock, &entropy).expect("opened");
        let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), "test".to_owned(), Life::Locked).await;
        let jobs = jobs.expect("jobs");
        let mut registry = Registry::default();
        registry.family(Filter("shop.*"), serde_json::json!({ "type": "object" }));
        Endpoints::declare(&mut registry);
        let events = Events::new(store.clone(), jobs.clone(), clock.clone(), entropy.clone(), registry);
        events.declare_streams().await.expect("declared");
        let endpoints = Endpoints::new(Parts {
            store: store.clone(),
            jobs: jobs.clone(),
            events: events.clone(),
            outbound,
            clock: clock.clone(),
            entropy,
            key: SealKey::new([7; 32]),
            settings: Settings { disable_after_ms: 5 * DAY },
        });
        let handlers = endpoints.start();
        jobs.serve(handlers, 20);
        Self { dir, clock, store, jobs, events, endpoints, dns }
    }

    /// An endpoint for every event.
    pub(crate) async fn endpoint(&self, url: &str) -> (String, Secret) {
        let (endpoint, secret) = self.endpoints.create(asking(url, &["*"])).await.expect("created");
        (endpoint.id, secret)
    }

    pub(crate) async fn append(&self, kind: &str, data: &str) -> i64 {
        let checked = self.events.check(NewEvent::raw(kind, "/shop", data.to_owned())).expect("fits");
        let events = self.events.clone();
        let appended = self.store.write(async move |tx| events.append(tx, &checked).await).await;
        match appended.expect("appended") {
            Appended::New(position) | Appended::Known(position) => position,
        }
    }

    /// Appends an event that only somebody else asks for, and waits until he has it: whatever was appended before has gone past every
    /// endpoint by then.
    pub(crate) async fn goes_past(&self) {
        let mut elsewhere = Receiver::that(&[Does::Answers(200)]).await;
        let asked = asking(&elsewhere.url(), &["shop.past"]);
        let (endpoint, _) = self.endpoints.create(asked).await.expect("created");
        self.append("shop.past", "{}").await;
        elsewhere.next().await;
        self.newest_is(&endpoint.id, State::Delivered).await;
        self.endpoints.remove(&endpoint.id).await.expect("removed");
    }

    /// Moves the clock and lets the engine know.
    pub(crate) fn advance(&self, ms: i64) {
        self.clock.advance(ms);
        self.jobs.wake();
    }

    pub(crate) async fn row(&self, id: &str) -> EndpointRow {
        self.endpoints.find(id).await.expect("found")
    }

    pub(crate) async fn messages(&self, id: &str) -> Vec<MessageRow> {
        let query = Query { endpoint: id.to_owned(), limit: 200, ..Query::default() };
        self.endpoints.messages(query).await.expect("listed")
    }

    /// Waits until the newest message fits.
    pub(crate) async fn newest(&self, id: &str, what: &str, fits: impl Fn(&MessageRow) -> bool) -> MessageRow {
        self.until(what, async || self.messages(id).await.into_iter().next().filter(&fits)).await
    }

    pub(crate) async fn newest_is(&self, id: &str, state: State) -> MessageRow {
        self.newest(id, &format!("the message is {state:?}"), |message| message.state == state).await
    }

    /// Waits until the newest message was tried so often in its series.
    pub(crate) async fn tried(&self, id: &str, attempts: u32) -> MessageRow {
        self.newest(id, &format!("{attempts} attempts"), |message| message.attempts == attempts).await
    }

    /// Looks again after every change.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let mut changes = self.endpoints.changes();
        let looking = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = look().await {
                    return found;
                }
                changes.changed().await.expect("it lives");
            }
        };
        tokio::time::timeout(LONG, looking).await.unwrap_or_else(|_| panic!("it never happened: {what}"))
    }

    /// Events of a type, the newest first.
    pub(crate) async fn told(&self, kind: &str) -> Vec<serde_json::Value> {
        let query = events::Query { kind: Some(kind.to_owned()), limit: 200, ..Default::default() };
        let mut told = Vec::new();
        for row in self.events.list(query).await.expect("listed") {
            let event = self.events.find(row.position).await.expect("read").expect("there");
            told.push(event.data().expect("JSON"));
        }
        told
    }
}

pub(crate) fn asking(url: &str, types: &[&str]) -> NewEndpoint {
    let types = types.iter().map(|text| (*text).to_owned()).collect();
    NewEndpoint {
        url: url.to_owned(),
        types,
        description: "a shop".into(),
        enabled: true,
        per_minute: None,
        signature: Signature::Shared,
    }
}

/// Every name leads here.
#[derive(Clone)]
pub(crate) struct Dns(Arc<Mutex<IpAddr>>);

impl Default for Dns {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(IpAddr::from([127, 0, 0, 1]))))
    }
}

impl Dns {
    pub(crate) fn leads_to(&self, ip: &str) {
        *self.0.lock().expect("a lock") = ip.parse().expect("an address");
    }
}

impl Lookup for Dns {
    fn addresses(&self, _: &str) -> Looked {
        let ip = *self.0.lock().expect("a lock");
        Box::pin(async move { Ok(vec![ip]) })
    }
}

/// What a receiver does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    Answers(u16),
    /// With a header.
    With(u16, &'static str),
    /// With a body of so many bytes.
    Talks(u16, usize),
    /// Ends the connection in the middle of the head.
    Breaks,
    /// Promises a body, ends in the middle of it.
    BreaksOff(u16),
    /// Says nothing until the sender has had enough.
    Stalls,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim())
            .unwrap_or_else(|| panic!("no {name}: {}", self.head))
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// Does one thing after the other; the last one for ever.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    got: mpsc::UnboundedReceiver<Got>,
    plan: Arc<Mutex<VecDeque<Does>>>,
}

impl Receiver {
    pub(crate) async fn that(plan: &[Does]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let plan = Arc::new(Mutex::new(VecDeque::from(plan.to_vec())));
        let (say, got) = mpsc::unbounded_channel();
        let shared = plan.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone(), say.clone()));
            }
        });
        Self { address, got, plan }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn now_does(&self, does: &[Does]) {
        *self.plan.lock().expect("a lock") = VecDeque::from(does.to_vec());
    }

    pub(crate) async fn next(&mut self) -> Got {
        tokio::time::timeout(LONG, self.got.recv()).await.expect("a request comes").expect("it listens")
    }

    /// What came and was not asked for yet.
    pub(crate) fn rest(&mut self) -> Vec<Got> {
        std::iter::from_fn(|| self.got.try_recv().ok()).collect()
    }
}

async fn serve(mut stream: TcpStream, plan: Arc<Mutex<VecDeque<Does>>>, say: mpsc::UnboundedSender<Got>) {
    while let Some(got) = request(&mut stream).await {
        let does = {
            let mut plan = plan.lock().expect("a lock");
            if plan.len() > 1 { plan.pop_front() } else { plan.front().cloned() }
        };
        // A test that has heard enough may have gone.
        let _ = say.send(got);
        let answer = match does.expect("a plan") {
            Does::Answers(status) => format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nok"),
            Does::With(status, header) => format!("HTTP/1.1 {status} X\r\n{header}\r\ncontent-length: 0\r\n\r\n"),
            Does::Talks(status, bytes) => {
                format!("HTTP/1.1 {status} X\r\ncontent-length: {bytes}\r\n\r\n{}", "x".repeat(bytes))
            }
            Does::Breaks => "HTTP/1.1 200".to_owned(),
            Does::BreaksOff(status) => format!("HTTP/1.1 {status} X\r\ncontent-length: 100\r\n\r\nhalf"),
            Does::Stalls => {
                let _ = stream.read(&mut [0; 1]).await;
                return;
            }
        };
        let ends = !answer.contains("\r\n\r\n") || answer.ends_with("half");
        if stream.write_all(answer.as_bytes()).await.is_err() || ends {
            return;
        }
    }
}

async fn request(stream: &mut TcpStream) -> Option<Got> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let mut got = Got { head: String::from_utf8(bytes[..head].to_vec()).ok()?, body: bytes[head..].to_vec() };
    let length: usize = got.header("content-length").parse().ok()?;
    while got.body.len() < length {
        if stream.read_buf(&mut got.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(got)
}
