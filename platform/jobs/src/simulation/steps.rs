//! What can happen in a story.

use proptest::prelude::*;

use crate::policy::{QueuePolicy, Rate};
use crate::state::Outcome;

/// Jobs are chosen by a number that is taken modulo the jobs there are, claims by how old they are (0: the newest).
#[derive(Clone, Debug)]
pub(super) enum Step {
    Insert(New),
    Promote,
    Claim { lease: i64, want: usize, free: usize },
    Settle { job: usize, lease: i64, stale: u32, outcome: Outcome },
    HandBack { job: usize, lease: i64, stale: u32 },
    Crash { lease: i64 },
    Cancel { job: usize },
    RunNow { job: usize },
    Clock { by: i64 },
    OpenBatch { callback: bool },
    SealBatch,
    PauseQueue { on: bool },
    PauseKind { on: bool },
    Limit(QueuePolicy),
}

#[derive(Clone, Debug)]
pub(super) struct New {
    pub(super) kind: &'static str,
    pub(super) delay: i64,
    pub(super) priority: i16,
    pub(super) max_attempts: u32,
    pub(super) key: &'static str,
    pub(super) unique: Option<(u8, u32)>,
    pub(super) order: Option<u8>,
    pub(super) after: Vec<usize>,
    pub(super) on_failure: bool,
    pub(super) batched: bool,
    pub(super) lease: Option<i64>,
}

pub(super) const KINDS: [&str; 2] = ["k", "l"];

fn any_new() -> impl Strategy<Value = New> {
    let masks = prop_oneof![Just(143u32), Just(143 | 16), Just(131u32)];
    let unique = prop_oneof![3 => Just(None), 1 => (0..2u8, masks).prop_map(Some)];
    let order = prop_oneof![2 => Just(None), 1 => (0..2u8).prop_map(Some)];
    let after = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(0..8usize, 1..4)];
    let lease = prop_oneof![3 => Just(None), 1 => (1..4i64).prop_map(Some)];
    (
        (
            prop::sample::select(&KINDS[..]),
            -500..2000i64,
            -1..2i16,
            1..4u32,
            prop::sample::select(&["", "", "a", "b"][..]),
        ),
        (unique, order, after, any::<bool>(), prop::bool::weighted(0.3), lease),
    )
        .prop_map(
            |((kind, delay, priority, max_attempts, key), (unique, order, after, on_failure, batched, lease))| New {
                kind,
                delay,
                priority,
                max_attempts,
                key,
                unique,
                order,
                after,
                on_failure,
                batched,
                lease,
            },
        )
}

fn any_policy() -> impl Strategy<Value = QueuePolicy> {
    let limit = || prop_oneof![2 => Just(None), 1 => (1..4u32).prop_map(Some)];
    let rate = || {
        let rate = (1..5u32, 200..2000u32, prop::option::of(1..4u32));
        let rate = rate.prop_map(|(jobs, period_ms, burst)| Some(Rate { jobs, period_ms, burst }));
        prop_oneof![3 => Just(None), 1 => rate]
    };
    (limit(), limit(), rate(), rate()).prop_map(|(concurrency, key_concurrency, rate, key_rate)| QueuePolicy {
        concurrency,
        key_concurrency,
        rate,
        key_rate,
    })
}

pub(super) fn any_step() -> impl Strategy<Value = Step> {
    let (job, lease) = (0..8usize, 1..4i64);
    let stale = prop_oneof![5 => Just(0u32), 1 => 1..3u32];
    let outcome = prop_oneof![
        4 => Just(Outcome::Complete),
        2 => Just(Outcome::Discard),
        1 => Just(Outcome::Stop),
        3 => (0..3000i64).prop_map(Outcome::RetryAt),
        1 => (0..3000i64).prop_map(Outcome::Snooze),
    ];
    prop_oneof![
        10 => any_new().prop_map(Step::Insert),
        4 => Just(Step::Promote),
        12 => (lease.clone(), 1..6usize, 0..6usize)
            .prop_map(|(lease, want, free)| Step::Claim { lease, want, free: free.min(want) }),
        14 => (job.clone(), lease.clone(), stale.clone(), outcome)
            .prop_map(|(job, lease, stale, outcome)| Step::Settle { job, lease, stale, outcome }),
        2 => (job.clone(), lease.clone(), stale)
            .prop_map(|(job, lease, stale)| Step::HandBack { job, lease, stale }),
        2 => lease.prop_map(|lease| Step::Crash { lease }),
        3 => job.clone().prop_map(|job| Step::Cancel { job }),
        3 => job.prop_map(|job| Step::RunNow { job }),
        6 => (-2000..3000i64).prop_map(|by| Step::Clock { by }),
        1 => any::<bool>().prop_map(|callback| Step::OpenBatch { callback }),
        1 => Just(Step::SealBatch),
        1 => any::<bool>().prop_map(|on| Step::PauseQueue { on }),
        1 => any::<bool>().prop_map(|on| Step::PauseKind { on }),
        1 => any_policy().prop_map(Step::Limit),
    ]
}
