//! A transaction that the caller holds.

use std::rc::Rc;

use crate::lagging::Position;
use crate::{FromRow, StoreError, Value, postgres, sqlite};

/// Runs when the commit is durable; dropped unrun when the write is rolled back.
pub(crate) type Hook = Box<dyn FnOnce() + Send>;

/// The transaction of a [`crate::Store::write`], or the snapshot of a [`crate::Store::read`].
///
/// Statements are async because an engine may sit behind a network; embedded they finish at once.
pub struct Tx {
    link: Link,
    /// Where its snapshot is in the log, when it is a replica's.
    pub(crate) replayed: Option<Position>,
    pub(crate) hooks: Vec<Hook>,
}

/// The connection, which the engine shares on the same thread.
pub(crate) enum Link {
    Sqlite(Rc<sqlite::Session>),
    Postgres(Rc<postgres::Session>),
}

impl Tx {
    pub(crate) fn new(link: Link) -> Self {
        Self { link, replayed: None, hooks: Vec::new() }
    }

    /// Whether each statement is a journey to a server, which takes lists ([`Value::Ints`], [`Value::Texts`]): many rows in one
    /// statement are worth a text of their own there. Where statements cost nothing, there are no lists.
    pub fn takes_lists(&self) -> bool {
        matches!(self.link, Link::Postgres(_))
    }

    /// Of two ways to say something the one that this engine reads: for the few statements that have no common words, such as a
    /// search in an index of words.
    pub fn either<T>(&self, sqlite: T, postgres: T) -> T {
        match self.link {
            Link::Sqlite(_) => sqlite,
            Link::Postgres(_) => postgres,
        }
    }

    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        match &self.link {
            Link::Sqlite(session) => session.execute(sql, params),
            Link::Postgres(session) => session.execute(sql, params).await,
        }
    }

    /// Every row of the answer. Bound it with `LIMIT`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all<R: FromRow>(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<R>, StoreError> {
        match &self.link {
            Link::Sqlite(session) => session.all(sql, params),
            Link::Postgres(session) => session.all(sql, params).await,
        }
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
    /// [`StoreError::Missing`] when there is none.
    pub async fn one<R: FromRow>(&mut self, sql: &str, params: &[Value<'_>]) -> Result<R, StoreError> {
        self.first(sql, params).await?.ok_or(StoreError::Missing)
    }

    /// Runs `hook` once this write is durable, before its caller is answered: to wake a worker, never to do work. It is
    /// dropped unrun when the write is rolled back.
    pub fn on_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }
}
