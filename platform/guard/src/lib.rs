#![doc = include_str!("../README.md")]

mod audit;
mod client;
mod http;
mod idempotency;
mod rate;
mod sessions;
mod store;

use std::net::IpAddr;
use std::sync::Arc;

use ::store::{Migration, Store};
use axum::extract::{MatchedPath, Request, State};
use axum::http::Uri;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bus::Bus;
use identity::Caller;
use identity::people::DOORS;
use kernel::{Clock, Entropy, Problem, SealKey};
use tracing::Instrument;

pub use self::audit::{About, Entry, Query};
pub use self::client::client_of;
pub use self::http::routes;
pub use self::rate::{Policies, PolicyError};
use self::sessions::Account;

/// The client's address, as the edge found it out. It travels in the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client(pub IpAddr);

/// What stands before every route. Clones are handles to the same one.
#[derive(Clone)]
pub struct Guard(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) key: SealKey,
    pub(crate) policies: Policies,
}

impl Guard {
    /// Over the two floors, with the key that seals kept answers.
    pub fn new(store: Store, bus: Bus, clock: Clock, entropy: Entropy, key: SealKey, policies: Policies) -> Self {
        Self(Arc::new(Inner { store, bus, clock, entropy, key, policies }))
    }

    /// The middleware: needs [`Client`], `identity::Caller` and `kernel::RequestInfo` in the request's extensions.
    pub async fn handle(State(guard): State<Self>, mut request: Request, next: Next) -> Response {
        let route = request.extensions().get::<MatchedPath>().map_or_else(String::new, |path| path.as_str().to_owned());
        let who = (caller_of(&request), request.extensions().get().copied());
        let method = request.method().clone();
        let account = Account::open(&guard, &method, &route, who);
        let counted = match &account {
            Some(account) => {
                request.extensions_mut().insert(account.share());
                None
            }
            None => Some(guard.count(&method, &route, who).await),
        };
        let mut response = match counted.and_then(|standing| standing.refusal()) {
            Some(refused) => refused.into_response(),
            None if holds_nul(request.uri()) => no_such_address().into_response(),
            None => {
                let act = audit::Act::of(&request, &route);
                if act.is_recorded() {
                    guard.recorded(act, request, next).await
                } else {
                    guard.once(request, next).await
                }
            }
        };
        let standing = match (counted, account) {
            (None, Some(account)) => {
                let (standing, refused) = account.settle().await;
                response = refused.map_or(response, IntoResponse::into_response);
                Some(standing)
            }
            (counted, _) => counted,
        };
        if let Some(standing) = standing {
            standing.say(response.headers_mut());
        }
        response
    }
}

impl Guard {
    /// On a task of its own: whoever hangs up has changed something all the same, and that is recorded.
    async fn recorded(&self, act: audit::Act, request: Request, next: Next) -> Response {
        let guard = self.clone();
        let run = async move {
            let response = guard.once(request, next).await;
            let (status, signed_in) = (response.status(), response.extensions().get().copied());
            let act = act.about(response.extensions().get());
            guard.record_act(act, status, signed_in).await;
            response
        };
        match tokio::spawn(run.in_current_span()).await {
            Ok(response) => response,
            Err(error) => match error.try_into_panic() {
                // For whoever answers for all panics.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Problem::internal(error).into_response(),
            },
        }
    }
}

/// Where guesses are made at links, invitations, passwords; and what people change about their account, which costs as much.
pub(crate) fn is_guess(route: &str) -> bool {
    DOORS.contains(&route) || is_of_account(route) && route != "/api/v1/me/token"
}

/// A route by which people change their own account.
pub(crate) fn is_of_account(route: &str) -> bool {
    route == "/api/v1/me" || route.starts_with("/api/v1/me/")
}

/// A NUL in a path or in a query. No name has one, and not every store could be asked for a text that does.
fn holds_nul(uri: &Uri) -> bool {
    uri.path_and_query().is_some_and(|it| it.as_str().contains("%00"))
}

fn no_such_address() -> Problem {
    Problem::bad_request("address_invalid", "The address holds a NUL character (%00), which no name here has.")
}

/// Who sends the request, as the edge found out.
fn caller_of(request: &Request) -> Caller {
    request.extensions().get().copied().unwrap_or_default()
}

/// The tables of this part.
pub const MIGRATIONS: &[Migration] = &[Migration {
    part: "guard",
    version: 1,
    sql: "
CREATE TABLE idempotency_keys (
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    holder TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    status INTEGER,
    answer BYTEA,
    PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_keys_until ON idempotency_keys (until_ms);
CREATE TABLE audit_log (
    id BIGSERIAL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    status INTEGER NOT NULL,
    address TEXT NOT NULL,
    request_id TEXT NOT NULL
);
CREATE INDEX audit_log_at ON audit_log (at_ms);
",
}];
