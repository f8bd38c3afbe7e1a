//! This part's SQL: deliveries and what of them waits, sources with their secrets, topics, replays.

pub(crate) mod deliveries;
pub(crate) mod pending;
pub(crate) mod replays;
pub(crate) mod sources;
pub(crate) mod topics;

use ::store::Migration;

/// The tables of this part.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        part: "webhooks",
        version: 1,
        // The body of an accepted delivery is the data of its event: it is not kept twice.
        sql: "
CREATE TABLE webhook_secrets (source TEXT NOT NULL PRIMARY KEY, sealed BYTEA NOT NULL, created_at_ms BIGINT NOT NULL);
CREATE TABLE deliveries (
    seq BIGSERIAL PRIMARY KEY,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    verdict TEXT NOT NULL,
    cause TEXT,
    reason TEXT NOT NULL,
    status INTEGER NOT NULL,
    event_type TEXT,
    sender_id TEXT,
    subject TEXT,
    event_position BIGINT,
    size_bytes BIGINT NOT NULL,
    took_us BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    trace TEXT NOT NULL,
    digest BYTEA,
    headers TEXT NOT NULL,
    body BYTEA,
    received TEXT,
    expected TEXT
);
CREATE INDEX deliveries_digest ON deliveries (source, digest, received_at_ms) WHERE verdict = 'accepted';
CREATE INDEX deliveries_id ON deliveries (id);
CREATE INDEX deliveries_verdict ON deliveries (verdict, seq);
",
    },
    Migration {
        part: "webhooks",
        version: 2,
        // A delivery that is accepted pays for two indexes at most: ids grow, so theirs is written at its end, and a digest is
        // kept only where the sender's id is not signed. What is not accepted is rare and has one of its own.
        sql: "
ALTER TABLE deliveries ADD COLUMN hint TEXT;
ALTER TABLE deliveries ADD COLUMN trust TEXT;
ALTER TABLE deliveries ADD COLUMN replay_of TEXT;
ALTER TABLE deliveries ADD COLUMN signature BYTEA;
DROP INDEX deliveries_digest;
DROP INDEX deliveries_verdict;
CREATE INDEX deliveries_digest ON deliveries (digest) WHERE digest IS NOT NULL;
CREATE INDEX deliveries_exceptions ON deliveries (verdict, seq) WHERE verdict <> 'accepted';
CREATE TABLE webhook_sources (
    name TEXT NOT NULL PRIMARY KEY,
    sender TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    token BYTEA,
    settings TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE TABLE webhook_keys (
    id BIGSERIAL PRIMARY KEY,
    source TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    created_at_ms BIGINT NOT NULL,
    until_ms BIGINT
);
INSERT INTO webhook_sources (name, sender, enabled, settings, created_at_ms)
    SELECT source, source, 1, '{}', created_at_ms FROM webhook_secrets;
INSERT INTO webhook_keys (source, sealed, created_at_ms) SELECT source, sealed, created_at_ms FROM webhook_secrets;
DROP TABLE webhook_secrets;
CREATE TABLE webhook_topics (
    source TEXT NOT NULL,
    topic TEXT NOT NULL,
    state TEXT NOT NULL,
    changed_at_ms BIGINT NOT NULL,
    lease_until_ms BIGINT,
    PRIMARY KEY (source, topic)
);
CREATE TABLE webhook_replays (
    id BIGSERIAL PRIMARY KEY,
    selection TEXT NOT NULL,
    state TEXT NOT NULL,
    total BIGINT NOT NULL,
    replayed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    cursor_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    last_failure TEXT,
    created_at_ms BIGINT NOT NULL,
    changed_at_ms BIGINT NOT NULL
);
",
    },
    Migration {
        part: "webhooks",
        version: 3,
        // `fetched_at_ms`: of a key that the sender publishes. `token`: what the hub alone knows of a topic, in the address that it
        // was given. `generation`: which wish a topic's job belongs to. `tries`: how often the hub was asked since it last confirmed.
        sql: "
ALTER TABLE webhook_keys ADD COLUMN fetched_at_ms BIGINT;
ALTER TABLE webhook_topics ADD COLUMN token TEXT NOT NULL DEFAULT '';
ALTER TABLE webhook_topics ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE webhook_topics ADD COLUMN asked_at_ms BIGINT;
ALTER TABLE webhook_topics ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE webhook_topics ADD COLUMN last_error TEXT;
",
    },
];
