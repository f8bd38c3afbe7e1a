//! What an administrator of the installation does: settings, and the end of a room.

use ::store::Tx;
use events::NewEvent;
use host::Ctx;
use identity::people::Actor;

use super::groups::wipe;
use crate::facts::SettingsChanged;
use crate::refusal::Refused;
use crate::store::{self, Settings};

/// Who an administrator is in the log.
const OFFICE: &str = "admin";

/// The settings as they are.
pub(crate) async fn settings(ctx: &Ctx, tx: &mut Tx) -> Result<Settings, Refused> {
    Ok(Settings { registrations: ctx.identity.may_join(tx).await?, ..store::settings(tx).await? })
}

/// Saves the settings, which hold from the next act on.
pub(crate) async fn save(ctx: &Ctx, tx: &mut Tx, by: Actor, new: &Settings) -> Result<(), Refused> {
    store::save(tx, new).await?;
    ctx.identity.let_join(tx, by, new.registrations).await.map_err(Refused::Identity)?;
    let changed = SettingsChanged {
        max_members: new.max_members.into(),
        max_message_chars: new.max_message_chars.into(),
        retention_days: new.retention_days.into(),
        directory: new.directory,
        maintenance: new.maintenance,
        registrations: new.registrations,
        notifications: new.notifications,
        analytics: new.analytics,
    };
    ctx.events.append(tx, &ctx.events.check(NewEvent::of("/chat", &changed))?).await?;
    Ok(())
}

/// Deletes any room.
pub(crate) async fn close(ctx: &Ctx, tx: &mut Tx, room: &str) -> Result<(), Refused> {
    store::room(tx, room).await?.ok_or(Refused::NoRoom)?;
    wipe(ctx, tx, room, OFFICE).await
}
