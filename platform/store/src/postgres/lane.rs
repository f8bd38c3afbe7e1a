//! The connections, and the closures that run on them.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kernel::limits;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::connect::Address;
use super::standing::Standing;
use super::{Figures, Session, replica};
use crate::lagging::Position;
use crate::tx::Link;
use crate::write::{Pace, Waiting};
use crate::{StoreError, Tx};

/// After a connection failed, nobody tries again for so long; whoever comes meanwhile is answered at once.
pub(super) const PAUSE: Duration = Duration::from_millis(500);

type Queue = mpsc::Receiver<Box<dyn Waiting>>;

/// One connection, made again when it is lost.
struct Line {
    address: Address,
    figures: Arc<Figures>,
    session: Option<Rc<Session>>,
    failed: Option<(Instant, StoreError)>,
}

impl Line {
    fn new(address: Address, figures: Arc<Figures>) -> Self {
        Self { address, figures, session: None, failed: None }
    }

    async fn session(&mut self) -> Result<Rc<Session>, StoreError> {
        if let Some(session) = self.session.take().filter(|session| !session.is_broken()) {
            self.session = Some(session.clone());
            return Ok(session);
        }
        if let Some((at, error)) = &self.failed
            && at.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        match self.address.connect().await {
            Ok(client) => {
                let session = Rc::new(Session::new(client, self.address.pooled, self.figures.connected()));
                (self.session, self.failed) = (Some(session.clone()), None);
                Ok(session)
            }
            Err(error) => {
                tracing::warn!(error = %kernel::problem::chain(&error), "the database cannot be reached");
                self.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Commits. Where there is a replica, the same journey tells how far it must come to show it.
    async fn commit(&self, session: &Session) -> Result<(), StoreError> {
        let Some(latest) = self.figures.latest.get() else { return session.batch("COMMIT").await };
        let end = replica::end(&session.told(&format!("COMMIT; {}", replica::END)).await?);
        let mut latest = latest.lock();
        *latest = latest.and(end);
        Ok(())
    }

    /// Notes a commit of so many writes.
    fn count(&self, writes: usize, started: Instant) {
        self.figures.commits.fetch_add(1, Ordering::Relaxed);
        self.figures.writes.fetch_add(writes as u64, Ordering::Relaxed);
        self.figures.last_commit_us.store(started.elapsed().as_micros() as u64, Ordering::Relaxed);
        metrics::histogram!("store_commit_seconds").record(started.elapsed().as_secs_f64());
        metrics::counter!("store_writes_total").increment(writes as u64);
    }

    /// Ends a transaction that is not to be kept. A connection that cannot even do that is given up.
    async fn undo(&mut self, session: &Session) {
        session.allow(limits::STORE_LOCK_MS);
        session.before_next(None);
        if session.is_broken() || session.batch("ROLLBACK").await.is_err() {
            self.session = None;
        }
        session.take_failure();
    }
}

/// Serves until the door is shut.
/// `lock` is held by the process that writes, until its commit.
pub(super) async fn serve_writes(address: Address, lock: i64, mut queue: Queue, figures: Arc<Figures>, full: bool) {
    let mut line = Line::new(address, figures);
    let (mut taken, mut batch) = (Vec::new(), VecDeque::new());
    while queue.recv_many(&mut taken, limits::STORE_BATCH_WRITES).await > 0 {
        wait_for_company(&mut queue, &mut taken).await;
        batch.extend(taken.drain(..));
        while !batch.is_empty() {
            let mut hooks = Vec::new();
            let (ran, commit) = commit_together(&mut line, &mut batch, (full, lock), &mut hooks).await;
            match &commit {
                Ok(()) => hooks.into_iter().for_each(|hook| hook()),
                Err(error) => tracing::error!(error = %kernel::problem::chain(error), writes = ran, "commit failed"),
            }
            for write in batch.drain(..ran) {
                write.answer(commit.clone());
            }
        }
    }
}

/// Lazy writes alone wait a little for one that is not: the commit is what costs.
async fn wait_for_company(queue: &mut Queue, taken: &mut Vec<Box<dyn Waiting>>) {
    let until = Instant::now() + Duration::from_millis(limits::STORE_LINGER_MS);
    while taken.iter().all(|write| write.pace() == Pace::Lazy) && taken.len() < limits::STORE_BATCH_WRITES {
        let Ok(Some(write)) = tokio::time::timeout_at(until, queue.recv()).await else { return };
        taken.push(write);
    }
}

/// Runs writes from the front of `batch` and commits them; how many, and the fate that they share.
async fn commit_together(
    line: &mut Line,
    batch: &mut VecDeque<Box<dyn Waiting>>,
    (full, lock): (bool, i64),
    hooks: &mut Vec<crate::tx::Hook>,
) -> (usize, Result<(), StoreError>) {
    let started = Instant::now();
    let session = match line.session().await {
        Ok(session) => session,
        Err(error) => return (batch.len(), Err(error)),
    };
    let synced = full && batch.iter().any(|write| write.pace() == Pace::Synced);
    let mut tx = Tx::new(Link::Postgres(session.clone()));
    let mut ran = 0;
    let outcome = async {
        begin(&session, synced, &format!("SELECT pg_advisory_xact_lock({lock}); SAVEPOINT one")).await?;
        run_some(&session, &mut tx, batch, started, &mut ran).await?;
        session.allow(limits::STORE_LOCK_MS);
        line.commit(&session).await
    };
    if let Err(error) = outcome.await {
        line.undo(&session).await;
        // Whoever has not run yet would have met the same server.
        return (if ran == 0 { batch.len() } else { ran }, Err(error));
    }
    *hooks = tx.hooks;
    line.count(ran, started);
    (ran, Ok(()))
}

/// Everything that a transaction needs is said in it: behind a pooler the next one may be another's connection.
async fn begin(session: &Session, synced: bool, then: &str) -> Result<(), StoreError> {
    session.take_failure();
    session.before_next(None);
    session.allow(limits::STORE_LOCK_MS);
    let sync = if synced { "on" } else { "off" };
    let sql = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {};
         SET LOCAL idle_in_transaction_session_timeout = {}; SET LOCAL synchronous_commit = {sync}; {then}",
        limits::STORE_LOCK_MS,
        limits::STORE_WRITE_MS,
        limits::STORE_IDLE_MS,
    );
    session.batch(&sql).await
}

/// Runs writes until none is left or the batch has taken its time: who ran first waits for no more than that.
async fn run_some(
    session: &Session,
    tx: &mut Tx,
    batch: &mut VecDeque<Box<dyn Waiting>>,
    started: Instant,
    ran: &mut usize,
) -> Result<(), StoreError> {
    for write in batch {
        if *ran > 0 && started.elapsed() >= Duration::from_millis(limits::STORE_BATCH_MS) {
            break;
        }
        session.allow(limits::STORE_WRITE_MS);
        *ran += 1;
        let hooks = tx.hooks.len();
        session.run(&mut **write, tx).await;
        if session.is_broken() {
            return Err(StoreError::unreachable("the connection was lost"));
        }
        if !write.kept() {
            tx.hooks.truncate(hooks);
        }
        // One that asked nothing left nothing to keep or to undo, and what is to be said for the one before it still is.
        if !session.has_unsaid() {
            // Also in front of the commit: the server would take what failed for a rollback of all.
            let end = if write.kept() { "RELEASE one; SAVEPOINT one" } else { "ROLLBACK TO one" };
            session.before_next(Some(end.into()));
        }
    }
    Ok(())
}

/// Serves until the door is shut, each write in a transaction of its own and without the lock: beside whatever else is written. It
/// waits for a row no longer than a moment: whoever holds one may wait for another that this has.
pub(super) async fn serve_beside(address: Address, mut queue: Queue, figures: Arc<Figures>) {
    let mut line = Line::new(address, figures);
    while let Some(mut write) = queue.recv().await {
        let started = Instant::now();
        let session = match line.session().await {
            Ok(session) => session,
            Err(error) => {
                write.answer(Err(error));
                continue;
            }
        };
        let mut tx = Tx::new(Link::Postgres(session.clone()));
        let outcome = async {
            let row = format!("SET LOCAL lock_timeout = {}", limits::STORE_ROW_MS);
            begin(&session, false, &row).await?;
            session.allow(limits::STORE_WRITE_MS);
            session.run(&mut *write, &mut tx).await;
            if session.is_broken() {
                return Err(StoreError::unreachable("the connection was lost"));
            }
            session.allow(limits::STORE_LOCK_MS);
            if write.kept() { line.commit(&session).await } else { session.batch("ROLLBACK").await }
        };
        let commit = outcome.await;
        match &commit {
            Ok(()) if write.kept() => {
                tx.hooks.into_iter().for_each(|hook| hook());
                line.count(1, started);
            }
            Ok(()) => {}
            Err(_) => line.undo(&session).await,
        }
        write.answer(commit);
    }
}

/// Serves until the door is shut, each read on one consistent snapshot: of the primary, or of a replica that proves itself each time.
pub(super) async fn serve_reads(address: Address, queue: Queue, figures: Arc<Figures>, replica: Option<Arc<Standing>>) {
    let queue = Rc::new(Mutex::new(queue));
    let mut readers = JoinSet::new();
    for _ in 0..limits::STORE_READ_CONNECTIONS {
        let (mut line, queue) = (Line::new(address.clone(), figures.clone()), queue.clone());
        let replica = replica.clone();
        readers.spawn_local(async move {
            loop {
                // Holding the lock while waiting is meant: one reader waits, the others wait for its place.
                let read = queue.lock().await.recv().await;
                let Some(read) = read else { return };
                serve_read(&mut line, read, replica.as_deref()).await;
            }
        });
    }
    readers.join_all().await;
}

async fn serve_read(line: &mut Line, mut read: Box<dyn Waiting>, replica: Option<&Standing>) {
    // It was lost while this one waited: nobody waits for it one after the other.
    if replica.is_some_and(|standing| !standing.may_have(Position::default(), Instant::now())) {
        return read.answer(Err(StoreError::unreachable("the replica is away")));
    }
    let session = match line.session().await {
        Ok(session) => session,
        Err(error) => {
            if let Some(standing) = replica {
                standing.lost(kernel::problem::chain(&error));
            }
            return read.answer(Err(error));
        }
    };
    let mut tx = Tx::new(Link::Postgres(session.clone()));
    let limit = limits::STORE_READ_MS;
    let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = {limit}");
    match replica {
        // With the first statement: no journey of its own.
        None => session.before_next(Some(begin.into())),
        Some(standing) => match replica::begin(&session, standing, &begin).await {
            Ok(replayed) => tx.replayed = Some(replayed),
            Err(error) => {
                line.undo(&session).await;
                return read.answer(Err(error));
            }
        },
    }
    session.allow(limits::STORE_READ_MS);
    session.run(&mut *read, &mut tx).await;
    read.answer(Ok(()));
    if session.has_unsaid() {
        // It asked nothing, so that nothing has begun.
        session.take_failure();
    } else {
        line.undo(&session).await;
    }
}
