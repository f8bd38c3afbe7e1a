//! The tables of people. Every change of what somebody may do leaves a row in `person_changes`, for all processes.

use std::fmt::Display;

use kernel::{PersonId, limits};
use store::{FromRow, Migration, Row, StoreError, Tx, Value, params};

use super::model::{PersonDetails, Profile, Role};
use crate::people::Actor;

pub(crate) const PEOPLE: Migration = Migration {
    part: "identity",
    version: 4,
    sql: "-- expands
CREATE TABLE people (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT,
    password TEXT,
    role TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    signed_in_at_ms BIGINT,
    banned_until_ms BIGINT NOT NULL,
    ban_reason TEXT NOT NULL,
    ended_at_ms BIGINT NOT NULL,
    deleted_at_ms BIGINT
);
CREATE UNIQUE INDEX people_email ON people (email);
CREATE TABLE person_issuers (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    person TEXT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX person_issuers_person ON person_issuers (person);
CREATE TABLE person_sessions (
    id BIGSERIAL PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    person TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    client TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX person_sessions_person ON person_sessions (person, id);
CREATE INDEX person_sessions_expiry ON person_sessions (expires_at_ms);
CREATE TABLE person_changes (
    id BIGSERIAL PRIMARY KEY,
    person TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX person_changes_at ON person_changes (at_ms);
CREATE TABLE invitations (
    id BIGSERIAL PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    maker TEXT NOT NULL,
    role TEXT NOT NULL,
    note TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE TABLE password_resets (
    digest BYTEA NOT NULL PRIMARY KEY,
    person TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    maker TEXT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
ALTER TABLE api_keys ADD COLUMN maker TEXT;
CREATE TABLE sign_in_failures (
    account BYTEA NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    since_ms BIGINT NOT NULL
);
CREATE INDEX sign_in_failures_since ON sign_in_failures (since_ms);
",
};

/// Rows that one write removes in passing.
pub(crate) const PRUNE: i64 = 100;

/// A person as signing in needs one.
pub(crate) struct Account {
    pub(crate) id: PersonId,
    pub(crate) password: Option<String>,
    pub(crate) epoch: i64,
    pub(crate) role: Role,
    pub(crate) banned_until_ms: i64,
}

/// What an id in a row is.
pub(crate) fn person_id(text: &str) -> Result<PersonId, StoreError> {
    text.parse().map_err(|_| StoreError::Decode { column: 0, wanted: "a person's id" })
}

fn role(text: &str) -> Result<Role, StoreError> {
    Role::named(text).ok_or(StoreError::Decode { column: 0, wanted: "a role" })
}

impl FromRow for Account {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: person_id(&row.get::<String>(0)?)?,
            password: row.get(1)?,
            epoch: row.get(2)?,
            role: role(&row.get::<String>(3)?)?,
            banned_until_ms: row.get(4)?,
        })
    }
}

impl FromRow for Profile {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { id: person_id(&row.get::<String>(0)?)?, name: row.get(1)? })
    }
}

impl FromRow for PersonDetails {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let (banned_until_ms, reason): (i64, String) = (row.get(6)?, row.get(7)?);
        let banned = banned_until_ms > row.get(8)?;
        Ok(Self {
            id: person_id(&row.get::<String>(0)?)?,
            name: row.get(1)?,
            email: row.get(2)?,
            role: role(&row.get::<String>(3)?)?,
            created_at_ms: row.get(4)?,
            signed_in_at_ms: row.get(5)?,
            banned_until_ms: banned.then_some(banned_until_ms),
            ban_reason: banned.then_some(reason),
        })
    }
}

/// `$1` is the time: who is banned depends on it.
const DETAILS: &str =
    "id, name, email, role, created_at_ms, signed_in_at_ms, banned_until_ms, ban_reason, CAST($1 AS BIGINT)";
/// Of a person who is there and may act.
const ACTS: &str = "deleted_at_ms IS NULL AND banned_until_ms <= $2";

/// Adds a person; `false` when the address is somebody's.
pub(crate) async fn insert(
    tx: &mut Tx,
    id: PersonId,
    (name, email, password): (&str, Option<&str>, Option<&str>),
    role: Role,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO people (id, name, email, password, role, epoch, created_at_ms, banned_until_ms, ban_reason,
             ended_at_ms)
         VALUES ($1, $2, $3, $4, $5, 1, $6, 0, '', 0) ON CONFLICT (email) DO NOTHING";
    let id = id.to_string();
    Ok(tx.execute(sql, params![&id, name, email, password, role.name(), now_ms]).await? == 1)
}

pub(crate) async fn by_email(tx: &mut Tx, email: &str) -> Result<Option<Account>, StoreError> {
    let sql =
        "SELECT id, password, epoch, role, banned_until_ms FROM people WHERE email = $1 AND deleted_at_ms IS NULL";
    tx.first(sql, params![email]).await
}

pub(crate) async fn by_id(tx: &mut Tx, id: PersonId) -> Result<Option<Account>, StoreError> {
    let sql = "SELECT id, password, epoch, role, banned_until_ms FROM people WHERE id = $1 AND deleted_at_ms IS NULL";
    tx.first(sql, params![&id.to_string()]).await
}

/// The role of a person who may act now, and the epoch.
pub(crate) async fn acting(tx: &mut Tx, id: PersonId, now_ms: i64) -> Result<Option<(Role, i64)>, StoreError> {
    let account = by_id(tx, id).await?;
    Ok(account.filter(|account| account.banned_until_ms <= now_ms).map(|account| (account.role, account.epoch)))
}

/// Whose session this is: the person, who may act now, and when it ends.
pub(crate) async fn by_session(
    tx: &mut Tx,
    digest: &[u8],
    now_ms: i64,
) -> Result<Option<(PersonId, Role, i64)>, StoreError> {
    let sql = format!(
        "SELECT person, role, expires_at_ms FROM person_sessions JOIN people ON people.id = person
         WHERE digest = $1 AND expires_at_ms >= $2 AND person_sessions.epoch = people.epoch AND {ACTS}"
    );
    let row: Option<(String, String, i64)> = tx.first(&sql, params![digest, now_ms]).await?;
    row.map(|(id, name, until_ms)| Ok((person_id(&id)?, role(&name)?, until_ms))).transpose()
}

pub(crate) async fn details(tx: &mut Tx, id: PersonId, now_ms: i64) -> Result<Option<PersonDetails>, StoreError> {
    let sql = format!("SELECT {DETAILS} FROM people WHERE id = $2 AND deleted_at_ms IS NULL");
    tx.first(&sql, params![now_ms, &id.to_string()]).await
}

/// Those whose name or address has `text` in it, newest first, from before `before` on.
pub(crate) async fn list(
    tx: &mut Tx,
    (text, before, limit): (&str, &str, usize),
    now_ms: i64,
) -> Result<Vec<PersonDetails>, StoreError> {
    let sql = format!(
        "SELECT {DETAILS} FROM people WHERE deleted_at_ms IS NULL AND ($2 = '' OR id < $2)
         AND ($3 = '' OR LOWER(name) LIKE $4 ESCAPE '!' OR email LIKE $4 ESCAPE '!') ORDER BY id DESC LIMIT $5"
    );
    tx.all(&sql, params![now_ms, before, text, &like(text), limit as i64]).await
}

/// Profiles of those who may act, whose name has `text` in it, by name.
pub(crate) async fn find(
    tx: &mut Tx,
    (text, after, limit): (&str, &str, usize),
    now_ms: i64,
) -> Result<Vec<Profile>, StoreError> {
    let sql = format!(
        "SELECT id, name FROM people WHERE id > $1 AND {ACTS}
         AND ($3 = '' OR LOWER(name) LIKE $4 ESCAPE '!') ORDER BY id LIMIT $5"
    );
    tx.all(&sql, params![after, now_ms, text, &like(text), limit as i64]).await
}

/// As [`find`], among these alone.
pub(crate) async fn find_among(
    tx: &mut Tx,
    (text, ids): (&str, &[PersonId]),
    now_ms: i64,
) -> Result<Vec<Profile>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (pattern, (places, texts)) = (like(text), among(4, ids));
    let sql = format!(
        "SELECT id, name FROM people WHERE {ACTS} AND ($1 = '' OR LOWER(name) LIKE $3 ESCAPE '!')
         AND id IN ({places}) ORDER BY id"
    );
    let mut values = params![text, now_ms, &pattern].to_vec();
    values.extend(texts.iter().map(Value::from));
    tx.all(&sql, &values).await
}

pub(crate) async fn profile(tx: &mut Tx, id: PersonId) -> Result<Option<Profile>, StoreError> {
    tx.first("SELECT id, name FROM people WHERE id = $1", params![&id.to_string()]).await
}

/// What stands in `IN (…)` for these, from `$first` on. Short lists are filled up with the last of them: so there are few different
/// statements.
fn among(first: usize, ids: &[PersonId]) -> (String, Vec<String>) {
    let mut texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
    if let Some(last) = texts.last().cloned() {
        texts.resize(texts.len().next_power_of_two(), last);
    }
    let places: Vec<String> = (first..first + texts.len()).map(|n| format!("${n}")).collect();
    (places.join(", "), texts)
}

/// The profiles of these people, in the order of their ids.
pub(crate) async fn profiles(tx: &mut Tx, ids: &[PersonId]) -> Result<Vec<Profile>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (places, texts) = among(1, ids);
    let values: Vec<Value<'_>> = texts.iter().map(Value::from).collect();
    tx.all(&format!("SELECT id, name FROM people WHERE id IN ({places}) ORDER BY id"), &values).await
}

/// Who of these was deleted, or is banned until then.
pub(crate) async fn gone(tx: &mut Tx, ids: &[PersonId], until_ms: i64) -> Result<Vec<PersonId>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (places, texts) = among(1, ids);
    let mut values: Vec<Value<'_>> = texts.iter().map(Value::from).collect();
    values.push(Value::from(until_ms));
    let until = values.len();
    let sql = format!(
        "SELECT id FROM people WHERE id IN ({places}) AND (deleted_at_ms IS NOT NULL OR banned_until_ms >= ${until})
         ORDER BY id"
    );
    let rows: Vec<(String,)> = tx.all(&sql, &values).await?;
    rows.iter().map(|(id,)| person_id(id)).collect()
}

/// Who of these was deleted.
pub(crate) async fn deleted(tx: &mut Tx, ids: &[PersonId]) -> Result<Vec<PersonId>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (places, texts) = among(1, ids);
    let values: Vec<Value<'_>> = texts.iter().map(Value::from).collect();
    let sql = format!("SELECT id FROM people WHERE id IN ({places}) AND deleted_at_ms IS NOT NULL ORDER BY id");
    let rows: Vec<(String,)> = tx.all(&sql, &values).await?;
    rows.iter().map(|(id,)| person_id(id)).collect()
}

fn like(text: &str) -> String {
    // As `LOWER` on both engines: of letters outside ASCII each is itself.
    format!("%{}%", text.to_ascii_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_"))
}

/// Ends what a person was given until now: sessions, tokens, links.
pub(crate) async fn ended(tx: &mut Tx, id: PersonId, now_ms: i64) -> Result<(), StoreError> {
    let text = id.to_string();
    let sql = "UPDATE people SET epoch = epoch + 1, ended_at_ms = $2 WHERE id = $1";
    tx.execute(sql, params![&text, now_ms]).await?;
    tx.execute("DELETE FROM person_sessions WHERE person = $1", params![&text]).await?;
    tx.execute("DELETE FROM password_resets WHERE person = $1", params![&text]).await?;
    note(tx, &Actor::Person(id), now_ms).await
}

/// Leaves word for all processes that something which this one had is worth nothing any more.
pub(crate) async fn note(tx: &mut Tx, who: &impl Display, now_ms: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM person_changes WHERE id IN (SELECT id FROM person_changes WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)";
    tx.execute(sql, params![now_ms - limits::PERSON_CHANGES_MS, PRUNE]).await?;
    let sql = "INSERT INTO person_changes (person, at_ms) VALUES ($1, $2)";
    tx.execute(sql, params![&who.to_string(), now_ms]).await.map(drop)
}
