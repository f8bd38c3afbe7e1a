//! Who is online, away or gone, and since when.

use std::collections::BTreeMap;

use ::store::{FromRow, Migration, Row, StoreError, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::limit;
use crate::model::Status;

/// Where people are, and when they got and read. `here` is that somebody has the chat open, `active` that somebody does something in it.
pub(super) const MADE: Migration = Migration {
    part: "chat",
    version: 26,
    sql: "-- expands
CREATE TABLE chat_people (
    person TEXT NOT NULL PRIMARY KEY,
    here BIGINT NOT NULL,
    active BIGINT NOT NULL,
    away BIGINT NOT NULL,
    shows BIGINT NOT NULL,
    seen_at_ms BIGINT
);
CREATE TABLE chat_receipts (
    room TEXT NOT NULL,
    person TEXT NOT NULL,
    kind BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    after_seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (room, person, kind, seq)
);
CREATE INDEX chat_receipts_at ON chat_receipts (at_ms);
",
};

/// Where somebody is, for others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChatWhereabouts)]
pub(crate) struct Whereabouts {
    pub(crate) person: String,
    pub(crate) status: Status,
    /// When the person's last connection went; absent while there is one, where there never was, and where the person does not show it.
    pub(crate) last_seen_at_ms: Option<i64>,
}

impl Whereabouts {
    fn nowhere(person: String) -> Self {
        Self { person, status: Status::Offline, last_seen_at_ms: None }
    }
}

/// What is known of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    here: bool,
    active: bool,
    /// The person said so.
    pub(crate) away: bool,
    /// Whether others are shown when the person was last seen.
    pub(crate) shows: bool,
    seen_at_ms: Option<i64>,
}

impl Known {
    pub(crate) fn status(&self) -> Status {
        Status::of(self.here, self.active, self.away)
    }
}

impl FromRow for Known {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            here: row.get(0)?,
            active: row.get(1)?,
            away: row.get(2)?,
            shows: row.get(3)?,
            seen_at_ms: row.get(4)?,
        })
    }
}

struct Found(String, Known);

impl FromRow for Found {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let (here, active, away, shows, seen_at_ms) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
        Ok(Self(row.get(0)?, Known { here, active, away, shows, seen_at_ms }))
    }
}

/// What is known of a person; of whom nothing is known, that it is nowhere and shows everything.
pub(crate) async fn known_of(tx: &mut Tx, person: &str) -> Result<Known, StoreError> {
    let sql = "SELECT here, active, away, shows, seen_at_ms FROM chat_people WHERE person = $1";
    let nothing = Known { here: false, active: false, away: false, shows: true, seen_at_ms: None };
    Ok(tx.first(sql, params![person]).await?.unwrap_or(nothing))
}

/// Where these people are, each of them, as others see it.
pub(crate) async fn whereabouts(tx: &mut Tx, people: &[String]) -> Result<Vec<Whereabouts>, StoreError> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let ids =
        tx.either("SELECT value FROM json_each($1)", "SELECT json_array_elements_text(CAST(CAST($1 AS TEXT) AS JSON))");
    let sql = format!("SELECT person, here, active, away, shows, seen_at_ms FROM chat_people WHERE person IN ({ids})");
    let asked = serde_json::json!(people).to_string();
    let found: Vec<Found> = tx.all(&sql, params![&asked]).await?;
    let mut found: BTreeMap<String, Known> = found.into_iter().map(|Found(person, known)| (person, known)).collect();
    let of = |person: &String| match found.remove(person) {
        None => Whereabouts::nowhere(person.clone()),
        Some(known) => Whereabouts {
            person: person.clone(),
            status: known.status(),
            last_seen_at_ms: known.seen_at_ms.filter(|_| known.shows && !known.here),
        },
    };
    Ok(people.iter().map(of).collect())
}

/// What a person has of a channel of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hears {
    /// Somebody hears it.
    Yes,
    /// Nobody does, since then.
    NotSince(i64),
}

async fn begin(tx: &mut Tx, person: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO chat_people (person, here, active, away, shows) VALUES ($1, 0, 0, 0, 1)
         ON CONFLICT (person) DO NOTHING";
    tx.execute(sql, params![person]).await.map(drop)
}

/// Notes that a person has the chat open, or when that was over.
pub(crate) async fn set_here(tx: &mut Tx, person: &str, hears: Hears) -> Result<(), StoreError> {
    begin(tx, person).await?;
    match hears {
        Hears::Yes => tx.execute("UPDATE chat_people SET here = 1 WHERE person = $1", params![person]).await,
        Hears::NotSince(at_ms) => {
            let sql = "UPDATE chat_people SET here = 0, seen_at_ms = $2 WHERE person = $1";
            tx.execute(sql, params![person, at_ms]).await
        }
    }
    .map(drop)
}

/// Notes that a person does something in the chat, or nothing any more.
pub(crate) async fn set_active(tx: &mut Tx, person: &str, active: bool) -> Result<(), StoreError> {
    begin(tx, person).await?;
    tx.execute("UPDATE chat_people SET active = $2 WHERE person = $1", params![person, active]).await.map(drop)
}

/// Notes what a person wants others to see.
pub(crate) async fn set_wanted(tx: &mut Tx, person: &str, away: bool, shows: bool) -> Result<(), StoreError> {
    begin(tx, person).await?;
    let sql = "UPDATE chat_people SET away = $2, shows = $3 WHERE person = $1";
    tx.execute(sql, params![person, away, shows]).await.map(drop)
}

/// The rooms of a person, the last spoken in first: so many at most.
pub(crate) async fn newest_rooms(tx: &mut Tx, person: &str, rows: usize) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT m.room FROM chat_members m JOIN chat_rooms r ON r.room = m.room
         WHERE m.person = $1 AND r.removed = 0 ORDER BY r.last_at_ms DESC, r.room DESC LIMIT $2";
    let rows: Vec<(String,)> = tx.all(sql, params![person, limit(rows)]).await?;
    Ok(rows.into_iter().map(|(room,)| room).collect())
}
