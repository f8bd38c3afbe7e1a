//! A connection of the embedded engine, as a transaction uses it.

use std::cell::RefCell;

use rusqlite::{CachedStatement, Connection};

use super::deadline::Deadline;
use crate::value::Cells;
use crate::{FromRow, Row, StoreError, Value};

pub(crate) struct Session {
    pub(super) connection: Connection,
    pub(super) deadline: Deadline,
    /// A statement that failed for a reason of the disk. Its closure decides what to answer; the engine must know all the same.
    pub(super) trouble: RefCell<Option<StoreError>>,
}

impl Session {
    pub(super) fn new(connection: Connection, deadline: Deadline) -> Self {
        connection.set_prepared_statement_cache_capacity(kernel::limits::STORE_STATEMENTS);
        Self { connection, deadline, trouble: RefCell::default() }
    }

    pub(crate) fn execute(&self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let changed = self.bound(sql, params).and_then(|mut statement| Ok(statement.raw_execute()? as u64));
        self.noted(changed)
    }

    pub(crate) fn all<R: FromRow>(&self, sql: &str, params: &[Value<'_>]) -> Result<Vec<R>, StoreError> {
        let read = self.bound(sql, params).and_then(|mut statement| {
            let mut rows = statement.raw_query();
            let mut read = Vec::new();
            while let Some(row) = rows.next()? {
                read.push(R::from_row(&Row(Cells::Sqlite(row)))?);
            }
            Ok(read)
        });
        self.noted(read)
    }

    fn noted<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &outcome
            && error.is_of_the_disk()
        {
            *self.trouble.borrow_mut() = Some(error.clone());
        }
        outcome
    }

    fn bound(&self, sql: &str, params: &[Value<'_>]) -> Result<CachedStatement<'_>, StoreError> {
        // A short statement ends before SQLite looks at the time.
        if self.deadline.is_over() {
            return Err(StoreError::TooLong);
        }
        let mut statement = self.connection.prepare_cached(sql)?;
        for index in 1..=statement.parameter_count() {
            // SQLite numbers `$2` by its first appearance, not by its digits.
            let number: usize = statement
                .parameter_name(index)
                .and_then(|name| name.strip_prefix('$')?.parse().ok())
                .filter(|number| (1..=params.len()).contains(number))
                .ok_or(rusqlite::Error::InvalidParameterCount(params.len(), index))?;
            statement.raw_bind_parameter(index, params[number - 1])?;
        }
        Ok(statement)
    }
}
