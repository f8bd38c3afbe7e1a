//! Into the log, with the jobs that are owed.

use std::cell::OnceCell;

use axum::http::StatusCode;
use jobs::EnqueueError;
use kernel::{EventId, Problem, limits};
use serde_json::Value;
use store::{StoreError, Tx, params};

use crate::condition::{self, Facts};
use crate::event::NewEvent;
use crate::hints;
use crate::{Events, Invalid};

/// An event that may be appended: its type is declared and its payload fits.
#[derive(Clone, Debug)]
pub struct Checked(pub(crate) NewEvent);

/// What appending did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log, at this position.
    New(i64),
    /// The source said this before, at this position; nothing was done.
    Known(i64),
}

/// Why an event was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Nobody declared this type.
    #[error("nobody declared the event type {0:?}")]
    UnknownType(String),
    /// The payload breaks the schema of its type.
    #[error("an event of type {kind} breaks its schema")]
    Invalid {
        /// The type.
        kind: String,
        /// Where and why.
        #[source]
        source: Invalid,
        /// Where else.
        more: Vec<Invalid>,
    },
    /// The payload or an attribute is over its bound.
    #[error("the event's {0} is too large")]
    TooLarge(&'static str),
    /// An attribute holds a NUL, which not every store can keep in a text.
    #[error("the event's {0} holds a NUL character")]
    Malformed(&'static str),
    /// A job that is owed could not be enqueued.
    #[error("a job for the event could not be enqueued")]
    Enqueue(#[source] EnqueueError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A store that is away is that, whatever was being written.
impl From<EnqueueError> for AppendError {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::Store(error) => Self::Store(error),
            error => Self::Enqueue(error),
        }
    }
}

impl Appended {
    /// Where it is in the log.
    pub fn position(self) -> i64 {
        match self {
            Self::New(position) | Self::Known(position) => position,
        }
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Store(error) => error.into(),
            AppendError::Enqueue(error) => Self::internal(error),
            AppendError::Invalid { source, more, .. } => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                let problem = Self::new(status, "event_invalid", "The event breaks the schema of its type.");
                [source].into_iter().chain(more).fold(problem, |problem, it| problem.field(it.pointer, it.detail))
            }
            AppendError::UnknownType(_) => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                Self::new(status, "event_type_unknown", error.to_string()).field("/type", "nobody declared it")
            }
            AppendError::TooLarge(_) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "event_too_large", error.to_string()),
            AppendError::Malformed(_) => Self::bad_request("event_refused", error.to_string()),
        }
    }
}

impl Events {
    /// Checks an event against the schema of its type, outside any transaction.
    ///
    /// # Errors
    /// [`AppendError`], never of the store.
    pub fn check(&self, event: NewEvent) -> Result<Checked, AppendError> {
        let data: Value = serde_json::from_str(&event.data).map_err(|error| AppendError::Invalid {
            kind: event.kind.clone(),
            source: Invalid { pointer: String::new(), detail: format!("no JSON: {error}") },
            more: Vec::new(),
        })?;
        self.check_parsed(event, &data)
    }

    /// As [`Events::check`], for a caller who has parsed the payload already.
    ///
    /// # Errors
    /// As [`Events::check`].
    pub fn check_parsed(&self, event: NewEvent, data: &Value) -> Result<Checked, AppendError> {
        let attributes = [
            ("type", Some(&event.kind)),
            ("source", Some(&event.source)),
            ("subject", event.subject.as_ref()),
            ("id", event.id.as_ref()),
        ];
        for (name, value) in attributes {
            if value.is_some_and(|value| value.len() > limits::EVENT_ATTRIBUTE_BYTES) {
                return Err(AppendError::TooLarge(name));
            }
            if value.is_some_and(|value| value.contains('\0')) {
                return Err(AppendError::Malformed(name));
            }
        }
        if event.data.len() > limits::EVENT_DATA_BYTES {
            return Err(AppendError::TooLarge("data"));
        }
        let Some(declared) = self.0.registry.declared(&event.kind) else {
            return Err(AppendError::UnknownType(event.kind));
        };
        match declared.check(data) {
            Err((source, more)) => Err(AppendError::Invalid { kind: event.kind, source, more }),
            // What was checked is this version, whoever wrote it.
            Ok(()) => Ok(Checked(NewEvent { version: declared.version.unwrap_or(1), ..event })),
        }
    }

    /// Appends, and enqueues one job for each work subscription that is owed the event, in the caller's transaction.
    ///
    /// # Errors
    /// [`AppendError`] of the store or of the jobs: roll back.
    pub async fn append(&self, tx: &mut Tx, event: &Checked) -> Result<Appended, AppendError> {
        let (log, event) = (&self.0, &event.0);
        let now_ms = log.clock.now_ms();
        if let Some(id) = &event.id
            && let Some(position) = known(tx, &event.source, id).await?
        {
            return Ok(Appended::Known(position));
        }
        let id = event.id.clone().unwrap_or_else(|| EventId::new(&log.clock, &log.entropy).to_string());
        // Positions are dense: a sequence of PostgreSQL would use a number up for an insert that is rolled back.
        let inserted: Option<(i64,)> = tx
            .first(
                "INSERT INTO events
                     (position, id, type, source, subject, time_ms, schema_version, trace, data, attributes)
                 VALUES ((SELECT COALESCE(MAX(position), (SELECT position FROM event_top)) + 1 FROM events), $1, $2, $3, $4, $5, $6, $7, $8, $9)
                 ON CONFLICT (source, id) DO NOTHING RETURNING position",
                params![
                    &id,
                    &event.kind,
                    &event.source,
                    event.subject.as_ref(),
                    now_ms,
                    event.version,
                    event.trace.as_ref(),
                    &event.data,
                    event.attributes.as_ref(),
                ],
            )
            .await?;
        let Some((position,)) = inserted else {
            let position = known(tx, &event.source, &id).await?;
            return Ok(Appended::Known(position.unwrap_or_default()));
        };
        let facts = Facts {
            kind: &event.kind,
            source: &event.source,
            subject: event.subject.as_deref(),
            id: &id,
            attributes: condition::attributes(event.attributes.as_deref()),
            payload: None,
        };
        let payload = OnceCell::new();
        let parsed = || payload.get_or_init(|| serde_json::from_str(&event.data).unwrap_or_default());
        let owed: Vec<_> = log.registry.works.iter().filter(|work| work.wants(&facts, parsed)).collect();
        let (events, kind, jobs) = (self.clone(), event.kind.clone(), owed.len());
        let fresh = (jobs > 0).then(|| event.at(position, id, now_ms));
        // Before the jobs' own: they must find the event when they begin.
        tx.on_commit(move || {
            metrics::counter!("events_appended_total").increment(1);
            if let Some(fresh) = fresh {
                events.0.fresh.keep(fresh, jobs);
            }
            events.0.store.tell(hints::APPENDED);
            events.0.announce(position);
            events.0.wake(&kind);
        });
        let owed = owed.into_iter().map(|work| work.job(position, event.subject.as_deref(), event.trace.clone()));
        log.jobs.enqueue_many(tx, owed.collect()).await?;
        Ok(Appended::New(position))
    }
}

/// Where the source said this before, also when the event itself is gone.
async fn known(tx: &mut Tx, source: &str, id: &str) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT position FROM events WHERE source = $1 AND id = $2
         UNION ALL SELECT position FROM event_names WHERE source = $1 AND id = $2 LIMIT 1";
    let row: Option<(i64,)> = tx.first(sql, params![source, id]).await?;
    Ok(row.map(|(position,)| position))
}
