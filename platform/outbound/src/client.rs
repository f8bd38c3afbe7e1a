//! The client: one request, its bounds, its figures.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HeaderValue, USER_AGENT};
use http::{StatusCode, Uri};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ipnet::IpNet;
use kernel::limits;
use tokio::time::{Instant, timeout_at};

use crate::address::{Guard, Policy, Refused, port};
use crate::body::{Short, Sink};
use crate::dns::{Checked, Connector, Lookup, System};
use crate::hosts::Hosts;
use crate::request::{Error, Request, Response};
use crate::tls;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("Mainspring/", env!("CARGO_PKG_VERSION")));

/// What an operator says about requests that go out.
#[derive(Clone)]
pub struct Settings {
    /// Networks that are inside and may be reached all the same by addresses that people gave.
    pub allow_private: Vec<IpNet>,
    /// Ports that such addresses may name; empty: every one.
    pub ports: Vec<u16>,
    /// Who looks names up.
    pub lookup: Arc<dyn Lookup>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { allow_private: Vec::new(), ports: Vec::new(), lookup: Arc::new(System::default()) }
    }
}

type Https = Client<HttpsConnector<Connector>, Full<Bytes>>;

/// The only way out. Clones are handles to the same one.
#[derive(Clone)]
pub struct Outbound(Arc<Parts>);

struct Parts {
    guard: Arc<Guard>,
    lookup: Arc<dyn Lookup>,
    hosts: Hosts,
    /// Two, so that a connection opened for the operator is never reused for an address that a person gave.
    public: Https,
    operator: Https,
}

impl Outbound {
    /// A client. It reads the machine's certificate authorities once.
    pub fn new(settings: Settings) -> Self {
        let Settings { allow_private, ports, lookup } = settings;
        let guard = Arc::new(Guard { allow_private, ports });
        let tls = tls::config();
        let [public, operator] = [Policy::Public, Policy::Operator]
            .map(|policy| open(tls.clone(), Checked { lookup: lookup.clone(), guard: guard.clone(), policy }));
        Self(Arc::new(Parts { guard, lookup, hosts: Hosts::default(), public, operator }))
    }

    /// Whether requests to `url` would be let out: for telling a person at once. A name that cannot be looked up passes;
    /// what counts is the check of each connection.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn check(&self, url: &str, policy: Policy) -> Result<(), Refused> {
        let uri = self.0.guard.read(url, policy)?;
        let Some(host) = uri.host().filter(|host| !host.starts_with('[')) else { return Ok(()) };
        let (lookup, guard) = (self.0.lookup.clone(), self.0.guard.clone());
        let checked = Checked { lookup, guard, policy };
        let looked = tokio::time::timeout(Duration::from_millis(limits::OUTBOUND_CONNECT_MS), checked.addresses(host));
        match looked.await {
            Ok(Err(error)) => error.downcast_ref::<Refused>().map_or(Ok(()), |refused| Err(*refused)),
            Ok(Ok(_)) | Err(_) => Ok(()),
        }
    }

    /// Sends a request and reads its answer. Redirects are not followed: they are answers.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let (class, method, began) = (request.class, request.method.clone(), Instant::now());
        let ended = self.exchange(request, began).await;
        let took = began.elapsed();
        let outcome = match &ended {
            Ok(response) => status_class(response.status),
            Err(error) => error.word(),
        };
        metrics::histogram!("outbound_request_seconds", "class" => class, "outcome" => outcome)
            .record(took.as_secs_f64());
        tracing::debug!(class, %method, outcome, duration_ms = took.as_secs_f64() * 1000.0, "request out");
        ended.map(|response| Response { took, ..response })
    }

    async fn exchange(&self, request: Request, began: Instant) -> Result<Response, Error> {
        let uri = self.0.guard.read(&request.url, request.policy)?;
        let (timeout, most, cut) = (request.timeout, request.most, request.cut);
        let deadline = began + timeout;
        let late = |_| Error::Timeout(timeout);
        let name = format!("{}:{}", uri.host().unwrap_or_default().to_ascii_lowercase(), port(&uri));
        let _place = timeout_at(deadline, self.0.hosts.enter(name)).await.map_err(late)?.ok_or(Error::Busy)?;
        let client = if request.policy == Policy::Public { &self.0.public } else { &self.0.operator };
        let answer = timeout_at(deadline, client.request(assemble(request, uri))).await.map_err(late)?;
        let (head, mut body) = answer.map_err(|error| judge(&error))?.into_parts();
        let mut sink = Sink::new(&head.headers, most);
        let whole = match timeout_at(deadline, sink.fill(&mut body)).await {
            Ok(Ok(())) => true,
            _ if cut => false,
            Ok(Err(Short::TooLarge)) => return Err(Error::TooLarge(most)),
            Ok(Err(Short::Broken(why))) => return Err(Error::Broken(why)),
            Err(elapsed) => return Err(late(elapsed)),
        };
        let body = sink.into_bytes();
        Ok(Response { status: head.status, headers: head.headers, body, whole, took: Duration::ZERO })
    }
}

fn open(tls: rustls::ClientConfig, checked: Checked) -> Https {
    let mut tcp = HttpConnector::new_with_resolver(checked.clone());
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(Duration::from_millis(limits::OUTBOUND_CONNECT_MS)));
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
    let connector = connector.wrap_connector(Connector { checked, tcp });
    Client::builder(TokioExecutor::new())
        .http1_max_buf_size(limits::OUTBOUND_HEAD_BYTES)
        .http1_max_headers(limits::OUTBOUND_HEADERS)
        .pool_idle_timeout(Duration::from_millis(limits::OUTBOUND_IDLE_MS))
        .pool_max_idle_per_host(limits::OUTBOUND_IDLE_PER_HOST)
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .build(connector)
}

fn assemble(request: Request, uri: Uri) -> http::Request<Full<Bytes>> {
    let mut out = http::Request::new(Full::new(request.body));
    *out.method_mut() = request.method;
    *out.uri_mut() = uri;
    *out.headers_mut() = request.headers;
    out.headers_mut().entry(USER_AGENT).or_insert(AGENT);
    out.headers_mut().entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip"));
    out
}

/// What a failure before the head of the answer means: nothing was sent, or nobody knows.
fn judge(error: &legacy::Error) -> Error {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(next) = cause.source() {
        cause = next;
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return Error::Refused(*refused);
        }
    }
    // The outermost text says no more than "client error"; the innermost says what the system or the other side said.
    if error.is_connect() { Error::Connect(cause.to_string()) } else { Error::Broken(cause.to_string()) }
}

fn status_class(status: StatusCode) -> &'static str {
    ["other", "1xx", "2xx", "3xx", "4xx", "5xx"][usize::from(status.as_u16() / 100).min(5)]
}
