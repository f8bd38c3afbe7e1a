//! Sends what an endpoint missed: events since a time that it asks for and that never went to it, and messages that were given
//! up. It looks at the log from its end backwards, page by page, as a job: what is on its way already is left alone, so it
//! can be stopped and run again at any point.

use ::store::Tx;
use events::{EventRow, EventType};
use jobs::{EnqueueError, Failure, Handler, Kind, NewJob, Run};
use kernel::limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::fanout::Subject;
use crate::owner::EndpointError;
use crate::state::State;
use crate::store::messages;
use crate::{Endpoints, store, told};

pub(crate) const RECOVER: Kind = Kind::new("endpoints.recover").on("endpoints");

/// What a recovery would send, or sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RecoverPlan)]
pub struct Plan {
    /// Events that never went to the endpoint.
    pub missed: u64,
    /// Messages that were given up.
    pub failed: u64,
    /// Events that were looked at.
    pub events: u64,
    /// Whether these are all since that time; else only the newest 100,000 events were looked at.
    pub complete: bool,
}

#[derive(Serialize, Deserialize)]
struct Asked {
    endpoint: String,
    since_ms: i64,
}

pub(crate) fn handler(endpoints: &Endpoints) -> Handler {
    let endpoints = endpoints.clone();
    jobs::handler(move |run: Run| {
        let endpoints = endpoints.clone();
        async move {
            let Asked { endpoint, since_ms } = run.args()?;
            let done =
                endpoints.walk(&endpoint, since_ms, true).await.map_err(|error| Failure::Retry(error.to_string()))?;
            tracing::info!(endpoint, missed = done.missed, failed = done.failed, "recovered");
            Ok(())
        }
    })
}

impl Endpoints {
    /// Counts what a recovery would send, and starts it unless this is a rehearsal.
    pub(crate) async fn recover(&self, id: &str, since_ms: i64, rehearse: bool) -> Result<Plan, EndpointError> {
        if self.stored(id).await?.disabled.is_some() {
            return Err(EndpointError::Disabled);
        }
        let plan = self.walk(id, since_ms, false).await?;
        if !rehearse {
            let job =
                NewJob::new(RECOVER, &Asked { endpoint: id.to_owned(), since_ms }).unique(format!("{id}/{since_ms}"));
            self.0.jobs.enqueue_now(job).await?;
        }
        Ok(plan)
    }

    async fn walk(&self, id: &str, since_ms: i64, act: bool) -> Result<Plan, EndpointError> {
        let mut plan = Plan::default();
        let mut before = None;
        while (plan.events as usize) < limits::ENDPOINT_RECOVER_EVENTS {
            let query = events::Query { before, limit: limits::PAGE, ..Default::default() };
            let page = self.0.events.list(query).await?;
            let last = page.len() < limits::PAGE || page.last().is_some_and(|event| event.time_ms < since_ms);
            before = page.last().map(|event| event.position);
            let page: Vec<_> = page.into_iter().filter(|event| event.time_ms >= since_ms).collect();
            plan.events += page.len() as u64;
            let (endpoints, id) = (self.clone(), id.to_owned());
            let found: (u64, u64) = if act {
                self.0.store.write(async move |tx| endpoints.page(tx, &id, &page, true).await).await?
            } else {
                self.0.store.read(async move |tx| endpoints.page(tx, &id, &page, false).await).await?
            };
            (plan.missed, plan.failed) = (plan.missed + found.0, plan.failed + found.1);
            if last {
                plan.complete = true;
                break;
            }
        }
        Ok(plan)
    }

    /// How many of these events were missed, and how many were given up; they are sent when `act` says so.
    async fn page(&self, tx: &mut Tx, id: &str, page: &[EventRow], act: bool) -> Result<(u64, u64), EnqueueError> {
        let Some(endpoint) = store::find(tx, id).await?.filter(|endpoint| endpoint.disabled.is_none()) else {
            return Ok((0, 0));
        };
        let (mut missed, mut failed) = (0, 0);
        for event in page.iter().filter(|event| event.kind != told::Test::TYPE && endpoint.wants(&event.kind)) {
            match messages::of_event(tx, id, event.position).await? {
                None => {
                    missed += 1;
                    if act {
                        self.send(tx, id, &subject(event)).await?;
                    }
                }
                Some(message) if message.state == State::Failed => {
                    failed += 1;
                    if act {
                        self.send_again(tx, &message).await?;
                    }
                }
                Some(_) => {}
            }
        }
        Ok((missed, failed))
    }
}

fn subject(event: &EventRow) -> Subject<'_> {
    let (subject, trace) = (event.subject.as_deref(), event.trace_id.as_deref());
    Subject { position: event.position, kind: &event.kind, subject, trace }
}
