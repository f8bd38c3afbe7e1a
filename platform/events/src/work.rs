//! Work subscriptions: one job an event.

use jobs::{Failure, Handler, Kind, Run};

use crate::Events;
use crate::handler::WorkHandler;

impl Events {
    /// The handler of a work subscription as jobs know it: it gets the event that its job is owed for.
    pub fn work_handler(&self, run: WorkHandler) -> Handler {
        let events = self.clone();
        jobs::handler(move |attempt: Run| {
            let (events, run) = (events.clone(), run.clone());
            async move {
                let position = attempt.event_position().unwrap_or_default();
                let event = match events.0.fresh.take(position) {
                    None => events.find(position).await?,
                    fresh => fresh,
                };
                match event {
                    Some(event) => {
                        let (source, time_ms) = (event.source.clone(), event.time_ms);
                        run(event, attempt).await.inspect(|()| done(&source, events.0.clock.now_ms() - time_ms))
                    }
                    None => Err(Failure::Discard(format!("event {position} is gone: retention removed it"))),
                }
            }
        })
    }

    /// The kinds of job that the declared work subscriptions need.
    pub fn work_kinds(&self) -> impl Iterator<Item = Kind> {
        self.0.registry.works.iter().map(|work| work.kind)
    }
}

/// From a webhook's answer to the end of a job that it caused.
fn done(source: &str, took_ms: i64) {
    if let Some(source) = source.strip_prefix("/in/") {
        let seconds = took_ms.max(0) as f64 / 1_000.0;
        metrics::histogram!("webhook_ingest_to_done_seconds", "source" => source.to_owned()).record(seconds);
    }
}
