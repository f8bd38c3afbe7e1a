//! Schema changes: a list a part, applied once each, in order, all or nothing.

use std::collections::HashMap;
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

/// SQLite gives out numbers only to a column of exactly this type, and never again only with AUTOINCREMENT.
fn for_sqlite(sql: &str) -> String {
    sql.replace("BIGSERIAL PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT")
}

pub(crate) fn migrate(connection: &mut Connection, migrations: &[Migration], clock: &Clock) -> Result<(), StoreError> {
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    tx.execute_batch(BOOKKEEPING)?;
    let mut applied: HashMap<(String, u32), ()> = HashMap::new();
    {
        let mut statement = tx.prepare("SELECT part, version FROM migrations")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            applied.insert((row.get(0)?, row.get(1)?), ());
        }
    }
    for migration in migrations {
        let name = format!("{}/{}", migration.part, migration.version);
        if applied.remove(&(migration.part.to_owned(), migration.version)).is_some() {
            continue;
        }
        tx.execute_batch(&for_sqlite(migration.sql)).map_err(|error| StoreError::Migration(name, Arc::new(error)))?;
        tx.execute(
            "INSERT INTO migrations (part, version, applied_at_ms) VALUES (?1, ?2, ?3)",
            rusqlite::params![migration.part, migration.version, clock.now_ms()],
        )?;
    }
    if let Some((part, version)) = applied.into_keys().min() {
        return Err(StoreError::Newer(format!("{part}/{version}")));
    }
    tx.commit()?;
    Ok(())
}
