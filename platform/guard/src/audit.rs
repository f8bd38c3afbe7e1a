//! Who changed what.

use std::net::IpAddr;

use ::store::{StoreError, Tx};
use axum::extract::Request;
use axum::http::StatusCode;
use identity::people::{DOORS, RETURN};
use identity::{Caller, Role};
use kernel::RequestInfo;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Client, Guard, caller_of, is_of_account, store as rows};

/// What a worker says about its jobs, several times a job: the jobs tell it themselves, and the log would hold little else.
const WORK: [&str; 4] =
    ["/api/v1/jobs/claim", "/api/v1/jobs/{id}/heartbeat", "/api/v1/jobs/{id}/complete", "/api/v1/jobs/{id}/fail"];
/// What programs say on channels, and look at there: the channels keep it themselves, or nobody does.
const SAID: [&str; 7] = [
    "/api/publish",
    "/api/broadcast",
    "/api/presence",
    "/api/presence_stats",
    "/api/history",
    "/api/channels",
    "/api/info",
];
/// Asks with a body and changes nothing.
const PREVIEW: &str = "/api/v1/schedules/preview";
/// What an answer may say for the log, bytes.
const ABOUT_BYTES: usize = 2_048;
/// Entries removed by one write.
const PRUNE: i64 = 1_000;

/// One line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Entry {
    /// Its number; later ones are higher.
    pub id: i64,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// `admin` (by a link), a person's id, `key:7` (the API key of that number), `anonymous` (a sign-in), or `cli` (the command line beside the server).
    pub actor: String,
    /// What was asked for: the method and the route, or the command.
    pub action: String,
    /// To what: the path, and behind it what more the answer said of it; empty where it would be a secret.
    pub target: String,
    /// How it ended: the HTTP status; 200 for a command that succeeded.
    pub status: u16,
    /// From where; empty for a command.
    pub address: String,
    /// The request, as in the log lines.
    pub request_id: String,
}

/// What an answer says of what was done, for the log: whoever answers puts it among the extensions. No secret.
#[derive(Clone, Debug)]
pub struct About(pub String);

/// Which entries, newest first.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Before this entry.
    pub before: Option<i64>,
    /// By this actor.
    pub actor: Option<String>,
    /// With this in the action or in the target.
    pub text: Option<String>,
    /// At most.
    pub limit: usize,
}

/// What a request is about to do, for the log; `None` for what changes nothing or is nobody's in particular.
pub(crate) struct Act(Option<Entry>);

impl Act {
    pub(crate) fn about(mut self, about: Option<&About>) -> Self {
        if let (Self(Some(entry)), Some(About(about))) = (&mut self, about) {
            let end = about.floor_char_boundary(ABOUT_BYTES);
            entry.target = format!("{} {}", entry.target, about[..end].replace(char::is_control, " "));
        }
        self
    }

    pub(crate) fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn of(request: &Request, route: &str) -> Self {
        let (extensions, caller) = (request.extensions(), caller_of(request));
        let signs_in = DOORS.contains(&route);
        let counts = match caller {
            Caller::Admin | Caller::Person { role: Role::Admin, .. } => true,
            // What people do in a product, the product tells itself.
            Caller::Person { .. } => signs_in || is_of_account(route) || route == "/api/v1/session/end",
            Caller::Key { .. } => !WORK.contains(&route) && !SAID.contains(&route),
            Caller::Anonymous | Caller::Unknown => signs_in,
        };
        // Whoever comes back from an issuer is signed in by that.
        let changes = !request.method().is_safe() || route == RETURN;
        if !changes || route == PREVIEW || !counts {
            return Self(None);
        }
        let address = extensions.get::<Client>().map(|client| client.0);
        Self(Some(Entry {
            id: 0,
            at_ms: 0,
            actor: caller.to_string(),
            action: format!("{} {route}", request.method()),
            target: if route.contains("{token}") { String::new() } else { request.uri().path().to_owned() },
            status: 0,
            address: address.as_ref().map(IpAddr::to_string).unwrap_or_default(),
            request_id: extensions.get::<RequestInfo>().map(|info| info.request_id.clone()).unwrap_or_default(),
        }))
    }
}

impl Guard {
    /// Who signed in is known when it was answered.
    pub(crate) async fn record_act(&self, act: Act, status: StatusCode, signed_in: Option<Caller>) {
        let Act(Some(entry)) = act else { return };
        let actor = signed_in.map_or(entry.actor, |caller| caller.to_string());
        self.record(Entry { status: status.as_u16(), actor, ..entry }).await;
    }

    /// Records a command of the command line.
    pub async fn record_command(&self, action: &str, target: &str) {
        let (actor, action, target) = ("cli".to_owned(), action.to_owned(), target.to_owned());
        let (address, request_id) = (String::new(), String::new());
        self.record(Entry { id: 0, at_ms: 0, actor, action, target, status: 200, address, request_id }).await;
    }

    /// The change has happened; what cannot be written to the table is at least in the log.
    async fn record(&self, entry: Entry) {
        let entry = Entry { at_ms: self.0.clock.now_ms(), ..entry };
        let kept = entry.clone();
        let insert = async move |tx: &mut Tx| rows::insert_entry(tx, &kept).await;
        // A program changes much, and each change has had its own sync: the entry rides with the next one.
        let by_key = entry.actor.starts_with("key:");
        let stored: Result<(), StoreError> =
            if by_key { self.0.store.write_relaxed(insert).await } else { self.0.store.write(insert).await };
        if let Err(error) = stored {
            let error = kernel::problem::chain(&error);
            tracing::error!(error, ?entry, "an entry of the audit log could not be stored");
        }
    }

    /// The audit log, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit(&self, query: Query) -> Result<Vec<Entry>, StoreError> {
        self.0.store.read(async move |tx| rows::list_entries(tx, &query).await).await
    }

    /// Removes audit entries older than `keep_ms`, and what was kept for idempotency keys that are past their time; how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prune(&self, keep_ms: i64) -> Result<u64, StoreError> {
        let now_ms = self.0.clock.now_ms();
        let write = async move |tx: &mut Tx| {
            let entries = rows::prune_entries(tx, now_ms - keep_ms, PRUNE).await?;
            Ok(entries + rows::prune_answers(tx, now_ms, PRUNE).await?)
        };
        self.0.store.write_relaxed(write).await
    }
}
