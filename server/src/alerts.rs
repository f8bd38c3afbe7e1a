//! The bridge from alerts to the log: what an objective's alert does is an event, so that products and endpoints can react.

use std::sync::Arc;

use events::{Events, Filter, NewEvent, Registry};
use jobs::EnqueueError;
use serde_json::json;
use slo::alert::Change;

/// The types of these events.
const FAMILY: Filter = Filter("ops.alert.*");
/// Who says so.
const SOURCE: &str = "/ops";

/// Declares the events.
pub(crate) fn declare(registry: &mut Registry) {
    registry.reserve(SOURCE);
    registry.family(FAMILY, json!({ "type": "object", "required": ["id", "objective", "severity", "state"] }));
}

/// Appends each change in the alert's own transaction.
pub(crate) fn bridge(events: Events) -> slo::Bridge {
    Arc::new(move |tx, alert, change| {
        let events = events.clone();
        let kind = match change {
            Change::Opened => "ops.alert.opened",
            Change::Reminder => "ops.alert.reminder",
            Change::Resolved => "ops.alert.resolved",
        };
        let payload = json!(alert);
        let event = NewEvent::raw(kind.to_owned(), SOURCE.to_owned(), payload.to_string());
        let event = event.subject(Some(alert.objective.clone()));
        Box::pin(async move {
            // An alert that cannot be an event is an alert all the same.
            let checked = match events.check_parsed(event, &payload) {
                Ok(checked) => checked,
                Err(error) => {
                    tracing::error!(error = %kernel::problem::chain(&error), "an alert is no event");
                    return Ok(());
                }
            };
            match events.append(tx, &checked).await {
                Ok(_) => Ok(()),
                Err(events::AppendError::Store(error)) => Err(EnqueueError::Store(error)),
                Err(events::AppendError::Enqueue(error)) => Err(error),
                Err(error) => {
                    tracing::error!(error = %kernel::problem::chain(&error), "an alert is no event");
                    Ok(())
                }
            }
        })
    })
}
