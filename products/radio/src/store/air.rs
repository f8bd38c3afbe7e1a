//! What sounds when: the phrases by their place on the air.

use ::store::{StoreError, Tx, params};

use crate::model::Phrase;
use crate::schedule::Slot;
use crate::synth::LONGEST_MS;

/// A phrase that sounds, and from when.
pub(crate) struct Aired {
    pub(crate) n: i64,
    pub(crate) at_ms: i64,
    pub(crate) phrase: Phrase,
}

type Row = (i64, i64, String);

/// Of what an older version kept and this one cannot read, nothing sounds.
fn read(rows: Vec<Row>) -> Vec<Aired> {
    let aired = |(n, at_ms, phrase): Row| {
        let phrase = serde_json::from_str(&phrase).inspect_err(|error| tracing::warn!(n, %error, "no phrase"));
        Some(Aired { n, at_ms, phrase: phrase.ok()? })
    };
    rows.into_iter().filter_map(aired).collect()
}

/// The phrases that sound at `now_ms` or later.
pub(crate) async fn sounding(tx: &mut Tx, station: &str, now_ms: i64) -> Result<Vec<Slot>, StoreError> {
    let sql = "SELECT air_at_ms, music_ms, sound_ms, bpm FROM radio_phrases
         WHERE station = $1 AND air_at_ms > $2 ORDER BY air_at_ms";
    let rows: Vec<(i64, i64, i64, u32)> = tx.all(sql, params![station, now_ms - LONGEST_MS]).await?;
    let slot = |(at_ms, music_ms, sound_ms, bpm)| Slot {
        at_ms,
        music_ends_ms: at_ms + music_ms,
        ends_ms: at_ms + sound_ms,
        bpm,
    };
    Ok(rows.into_iter().map(slot).filter(|slot| slot.ends_ms > now_ms).collect())
}

/// The phrases with a higher number that have a place, at most `limit`, and the highest number that there is, with a place
/// or without one.
pub(crate) async fn aired_after(
    tx: &mut Tx,
    station: &str,
    n: i64,
    limit: usize,
) -> Result<(Vec<Aired>, i64), StoreError> {
    let sql = "SELECT n, air_at_ms, phrase FROM radio_phrases
         WHERE station = $1 AND n > $2 AND air_at_ms IS NOT NULL ORDER BY n LIMIT $3";
    let rows: Vec<Row> = tx.all(sql, params![station, n, i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
    let last = last_number(tx, station).await?;
    Ok((read(rows), last))
}

/// The highest number that a phrase of the station has; 0 without one.
pub(crate) async fn last_number(tx: &mut Tx, station: &str) -> Result<i64, StoreError> {
    let sql = "SELECT COALESCE(MAX(n), 0) FROM radio_phrases WHERE station = $1";
    let (last,) = tx.one(sql, params![station]).await?;
    Ok(last)
}

/// The phrases that begin in this stretch, in their order, at most `limit`.
pub(crate) async fn aired_between(
    tx: &mut Tx,
    station: &str,
    from_ms: i64,
    to_ms: i64,
    limit: usize,
) -> Result<Vec<Aired>, StoreError> {
    let sql = "SELECT n, air_at_ms, phrase FROM radio_phrases
         WHERE station = $1 AND air_at_ms >= $2 AND air_at_ms < $3 ORDER BY air_at_ms, n LIMIT $4";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(read(tx.all(sql, params![station, from_ms, to_ms, limit]).await?))
}

/// The key of the last phrase that began before this moment: the bed lies on its tonic.
pub(crate) async fn key_before(tx: &mut Tx, station: &str, at_ms: i64) -> Result<Option<String>, StoreError> {
    let sql = "SELECT n, air_at_ms, phrase FROM radio_phrases
         WHERE station = $1 AND air_at_ms < $2 ORDER BY air_at_ms DESC LIMIT 1";
    let rows: Vec<Row> = tx.all(sql, params![station, at_ms]).await?;
    Ok(read(rows).pop().map(|aired| aired.phrase.key))
}

/// Of the phrases that came in this stretch: how many there are, and at most `limit` of them as JSON, evenly chosen, in
/// their order.
pub(crate) async fn day(
    tx: &mut Tx,
    station: &str,
    from_ms: i64,
    to_ms: i64,
    limit: i64,
) -> Result<(i64, Vec<String>), StoreError> {
    let sql =
        "SELECT COUNT(*), COALESCE(MIN(n), 0) FROM radio_phrases WHERE station = $1 AND at_ms >= $2 AND at_ms < $3";
    let (total, first): (i64, i64) = tx.one(sql, params![station, from_ms, to_ms]).await?;
    let every = (total + limit - 1).div_euclid(limit).max(1);
    let sql = "SELECT phrase FROM radio_phrases
         WHERE station = $1 AND at_ms >= $2 AND at_ms < $3 AND (n - $4) % $5 = 0 ORDER BY at_ms, n LIMIT $6";
    let rows: Vec<(String,)> = tx.all(sql, params![station, from_ms, to_ms, first, every, limit]).await?;
    Ok((total, rows.into_iter().map(|(phrase,)| phrase).collect()))
}
