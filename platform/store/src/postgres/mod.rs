//! The engine of a fleet: a PostgreSQL database that several processes share.
//!
//! As embedded, the waiting writes of a process run one after the other in one transaction, each under its savepoint, and share
//! one commit. A lock of the database, held until that commit, lets one process at a time do so: a closure sees what every
//! committed one before it wrote, and nothing runs beside it but what says that it may ([`crate::Store::write_beside`]). Reads have
//! connections of their own.

mod connect;
mod lane;
mod notify;
mod replica;
mod session;
mod standing;
mod unnamed;
mod value;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use kernel::{Clock, Entropy, Secret, limits};
use parking_lot::Mutex;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

pub(crate) use self::connect::{Address, failed, prepare};
use self::replica::Replica;
pub(crate) use self::session::Session;
use crate::hints::Hints;
use crate::lagging::Position;
use crate::liveness::Connections;
use crate::write::{Door, Pace};
use crate::{Durability, Examined, Migration, OldTransaction, Stats, StoreError, Tx};

pub(crate) struct Postgres {
    id: String,
    durability: Durability,
    writes: Door,
    beside: Door,
    reads: Arc<Door>,
    /// Whether the database, and so its replica, is reached through a pooler.
    pooled: bool,
    replica: OnceLock<Replica>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    figures: Arc<Figures>,
    hints: Arc<Hints>,
    connections: Arc<Connections>,
}

#[derive(Default)]
pub(crate) struct Figures {
    commits: AtomicU64,
    writes: AtomicU64,
    last_commit_us: AtomicU64,
    /// Connections made.
    connections: AtomicU64,
    /// Connections that are open.
    open: AtomicU64,
    /// Age of the oldest transaction that was found last.
    oldest_s: AtomicU64,
    /// The end of the log after the last commit; kept where there is a replica.
    latest: OnceLock<Mutex<Position>>,
}

/// A connection that is open, as long as this lives.
pub(crate) struct Counted(Arc<Figures>);

impl Figures {
    fn connected(self: &Arc<Self>) -> Counted {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        Counted(self.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Postgres {
    /// Where there is a direct address, `url` leads through a pooler.
    pub(crate) async fn open(
        (url, direct): (&Secret, Option<&Secret>),
        durability: Durability,
        migrations: &[Migration],
        clock: &Clock,
        entropy: &Entropy,
    ) -> Result<Self, StoreError> {
        let own = Address::parse(direct.unwrap_or(url))?;
        let id = connect::prepare(&mut own.connect().await?, migrations, clock, entropy).await?;
        let address = if direct.is_some() { connect::pooled(url, &id).await? } else { own.clone() };
        let figures = Arc::new(Figures::default());
        let (writes, queue) = Door::new();
        let (at, noted, full) = (address.clone(), figures.clone(), durability == Durability::Full);
        let lock = lock_of(&id);
        let writer = spawn("store-writer", move || lane::serve_writes(at, lock, queue, noted, full)).await?;
        let (reads, queue) = Door::new();
        let pooled = address.pooled;
        let (beside, aside) = Door::new();
        let (hints, connections) = (Arc::new(Hints::default()), Arc::new(Connections::new(entropy.clone())));
        let (noted, name) = (figures.clone(), id.clone());
        let carried = (hints.clone(), connections.clone());
        let readers = async move || {
            let stop = CancellationToken::new();
            let carrying = notify::carry(own, name, carried, noted.clone(), stop.clone());
            let reading = async {
                let writing = lane::serve_beside(address.clone(), aside, noted.clone());
                tokio::join!(lane::serve_reads(address, queue, noted, None), writing);
                stop.cancel();
            };
            tokio::join!(reading, carrying);
        };
        let readers = spawn("store-readers", readers).await?;
        let (reads, threads) = (Arc::new(reads), Mutex::new(vec![writer, readers]));
        let replica = OnceLock::new();
        Ok(Self { id, durability, writes, beside, reads, pooled, replica, threads, figures, hints, connections })
    }

    /// Looks at a database without changing it.
    pub(crate) async fn examine(url: &Secret, migrations: &[Migration]) -> Result<Examined, StoreError> {
        let client = Address::parse(url)?.connect().await?;
        Ok(Examined { damage: None, pending: connect::pending(&client, migrations).await? })
    }

    pub(crate) async fn write<T, E, F>(&self, write: F, pace: Pace) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writes.pass(write, pace, || {}).await
    }

    pub(crate) async fn write_beside<T, E, F>(&self, write: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.beside.pass(write, Pace::Relaxed, || {}).await
    }

    pub(crate) async fn read<T, E, F>(&self, read: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.reads.pass(read, Pace::Relaxed, || {}).await
    }

    pub(crate) async fn attach_replica(&self, url: &Secret) -> Result<(), StoreError> {
        let mut address = Address::parse(url)?;
        address.pooled = self.pooled;
        let (replica, serve) = Replica::new(address, &self.id, self.reads.clone(), self.figures.clone());
        let thread = spawn("store-replica", || serve()).await?;
        self.threads.lock().push(thread);
        // Noted from the next commit on, before anybody can ask the replica.
        self.figures.latest.get_or_init(Mutex::default);
        if let Err(second) = self.replica.set(replica) {
            second.shut();
        }
        Ok(())
    }

    pub(crate) fn replica(&self) -> Option<&Replica> {
        self.replica.get()
    }

    pub(crate) fn position(&self) -> Option<Position> {
        self.figures.latest.get().map(|latest| *latest.lock())
    }

    pub(crate) async fn probe(&self) -> Result<(), StoreError> {
        self.read(async |tx| tx.one::<(i64,)>("SELECT 1", &[]).await.map(drop)).await?;
        self.write(async |tx| tx.one::<(i64,)>("SELECT 1", &[]).await.map(drop), Pace::Relaxed).await
    }

    pub(crate) async fn clock_off_ms(&self, clock: &Clock) -> Result<i64, StoreError> {
        let before_ms = clock.now_ms();
        let sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        let (theirs_ms,): (i64,) =
            self.read(async move |tx| tx.one(sql, &[]).await).await.map_err(|e: StoreError| e)?;
        // The answer is of some moment between the question and now.
        Ok((before_ms - theirs_ms).max(0) + (clock.now_ms() - theirs_ms).min(0))
    }

    pub(crate) async fn oldest_transaction(&self) -> Result<Option<OldTransaction>, StoreError> {
        let sql = "SELECT CAST(pid AS BIGINT), CAST(EXTRACT(EPOCH FROM clock_timestamp() - xact_start) AS BIGINT), application_name
             FROM pg_stat_activity WHERE datname = current_database() AND COALESCE(backend_xmin, backend_xid) IS NOT NULL
                 AND pid <> pg_backend_pid()
             ORDER BY xact_start LIMIT 1";
        let row: Result<Option<(i64, i64, String)>, StoreError> =
            self.read(async move |tx| tx.first(sql, &[]).await).await;
        let oldest = row?.map(|(pid, age_s, program)| OldTransaction { pid, age_s, program });
        let age_s = oldest.as_ref().map_or(0, |oldest| oldest.age_s.max(0).unsigned_abs());
        self.figures.oldest_s.store(age_s, Ordering::Relaxed);
        Ok(oldest)
    }

    pub(crate) fn hints(&self) -> &Hints {
        &self.hints
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    pub(crate) async fn connected(&self) -> Result<BTreeSet<i64>, StoreError> {
        let class = i64::from(connections_of(&self.id).cast_unsigned());
        let sql = "SELECT CAST(objid AS BIGINT) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
                 AND CAST(classid AS BIGINT) = $1
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let numbers: Result<Vec<(i64,)>, StoreError> =
            self.read(async move |tx| tx.all(sql, crate::params![class]).await).await;
        Ok(numbers?.into_iter().map(|(number,)| number).collect())
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn stats(&self) -> Stats {
        let replica = self.replica.get().map(Replica::standing);
        let reads = limits::STORE_READ_CONNECTIONS as u64;
        Stats {
            engine: "postgres",
            durability: self.durability,
            size_bytes: 0,
            wal_bytes: 0,
            wal_used_bytes: 0,
            free_bytes: None,
            commits_total: self.figures.commits.load(Ordering::Relaxed),
            writes_total: self.figures.writes.load(Ordering::Relaxed),
            checkpoints_total: 0,
            last_commit_ms: self.figures.last_commit_us.load(Ordering::Relaxed) as f64 / 1000.0,
            last_checkpoint_ms: 0.0,
            connections: self.figures.open.load(Ordering::Relaxed),
            // One that writes, one beside it, one that listens; to a replica as many that read, and one that looks.
            connections_most: if replica.is_some() { reads * 2 + 4 } else { reads + 3 },
            connections_total: self.figures.connections.load(Ordering::Relaxed),
            oldest_transaction_s: self.figures.oldest_s.load(Ordering::Relaxed),
            waiting_writes: self.writes.waiting() + self.beside.waiting(),
            waiting_reads: self.reads.waiting(),
            replica,
        }
    }

    pub(crate) async fn close(&self) {
        if let Some(replica) = self.replica.get() {
            replica.shut();
        }
        self.reads.shut();
        self.beside.shut();
        self.writes.shut();
        let threads = std::mem::take(&mut *self.threads.lock());
        // They end when they have served what was accepted; a panic of one has been printed already.
        let end = move || threads.into_iter().for_each(|thread| drop(thread.join()));
        let _ = tokio::task::spawn_blocking(end).await;
    }
}

/// The lock of this store's writers: several stores may be schemas of one database. FNV-1a, the same in every version.
fn lock_of(id: &str) -> i64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        as i64
}

/// The first half of the locks that this store's connections hold; the second is the number of each.
fn connections_of(id: &str) -> i32 {
    (lock_of(id) >> 32) as i32
}

/// A thread with a runtime of its own: closures are polled where their connection lives and need not be sendable.
async fn spawn<F>(name: &str, body: impl FnOnce() -> F + Send + 'static) -> Result<JoinHandle<()>, StoreError>
where
    F: Future<Output = ()>,
{
    let (started, start) = oneshot::channel();
    let serve = move || {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let _ = started.send(Ok(()));
                runtime
            }
            Err(error) => return drop(started.send(Err(StoreError::Unavailable(Arc::new(error))))),
        };
        LocalSet::new().block_on(&runtime, body());
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(serve);
    let thread = thread.map_err(|error| StoreError::Unavailable(Arc::new(error)))?;
    start.await.unwrap_or(Err(StoreError::Closed))?;
    Ok(thread)
}
