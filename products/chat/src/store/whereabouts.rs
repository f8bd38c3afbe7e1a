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

/// As of which position of the log both are known: what is older says nothing any more, whenever it comes.
pub(super) const AS_OF: Migration = Migration {
    part: "chat",
    version: 28,
    sql: "-- expands
ALTER TABLE chat_people ADD COLUMN here_as_of BIGINT NOT NULL DEFAULT 0;
ALTER TABLE chat_people ADD COLUMN active_as_of BIGINT NOT NULL DEFAULT 0;
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
    here_as_of: i64,
    active_as_of: i64,
}

/// Of whom nothing is known: it is nowhere and shows everything.
impl Default for Seen {
    fn default() -> Self {
        Self { here: false, active: false, away: false, shows: true, seen_at_ms: None, here_as_of: 0, active_as_of: 0 }
    }
}

impl Seen {
    pub(crate) fn status(&self) -> Status {
        Status::of(self.here, self.active, self.away)
    }

    /// The chat is open somewhere, or when that was over: as of this position of the log.
    pub(crate) fn open(&mut self, hears: Hears, position: i64) {
        if position <= self.here_as_of {
            return;
        }
        (self.here, self.here_as_of) = (matches!(hears, Hears::Yes), position);
        if let Hears::NotSince(at_ms) = hears {
            self.seen_at_ms = Some(at_ms);
        }
    }

    /// Something is done in it, or nothing any more: as of this position of the log.
    pub(crate) fn act(&mut self, hears: Hears, position: i64) {
        if position > self.active_as_of {
            (self.active, self.active_as_of) = (matches!(hears, Hears::Yes), position);
        }
    }
}

const SEEN: &str = "person, here, active, away, shows, seen_at_ms, here_as_of, active_as_of";

struct Found(String, Seen);

impl FromRow for Found {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let known = Seen {
            here: row.get(1)?,
            active: row.get(2)?,
            away: row.get(3)?,
            shows: row.get(4)?,
            seen_at_ms: row.get(5)?,
            here_as_of: row.get(6)?,
            active_as_of: row.get(7)?,
        };
        Ok(Self(row.get(0)?, known))
    }
}

/// What is known of a person.
pub(crate) async fn known_of(tx: &mut Tx, person: &str) -> Result<Seen, StoreError> {
    Ok(known_of_all(tx, &[person]).await?.remove(person).unwrap_or_default())
}

/// What is known of these, of whom anything is.
pub(crate) async fn known_of_all(
    tx: &mut Tx,
    people: &[impl AsRef<str> + Sync],
) -> Result<BTreeMap<String, Seen>, StoreError> {
    let ids =
        tx.either("SELECT value FROM json_each($1)", "SELECT json_array_elements_text(CAST(CAST($1 AS TEXT) AS JSON))");
    let sql = format!("SELECT {SEEN} FROM chat_people WHERE person IN ({ids})");
    let asked: Vec<&str> = people.iter().map(AsRef::as_ref).collect();
    let found: Vec<Found> = tx.all(&sql, params![&serde_json::json!(asked).to_string()]).await?;
    Ok(found.into_iter().map(|Found(person, known)| (person, known)).collect())
}

/// Where these people are, each of them, as others see it.
pub(crate) async fn whereabouts(tx: &mut Tx, people: &[String]) -> Result<Vec<Whereabouts>, StoreError> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = known_of_all(tx, people).await?;
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

/// Keeps what these hear, in one statement. Of each channel the newer position stays, whoever writes first: a stretch of the log may come
/// once more beside the stream. What they said themselves is not touched.
pub(crate) async fn keep_heard(tx: &mut Tx, people: &[(String, Seen)]) -> Result<(), StoreError> {
    if people.is_empty() {
        return Ok(());
    }
    let row = |(person, it): &(String, Seen)| {
        let (here, active) = (i64::from(it.here), i64::from(it.active));
        serde_json::json!([person, here, active, it.seen_at_ms, it.here_as_of, it.active_as_of])
    };
    let rows: Vec<serde_json::Value> = people.iter().map(row).collect();
    let listed = tx.either(
        "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), 0, 1,
             json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]') FROM json_each($1) WHERE TRUE",
        "SELECT value->>0, CAST(value->>1 AS BIGINT), CAST(value->>2 AS BIGINT), 0, 1, CAST(value->>3 AS BIGINT),
             CAST(value->>4 AS BIGINT), CAST(value->>5 AS BIGINT)
             FROM json_array_elements(CAST(CAST($1 AS TEXT) AS JSON)) AS listed(value)",
    );
    let newer = |column: &str, as_of: &str| {
        format!(
            "{column} = CASE WHEN excluded.{as_of} > chat_people.{as_of} THEN excluded.{column} ELSE chat_people.{column} END"
        )
    };
    let pairs = [
        ("here", "here_as_of"),
        ("seen_at_ms", "here_as_of"),
        ("here_as_of", "here_as_of"),
        ("active", "active_as_of"),
        ("active_as_of", "active_as_of"),
    ];
    let set = pairs.map(|(column, as_of)| newer(column, as_of)).join(", ");
    let sql = format!("INSERT INTO chat_people ({SEEN}) {listed} ON CONFLICT (person) DO UPDATE SET {set}");
    tx.execute(&sql, params![&serde_json::Value::from(rows).to_string()]).await.map(drop)
}

/// Keeps what a person said itself. What it hears is not touched.
pub(crate) async fn keep_said(tx: &mut Tx, person: &str, Seen { away, shows, .. }: Seen) -> Result<(), StoreError> {
    let sql = "INSERT INTO chat_people (person, here, active, away, shows) VALUES ($1, 0, 0, $2, $3)
         ON CONFLICT (person) DO UPDATE SET away = excluded.away, shows = excluded.shows";
    tx.execute(sql, params![person, away, shows]).await.map(drop)
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
