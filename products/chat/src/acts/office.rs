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

const STALE: Refused = Refused::Not(
    "settings_changed",
    "Somebody saved other settings since you read these. Read them again, and save what you still want to change.",
);

/// Saves the settings, which hold from the next act on, if nobody saved others since they were read. Answers them as they are then.
pub(crate) async fn save(ctx: &Ctx, tx: &mut Tx, by: Actor, new: &Settings) -> Result<Settings, Refused> {
    let before = settings(ctx, tx).await?;
    if before.version != new.version {
        return Err(STALE);
    }
    let changed = before.differences(new);
    if changed.is_empty() {
        return Ok(before);
    }
    if !store::next_version(tx, new.version).await? {
        return Err(STALE);
    }
    store::save(tx, new).await?;
    ctx.identity.let_join(tx, by, new.registrations).await.map_err(Refused::Identity)?;
    let fact = SettingsChanged {
        by: by.to_string(),
        changed: changed.into_iter().map(str::to_owned).collect(),
        version: (new.version + 1).into(),
        max_members: new.max_members.into(),
        max_message_chars: new.max_message_chars.into(),
        retention_days: new.retention_days.into(),
        directory: new.directory,
        maintenance: new.maintenance,
        registrations: new.registrations,
        notifications: new.notifications,
        analytics: new.analytics,
    };
    ctx.events.append(tx, &ctx.events.check(NewEvent::of("/chat", &fact))?).await?;
    Ok(Settings { version: new.version + 1, ..*new })
}

/// Deletes any room.
pub(crate) async fn close(ctx: &Ctx, tx: &mut Tx, room: &str) -> Result<(), Refused> {
    store::room(tx, room).await?.ok_or(Refused::NoRoom)?;
    wipe(ctx, tx, room, OFFICE).await
}
