//! The stations' SQL: what a repository's radio remembers over a restart.

use std::error::Error;
use std::sync::Arc;

use ::store::{FromRow, Migration, Row, Store, StoreError, Tx, params};
use bus::Stored;
use realtime::{Load, Loaded};

use crate::RECENT;
use crate::model::{self, Phrase};

/// The tables of this product.
pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    part: "radio",
    version: 1,
    // Commits are counted by the minute in which their delivery was accepted: the rate of an hour is then sixty rows at the
    // most, however busy the station is, and hearing a delivery again makes the same music.
    sql: "
CREATE TABLE radio_stations (
    station TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    phrases BIGINT NOT NULL,
    last_at_ms BIGINT NOT NULL,
    last_title TEXT NOT NULL,
    mood TEXT NOT NULL,
    intensity DOUBLE PRECISION NOT NULL,
    bpm INTEGER NOT NULL,
    key TEXT NOT NULL
);
CREATE INDEX radio_stations_last ON radio_stations (last_at_ms);
CREATE TABLE radio_phrases (
    station TEXT NOT NULL,
    n BIGINT NOT NULL,
    delivery TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    phrase TEXT NOT NULL,
    PRIMARY KEY (station, n)
);
CREATE UNIQUE INDEX radio_phrases_delivery ON radio_phrases (station, delivery);
CREATE TABLE radio_commits (
    station TEXT NOT NULL,
    minute BIGINT NOT NULL,
    commits BIGINT NOT NULL,
    PRIMARY KEY (station, minute)
);
CREATE TABLE radio_actors (station TEXT NOT NULL, actor TEXT NOT NULL, PRIMARY KEY (station, actor));
",
}];

/// A station as people look at it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Station {
    /// `owner/repo`, lower case.
    pub(crate) station: String,
    /// As GitHub spells it.
    pub(crate) name: String,
    /// Phrases so far.
    pub(crate) phrases: i64,
    pub(crate) last_phrase_at_ms: i64,
    pub(crate) last_title: String,
    pub(crate) mood: String,
    pub(crate) intensity: f64,
    pub(crate) bpm: u32,
    pub(crate) key: String,
    pub(crate) commits_last_hour: u32,
    /// How many listen now.
    pub(crate) listeners: usize,
}

impl FromRow for Station {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            station: row.get(0)?,
            name: row.get(1)?,
            phrases: row.get(2)?,
            last_phrase_at_ms: row.get(3)?,
            last_title: row.get(4)?,
            mood: row.get(5)?,
            intensity: row.get(6)?,
            bpm: row.get(7)?,
            key: row.get(8)?,
            commits_last_hour: 0,
            listeners: 0,
        })
    }
}

/// What a station remembers that shapes the next phrase.
pub(crate) struct Memory {
    /// The number of the last phrase.
    pub(crate) last: i64,
    /// Commits heard in the hour before.
    pub(crate) commits: i64,
    /// Whether this actor was heard before.
    pub(crate) known_author: bool,
}

const MINUTE_MS: i64 = 60_000;
/// Phrases that a station keeps: weeks of a busy repository, some 30 MB.
const KEPT: i64 = 10_000;

/// `None` when this delivery has its phrase already.
pub(crate) async fn remember(
    tx: &mut Tx,
    station: &str,
    delivery: &str,
    actor: Option<&str>,
    at_ms: i64,
) -> Result<Option<Memory>, StoreError> {
    let sql = "SELECT 1 FROM radio_phrases WHERE station = $1 AND delivery = $2";
    if tx.first::<(i64,)>(sql, params![station, delivery]).await?.is_some() {
        return Ok(None);
    }
    let sql = "SELECT phrases FROM radio_stations WHERE station = $1";
    let last = tx.first::<(i64,)>(sql, params![station]).await?.map_or(0, |(phrases,)| phrases);
    let commits = commits_in_hour(tx, station, at_ms).await?;
    let sql = "SELECT 1 FROM radio_actors WHERE station = $1 AND actor = $2";
    let known: Option<(i64,)> = tx.first(sql, params![station, actor]).await?;
    Ok(Some(Memory { last, commits, known_author: known.is_some() }))
}

/// Commits heard in the hour up to `at_ms`, by whole minutes.
pub(crate) async fn commits_in_hour(tx: &mut Tx, station: &str, at_ms: i64) -> Result<i64, StoreError> {
    let minute = at_ms.div_euclid(MINUTE_MS);
    let sql = "SELECT CAST(COALESCE(SUM(commits), 0) AS BIGINT) FROM radio_commits
         WHERE station = $1 AND minute > $2 AND minute <= $3";
    let (commits,) = tx.one(sql, params![station, minute - 60, minute]).await?;
    Ok(commits)
}

async fn count_commits(tx: &mut Tx, station: &str, at_ms: i64, commits: u32) -> Result<(), StoreError> {
    let minute = at_ms.div_euclid(MINUTE_MS);
    tx.execute(
        "INSERT INTO radio_commits (station, minute, commits) VALUES ($1, $2, $3)
         ON CONFLICT (station, minute) DO UPDATE SET commits = radio_commits.commits + $3",
        params![station, minute, commits],
    )
    .await?;
    // A day is kept: far more than the hour that is asked for, however late a delivery is composed.
    let sql = "DELETE FROM radio_commits WHERE station = $1 AND minute < $2";
    tx.execute(sql, params![station, minute - 1_440]).await.map(drop)
}

/// Keeps a phrase, and what the station is like after it.
pub(crate) async fn keep(tx: &mut Tx, name: &str, phrase: &Phrase, commits: u32, json: &str) -> Result<(), StoreError> {
    let (station, actor) = (&phrase.station, phrase.event.actor.as_ref());
    let n = i64::try_from(phrase.n).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT INTO radio_phrases (station, n, delivery, at_ms, phrase) VALUES ($1, $2, $3, $4, $5)",
        params![station, n, &phrase.id, phrase.at_ms, json],
    )
    .await?;
    if commits > 0 {
        count_commits(tx, station, phrase.at_ms, commits).await?;
    }
    tx.execute("DELETE FROM radio_phrases WHERE station = $1 AND n <= $2", params![station, n - KEPT]).await?;
    if let Some(actor) = actor {
        let sql = "INSERT INTO radio_actors (station, actor) VALUES ($1, $2) ON CONFLICT (station, actor) DO NOTHING";
        tx.execute(sql, params![station, actor]).await?;
    }
    tx.execute(
        "INSERT INTO radio_stations (station, name, phrases, last_at_ms, last_title, mood, intensity, bpm, key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (station) DO UPDATE SET name = $2, phrases = $3, last_at_ms = $4, last_title = $5, mood = $6,
             intensity = $7, bpm = $8, key = $9",
        params![
            station,
            name,
            n,
            phrase.at_ms,
            &phrase.event.title,
            phrase.mood.word(),
            phrase.intensity,
            phrase.tempo.bpm,
            &phrase.key
        ],
    )
    .await
    .map(drop)
}

/// The last phrases of a station, oldest first, as JSON with their numbers and times.
pub(crate) async fn recent(tx: &mut Tx, station: &str, limit: usize) -> Result<Vec<(i64, i64, String)>, StoreError> {
    let sql = "SELECT n, at_ms, phrase FROM radio_phrases WHERE station = $1 ORDER BY n DESC LIMIT $2";
    let mut rows: Vec<(i64, i64, String)> =
        tx.all(sql, params![station, i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
    rows.reverse();
    Ok(rows)
}

/// One phrase as JSON.
pub(crate) async fn phrase(tx: &mut Tx, station: &str, n: i64) -> Result<Option<String>, StoreError> {
    let sql = "SELECT phrase FROM radio_phrases WHERE station = $1 AND n = $2";
    Ok(tx.first::<(String,)>(sql, params![station, n]).await?.map(|(phrase,)| phrase))
}

/// Every station, the last heard first.
pub(crate) async fn stations(tx: &mut Tx, now_ms: i64, limit: usize) -> Result<Vec<Station>, StoreError> {
    let sql = "SELECT station, name, phrases, last_at_ms, last_title, mood, intensity, bpm, key
         FROM radio_stations ORDER BY last_at_ms DESC LIMIT $1";
    let mut stations: Vec<Station> = tx.all(sql, params![i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
    for station in &mut stations {
        let commits = commits_in_hour(tx, &station.station, now_ms).await?;
        station.commits_last_hour = u32::try_from(commits).unwrap_or(u32::MAX);
    }
    Ok(stations)
}

/// One station.
pub(crate) async fn station(tx: &mut Tx, station: &str) -> Result<Option<Station>, StoreError> {
    let sql = "SELECT station, name, phrases, last_at_ms, last_title, mood, intensity, bpm, key
         FROM radio_stations WHERE station = $1";
    tx.first(sql, params![station]).await
}

/// The stations' channels come from the table, so that positions survive a restart: the epoch is the database's name, the
/// offset is the phrase's number.
pub(crate) struct Stations(Store);

impl Stations {
    /// Over this store.
    pub(crate) fn load(store: &Store) -> Arc<dyn Load> {
        Arc::new(Self(store.clone()))
    }

    async fn stream(&self, channel: &str) -> Result<Option<Loaded>, StoreError> {
        let Some(station) = channel.strip_prefix("radio:").filter(|name| is_station(name)) else { return Ok(None) };
        let station = station.to_owned();
        let rows = self.0.read(async move |tx| recent(tx, &station, RECENT).await).await?;
        let offset = |n: i64| u64::try_from(n).unwrap_or_default();
        Ok(Some(Loaded {
            epoch: self.0.id().to_owned(),
            top: rows.last().map_or(0, |(n, ..)| offset(*n)),
            publications: rows
                .into_iter()
                .map(|(n, time_ms, phrase)| Stored { offset: offset(n), time_ms, data: phrase.into() })
                .collect(),
        }))
    }
}

impl Load for Stations {
    fn load<'a>(
        &'a self,
        channel: &'a str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Option<Loaded>, Box<dyn Error + Send + Sync>>> + Send + 'a>> {
        Box::pin(async move { Ok(self.stream(channel).await?) })
    }
}

/// Whether this is a station's name: a repository's, in lower case.
pub(crate) fn is_station(name: &str) -> bool {
    let valid = name.split_once('/').is_some_and(|(owner, repo)| model::valid_station(owner, repo));
    valid && !name.bytes().any(|b| b.is_ascii_uppercase())
}
