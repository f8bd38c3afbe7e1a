//! The tables of this part.

use store::Migration;

/// Every step, in order.
pub const MIGRATIONS: &[Migration] = &[MADE, PACED];

const MADE: Migration = Migration {
    part: "endpoints",
    version: 1,
    // A message holds no payload: the event does, and stays in the log for as long as its job needs it. Each index serves one
    // question: is this event on its way already, what did this endpoint get, what is old enough to go, how
    // often was this message tried.
    sql: "
CREATE TABLE endpoints (
    id TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    types TEXT NOT NULL,
    per_minute INTEGER,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    disabled TEXT,
    disabled_at_ms BIGINT,
    failures INTEGER NOT NULL,
    failing_since_ms BIGINT,
    warned_at_ms BIGINT,
    delivered_at_ms BIGINT
);
CREATE TABLE endpoints_removed (id TEXT NOT NULL PRIMARY KEY);
CREATE TABLE endpoint_secrets (
    number BIGSERIAL PRIMARY KEY,
    endpoint TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT
);
CREATE INDEX endpoint_secrets_of ON endpoint_secrets (endpoint, number);
CREATE TABLE endpoint_messages (
    number BIGSERIAL PRIMARY KEY,
    id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    position BIGINT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT,
    trace TEXT,
    state SMALLINT NOT NULL,
    series INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    created_at_ms BIGINT NOT NULL,
    next_at_ms BIGINT,
    finished_at_ms BIGINT,
    status INTEGER,
    error TEXT
);
CREATE UNIQUE INDEX endpoint_messages_event ON endpoint_messages (endpoint, position);
CREATE INDEX endpoint_messages_of ON endpoint_messages (endpoint, state, number);
CREATE INDEX endpoint_messages_finished ON endpoint_messages (finished_at_ms) WHERE finished_at_ms IS NOT NULL;
CREATE TABLE endpoint_attempts (
    number BIGSERIAL PRIMARY KEY,
    message BIGINT NOT NULL,
    began_at_ms BIGINT NOT NULL,
    took_ms BIGINT NOT NULL,
    status INTEGER,
    error TEXT,
    answer TEXT NOT NULL
);
CREATE INDEX endpoint_attempts_of ON endpoint_attempts (message, number);
",
};

/// When the next message would be due if they came evenly, where the owner wants a bound.
const PACED: Migration =
    Migration { part: "endpoints", version: 2, sql: "ALTER TABLE endpoints ADD COLUMN due_ms BIGINT;" };
