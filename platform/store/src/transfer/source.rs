//! The SQLite side: read in one snapshot, never changed.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use kernel::{Clock, Entropy};
use rusqlite::Connection;
use rusqlite::types::{Value as Owned, ValueRef};

use super::tally::{Tally, fits, size};
use super::{BATCH_BYTES, BATCH_ROWS, Table, TransferError};
use crate::sqlite::connect;
use crate::{Migration, Store, StoreError, Value, migrate};

/// Rows between two words about a check.
const BEAT: u64 = 1_000;

pub(super) struct Source {
    pub(super) id: String,
    migrations: Vec<Migration>,
    connection: Connection,
    /// What a killed server left in the log is there to be read while this is open. It writes nothing.
    _writer: Connection,
    _lock: File,
}

/// Rows to copy in one transaction.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) rows: Vec<Vec<Owned>>,
    pub(super) bytes: u64,
}

impl Source {
    /// Takes the directory as a server would, and looks whether its database is whole and of this version.
    pub(super) fn open(dir: &Path, migrations: &[Migration], clock: &Clock) -> Result<Self, TransferError> {
        let shown = dir.display();
        Store::complete_restore(dir, clock)?;
        let file = dir.join(connect::FILE);
        if !file.exists() {
            return Err(TransferError::Refused(format!(
                "{shown} holds no database: name the data directory with --data"
            )));
        }
        let lock = connect::lock(dir)?;
        let (writer, _) = connect::writer(dir)?;
        let connection = connect::reader(&file)?;
        connection.execute_batch("BEGIN").map_err(StoreError::from)?;
        if let Some(what) = connect::damage(&connection)? {
            return Err(StoreError::Damaged(what).into());
        }
        migrate::refuse_newer(&connection, migrations)?;
        let pending = migrate::pending(&connection, migrations)?;
        if !pending.is_empty() {
            return Err(TransferError::Refused(format!(
                "the database in {shown} is of an older version ({} are missing): start this one on it once, which brings it up to \
                 date, stop it, then move",
                pending.join(", ")
            )));
        }
        let id = connection.query_row("SELECT id FROM identity", [], |row| row.get(0)).map_err(StoreError::from)?;
        Ok(Self { id, migrations: migrations.to_vec(), connection, _writer: writer, _lock: lock })
    }

    /// The names of the tables to move.
    pub(super) fn tables(&self) -> Result<Vec<String>, StoreError> {
        let sql = format!(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'migrations'
                 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND {} ORDER BY name",
            crate::backup::OWN
        );
        let mut statement = self.connection.prepare(&sql)?;
        let names = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(names)
    }

    /// The rows of all of them.
    pub(super) fn rows(&self, tables: &[Table]) -> Result<u64, StoreError> {
        let count = |table: &Table| {
            let sql = format!("SELECT count(*) FROM \"{}\"", table.name);
            Ok(self.connection.query_row(&sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
        };
        tables.iter().map(count).sum()
    }

    /// Reads a table: what it holds. `unfit` is told of each value that the target could not hold, `tell` how far it is.
    pub(super) fn tally(
        &self,
        table: &Table,
        unfit: impl FnMut(String),
        tell: impl FnMut(&Tally) -> Result<(), TransferError>,
    ) -> Result<Tally, TransferError> {
        tally(&self.connection, table, unfit, tell)
    }

    /// What the tables hold right after the migrations, which may write rows of their own.
    pub(super) fn fresh(&self, tables: &[Table], entropy: &Entropy) -> Result<Vec<Tally>, TransferError> {
        let mut connection = Connection::open_in_memory().map_err(StoreError::from)?;
        migrate::migrate(&mut connection, &self.migrations, &Clock::manual(0))?;
        connect::identity(&connection, entropy)?;
        tables.iter().map(|table| tally(&connection, table, |_| {}, |_| Ok(()))).collect()
    }

    /// The highest number that each table has ever given out.
    pub(super) fn numbers(&self) -> Result<HashMap<String, i64>, StoreError> {
        // The table is there once any other gives out numbers.
        let sql = "SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'";
        if self.connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0 {
            return Ok(HashMap::new());
        }
        let mut statement = self.connection.prepare("SELECT name, seq FROM sqlite_sequence")?;
        let numbers = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        Ok(numbers)
    }

    /// Hands over the rows of a table after the first `skip`, in an order that stays the same.
    pub(super) fn batches(
        &self,
        table: &Table,
        skip: u64,
        mut append: impl FnMut(&Batch) -> Result<(), TransferError>,
    ) -> Result<(), TransferError> {
        let failed = StoreError::from;
        let mut statement = self.connection.prepare(&scan(table)).map_err(failed)?;
        let mut rows = statement.query([skip as i64]).map_err(failed)?;
        let mut batch = Batch::default();
        while let Some(row) = rows.next().map_err(failed)? {
            let mut values = Vec::with_capacity(table.columns.len());
            for column in 0..table.columns.len() {
                let value = row.get_ref(column + 1).map_err(failed)?;
                batch.bytes += size(value);
                values.push(Owned::try_from(value).map_err(|_| StoreError::Decode { column, wanted: "UTF-8" })?);
            }
            batch.rows.push(values);
            if batch.rows.len() == BATCH_ROWS || batch.bytes >= BATCH_BYTES {
                append(&batch)?;
                batch = Batch::default();
            }
        }
        if batch.rows.is_empty() { Ok(()) } else { append(&batch) }
    }
}

/// Every row of a table but the first so many, its number in front. Numbers may change when somebody vacuums the file; their
/// order does not.
fn scan(table: &Table) -> String {
    format!("SELECT rowid, {} FROM \"{}\" ORDER BY rowid LIMIT -1 OFFSET ?1", table.columns(), table.name)
}

fn tally(
    connection: &Connection,
    table: &Table,
    mut unfit: impl FnMut(String),
    mut tell: impl FnMut(&Tally) -> Result<(), TransferError>,
) -> Result<Tally, TransferError> {
    let failed = StoreError::from;
    let mut statement = connection.prepare(&scan(table)).map_err(failed)?;
    let mut rows = statement.query([0]).map_err(failed)?;
    let mut tally = Tally::default();
    while let Some(row) = rows.next().map_err(failed)? {
        let number: i64 = row.get(0).map_err(failed)?;
        let mut values = Vec::with_capacity(table.columns.len());
        for (place, column) in table.columns.iter().enumerate() {
            let value: ValueRef<'_> = row.get_ref(place + 1).map_err(failed)?;
            values.push(fits(value, &column.wanted).unwrap_or_else(|why| {
                unfit(format!("table {}, rowid {number}, column {}: {why}", table.name, column.name));
                Value::Null
            }));
        }
        tally.add(values);
        if tally.rows.is_multiple_of(BEAT) {
            tell(&tally)?;
        }
    }
    tell(&tally)?;
    Ok(tally)
}
