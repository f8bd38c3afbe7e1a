//! A connection to PostgreSQL, as a transaction uses it.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::TryStreamExt;
use kernel::limits;
use tokio::time::Instant;
use tokio_postgres::{Client, RowStream, SimpleQueryMessage, Statement};

use super::connect::failed;
use super::{Counted, unnamed};
use crate::value::Cells;
use crate::write::Waiting;
use crate::{FromRow, Row, StoreError, Tx, Value};

/// What the server's own limit is given beyond ours, so that it answers first: a connection that says nothing after that is
/// given up.
const SILENCE: Duration = Duration::from_secs(2);

pub(crate) struct Session {
    client: Client,
    _counted: Counted,
    /// Statements that the server has planned, by their text. None behind a pooler, where the next transaction is on another
    /// connection to the server, which does not know them.
    statements: Option<RefCell<HashMap<Box<str>, Statement>>>,
    /// Until when the closure that runs may go on.
    until: Cell<Instant>,
    /// A statement is under way: the closure waits for nothing else.
    asking: Cell<bool>,
    /// A statement failed, so that the server refuses every other one until the transaction or its savepoint is rolled back.
    failed: RefCell<Option<StoreError>>,
    /// Goes to the server in front of the next statement, with it.
    before: Cell<Option<Cow<'static, str>>>,
    /// Nothing more is to be expected of this connection.
    broken: Cell<bool>,
}

impl Session {
    pub(super) fn new(client: Client, pooled: bool, counted: Counted) -> Self {
        Self {
            client,
            _counted: counted,
            statements: (!pooled).then(RefCell::default),
            until: Cell::new(Instant::now()),
            asking: Cell::new(false),
            failed: RefCell::default(),
            before: Cell::default(),
            broken: Cell::new(false),
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.get() || self.client.is_closed()
    }

    /// Gives a closure, or the engine's own statements, so much time from now.
    pub(super) fn allow(&self, time_ms: u64) {
        self.until.set(Instant::now() + Duration::from_millis(time_ms));
    }

    pub(crate) async fn execute(&self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let asked = async {
            let mut answer = pin!(self.answer(sql, params).await?);
            while answer.try_next().await.map_err(failed)?.is_some() {}
            Ok(answer.rows_affected().unwrap_or(0))
        };
        self.ask(asked).await
    }

    pub(crate) async fn all<R: FromRow>(&self, sql: &str, params: &[Value<'_>]) -> Result<Vec<R>, StoreError> {
        let asked = async {
            let rows = self.answer(sql, params).await?.map_err(failed);
            rows.try_fold(Vec::new(), async |mut read, row| {
                read.push(row);
                Ok(read)
            })
            .await
        };
        let rows = self.ask(asked).await?;
        rows.iter().map(|row| R::from_row(&Row(Cells::Postgres(row)))).collect()
    }

    /// The engine's own statements, several in one text.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.ask(async { self.client.batch_execute(sql).await.map_err(failed) }).await
    }

    /// As [`Session::batch`]; the columns of the first row that comes back, as text.
    pub(super) async fn told(&self, sql: &str) -> Result<Vec<Option<String>>, StoreError> {
        let answers = self.ask(async { self.client.simple_query(sql).await.map_err(failed) }).await?;
        let row = answers.iter().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|n| row.get(n).map(str::to_owned)).collect()),
            _ => None,
        });
        row.ok_or(StoreError::Missing)
    }

    /// What goes to the server with the next statement, in front of it: no journey of its own. When it fails, so does that
    /// statement, and the connection is given up.
    pub(super) fn before_next(&self, sql: Option<Cow<'static, str>>) {
        self.before.set(sql);
    }

    /// Whether nothing was asked since [`Session::before_next`].
    pub(super) fn has_unsaid(&self) -> bool {
        let before = self.before.take();
        let unsaid = before.is_some();
        self.before.set(before);
        unsaid
    }

    /// Whether a statement has failed since this was asked last.
    pub(super) fn take_failure(&self) -> Option<StoreError> {
        self.failed.borrow_mut().take()
    }

    /// Runs a closure to its end. One that awaits anything but its statements, or panics, is refused.
    pub(super) async fn run(&self, closure: &mut dyn Waiting, tx: &mut Tx) {
        let mut running = closure.run(tx);
        let ended = std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx))) {
            Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
            Ok(Poll::Pending) if self.asking.get() => Poll::Pending,
            Ok(Poll::Pending) => Poll::Ready(Err(StoreError::Awaited)),
            Err(_) => Poll::Ready(Err(StoreError::Panicked)),
        })
        .await;
        drop(running);
        if self.asking.replace(false) {
            // It left a statement behind, whose answer nobody reads.
            self.broken.set(true);
        }
        if let Err(why) = ended {
            closure.refuse(why);
        }
        if let Some(error) = self.take_failure()
            && closure.kept()
        {
            // It went on after a statement that failed: the server has kept nothing of what came after.
            closure.refuse(error);
        }
    }

    /// Sends a statement, with those of the parameters that it names.
    async fn answer(&self, sql: &str, params: &[Value<'_>]) -> Result<RowStream, StoreError> {
        let first = |wanted| {
            params.get(..wanted).ok_or_else(|| {
                StoreError::Statement(Arc::from(Box::from(format!("{} parameters for {wanted}", params.len()))))
            })
        };
        let Some(statements) = &self.statements else {
            let params: Vec<_> = first(unnamed::named(sql))?.iter().copied().map(unnamed::parameter).collect();
            return self.client.query_typed_raw(sql, params).await.map_err(failed);
        };
        let known = statements.borrow().get(sql).cloned();
        let statement = match known {
            Some(statement) => statement,
            None => {
                let statement = self.client.prepare(sql).await.map_err(failed)?;
                let mut statements = statements.borrow_mut();
                // Texts are constants, so this is rare: the ones in use come back at once.
                if statements.len() >= limits::STORE_STATEMENTS {
                    statements.clear();
                }
                statements.insert(sql.into(), statement.clone());
                statement
            }
        };
        let params = first(statement.params().len())?;
        self.client.query_raw(&statement, params.iter().copied()).await.map_err(failed)
    }

    async fn ask<T>(&self, asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.is_broken() {
            return Err(StoreError::unreachable("the connection is lost"));
        }
        if Instant::now() >= self.until.get() {
            return Err(self.note(StoreError::TooLong));
        }
        self.asking.set(true);
        // Sent in the order in which they are polled first.
        let both = futures_util::future::join(self.said_before(), asked);
        let answered = tokio::time::timeout_at(self.until.get() + SILENCE, both).await;
        self.asking.set(false);
        match answered {
            Ok((Ok(()), Ok(answer))) => Ok(answer),
            Ok((Ok(()), Err(error))) => Err(self.note(error)),
            Ok((Err(error), _)) => {
                self.broken.set(true);
                Err(self.note(error))
            }
            Err(_) => {
                self.broken.set(true);
                Err(self.note(StoreError::unreachable("the server does not answer")))
            }
        }
    }

    async fn said_before(&self) -> Result<(), StoreError> {
        let Some(sql) = self.before.take() else { return Ok(()) };
        self.client.batch_execute(&sql).await.map_err(failed)
    }

    fn note(&self, error: StoreError) -> StoreError {
        // What comes after the first is that the transaction has failed.
        self.failed.borrow_mut().get_or_insert_with(|| error.clone());
        error
    }
}
