//! The tables of this part.

use store::Migration;

/// Every step, in order.
pub const MIGRATIONS: &[Migration] = &[FIRST, ONE_TABLE];

const FIRST: Migration = Migration {
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
};

const ONE_TABLE: Migration = Migration {
    part: "jobs",
    version: 2,
    // One table for the whole life: an end is written in place, and every index but the event's holds only the rows that its
    // question is about. The life of a job that nothing else concerns touches the row, `jobs_executing` and `jobs_ended`.
    sql: "
ALTER TABLE jobs ADD COLUMN job_key TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN order_key TEXT;
ALTER TABLE jobs ADD COLUMN unique_mask INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN unique_until_ms BIGINT;
ALTER TABLE jobs ADD COLUMN batch BIGINT;
ALTER TABLE jobs ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN on_failure SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN ties SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN cancel_at_ms BIGINT;
ALTER TABLE jobs ADD COLUMN finished_at_ms BIGINT;
DROP INDEX jobs_available;
DROP INDEX jobs_due;
DROP INDEX jobs_leased;
DROP INDEX jobs_unique;
UPDATE jobs SET unique_mask = 143 WHERE unique_key IS NOT NULL;
INSERT INTO jobs (id, queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms, started_at_ms,
        finished_at_ms, unique_key, unique_mask, event_position, trace, args, errors)
    SELECT id, queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms, started_at_ms,
        finished_at_ms, unique_key, CASE WHEN unique_key IS NULL THEN 0 ELSE -143 END, event_position, trace, args, errors
    FROM jobs_finished;
DROP TABLE jobs_finished;
CREATE INDEX jobs_ready ON jobs (queue, priority, kind, job_key, id) WHERE state = 0;
CREATE INDEX jobs_due ON jobs (run_at_ms, state) WHERE state IN (1, 3);
CREATE INDEX jobs_executing ON jobs (queue, job_key, lease) WHERE state = 2;
CREATE INDEX jobs_pending ON jobs (id) WHERE state = 7;
CREATE INDEX jobs_ended ON jobs (state, finished_at_ms, id) WHERE finished_at_ms IS NOT NULL;
CREATE INDEX jobs_ordered ON jobs (kind, order_key, state, id) WHERE order_key IS NOT NULL AND finished_at_ms IS NULL;
CREATE INDEX jobs_of_batch ON jobs (batch, id) WHERE batch IS NOT NULL;
CREATE UNIQUE INDEX jobs_unique ON jobs (kind, unique_key) WHERE unique_mask > 0;

CREATE TABLE job_payloads (id BIGINT NOT NULL PRIMARY KEY, args TEXT NOT NULL);
CREATE TABLE job_notes (
    id BIGINT NOT NULL PRIMARY KEY,
    percent SMALLINT,
    note TEXT,
    result TEXT,
    noted_at_ms BIGINT NOT NULL
);
CREATE TABLE job_edges (before BIGINT NOT NULL, job BIGINT NOT NULL, PRIMARY KEY (before, job));
CREATE INDEX job_edges_of ON job_edges (job);
CREATE TABLE job_loose (before BIGINT NOT NULL PRIMARY KEY, satisfied SMALLINT NOT NULL);
CREATE TABLE job_batches (
    id BIGSERIAL PRIMARY KEY,
    name TEXT NOT NULL,
    total BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    discarded BIGINT NOT NULL,
    callback BIGINT,
    created_at_ms BIGINT NOT NULL,
    sealed_at_ms BIGINT,
    finished_at_ms BIGINT
);
CREATE TABLE job_policies (queue TEXT NOT NULL PRIMARY KEY, policy TEXT NOT NULL);
CREATE TABLE job_pauses (
    what SMALLINT NOT NULL,
    name TEXT NOT NULL,
    paused_at_ms BIGINT NOT NULL,
    PRIMARY KEY (what, name)
);
CREATE TABLE job_rates (queue TEXT NOT NULL, job_key TEXT NOT NULL, arrival_us BIGINT NOT NULL, PRIMARY KEY (queue, job_key));
ALTER TABLE job_leases ADD COLUMN expires_at_ms BIGINT;
ALTER TABLE job_leases ADD COLUMN nonce TEXT;
CREATE INDEX job_leases_expiring ON job_leases (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
",
};
