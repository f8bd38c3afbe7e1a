//! The tables of this part.

use store::Migration;

/// Every step, in order.
pub const MIGRATIONS: &[Migration] = &[Migration {
    part: "schedules",
    version: 1,
    // `mark_ms` and `mark_civil` are the last tick that was dealt with; `next_ms` is when to look, NULL while paused or
    // gone. A change names the version that it saw. A tick is a row: the second to insert it finds it there. What a
    // person fired has no tick.
    sql: "
CREATE TABLE schedules (
    id BIGSERIAL PRIMARY KEY,
    name TEXT NOT NULL,
    declared_by TEXT,
    spec TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    mark_ms BIGINT NOT NULL,
    mark_civil TEXT,
    next_ms BIGINT,
    last_job BIGINT,
    paused_at_ms BIGINT,
    gone_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX schedules_name ON schedules (name);
CREATE INDEX schedules_due ON schedules (next_ms) WHERE next_ms IS NOT NULL;
CREATE TABLE schedule_firings (
    id BIGSERIAL PRIMARY KEY,
    schedule_id BIGINT NOT NULL,
    tick_ms BIGINT,
    outcome TEXT NOT NULL,
    fired_at_ms BIGINT NOT NULL,
    job_id BIGINT,
    left_out INTEGER NOT NULL,
    note TEXT
);
CREATE UNIQUE INDEX schedule_firings_tick ON schedule_firings (schedule_id, tick_ms);
CREATE INDEX schedule_firings_newest ON schedule_firings (schedule_id, id);
CREATE INDEX schedule_firings_job ON schedule_firings (job_id) WHERE job_id IS NOT NULL;
",
}];
