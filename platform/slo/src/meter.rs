//! Counts good and bad as the metrics pass by: a recorder around the recorder. No part has to know of objectives, and the
//! evaluation inside sees exactly what `/metrics` shows to Prometheus.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

use crate::burn::Counts;
use crate::objective::{Objective, Sli};

/// The tallies of this process since they were last taken. Clones are handles.
#[derive(Clone)]
pub struct Meter(Arc<Inner>);

struct Inner {
    objectives: &'static [Objective],
    /// All in the upper half, bad ones in the lower: both are counted, and taken, in one step. 2³² of one objective
    /// between two looks would run over; a minute holds less by three powers of ten.
    tallies: Box<[AtomicU64]>,
}

impl Meter {
    /// A meter at zero.
    pub fn new(objectives: &'static [Objective]) -> Self {
        let tallies = objectives.iter().map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Inner { objectives, tallies }))
    }

    /// Reads what passes on its way to `recorder`.
    pub fn before<R: Recorder>(&self, recorder: R) -> Metered<R> {
        Metered { meter: self.clone(), recorder }
    }

    /// What was counted since the last call, in the order of the objectives.
    pub fn take(&self) -> Vec<Counts> {
        let taken = self.0.tallies.iter().map(|tally| tally.swap(0, Ordering::AcqRel));
        taken.map(|both| Counts { bad: both & u64::from(u32::MAX), total: both >> 32 }).collect()
    }

    /// What an observation of this metric with these labels means; empty for most metrics.
    fn readings(&self, key: &Key) -> Vec<Reading> {
        let readings = self.0.objectives.iter().enumerate().filter_map(|(objective, it)| {
            Some(Reading { meter: self.clone(), objective, means: means(&it.sli, key)? })
        });
        readings.collect()
    }

    fn add(&self, objective: usize, counts: Counts) {
        let cut = |count: u64| count.min(u64::from(u32::MAX));
        self.0.tallies[objective].fetch_add(cut(counts.total) << 32 | cut(counts.bad), Ordering::AcqRel);
    }
}

/// What one observation counts as.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Means {
    Good,
    Bad,
    /// Good up to so many seconds.
    GoodWithin(f64),
    /// A bad one more; the total is counted elsewhere.
    OnlyBad,
}

fn means(sli: &Sli, key: &Key) -> Option<Means> {
    let label = |name: &str| key.labels().find(|label| label.key() == name).map_or("", |label| label.value());
    match sli {
        Sli::Share { metric, of, good, within_s } => {
            if key.name() != *metric || !of.iter().all(|it| it.holds(label)) {
                return None;
            }
            let bounded = within_s.map_or(Means::Good, Means::GoodWithin);
            Some(if good.iter().all(|it| it.holds(label)) { bounded } else { Means::Bad })
        }
        Sli::Against { all, .. } if key.name() == *all => Some(Means::Good),
        Sli::Against { bad, of, .. } => {
            (key.name() == *bad && of.iter().all(|it| it.holds(label))).then_some(Means::OnlyBad)
        }
    }
}

struct Reading {
    meter: Meter,
    objective: usize,
    means: Means,
}

impl Reading {
    fn count(&self, value: f64, n: u64) {
        let bad = match self.means {
            Means::Good => false,
            Means::GoodWithin(seconds) => value > seconds,
            Means::Bad | Means::OnlyBad => true,
        };
        let total = if self.means == Means::OnlyBad { 0 } else { n };
        self.meter.add(self.objective, Counts { bad: if bad { n } else { 0 }, total });
    }
}

/// A recorder that a [`Meter`] reads.
pub struct Metered<R> {
    meter: Meter,
    recorder: R,
}

struct Read<T> {
    inner: T,
    readings: Vec<Reading>,
}

impl CounterFn for Read<Counter> {
    fn increment(&self, value: u64) {
        self.inner.increment(value);
        self.readings.iter().for_each(|reading| reading.count(0.0, value));
    }

    /// Copies of counters that somebody else keeps: none of them is an objective's.
    fn absolute(&self, value: u64) {
        self.inner.absolute(value);
    }
}

impl HistogramFn for Read<Histogram> {
    fn record(&self, value: f64) {
        self.inner.record(value);
        self.readings.iter().for_each(|reading| reading.count(value, 1));
    }
}

impl<R: Recorder> Recorder for Metered<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.recorder.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.recorder.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.recorder.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        let inner = self.recorder.register_counter(key, metadata);
        let readings = self.meter.readings(key);
        if readings.is_empty() { inner } else { Counter::from_arc(Arc::new(Read { inner, readings })) }
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.recorder.register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        let inner = self.recorder.register_histogram(key, metadata);
        let readings = self.meter.readings(key);
        if readings.is_empty() { inner } else { Histogram::from_arc(Arc::new(Read { inner, readings })) }
    }
}

#[cfg(test)]
mod tests {
    use metrics::NoopRecorder;

    use super::*;
    use crate::objective::ALL;

    fn taken(meter: &Meter, name: &str) -> (u64, u64) {
        let at = ALL.iter().position(|objective| objective.name == name).expect("an objective");
        let counts = meter.take()[at];
        (counts.bad, counts.total)
    }

    fn answered(route: &'static str, class: &'static str, seconds: f64) {
        metrics::histogram!("http_server_request_duration_seconds",
            "method" => "GET", "route" => route, "status_class" => class)
        .record(seconds);
    }

    #[test]
    fn each_objective_counts_what_it_says() {
        let meter = Meter::new(ALL);
        let recorder = meter.before(NoopRecorder);
        metrics::with_local_recorder(&recorder, || {
            answered("/api/v1/jobs", "2xx", 0.1);
            answered("/api/v1/jobs", "4xx", 0.25);
            answered("/api/v1/jobs", "5xx", 9.0);
            answered("/metrics", "5xx", 9.0);
            assert_eq!(taken(&meter, "api_availability"), (1, 3));

            answered("/api/v1/jobs", "2xx", 0.25);
            answered("/api/v1/jobs", "2xx", 0.250_001);
            answered("/api/v1/jobs", "5xx", 0.1);
            assert_eq!(taken(&meter, "api_latency"), (1, 2), "a failure is not slow, and the bound is within");

            answered("/in/{source}", "2xx", 0.9);
            answered("/in/{source}", "4xx", 0.9);
            answered("/in/{source}", "2xx", 1.1);
            answered("/in/{source}/{token}", "5xx", 0.1);
            assert_eq!(taken(&meter, "webhook_acknowledged"), (2, 4));

            let ended = |outcome: &'static str, n| {
                metrics::counter!("jobs_total", "kind" => "k", "outcome" => outcome).increment(n)
            };
            ended("completed", 7);
            ended("retried", 5);
            ended("discarded", 2);
            assert_eq!(taken(&meter, "job_outcome"), (2, 9));

            metrics::histogram!("jobs_wait_seconds", "queue" => "q").record(5.1);
            assert_eq!(taken(&meter, "job_start"), (1, 1));

            metrics::counter!("realtime_deliveries_total").increment(400);
            metrics::counter!("realtime_disconnects_total", "code" => "3008").increment(1);
            metrics::counter!("realtime_disconnects_total", "code" => "1000").increment(1);
            assert_eq!(taken(&meter, "realtime_delivery"), (1, 400));
            assert_eq!(taken(&meter, "realtime_delivery"), (0, 0), "taken is taken");
        });
    }

    #[test]
    fn nothing_is_lost_or_counted_twice_between_threads() {
        let meter = Meter::new(ALL);
        let recorder = meter.before(NoopRecorder);
        let mut sum = Counts::default();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        metrics::with_local_recorder(&recorder, || {
                            (0..20_000).for_each(|i| answered("/api/x", if i % 4 == 0 { "5xx" } else { "2xx" }, 0.0));
                        });
                    })
                })
                .collect();
            while threads.iter().any(|thread| !thread.is_finished()) {
                let counts = meter.take()[0];
                assert!(counts.bad <= counts.total);
                sum = sum.plus(counts);
            }
        });
        sum = sum.plus(meter.take()[0]);
        assert_eq!(sum, Counts { bad: 20_000, total: 80_000 });
    }
}
