//! The tables of this part.

use store::Migration;

/// Every step, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        part: "events",
        version: 1,
        sql: "
CREATE TABLE events (
    position BIGSERIAL PRIMARY KEY,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    source TEXT NOT NULL,
    subject TEXT,
    time_ms BIGINT NOT NULL,
    schema_version INTEGER NOT NULL,
    trace TEXT,
    data TEXT NOT NULL
);
CREATE UNIQUE INDEX events_id ON events (source, id);
CREATE INDEX events_type ON events (type, position);
CREATE INDEX events_subject ON events (subject, position) WHERE subject IS NOT NULL;
CREATE TABLE event_cursors (
    stream TEXT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL,
    moved_at_ms BIGINT NOT NULL
);
",
    },
    Migration {
        part: "events",
        version: 2,
        // Every webhook pays for every index. Without these two an append costs half (measured over a million events); what
        // looks for a type or a subject goes through the log in bounded stretches, newest first.
        // `attributes`: what an event has beyond the columns (CloudEvents' optional attributes and extensions), as JSON.
        sql: "
DROP INDEX events_type;
DROP INDEX events_subject;
ALTER TABLE events ADD COLUMN attributes TEXT;
ALTER TABLE event_cursors ADD COLUMN paused_at_ms BIGINT;
ALTER TABLE event_cursors ADD COLUMN failing_since_ms BIGINT;
ALTER TABLE event_cursors ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event_cursors ADD COLUMN error TEXT;
CREATE TABLE event_parked (
    stream TEXT NOT NULL,
    position BIGINT NOT NULL,
    failures INTEGER NOT NULL,
    error TEXT NOT NULL,
    parked_at_ms BIGINT NOT NULL,
    retry_at_ms BIGINT,
    PRIMARY KEY (stream, position)
);
CREATE TABLE event_segments (segment BIGINT NOT NULL PRIMARY KEY, bytes BIGINT NOT NULL);
CREATE INDEX event_parked_at ON event_parked (position);
CREATE TABLE event_replays (
    id BIGSERIAL PRIMARY KEY,
    subscription TEXT NOT NULL,
    from_position BIGINT NOT NULL,
    to_position BIGINT NOT NULL,
    next_position BIGINT NOT NULL,
    filter TEXT NOT NULL,
    replayed BIGINT NOT NULL,
    state TEXT NOT NULL,
    error TEXT,
    created_at_ms BIGINT NOT NULL,
    ended_at_ms BIGINT
);
",
    },
    Migration {
        part: "events",
        version: 3,
        // What is left of an event that retention removed early: its name, so that it is not appended twice.
        sql: "
CREATE TABLE event_names (
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    position BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (source, id)
);
CREATE INDEX event_names_until ON event_names (until_ms);
",
    },
    Migration {
        part: "events",
        version: 4,
        // The highest position that retention took from the log, one row: positions go on from there when nothing is left.
        sql: "
CREATE TABLE event_top (position BIGINT NOT NULL);
INSERT INTO event_top (position) SELECT COALESCE(MAX(position), 0) FROM
    (SELECT position FROM events UNION ALL SELECT position FROM event_cursors) AS known;
",
    },
];
