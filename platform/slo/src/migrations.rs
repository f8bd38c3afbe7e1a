//! The tables of this part.

use store::Migration;

/// Every step, in order.
pub const MIGRATIONS: &[Migration] = &[Migration {
    part: "slo",
    version: 1,
    // Minutes are written whole, by the process that counted them: writing the same row again changes nothing, so that a
    // write whose fate is unknown is simply repeated. The partial index is what makes an alert one alert.
    sql: "
CREATE TABLE slo_minutes (
    minute BIGINT NOT NULL,
    objective TEXT NOT NULL,
    process TEXT NOT NULL,
    bad BIGINT NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (minute, objective, process)
);
CREATE TABLE slo_alerts (
    id BIGSERIAL PRIMARY KEY,
    objective TEXT NOT NULL,
    severity TEXT NOT NULL,
    state TEXT NOT NULL,
    opened_at_ms BIGINT NOT NULL,
    fired_at_ms BIGINT NOT NULL,
    told_at_ms BIGINT NOT NULL,
    acknowledged_at_ms BIGINT,
    resolved_at_ms BIGINT,
    long_min BIGINT NOT NULL,
    short_min BIGINT NOT NULL,
    threshold DOUBLE PRECISION NOT NULL,
    long_burn DOUBLE PRECISION NOT NULL,
    short_burn DOUBLE PRECISION NOT NULL,
    bad BIGINT NOT NULL,
    total BIGINT NOT NULL
);
CREATE UNIQUE INDEX slo_alerts_standing ON slo_alerts (objective, severity) WHERE resolved_at_ms IS NULL;
CREATE TABLE slo_silences (
    objective TEXT NOT NULL PRIMARY KEY,
    until_ms BIGINT NOT NULL
);
",
}];
