//! The tables of this part.

use store::Migration;

/// Every step, in order.
pub const MIGRATIONS: &[Migration] = &[Migration {
    part: "jobs",
    version: 1,
    // Unfinished jobs are a small hot table whatever the history holds. Each index serves one question: who is next, who
    // is due, what did a dead worker have, is there such a job already.
    sql: "
CREATE TABLE job_leases (
    lease BIGSERIAL PRIMARY KEY,
    holder TEXT NOT NULL,
    started_at_ms BIGINT NOT NULL,
    renewed_at_ms BIGINT NOT NULL
);
CREATE TABLE jobs (
    id BIGSERIAL PRIMARY KEY,
    queue TEXT NOT NULL,
    kind TEXT NOT NULL,
    state SMALLINT NOT NULL,
    priority SMALLINT NOT NULL,
    attempt INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    claims INTEGER NOT NULL,
    run_at_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    started_at_ms BIGINT,
    lease BIGINT,
    unique_key TEXT,
    event_position BIGINT,
    trace TEXT,
    args TEXT NOT NULL,
    errors TEXT NOT NULL
);
CREATE INDEX jobs_available ON jobs (queue, priority, id) WHERE state = 0;
CREATE INDEX jobs_due ON jobs (run_at_ms) WHERE state IN (1, 3);
CREATE INDEX jobs_leased ON jobs (lease) WHERE state = 2;
CREATE INDEX jobs_of_event ON jobs (event_position) WHERE event_position IS NOT NULL;
CREATE UNIQUE INDEX jobs_unique ON jobs (kind, unique_key) WHERE unique_key IS NOT NULL;
CREATE TABLE jobs_finished (
    id BIGINT NOT NULL PRIMARY KEY,
    queue TEXT NOT NULL,
    kind TEXT NOT NULL,
    state SMALLINT NOT NULL,
    priority SMALLINT NOT NULL,
    attempt INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    claims INTEGER NOT NULL,
    run_at_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    started_at_ms BIGINT,
    finished_at_ms BIGINT NOT NULL,
    unique_key TEXT,
    event_position BIGINT,
    trace TEXT,
    args TEXT NOT NULL,
    errors TEXT NOT NULL
);
CREATE INDEX jobs_finished_at ON jobs_finished (finished_at_ms);
CREATE INDEX jobs_finished_by_state ON jobs_finished (state, id);
CREATE INDEX jobs_finished_of_event ON jobs_finished (event_position) WHERE event_position IS NOT NULL;
",
}];
