//! The stations as people manage them.

use ::store::{FromRow, Row, StoreError, Tx, params};

use super::{commits_in_hour, tokens};

/// A station as people look at it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Station {
    /// `owner/repo`, lower case.
    pub(crate) station: String,
    /// What its owner calls it; else as GitHub spells it.
    pub(crate) name: String,
    /// What its owner says of it; empty when nothing.
    pub(crate) description: String,
    /// Only for those who have a listener token.
    pub(crate) private: bool,
    /// Phrases older than so many days end; 0 keeps the last 10,000, however old.
    pub(crate) keep_days: u32,
    /// Phrases so far.
    pub(crate) phrases: i64,
    /// `null` before the first phrase, as is everything that a phrase brings.
    pub(crate) last_phrase_at_ms: Option<i64>,
    pub(crate) last_title: Option<String>,
    pub(crate) mood: Option<String>,
    pub(crate) intensity: Option<f64>,
    pub(crate) bpm: Option<u32>,
    pub(crate) key: Option<String>,
    pub(crate) commits_last_hour: u32,
    /// How many listen now, by whatever means.
    pub(crate) listeners: usize,
    /// The same, by means.
    pub(crate) listening: Listening,
    /// The formats in which it is on the air now: somebody listens.
    pub(crate) on_air: Vec<&'static str>,
}

/// Listeners by means.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, utoipa::ToSchema)]
#[schema(as = StationListeners)]
pub(crate) struct Listening {
    /// By the realtime socket: pages, mostly.
    pub(crate) sockets: usize,
    /// By server-sent events.
    pub(crate) events: usize,
    /// By an audio stream.
    pub(crate) audio: usize,
}

impl Listening {
    pub(crate) fn all(self) -> usize {
        self.sockets + self.events + self.audio
    }
}

impl FromRow for Station {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let phrases: i64 = row.get(2)?;
        let heard = |there: bool| there && phrases > 0;
        let (name, title): (String, String) = (row.get(1)?, row.get(9)?);
        let private: i64 = row.get(11)?;
        Ok(Self {
            station: row.get(0)?,
            name: if title.is_empty() { name } else { title },
            description: row.get(10)?,
            private: private != 0,
            keep_days: row.get(12)?,
            phrases,
            last_phrase_at_ms: heard(true).then(|| row.get(3)).transpose()?,
            last_title: heard(true).then(|| row.get(4)).transpose()?,
            mood: heard(true).then(|| row.get(5)).transpose()?,
            intensity: heard(true).then(|| row.get(6)).transpose()?,
            bpm: heard(true).then(|| row.get(7)).transpose()?,
            key: heard(true).then(|| row.get(8)).transpose()?,
            commits_last_hour: 0,
            listeners: 0,
            listening: Listening::default(),
            on_air: Vec::new(),
        })
    }
}

/// Every station, the last heard first.
pub(crate) async fn stations(tx: &mut Tx, now_ms: i64, limit: usize) -> Result<Vec<Station>, StoreError> {
    let sql = "SELECT station, name, phrases, last_at_ms, last_title, mood, intensity, bpm, key, title, description,
             private, keep_days
         FROM radio_stations ORDER BY last_at_ms DESC, station LIMIT $1";
    let mut stations: Vec<Station> = tx.all(sql, params![i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
    for station in &mut stations {
        let commits = commits_in_hour(tx, &station.station, now_ms).await?;
        station.commits_last_hour = u32::try_from(commits).unwrap_or(u32::MAX);
    }
    Ok(stations)
}

/// One station.
pub(crate) async fn station(tx: &mut Tx, station: &str) -> Result<Option<Station>, StoreError> {
    let sql = "SELECT station, name, phrases, last_at_ms, last_title, mood, intensity, bpm, key, title, description,
             private, keep_days
         FROM radio_stations WHERE station = $1";
    tx.first(sql, params![station]).await
}

/// What an owner may change; what is absent stays.
#[derive(Clone, Debug, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StationChange)]
pub(crate) struct Change {
    /// At most 100 characters; empty for GitHub's spelling.
    pub(crate) name: Option<String>,
    /// At most 500 characters.
    pub(crate) description: Option<String>,
    /// Only for those who have a listener token.
    pub(crate) private: Option<bool>,
    /// 0 to 3,650; 0 keeps the last 10,000 phrases, however old.
    pub(crate) keep_days: Option<u32>,
}

/// What became of a request to make a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    Done,
    /// It is there, or there are as many as there may be.
    Exists,
    Full,
}

/// Makes a station before its first event.
pub(crate) async fn create(tx: &mut Tx, station: &str, name: &str, at_most: usize) -> Result<Changed, StoreError> {
    let (stations,): (i64,) = tx.one("SELECT COUNT(*) FROM radio_stations", params![]).await?;
    if usize::try_from(stations).unwrap_or(usize::MAX) >= at_most {
        return Ok(Changed::Full);
    }
    let made = tx
        .execute(
            "INSERT INTO radio_stations (station, name, phrases, last_at_ms, last_title, mood, intensity, bpm, key)
             VALUES ($1, $2, 0, 0, '', '', 0, 0, '') ON CONFLICT (station) DO NOTHING",
            params![station, name],
        )
        .await?;
    Ok(if made == 0 { Changed::Exists } else { Changed::Done })
}

/// Changes what is given. `false` when there is no such station.
pub(crate) async fn change(tx: &mut Tx, station: &str, change: &Change) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            "UPDATE radio_stations SET title = COALESCE($2, title), description = COALESCE($3, description),
                 private = COALESCE($4, private), keep_days = COALESCE($5, keep_days)
             WHERE station = $1",
            params![
                station,
                change.name.as_deref(),
                change.description.as_deref(),
                change.private.map(i64::from),
                change.keep_days
            ],
        )
        .await?;
    Ok(changed > 0)
}

/// Deletes a station and all that it remembers, but not how often that happened: positions of before must not pass for
/// positions of after. `false` when there is no such station.
pub(crate) async fn delete(tx: &mut Tx, station: &str) -> Result<bool, StoreError> {
    if tx.execute("DELETE FROM radio_stations WHERE station = $1", params![station]).await? == 0 {
        return Ok(false);
    }
    tx.execute("DELETE FROM radio_phrases WHERE station = $1", params![station]).await?;
    tx.execute("DELETE FROM radio_commits WHERE station = $1", params![station]).await?;
    tx.execute("DELETE FROM radio_actors WHERE station = $1", params![station]).await?;
    tokens::revoke_all(tx, station).await?;
    tx.execute(
        "INSERT INTO radio_deletions (station, times) VALUES ($1, 1)
         ON CONFLICT (station) DO UPDATE SET times = radio_deletions.times + 1",
        params![station],
    )
    .await?;
    Ok(true)
}

/// How often a station of this name was deleted.
pub(super) async fn deletions(tx: &mut Tx, station: &str) -> Result<i64, StoreError> {
    let sql = "SELECT times FROM radio_deletions WHERE station = $1";
    Ok(tx.first::<(i64,)>(sql, params![station]).await?.map_or(0, |(times,)| times))
}
