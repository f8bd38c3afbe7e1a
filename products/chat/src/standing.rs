//! What holds for everybody in the chat at this moment, as pages must know it.

use ::store::{StoreError, Tx};
use host::Ctx;
use serde::Serialize;
use utoipa::ToSchema;

use crate::store;

/// The channel's kind. Who listens is who has the chat open: counted, and shown to nobody.
pub(crate) const NAMESPACE: &str = "chat_state";
/// The one channel of it.
pub(crate) const CHANNEL: &str = "chat_state:all";

/// What holds for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChatStanding)]
pub(crate) struct Standing {
    /// Who is no administrator reads and does not write: what is written then waits, and is sent when this is over.
    pub(crate) maintenance: bool,
    /// Pushes and letters are sent.
    pub(crate) notifications: bool,
    /// People of a room.
    pub(crate) max_members: u32,
    /// Characters of a message.
    pub(crate) max_message_chars: u32,
}

/// As it is now.
pub(crate) async fn now(tx: &mut Tx) -> Result<Standing, StoreError> {
    let store::Settings { maintenance, notifications, max_members, max_message_chars, .. } =
        store::settings(tx).await?;
    Ok(Standing { maintenance, notifications, max_members, max_message_chars })
}

/// Tells all open pages, as it is when it is told: doing it again does no harm.
pub(crate) async fn tell(ctx: &Ctx) -> Result<(), String> {
    let standing: Result<Standing, StoreError> = ctx.store.read(async |tx| now(tx).await).await;
    let standing = standing.map_err(|error| kernel::problem::chain(&error))?;
    let told = ctx.hub.publish(CHANNEL, &standing).await;
    told.map(drop).map_err(|error| kernel::problem::chain(&error))
}
