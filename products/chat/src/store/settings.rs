//! What holds in all rooms, as an administrator set it.

use ::store::{StoreError, Tx, params};
use kernel::limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// [`Directory::Roommates`] in the table, whose values are numbers.
const ROOMMATES: u32 = 1;
const MAINTENANCE: &str = "maintenance";
const VERSION: &str = "version";
/// Of the counter alone: what `analytics` said where it stands in the log.
const COUNTING: &str = "counting";

/// Whose names a person is shown, and whom it may write to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChatDirectory)]
pub(crate) enum Directory {
    /// Of everybody who may sign in.
    #[default]
    Everyone,
    /// Of people one shares a room with; administrators bring together those who share none.
    Roommates,
}

/// The settings of the chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatSettings)]
pub(crate) struct Settings {
    /// How often they were saved. Whoever saves names the version that it read, so that nobody undoes what it has not seen.
    pub(crate) version: u32,
    /// People of a room, 2 to 100. Who is in a fuller one stays.
    pub(crate) max_members: u32,
    /// Characters of a message, 1 to 2,000.
    pub(crate) max_message_chars: u32,
    /// Messages are kept for so many days, at most 3,650; 0 keeps them for ever.
    pub(crate) retention_days: u32,
    /// Whose names a person is shown, and whom it may begin rooms with or put into one.
    pub(crate) directory: Directory,
    /// Who is no administrator reads and does not write.
    pub(crate) maintenance: bool,
    /// People may come by themselves: by an invitation, by registering, by an issuer's token, as the server's settings allow. It is
    /// identity's switch, for the whole server.
    pub(crate) registrations: bool,
    /// Pushes and letters are sent.
    pub(crate) notifications: bool,
    /// It is counted how much is said and who is there.
    pub(crate) analytics: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let most = |bound: usize| u32::try_from(bound).unwrap_or(u32::MAX);
        let (max_members, max_message_chars) = (most(limits::CHAT_MEMBERS), most(limits::CHAT_MESSAGE_CHARS));
        Self {
            version: 0,
            max_members,
            max_message_chars,
            retention_days: 0,
            directory: Directory::default(),
            maintenance: false,
            registrations: true,
            notifications: true,
            analytics: true,
        }
    }
}

impl Settings {
    /// What is not the same in others, by name.
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let pairs = [
            ("max_members", self.max_members == other.max_members),
            ("max_message_chars", self.max_message_chars == other.max_message_chars),
            ("retention_days", self.retention_days == other.retention_days),
            ("directory", self.directory == other.directory),
            ("maintenance", self.maintenance == other.maintenance),
            ("registrations", self.registrations == other.registrations),
            ("notifications", self.notifications == other.notifications),
            ("analytics", self.analytics == other.analytics),
        ];
        pairs.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }
}

/// The settings as they are, but for `registrations`, which identity has.
pub(crate) async fn settings(tx: &mut Tx) -> Result<Settings, StoreError> {
    let rows: Vec<(String, u32)> = tx.all("SELECT name, value FROM chat_settings", &[]).await?;
    let mut settings = Settings::default();
    for (name, value) in rows {
        match name.as_str() {
            VERSION => settings.version = value,
            "max_members" => settings.max_members = value,
            "max_message_chars" => settings.max_message_chars = value,
            "retention_days" => settings.retention_days = value,
            "directory" if value == ROOMMATES => settings.directory = Directory::Roommates,
            MAINTENANCE => settings.maintenance = value != 0,
            "notifications" => settings.notifications = value != 0,
            "analytics" => settings.analytics = value != 0,
            // Of a newer version.
            _ => {}
        }
    }
    Ok(settings)
}

/// Takes the version after this one, for whoever saves what was read with it. `false` when another has it, also one that is saved at this
/// moment by another process: the row is what both wait for.
pub(crate) async fn next_version(tx: &mut Tx, version: u32) -> Result<bool, StoreError> {
    let first = "INSERT INTO chat_settings (name, value) VALUES ($1, 0) ON CONFLICT (name) DO NOTHING";
    tx.execute(first, params![VERSION]).await?;
    let next = "UPDATE chat_settings SET value = value + 1 WHERE name = $1 AND value = $2";
    Ok(tx.execute(next, params![VERSION, version]).await? == 1)
}

/// Keeps the settings.
pub(crate) async fn save(tx: &mut Tx, new: &Settings) -> Result<(), StoreError> {
    for (name, value) in [
        ("max_members", new.max_members),
        ("max_message_chars", new.max_message_chars),
        ("retention_days", new.retention_days),
        ("directory", if new.directory == Directory::Roommates { ROOMMATES } else { 0 }),
        (MAINTENANCE, new.maintenance.into()),
        ("notifications", new.notifications.into()),
        ("analytics", new.analytics.into()),
    ] {
        set(tx, name, value).await?;
    }
    Ok(())
}

async fn set(tx: &mut Tx, name: &str, value: u32) -> Result<(), StoreError> {
    let sql = "INSERT INTO chat_settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2";
    tx.execute(sql, params![name, value]).await.map(drop)
}

async fn get(tx: &mut Tx, name: &str) -> Result<Option<u32>, StoreError> {
    let row: Option<(u32,)> = tx.first("SELECT value FROM chat_settings WHERE name = $1", params![name]).await?;
    Ok(row.map(|(value,)| value))
}

/// Whether only administrators write: asked before each request that would.
pub(crate) async fn in_maintenance(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(get(tx, MAINTENANCE).await?.is_some_and(|value| value != 0))
}

/// Whether the counter is at a place of the log where it counts: it comes to the changes of the setting as to everything else, in order,
/// however late it is.
pub(crate) async fn is_counting(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(get(tx, COUNTING).await?.is_none_or(|value| value != 0))
}

/// The counter has come to a change of the setting.
pub(crate) async fn set_counting(tx: &mut Tx, on: bool) -> Result<(), StoreError> {
    set(tx, COUNTING, on.into()).await
}
