//! The tables of this part.

use store::Migration;

/// Every step, in order.
pub const MIGRATIONS: &[Migration] = &[TABLES, CONNECTIONS];

const TABLES: Migration = Migration {
    part: "fleet",
    version: 1,
    // A leader whose instance is gone is none. `term` counts how often the lead changed hands.
    sql: "
CREATE TABLE instances (
    id TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    roles TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at_ms BIGINT NOT NULL,
    renewed_at_ms BIGINT NOT NULL,
    beat BIGINT NOT NULL
);
CREATE TABLE leaders (
    name TEXT NOT NULL PRIMARY KEY,
    instance TEXT NOT NULL,
    term BIGINT NOT NULL
);
",
};

const CONNECTIONS: Migration = Migration {
    part: "fleet",
    version: 2,
    // A process of the release before has none.
    sql: "-- expands
ALTER TABLE instances ADD COLUMN connection BIGINT NOT NULL DEFAULT 0;
",
};
