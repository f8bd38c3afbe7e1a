//! Work subscriptions: one job an event.

use jobs::{Failure, Handler, Kind, Run};

use crate::Events;
use crate::handler::WorkHandler;
use crate::reading::find;

impl Events {
    /// The handler of a work subscription as jobs know it: it gets the event that its job is owed for.
    pub fn work_handler(&self, run: WorkHandler) -> Handler {
        let events = self.clone();
        jobs::handler(move |attempt: Run| {
            let (events, run) = (events.clone(), run.clone());
            async move {
                let position = attempt.event_position().unwrap_or_default();
                let event = events.0.store.read(async move |tx| find(tx, position).await).await?;
                match event {
                    Some(event) => run(event, attempt).await,
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
