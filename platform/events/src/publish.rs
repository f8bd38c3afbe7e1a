//! Events from outside: checked as strangers' are, and appended all or none.

use serde_json::Value;
use store::StoreError;

use crate::cloud_event::Incoming;
use crate::event::NewEvent;
use crate::reading::find;
use crate::{AppendError, Appended, Checked, Event, Events};

/// Why an event from outside was refused.
pub(crate) enum Refused {
    /// As any event would be.
    Append(AppendError),
    /// Its source is one of this server's own.
    Reserved,
    /// Its type is one of this server's own, and no setting lets others publish it.
    ReservedType,
    /// It names another version of its type's schema than this one.
    Version(u32),
    /// The source said something else under this id before, at this position.
    Differs(i64),
}

/// Why a batch was not appended; nothing of it is stored.
pub(crate) enum NotAppended {
    /// This one could not be.
    At(usize, Refused),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for NotAppended {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Checked {
    /// Its id, where it has one of its own, and its source.
    pub(crate) fn name(&self) -> (String, String) {
        (self.0.id.clone().unwrap_or_default(), self.0.source.clone())
    }
}

impl Events {
    /// Checks an event that came from outside.
    pub(crate) fn check_incoming(&self, incoming: Incoming) -> Result<Checked, Refused> {
        let Incoming { event, data, version } = incoming;
        if self.0.registry.is_reserved(&event.source) {
            return Err(Refused::Reserved);
        }
        let declared = self.0.registry.declared(&event.kind);
        // Who works on `github.push` works on what GitHub has signed: whoever holds a key says something else by another name.
        if declared.is_some_and(|declared| !declared.open) {
            return Err(Refused::ReservedType);
        }
        let current = declared.and_then(|declared| declared.version);
        match (version, current) {
            (Some(version), Some(current)) if version != current => Err(Refused::Version(current)),
            _ => self.check_parsed(event, &data).map_err(Refused::Append),
        }
    }

    /// Appends all or none, in a transaction of its own. What says something else under an id that is in the log already is
    /// refused; what says the same is known.
    pub(crate) async fn append_batch(&self, batch: Vec<Checked>) -> Result<Vec<Appended>, NotAppended> {
        let events = self.clone();
        self.0
            .store
            .write(async move |tx| {
                let mut all = Vec::with_capacity(batch.len());
                for (index, event) in batch.iter().enumerate() {
                    let refuse = |error| NotAppended::At(index, Refused::Append(error));
                    let appended = events.append(tx, event).await.map_err(refuse)?;
                    if let Appended::Known(position) = appended
                        && let Some(stored) = find(tx, position).await?
                        && !says_the_same(&stored, &event.0)
                    {
                        return Err(NotAppended::At(index, Refused::Differs(position)));
                    }
                    all.push(appended);
                }
                Ok(all)
            })
            .await
    }
}

/// Whether two events of one source and id are the same: type, subject, and payload as JSON values.
fn says_the_same(stored: &Event, event: &NewEvent) -> bool {
    let parse = |json: &str| serde_json::from_str::<Value>(json).ok();
    (&stored.kind, &stored.subject) == (&event.kind, &event.subject)
        && (stored.data == event.data || parse(&stored.data) == parse(&event.data))
}
