//! Schema changes: a list a part, applied once each, in order, all or nothing.

use std::collections::HashSet;
use std::sync::Arc;

use kernel::Clock;
use rusqlite::Connection;

use crate::StoreError;

/// One step of a part's schema. Its SQL never changes once it is released: a change is a further step.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// The part that owns the tables.
    pub part: &'static str,
    /// 1, 2, 3 … within the part.
    pub version: u32,
    /// Statements as PostgreSQL reads them. Behind `-- expands` in the first line, they only add what an older binary need not know (a
    /// table, an index, a column with a default): it goes on beside a newer one, and may start again. So a fleet is renewed process by
    /// process; what the older one needed goes in a later release, when none of it is left.
    ///
    /// What follows a line `-- only sqlite` or `-- only postgres`, up to the next such line or `-- both`, is for that engine alone: what the
    /// engines have no common words for, such as an index of words. Tables that only SQLite has hold nothing of their own: a virtual
    /// table and what it keeps is left out of a move ([`crate::transfer`]) and of the digests of a backup.
    pub sql: &'static str,
}

/// In front of the part's name in the row that says of a step that it only adds.
const EXPANDS: &str = "expands:";

impl Migration {
    /// The names under which the step is noted as applied.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        let expands = self.sql.trim_start().starts_with("-- expands\n");
        [Some(self.part.to_owned()), expands.then(|| format!("{EXPANDS}{}", self.part))].into_iter().flatten()
    }

    /// `part/version`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.part, self.version)
    }
}

pub(crate) const BOOKKEEPING: &str = "CREATE TABLE IF NOT EXISTS migrations (
    part TEXT NOT NULL, version BIGINT NOT NULL, applied_at_ms BIGINT NOT NULL, PRIMARY KEY (part, version))";

/// The lines of a step that an engine reads.
fn only(sql: &str, engine: &str) -> String {
    let mut reads = true;
    let of_engine = |line: &&str| {
        match line.strip_prefix("-- only ") {
            Some(named) => reads = named.trim() == engine,
            None => reads |= line.trim_end() == "-- both",
        }
        reads
    };
    sql.lines().filter(of_engine).flat_map(|line| [line, "\n"]).collect()
}

/// SQLite gives out numbers only to a column of exactly this type, and never again only with AUTOINCREMENT. A numeric key that
/// is given by the caller is then the row's own number too, and needs no index of its own.
fn for_sqlite(sql: &str) -> String {
    only(sql, "sqlite")
        .replace("BIGSERIAL PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT")
        .replace("BIGINT NOT NULL PRIMARY KEY", "INTEGER NOT NULL PRIMARY KEY")
}

/// Texts are compared by their bytes on every engine, in whatever language a server was installed.
pub(crate) fn for_postgres(sql: &str) -> String {
    only(sql, "postgres")
        .replace(" TEXT NOT NULL", " TEXT COLLATE \"C\" NOT NULL")
        .replace(" TEXT,", " TEXT COLLATE \"C\",")
        .replace(" TEXT\n", " TEXT COLLATE \"C\"\n")
        .replace(" TEXT;", " TEXT COLLATE \"C\";")
}

/// The steps that a database has: part and version.
pub(crate) type Applied = HashSet<(String, u32)>;

/// Refuses a database with steps that are not in the list, but those that only add.
pub(crate) fn refuse_unknown(applied: &Applied, migrations: &[Migration]) -> Result<(), StoreError> {
    crate::transfer::refuse_unfinished(applied)?;
    let known: Applied = migrations.iter().map(|step| (step.part.to_owned(), step.version)).collect();
    let only_adds = |(part, version): &(String, u32)| {
        part.starts_with(EXPANDS) || applied.contains(&(format!("{EXPANDS}{part}"), *version))
    };
    match applied.difference(&known).filter(|step| !only_adds(step)).min() {
        Some((part, version)) => Err(StoreError::Newer(format!("{part}/{version}"))),
        None => Ok(()),
    }
}

/// The steps of the list that a database does not have yet, in their order.
pub(crate) fn missing<'a>(applied: &'a Applied, migrations: &'a [Migration]) -> impl Iterator<Item = &'a Migration> {
    migrations.iter().filter(|step| !applied.contains(&(step.part.to_owned(), step.version)))
}

/// Refuses a database with steps that are not in the list.
pub(crate) fn refuse_newer(connection: &Connection, migrations: &[Migration]) -> Result<(), StoreError> {
    refuse_unknown(&applied(connection)?, migrations)
}

/// The names of the steps that a database does not have yet.
pub(crate) fn pending(connection: &Connection, migrations: &[Migration]) -> Result<Vec<String>, StoreError> {
    let applied = applied(connection)?;
    Ok(missing(&applied, migrations).map(Migration::name).collect())
}

fn applied(connection: &Connection) -> Result<Applied, StoreError> {
    let mut statement = connection.prepare("SELECT part, version FROM migrations")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn migrate(connection: &mut Connection, migrations: &[Migration], clock: &Clock) -> Result<(), StoreError> {
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    tx.execute_batch(BOOKKEEPING)?;
    let applied = applied(&tx)?;
    refuse_unknown(&applied, migrations)?;
    for migration in missing(&applied, migrations) {
        tx.execute_batch(&for_sqlite(migration.sql))
            .map_err(|error| StoreError::Migration(migration.name(), Arc::new(error)))?;
        for note in migration.notes() {
            tx.execute(
                "INSERT INTO migrations (part, version, applied_at_ms) VALUES (?1, ?2, ?3)",
                rusqlite::params![note, migration.version, clock.now_ms()],
            )?;
        }
    }
    tx.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_reads_what_is_for_both_and_what_is_for_it() {
        let sql = "one;\n-- only sqlite\ntwo;\n-- only postgres\nthree TEXT NOT NULL;\n-- both\nfour BIGSERIAL PRIMARY KEY;\n";
        let sqlite = for_sqlite(sql);
        assert!(sqlite.contains("one;") && sqlite.contains("two;") && !sqlite.contains("three"), "{sqlite}");
        assert!(sqlite.contains("four INTEGER PRIMARY KEY AUTOINCREMENT;"), "{sqlite}");
        let postgres = for_postgres(sql);
        assert!(postgres.contains("one;") && !postgres.contains("two;"), "{postgres}");
        assert!(
            postgres.contains("three TEXT COLLATE \"C\" NOT NULL;") && postgres.contains("four BIGSERIAL"),
            "{postgres}"
        );
        assert_eq!(only("-- expands\nCREATE TABLE a (b TEXT);", "sqlite"), "-- expands\nCREATE TABLE a (b TEXT);\n");
    }
}
