//! Figures that nobody counts as they happen: looked up now and then, for whoever reads the metrics.

use std::time::Duration;

use jobs::Jobs;
use store::StoreError;
use tokio_util::sync::CancellationToken;

/// Between two looks: as often as Prometheus asks, unless told otherwise.
const EVERY: Duration = Duration::from_secs(15);

/// Looks until told to stop. While no job changes, nothing is looked up.
pub(crate) async fn run(jobs: Jobs, stop: CancellationToken) {
    let mut seen = None;
    loop {
        // Read before the look: a change during it is seen by the next one.
        let changes = jobs.changes();
        if seen != Some(changes) {
            match stop.run_until_cancelled(look(&jobs)).await {
                Some(Ok(())) => seen = Some(changes),
                Some(Err(error)) => {
                    tracing::debug!(error = %kernel::problem::chain(&error), "jobs could not be counted for the metrics");
                }
                None => return,
            }
        }
        if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}

/// Each count is bounded, and reads an index alone.
async fn look(jobs: &Jobs) -> Result<(), StoreError> {
    for (state, count) in jobs.counts().await? {
        metrics::gauge!("jobs", "state" => state).set(count as f64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jobs::{Kind, Life, NewJob};
    use kernel::{Clock, Entropy};
    use metrics_exporter_prometheus::PrometheusBuilder;
    use store::{Durability, Store};

    use super::*;

    #[tokio::test]
    async fn every_state_has_its_figure_and_an_empty_one_is_zero() {
        let (dir, clock, entropy) = (tempfile::tempdir().expect("a directory"), Clock::manual(1), Entropy::seeded(1));
        let store =
            Store::embedded(dir.path(), Durability::Normal, jobs::MIGRATIONS, &clock, &entropy).expect("a store");
        let jobs = Jobs::new(store, clock.clone(), entropy, "test".into(), Life::Locked).await.expect("jobs");
        let recorder = PrometheusBuilder::new().build_recorder();
        let _here = metrics::set_default_local_recorder(&recorder);
        let figure = |state: &str| {
            let text = recorder.handle().render();
            let line = text.lines().find(|line| line.starts_with(&format!("jobs{{state=\"{state}\"}}")));
            line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        };
        look(&jobs).await.expect("counted");
        for state in jobs::state::State::ALL {
            assert_eq!(figure(&format!("{state:?}").to_lowercase()), Some(0.0), "{state:?}");
        }
        let kind = Kind::new("thumbnail");
        for delay_ms in [0, 0, 60_000] {
            let job = NewJob::new(kind, &delay_ms).at(clock.now_ms() + delay_ms);
            jobs.enqueue_now(job).await.expect("enqueued");
        }
        look(&jobs).await.expect("counted");
        assert_eq!((figure("available"), figure("scheduled"), figure("completed")), (Some(2.0), Some(1.0), Some(0.0)));
    }
}
