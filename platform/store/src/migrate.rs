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
    /// Statements as PostgreSQL reads them.
    pub sql: &'static str,
}

const BOOKKEEPING: &str = "CREATE TABLE IF NOT EXISTS migrations (
    part TEXT NOT NULL, version BIGINT NOT NULL, applied_at_ms BIGINT NOT NULL, PRIMARY KEY (part, version))";

/// SQLite gives out numbers only to a column of exactly this type, and never again only with AUTOINCREMENT. A numeric key that
/// is given by the caller is then the row's own number too, and needs no index of its own.
fn for_sqlite(sql: &str) -> String {
    sql.replace("BIGSERIAL PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT")
        .replace("BIGINT NOT NULL PRIMARY KEY", "INTEGER NOT NULL PRIMARY KEY")
}

/// Refuses a database with steps that are not in the list.
pub(crate) fn refuse_newer(connection: &Connection, migrations: &[Migration]) -> Result<(), StoreError> {
    let mut unknown = applied(connection)?;
    for migration in migrations {
        unknown.remove(&(migration.part.to_owned(), migration.version));
    }
    match unknown.into_iter().min() {
        Some((part, version)) => Err(StoreError::Newer(format!("{part}/{version}"))),
        None => Ok(()),
    }
}

/// The steps of the list that a database does not have yet.
pub(crate) fn pending(connection: &Connection, migrations: &[Migration]) -> Result<Vec<String>, StoreError> {
    let applied = applied(connection)?;
    let missing = migrations.iter().filter(|step| !applied.contains(&(step.part.to_owned(), step.version)));
    Ok(missing.map(|step| format!("{}/{}", step.part, step.version)).collect())
}

fn applied(connection: &Connection) -> Result<HashSet<(String, u32)>, StoreError> {
    let mut statement = connection.prepare("SELECT part, version FROM migrations")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn migrate(connection: &mut Connection, migrations: &[Migration], clock: &Clock) -> Result<(), StoreError> {
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    tx.execute_batch(BOOKKEEPING)?;
    refuse_newer(&tx, migrations)?;
    let applied = applied(&tx)?;
    for migration in migrations {
        let name = format!("{}/{}", migration.part, migration.version);
        if applied.contains(&(migration.part.to_owned(), migration.version)) {
            continue;
        }
        tx.execute_batch(&for_sqlite(migration.sql)).map_err(|error| StoreError::Migration(name, Arc::new(error)))?;
        tx.execute(
            "INSERT INTO migrations (part, version, applied_at_ms) VALUES (?1, ?2, ?3)",
            rusqlite::params![migration.part, migration.version, clock.now_ms()],
        )?;
    }
    tx.commit()?;
    Ok(())
}
