//! The tables of this product.

use ::store::Migration;

/// Appended to, never changed.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        part: "radio",
        version: 1,
        // Commits are counted by the minute in which their delivery was accepted: the rate of an hour is then sixty rows
        // at the most, however busy the station is, and hearing a delivery again makes the same music.
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
    },
    Migration {
        part: "radio",
        version: 2,
        // A phrase's place on the air is decided once, when it is kept: NULL where it was only seen. What was kept before
        // sounded when it came.
        sql: "
ALTER TABLE radio_phrases ADD COLUMN air_at_ms BIGINT;
ALTER TABLE radio_phrases ADD COLUMN music_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE radio_phrases ADD COLUMN sound_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE radio_phrases ADD COLUMN bpm BIGINT NOT NULL DEFAULT 0;
UPDATE radio_phrases SET air_at_ms = at_ms;
CREATE INDEX radio_phrases_air ON radio_phrases (station, air_at_ms, music_ms, sound_ms, bpm);
CREATE INDEX radio_phrases_at ON radio_phrases (station, at_ms);
ALTER TABLE radio_stations ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE radio_stations ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE radio_stations ADD COLUMN private BIGINT NOT NULL DEFAULT 0;
ALTER TABLE radio_stations ADD COLUMN keep_days BIGINT NOT NULL DEFAULT 0;
CREATE TABLE radio_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    station TEXT NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX radio_tokens_hash ON radio_tokens (station, hash);
CREATE TABLE radio_deletions (station TEXT NOT NULL PRIMARY KEY, times BIGINT NOT NULL);
",
    },
];
