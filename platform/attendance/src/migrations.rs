//! The tables of this part.

use store::Migration;

/// Every step, in order.
pub const MIGRATIONS: &[Migration] = &[Migration {
    part: "attendance",
    version: 1,
    // Who is there belongs to the stay of a process in its fleet; people and channels belong to nobody. `gone_at_ms` is set while
    // nobody is there and that is not told.
    sql: "
CREATE TABLE attendance_stays (
    stay TEXT NOT NULL PRIMARY KEY
);
CREATE TABLE attendance_clients (
    stay TEXT NOT NULL,
    client TEXT NOT NULL,
    person TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    PRIMARY KEY (stay, client)
);
CREATE INDEX attendance_clients_by_person ON attendance_clients (person);
CREATE TABLE attendance_seats (
    stay TEXT NOT NULL,
    client TEXT NOT NULL,
    channel TEXT NOT NULL,
    person TEXT NOT NULL,
    PRIMARY KEY (stay, client, channel)
);
CREATE INDEX attendance_seats_by_channel ON attendance_seats (channel);
CREATE TABLE attendance_people (
    person TEXT NOT NULL PRIMARY KEY,
    gone_at_ms BIGINT
);
CREATE INDEX attendance_people_gone ON attendance_people (gone_at_ms) WHERE gone_at_ms IS NOT NULL;
CREATE TABLE attendance_channels (
    channel TEXT NOT NULL PRIMARY KEY,
    gone_at_ms BIGINT
);
CREATE INDEX attendance_channels_gone ON attendance_channels (gone_at_ms) WHERE gone_at_ms IS NOT NULL;
",
}];
