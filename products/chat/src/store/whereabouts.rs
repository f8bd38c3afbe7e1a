//! Who is online, away or gone, and since when.

use std::collections::{BTreeMap, BTreeSet};

use ::store::{FromRow, Migration, Row, StoreError, Tx, params};
use kernel::limits;
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
pub(crate) struct Seen {
    here: bool,
    active: bool,
    /// The person said so.
    pub(crate) away: bool,
    /// Whether others are shown when the person was last seen.
    pub(crate) shows: bool,
    seen_at_ms: Option<i64>,
}

impl Seen {
    pub(crate) fn status(&self) -> Status {
        Status::of(self.here, self.active, self.away)
    }

    /// The chat is open somewhere, or when that was over.
    pub(crate) fn open(&mut self, hears: Hears) {
        self.here = matches!(hears, Hears::Yes);
        if let Hears::NotSince(at_ms) = hears {
            self.seen_at_ms = Some(at_ms);
        }
    }

    /// Something is done in it, or nothing any more.
    pub(crate) fn act(&mut self, hears: Hears) {
        self.active = matches!(hears, Hears::Yes);
    }
}

impl FromRow for Seen {
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

struct Found(String, Seen);

impl FromRow for Found {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let (here, active, away, shows, seen_at_ms) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
        Ok(Self(row.get(0)?, Seen { here, active, away, shows, seen_at_ms }))
    }
}

/// What is known of a person; of whom nothing is known, that it is nowhere and shows everything.
pub(crate) async fn known_of(tx: &mut Tx, person: &str) -> Result<Seen, StoreError> {
    let sql = "SELECT here, active, away, shows, seen_at_ms FROM chat_people WHERE person = $1";
    let nothing = Seen { here: false, active: false, away: false, shows: true, seen_at_ms: None };
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
    let mut found: BTreeMap<String, Seen> = found.into_iter().map(|Found(person, known)| (person, known)).collect();
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

/// Keeps what is known of a person.
pub(crate) async fn keep_known(tx: &mut Tx, person: &str, known: Seen) -> Result<(), StoreError> {
    let sql = "INSERT INTO chat_people (person, here, active, away, shows, seen_at_ms) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (person) DO UPDATE SET here = excluded.here, active = excluded.active, away = excluded.away,
             shows = excluded.shows, seen_at_ms = excluded.seen_at_ms";
    let Seen { here, active, away, shows, seen_at_ms } = known;
    tx.execute(sql, params![person, here, active, away, shows, seen_at_ms]).await.map(drop)
}

/// Of the people of a room, who does not show others when it was last seen.
pub(crate) async fn discreet(tx: &mut Tx, room: &str) -> Result<BTreeSet<String>, StoreError> {
    let sql = "SELECT p.person FROM chat_people p JOIN chat_members m ON m.person = p.person
         WHERE m.room = $1 AND p.shows = 0 LIMIT $2";
    let rows: Vec<(String,)> = tx.all(sql, params![room, limit(limits::CHAT_MEMBERS)]).await?;
    Ok(rows.into_iter().map(|(person,)| person).collect())
}

/// Forgets what was kept of a person for its own sake: where it is, when it got and read, what it hid, its replies and wishes.
pub(crate) async fn forget_person(tx: &mut Tx, person: &str) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM chat_receipts WHERE person = $1 AND room IN (SELECT room FROM chat_members WHERE person = $1)",
        "DELETE FROM chat_people WHERE person = $1",
        "DELETE FROM chat_hidden WHERE person = $1",
        "DELETE FROM chat_replies WHERE person = $1",
        "DELETE FROM chat_wishes WHERE person = $1",
    ] {
        tx.execute(sql, params![person]).await?;
    }
    Ok(())
}

/// The rooms of a person, the last spoken in first: so many at most.
pub(crate) async fn newest_rooms(tx: &mut Tx, person: &str, rows: usize) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT m.room FROM chat_members m JOIN chat_rooms r ON r.room = m.room
         WHERE m.person = $1 AND r.removed = 0 ORDER BY r.last_at_ms DESC, r.room DESC LIMIT $2";
    let rows: Vec<(String,)> = tx.all(sql, params![person, limit(rows)]).await?;
    Ok(rows.into_iter().map(|(room,)| room).collect())
}
