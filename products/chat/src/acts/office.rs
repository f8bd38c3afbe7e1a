//! What an administrator of the installation does: settings, and the end of a room.

use ::store::Tx;
use events::NewEvent;
use host::Ctx;

use super::groups::wipe;
use crate::facts::SettingsChanged;
use crate::refusal::Refused;
use crate::store::{self, Settings};

/// Who an administrator is in the log.
const OFFICE: &str = "admin";

/// Saves the settings, which hold from the next act on.
pub(crate) async fn save(ctx: &Ctx, tx: &mut Tx, new: &Settings) -> Result<(), Refused> {
    store::save(tx, new).await?;
    let changed = SettingsChanged {
        max_members: new.max_members.into(),
        max_message_chars: new.max_message_chars.into(),
        retention_days: new.retention_days.into(),
        directory: new.directory,
    };
    ctx.events.append(tx, &ctx.events.check(NewEvent::of("/chat", &changed))?).await?;
    Ok(())
}

/// Deletes any room.
pub(crate) async fn close(ctx: &Ctx, tx: &mut Tx, room: &str) -> Result<(), Refused> {
    store::room(tx, room).await?.ok_or(Refused::NoRoom)?;
    wipe(ctx, tx, room, OFFICE).await
}
