//! What the tests share. Nothing here sleeps: a test waits for a word from a handler, or for the engine's own signal.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use identity::Caller;
use jobs::state::State;
use jobs::{Enqueued, Failure, Handler, JobRow, Jobs, Kind, Life, NewJob, Run};
use kernel::{Clock, Entropy, limits};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use serde_json::Value;
use store::{Durability, Migration, Store, StoreError, Tx, params};
use tokio::sync::{Semaphore, mpsc};
use tower::ServiceExt;

/// Later than anything that works, earlier than a person loses patience.
pub(crate) const LONG: Duration = Duration::from_secs(20);
pub(crate) const START_MS: i64 = 1_800_000_000_000;

const EFFECTS: Migration = Migration {
    part: "effects",
    version: 1,
    sql: "CREATE TABLE effects (id BIGSERIAL PRIMARY KEY, words TEXT NOT NULL)",
};

pub(crate) fn open(dir: &Path, clock: &Clock) -> Result<Store, StoreError> {
    let migrations: Vec<Migration> = jobs::MIGRATIONS.iter().copied().chain([EFFECTS]).collect();
    testkit::open(dir, Durability::Full, &migrations, clock, &Entropy::seeded(1))
}

/// The store of another process of the fleet: on PostgreSQL with connections of its own.
pub(crate) fn open_again(store: &Store, dir: &Path, clock: &Clock) -> Store {
    if testkit::on_postgres() { open(dir, clock).expect("opened") } else { store.clone() }
}

/// Lets so much of the processes' own time pass; what they ask of the store meanwhile is answered at once. Needs a runtime of one
/// thread.
pub(crate) async fn pass(stores: &[&Store], ms: u64) {
    const STEP_MS: u64 = 250;
    for _ in 0..ms / STEP_MS {
        tokio::time::pause();
        tokio::time::advance(Duration::from_millis(STEP_MS)).await;
        tokio::time::resume();
        answered(stores).await;
    }
}

/// Whatever asked the stores before this is answered after it, and so are some questions that these answers lead to.
pub(crate) async fn answered(stores: &[&Store]) {
    for store in [stores; 2].concat() {
        tokio::task::yield_now().await;
        let wrote: Result<(i64,), StoreError> = store.write(async |tx| tx.one("SELECT 1", &[]).await).await;
        let beside: Result<(i64,), StoreError> = store.write_beside(async |tx| tx.one("SELECT 1", &[]).await).await;
        let read: Result<(i64,), StoreError> = store.read(async |tx| tx.one("SELECT 1", &[]).await).await;
        assert_eq!([wrote, beside, read].map(|answer| answer.expect("answered")), [(1,); 3]);
    }
}

/// Looks at the other processes' leases for so long as it takes to call the silent ones dead; how many jobs run again.
pub(crate) async fn watched(jobs: &Jobs, store: &Store) -> u64 {
    let mut rescued = jobs.rescue().await.expect("written");
    for _ in 0..limits::LEASE_MS / 1000 {
        pass(&[store], 1000).await;
        rescued += jobs.rescue().await.expect("written");
    }
    rescued
}

pub(crate) async fn engine(store: &Store, clock: &Clock, life: Life) -> Jobs {
    let seed = Entropy::system().u64();
    println!("seed {seed}");
    Jobs::new(store.clone(), clock.clone(), Entropy::seeded(seed), "test".to_owned(), life).await.expect("a lease")
}

/// A store of its own, a clock that stands still, and an engine that serves nothing yet.
pub(crate) struct Site {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) jobs: Jobs,
}

impl Site {
    pub(crate) async fn new(life: Life) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = Clock::manual(START_MS);
        let store = open(dir.path(), &clock).expect("opened");
        let jobs = engine(&store, &clock, life).await;
        Self { dir, clock, store, jobs }
    }

    /// Moves the clock and lets the engine know.
    pub(crate) fn advance(&self, ms: i64) {
        self.clock.advance(ms);
        self.jobs.wake();
    }

    pub(crate) async fn enqueue(&self, job: NewJob) -> i64 {
        new_id(self.jobs.enqueue_now(job).await.expect("enqueued"))
    }

    pub(crate) async fn effects(&self) -> Vec<String> {
        let rows: Result<Vec<(String,)>, StoreError> =
            self.store.read(async |tx| tx.all("SELECT words FROM effects ORDER BY id", &[]).await).await;
        rows.expect("read").into_iter().map(|(words,)| words).collect()
    }

    pub(crate) async fn run_sql(&self, sql: impl AsRef<str> + Send + 'static) -> u64 {
        let changed: Result<u64, StoreError> =
            self.store.write(async move |tx| tx.execute(sql.as_ref(), &[]).await).await;
        changed.expect("the statement runs")
    }

    pub(crate) async fn row(&self, id: i64) -> JobRow {
        self.jobs.find(id).await.expect("read").expect("the job is there")
    }

    /// How the job ended, and with which attempt.
    pub(crate) async fn settled(&self, id: i64) -> (State, u32) {
        let end = async || self.jobs.find(id).await.expect("read").filter(|job| job.finished_at_ms.is_some());
        let row = polled("the job has ended", end).await;
        (row.state, row.attempt)
    }

    /// Waits until the job is in this state.
    pub(crate) async fn reaches(&self, id: i64, state: State) -> JobRow {
        let what = format!("job {id} is {state:?}");
        until(&self.jobs, &what, async || self.jobs.find(id).await.expect("read").filter(|job| job.state == state))
            .await
    }
}

pub(crate) fn new_id(enqueued: Enqueued) -> i64 {
    match enqueued {
        Enqueued::New(id) => id,
        Enqueued::Known(id) => panic!("job {id} was there before"),
    }
}

pub(crate) async fn add_effect(tx: &mut Tx, words: &str) -> Result<(), StoreError> {
    tx.execute("INSERT INTO effects (words) VALUES ($1)", params![words]).await.map(drop)
}

/// Looks again after every change of the engine's jobs.
pub(crate) async fn until<T>(jobs: &Jobs, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            let seen = jobs.changes();
            if let Some(found) = look().await {
                return found;
            }
            jobs.change_since(seen).await;
        }
    };
    tokio::time::timeout(LONG, looking).await.unwrap_or_else(|_| panic!("it never happened that {what}"))
}

/// As [`until`], for what has no signal: looks again whenever the others have had their turn.
pub(crate) async fn polled<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, looking).await.unwrap_or_else(|_| panic!("it never happened that {what}"))
}

/// Hears handlers begin.
pub(crate) struct Ear(mpsc::UnboundedReceiver<(i64, u32)>);

impl Ear {
    /// The next job and attempt that begins.
    pub(crate) async fn next(&mut self) -> (i64, u32) {
        let next = tokio::time::timeout(LONG, self.0.recv()).await;
        next.expect("a handler begins").expect("the handlers are there")
    }

    /// What has begun and was not asked for yet.
    pub(crate) fn rest(&mut self) -> Vec<(i64, u32)> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

/// A handler that says when it begins, then does `then`.
pub(crate) fn heard<F, Fut>(then: F) -> (Handler, Ear)
where
    F: Fn(Run) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let (say, ear) = mpsc::unbounded_channel();
    let handler = jobs::handler(move |run: Run| {
        // A test that has heard enough may have gone.
        let _ = say.send((run.id(), run.attempt()));
        then(run)
    });
    (handler, Ear(ear))
}

/// A handler that succeeds at once.
pub(crate) fn works() -> (Handler, Ear) {
    heard(|_| async { Ok(()) })
}

/// A handler that goes on, one attempt a permit, to end as `then` says.
pub(crate) fn held<F>(then: F) -> (Handler, Ear, Arc<Semaphore>)
where
    F: Fn(&Run) -> Result<(), Failure> + Clone + Send + Sync + 'static,
{
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let (handler, ear) = heard(move |run| {
        let (gate, then) = (held.clone(), then.clone());
        async move {
            gate.acquire().await.expect("open").forget();
            then(&run)
        }
    });
    (handler, ear, gate)
}

pub(crate) const PLAIN: Kind = Kind::new("plain");

/// Keeps counters by name, on the thread of a single-threaded test.
#[derive(Clone, Default)]
pub(crate) struct Figures(Arc<Mutex<HashMap<String, Arc<AtomicU64>>>>);

impl Figures {
    /// A counter by its name and labels: `jobs_total kind=plain outcome=lost`.
    pub(crate) fn of(&self, name: &str) -> u64 {
        self.0.lock().expect("unpoisoned").get(name).map_or(0, |count| count.load(Ordering::SeqCst))
    }
}

impl Recorder for Figures {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels = key.labels().map(|label| format!(" {}={}", label.key(), label.value()));
        let name = key.name().to_owned() + &labels.collect::<String>();
        Counter::from_arc(self.0.lock().expect("unpoisoned").entry(name).or_default().clone())
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Sends a request as the edge would pass it on.
pub(crate) async fn send(site: &Site, caller: Caller, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let (router, _) = jobs::routes(site.jobs.clone()).split_for_parts();
    let request = Request::builder().method(method).uri(path).extension(caller);
    let request = request.header("x-mainspring-console", "1").header("content-type", "application/json");
    let request = request.body(Body::from(body.to_string())).expect("a request");
    let response = router.oneshot(request).await.expect("answered");
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).as_ref().into()))
}

/// As an administrator.
pub(crate) async fn post(site: &Site, path: &str, body: &Value) -> (u16, Value) {
    send(site, Caller::Admin, "POST", path, body).await
}

/// As an administrator.
pub(crate) async fn get(site: &Site, path: &str) -> Value {
    send(site, Caller::Admin, "GET", path, &Value::Null).await.1
}
