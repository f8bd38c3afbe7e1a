//! Who is mentioned by an edit hears of it as of a message: a push, unless it was read by then.

use events::Event;
use host::Ctx;
use jobs::{Failure, Kind, Run};

use super::push::{self, Occasion};
use crate::facts::MessageEdited;

/// Finds whom an edit is to reach.
pub(crate) const NOTIFY: Kind = Kind::new("chat.notify_edited").on("chat");

/// The reaction to an edit. A push of it is of its message alone: that one may have been told before, without the mention, and what is
/// shown of the room may be newer.
pub(crate) async fn notify(ctx: Ctx, event: Event, run: Run) -> Result<(), Failure> {
    let MessageEdited { room, message, by, added, .. } = event.read().map_err(Failure::discard)?;
    push::find(ctx, event, run, Occasion { room, message, by, mentions: added, mentions_alone: true }).await
}
