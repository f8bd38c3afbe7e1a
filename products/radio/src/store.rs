//! The stations' SQL: what a repository's radio remembers over a restart.

mod air;
mod channel;
mod migrations;
mod stations;
mod tokens;

use ::store::{StoreError, Tx, params};

use crate::model::{self, Phrase};
use crate::schedule::Slot;

pub(crate) use air::{aired_after, aired_between, day, key_before, last_number, sounding};
pub(crate) use channel::Channels;
pub(crate) use migrations::MIGRATIONS;
pub(crate) use stations::{Change, Changed, Listening, Station, change, create, delete, station, stations};
pub(crate) use tokens::{Token, add_token, holds_token, revoke_token, tokens};

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
const DAY_MS: i64 = 86_400_000;
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

/// Keeps a phrase with its place on the air (`None`: it is only seen), and what the station is like after it.
pub(crate) async fn keep(
    tx: &mut Tx,
    name: &str,
    phrase: &Phrase,
    commits: u32,
    json: &str,
    slot: Option<Slot>,
) -> Result<(), StoreError> {
    let (station, actor) = (&phrase.station, phrase.event.actor.as_ref());
    let n = i64::try_from(phrase.n).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT INTO radio_phrases (station, n, delivery, at_ms, phrase, air_at_ms, music_ms, sound_ms, bpm)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        params![
            station,
            n,
            &phrase.id,
            phrase.at_ms,
            json,
            slot.map(|slot| slot.at_ms),
            slot.map_or(0, |slot| slot.music_ends_ms - slot.at_ms),
            slot.map_or(0, |slot| slot.ends_ms - slot.at_ms),
            phrase.tempo.bpm
        ],
    )
    .await?;
    if commits > 0 {
        count_commits(tx, station, phrase.at_ms, commits).await?;
    }
    tx.execute("DELETE FROM radio_phrases WHERE station = $1 AND n <= $2", params![station, n - KEPT]).await?;
    // A busy station ends what is too old with each phrase, a quiet one with its next.
    tx.execute(
        "DELETE FROM radio_phrases WHERE station = $1 AND at_ms < $2 - $3 *
             (SELECT keep_days FROM radio_stations WHERE station = $1 AND keep_days > 0)",
        params![station, phrase.at_ms, DAY_MS],
    )
    .await?;
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

/// Whether this is a station's name: a repository's, in lower case.
pub(crate) fn is_station(name: &str) -> bool {
    let valid = name.split_once('/').is_some_and(|(owner, repo)| model::valid_station(owner, repo));
    valid && !name.bytes().any(|b| b.is_ascii_uppercase())
}
