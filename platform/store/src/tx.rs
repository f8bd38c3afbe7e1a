//! A transaction that the caller holds.

use rusqlite::{CachedStatement, Connection};

use crate::deadline::Deadline;
use crate::{FromRow, Row, StoreError, Value};

/// Runs when the commit is durable; dropped unrun when the write is rolled back.
pub(crate) type Hook = Box<dyn FnOnce() + Send>;

/// The transaction of a [`crate::Store::write`], or the snapshot of a [`crate::Store::read`].
///
/// Statements are async because an engine may sit behind a network; embedded they finish at once.
pub struct Tx {
    pub(crate) connection: Connection,
    pub(crate) deadline: Deadline,
    pub(crate) hooks: Vec<Hook>,
    /// A statement that failed for a reason of the disk. Its closure decides what to answer; the engine must know all the same.
    pub(crate) trouble: Option<StoreError>,
}

impl Tx {
    pub(crate) fn new(connection: Connection, deadline: Deadline) -> Self {
        connection.set_prepared_statement_cache_capacity(kernel::limits::STORE_STATEMENTS);
        Self { connection, deadline, hooks: Vec::new(), trouble: None }
    }

    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let changed = self.bound(sql, params).and_then(|mut statement| Ok(statement.raw_execute()? as u64));
        self.noted(changed)
    }

    /// Every row of the answer. Bound it with `LIMIT`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all<R: FromRow>(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<R>, StoreError> {
        let read = self.bound(sql, params).and_then(|mut statement| {
            let mut rows = statement.raw_query();
            let mut read = Vec::new();
            while let Some(row) = rows.next()? {
                read.push(R::from_row(&Row(row))?);
            }
            Ok(read)
        });
        self.noted(read)
    }

    /// The first row of the answer, if there is one. The statement still runs to its end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn first<R: FromRow>(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Option<R>, StoreError> {
        Ok(self.all(sql, params).await?.into_iter().next())
    }

    /// The first row, which there must be.
    ///
    /// # Errors
    /// [`StoreError::Statement`] when there is none.
    pub async fn one<R: FromRow>(&mut self, sql: &str, params: &[Value<'_>]) -> Result<R, StoreError> {
        self.first(sql, params).await?.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
    }

    /// Runs `hook` once this write is durable, before its caller is answered: to wake a worker, never to do work. It is
    /// dropped unrun when the write is rolled back.
    pub fn on_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    fn noted<T>(&mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &outcome
            && error.is_of_the_disk()
        {
            self.trouble = Some(error.clone());
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
