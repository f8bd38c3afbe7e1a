//! Processes of a fleet, and something that only one of them should do.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fleet::{Fleet, Leadership};
use kernel::{Clock, Entropy};
use store::{Durability, Store};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const WORK: &str = "what one should do";

/// How many do it, and how many did at most.
#[derive(Default)]
pub(crate) struct Doing {
    now: AtomicUsize,
    pub(crate) most: AtomicUsize,
}

struct Busy(Arc<Doing>);

impl Busy {
    fn begin(doing: &Arc<Doing>) -> Self {
        let now = doing.now.fetch_add(1, Ordering::SeqCst) + 1;
        doing.most.fetch_max(now, Ordering::SeqCst);
        Self(doing.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One process: it stands, and works while it leads.
pub(crate) struct Process {
    pub(crate) store: Store,
    pub(crate) fleet: Fleet,
    pub(crate) lead: Leadership,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
    working: JoinHandle<()>,
    began: watch::Receiver<u32>,
}

impl Process {
    pub(crate) async fn enter(dir: &Path, name: &str, doing: &Arc<Doing>) -> Self {
        let (clock, entropy) = (Clock::system(), Entropy::system());
        let store = testkit::open(dir, Durability::Full, fleet::MIGRATIONS, &clock, &entropy).expect("opened");
        let roles = vec!["worker".to_owned(), "scheduler".to_owned()];
        let fleet = Fleet::new(store.clone(), clock, entropy, name.to_owned(), roles).await.expect("entered");
        let (stop, (begins, began)) = (CancellationToken::new(), watch::channel(0));
        let (own, doing, stopping) = (fleet.clone(), doing.clone(), stop.clone());
        let working = tokio::spawn(async move {
            let work = || {
                let busy = Busy::begin(&doing);
                begins.send_modify(|times| *times += 1);
                async move {
                    let _busy = busy;
                    std::future::pending::<()>().await;
                }
            };
            own.while_leading(WORK, &stopping, work).await;
        });
        let mut process = Self { store, lead: fleet.lead(WORK), fleet, stop, running: None, working, began };
        process.run();
        process
    }

    /// From now on it renews its place.
    pub(crate) fn run(&mut self) {
        self.running = Some(tokio::spawn(self.fleet.clone().run(self.stop.clone())));
    }

    /// From now on nothing is heard of it.
    pub(crate) fn falls_silent(&mut self) {
        self.running.take().expect("it runs").abort();
    }

    /// From now on it is gone, with its connections, and has said nothing.
    pub(crate) async fn killed(mut self) {
        self.falls_silent();
        self.working.abort();
        self.store.close().await;
    }

    /// Waits until its work has begun so often.
    pub(crate) async fn begins(&mut self, times: u32) {
        within(self.began.wait_for(|began| *began >= times)).await.expect("it lives");
    }

    pub(crate) async fn stop(mut self) -> Store {
        self.stop.cancel();
        within(self.running.take().expect("it runs")).await.expect("it ends");
        within(self.working).await.expect("it ends");
        self.store
    }
}

/// A guard against a test that would hang.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("within half a minute")
}
