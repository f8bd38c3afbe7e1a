//! What holds in all rooms, as an administrator set it.

use ::store::{StoreError, Tx, params};
use kernel::limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The settings of the chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatSettings)]
pub(crate) struct Settings {
    /// People of a room, 2 to 100. Who is in a fuller one stays.
    pub(crate) max_members: u32,
    /// Characters of a message, 1 to 2,000.
    pub(crate) max_message_chars: u32,
    /// Messages are kept for so many days, at most 3,650; 0 keeps them for ever.
    pub(crate) retention_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        let most = |bound: usize| u32::try_from(bound).unwrap_or(u32::MAX);
        let (max_members, max_message_chars) = (most(limits::CHAT_MEMBERS), most(limits::CHAT_MESSAGE_CHARS));
        Self { max_members, max_message_chars, retention_days: 0 }
    }
}

/// The settings as they are.
pub(crate) async fn settings(tx: &mut Tx) -> Result<Settings, StoreError> {
    let rows: Vec<(String, u32)> = tx.all("SELECT name, value FROM chat_settings", &[]).await?;
    let mut settings = Settings::default();
    for (name, value) in rows {
        match name.as_str() {
            "max_members" => settings.max_members = value,
            "max_message_chars" => settings.max_message_chars = value,
            "retention_days" => settings.retention_days = value,
            // Of a newer version.
            _ => {}
        }
    }
    Ok(settings)
}

/// Keeps the settings.
pub(crate) async fn save(tx: &mut Tx, new: &Settings) -> Result<(), StoreError> {
    for (name, value) in [
        ("max_members", new.max_members),
        ("max_message_chars", new.max_message_chars),
        ("retention_days", new.retention_days),
    ] {
        let sql = "INSERT INTO chat_settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2";
        tx.execute(sql, params![name, value]).await?;
    }
    Ok(())
}
