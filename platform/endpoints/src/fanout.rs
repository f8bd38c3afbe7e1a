//! From the log to messages: one for each event and each endpoint that asks for it, each with the job that delivers it.

use ::store::Tx;
use events::{Event, EventType, Filter, Stream};
use jobs::{EnqueueError, NewJob};
use kernel::id::MessageId;

use crate::deliver::{DELIVER, Parcel};
use crate::reading::MessageRow;
use crate::store::messages::NewMessage;
use crate::store::{self, messages};
use crate::{Endpoints, told};

/// The whole log. Work subscriptions would cost a job for every event, wanted or not. It parks nothing: what it went past would
/// never be sent.
pub(crate) const STREAM: Stream = Stream::new("endpoints.fanout", Filter("*")).never_parks();

pub(crate) fn serve(endpoints: &Endpoints) {
    let (events, endpoints) = (endpoints.0.events.clone(), endpoints.clone());
    events.serve_in_tx(STREAM, async move |tx: &mut Tx, batch| Ok(endpoints.fan_out(tx, &batch).await?));
}

impl Endpoints {
    /// Makes the messages of a batch, in the transaction that moves the cursor past it.
    async fn fan_out(&self, tx: &mut Tx, batch: &[Event]) -> Result<(), EnqueueError> {
        let listening: Vec<_> =
            store::all(tx).await?.into_iter().filter(|endpoint| endpoint.disabled.is_none()).collect();
        for event in batch.iter().filter(|event| event.kind != told::Test::TYPE) {
            for endpoint in listening.iter().filter(|endpoint| endpoint.wants(&event.kind)) {
                self.send(tx, &endpoint.id, &Subject::of(event)).await?;
            }
        }
        Ok(())
    }

    /// Puts an event on its way to an endpoint; the message's number, or `None` when it is, or was, on its way already.
    pub(crate) async fn send(
        &self,
        tx: &mut Tx,
        endpoint: &str,
        event: &Subject<'_>,
    ) -> Result<Option<i64>, EnqueueError> {
        let now_ms = self.0.clock.now_ms();
        let id = MessageId::new(&self.0.clock, &self.0.entropy).to_string();
        let Subject { position, kind, subject, trace } = *event;
        let message = NewMessage { id: &id, endpoint, position, kind, subject, trace };
        let Some(number) = messages::insert(tx, &message, now_ms).await? else { return Ok(None) };
        self.enqueue(tx, Parcel { message: number, series: 1 }, (endpoint, position, trace), now_ms).await?;
        Ok(Some(number))
    }

    /// Begins a new series of attempts at a message. What is left of the one before ends by itself.
    pub(crate) async fn send_again(&self, tx: &mut Tx, message: &MessageRow) -> Result<(), EnqueueError> {
        let now_ms = self.0.clock.now_ms();
        let series = messages::revive(tx, message.number, now_ms).await?;
        let about = (message.endpoint.as_str(), message.position, message.trace_id.as_deref());
        self.enqueue(tx, Parcel { message: message.number, series }, about, now_ms).await
    }

    /// Enqueues the next attempt of a series: there is at most one job for it at a time. The job names the event, so that
    /// retention keeps it for as long as the message needs it.
    pub(crate) async fn enqueue(
        &self,
        tx: &mut Tx,
        parcel: Parcel,
        (endpoint, position, trace): (&str, i64, Option<&str>),
        at_ms: i64,
    ) -> Result<(), EnqueueError> {
        let job = NewJob::new(DELIVER, &parcel)
            .key(endpoint)
            .unique(format!("{}.{}", parcel.message, parcel.series))
            .event(position)
            .trace(trace.map(str::to_owned))
            .at(at_ms);
        self.0.jobs.enqueue(tx, job).await?;
        let endpoints = self.clone();
        tx.on_commit(move || endpoints.changed());
        Ok(())
    }
}

/// What of an event a message repeats.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) position: i64,
    pub(crate) kind: &'a str,
    pub(crate) subject: Option<&'a str>,
    pub(crate) trace: Option<&'a str>,
}

impl<'a> Subject<'a> {
    pub(crate) fn of(event: &'a Event) -> Self {
        Self {
            position: event.position,
            kind: &event.kind,
            subject: event.subject.as_deref(),
            trace: event.trace.as_deref(),
        }
    }
}
