//! A store of its own, a clock that stands still, jobs that run, and a receiver of what is told.

use std::sync::Arc;
use std::time::Duration;

use jobs::{Jobs, Life};
use kernel::{Clock, Entropy, Secret};
use metrics::NoopRecorder;
use outbound::{Outbound, Settings};
use slo::alert::{Alert, Change};
use slo::{Meter, Setup, Slo, Target, TargetKind};
use store::{Durability, Migration, Store};
use tokio::sync::mpsc;

/// Later than anything that works.
pub(crate) const LONG: Duration = Duration::from_secs(20);
/// The first millisecond of a day, so that an hour's pruning is due at once.
pub(crate) const START_MS: i64 = 1_800_057_600_000;

pub(crate) struct Site {
    pub(crate) dir: Arc<tempfile::TempDir>,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) jobs: Jobs,
    pub(crate) meter: Meter,
    pub(crate) slo: Slo,
    /// Every change that the bridge saw.
    pub(crate) told: mpsc::Receiver<(Alert, Change)>,
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::telling(Vec::new()).await
    }

    pub(crate) async fn telling(targets: Vec<Target>) -> Self {
        let dir = Arc::new(tempfile::tempdir().expect("a directory"));
        let clock = Clock::manual(START_MS);
        let migrations: Vec<Migration> = jobs::MIGRATIONS.iter().chain(slo::MIGRATIONS).copied().collect();
        let entropy = Entropy::seeded(1);
        let store = testkit::open(dir.path(), Durability::Full, &migrations, &clock, &entropy).expect("opened");
        let jobs = Jobs::new(store.clone(), clock.clone(), entropy, "test".to_owned(), Life::Locked).await;
        Self::over(dir, clock, store, jobs.expect("a lease"), targets)
    }

    /// Another process over the same store.
    pub(crate) fn beside(&self) -> Self {
        let (dir, clock, store) = (self.dir.clone(), self.clock.clone(), self.store.clone());
        Self::over(dir, clock, store, self.jobs.clone(), Vec::new())
    }

    fn over(dir: Arc<tempfile::TempDir>, clock: Clock, store: Store, jobs: Jobs, targets: Vec<Target>) -> Self {
        let meter = Meter::new(slo::objective::ALL);
        let (tell, told) = mpsc::channel(1000);
        let bridge: slo::Bridge = Arc::new(move |_, alert, change| {
            let kept = tell.try_send((alert.clone(), change));
            Box::pin(async move {
                kept.expect("room");
                Ok(())
            })
        });
        let slo = Slo::new(Setup {
            store: store.clone(),
            jobs: jobs.clone(),
            outbound: Outbound::new(Settings::default()),
            clock: clock.clone(),
            entropy: Entropy::system(),
            meter: meter.clone(),
            targets,
            base_url: "https://live.example.org".to_owned(),
            bridge,
        });
        Self { dir, clock, store, jobs, meter, slo, told }
    }

    /// Answers of the API pass by.
    pub(crate) fn answered(&self, good: u64, bad: u64) {
        let recorder = self.meter.before(NoopRecorder);
        metrics::with_local_recorder(&recorder, || {
            for (class, n) in [("2xx", good), ("5xx", bad)] {
                let answers = metrics::histogram!("http_server_request_duration_seconds",
                    "method" => "GET", "route" => "/api/v1/jobs", "status_class" => class);
                (0..n).for_each(|_| answers.record(0.01));
            }
        });
    }

    /// A minute with these answers goes by, and a look follows.
    pub(crate) async fn minute(&self, good: u64, bad: u64) {
        self.answered(good, bad);
        self.clock.advance(60_000);
        self.slo.look().await;
    }

    /// All and bad answers of the window, as the API shows them.
    pub(crate) async fn counted(&self) -> (u64, u64) {
        let status = serde_json::to_value(self.slo.status().await.expect("status")).expect("JSON");
        let api = &status[0];
        assert_eq!(api["name"], "api_availability");
        (api["total"].as_u64().expect("a number"), api["bad"].as_u64().expect("a number"))
    }

    /// What was told since the last call.
    pub(crate) fn heard(&mut self) -> Vec<(String, Change)> {
        let mut heard = Vec::new();
        while let Ok((alert, change)) = self.told.try_recv() {
            heard.push((format!("{} {}", alert.objective, alert.severity.word()), change));
        }
        heard
    }
}

pub(crate) fn target(kind: TargetKind, url: &str) -> Target {
    Target { kind, url: Secret::new(url) }
}
