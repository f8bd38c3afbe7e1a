//! Jobs that wait for jobs: order and dependencies. Facts §3d, test 18.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jobs::policy::Unique;
use jobs::state::State;
use jobs::{EnqueueError, Failure, Life, NewJob};
use store::params;

use crate::support::{LONG, PLAIN, Site, get, heard, held, new_id, until, works};

#[tokio::test]
async fn jobs_of_one_order_run_one_after_the_other_whatever_happens_to_them() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear) = heard(|run| async move {
        match (run.args::<String>()?.as_str(), run.attempt()) {
            ("retry", 1) => Err(Failure::RetryAt(0, "again".to_owned())),
            ("discard", _) => Err(Failure::Discard("hopeless".to_owned())),
            _ => Ok(()),
        }
    });
    site.jobs.serve(vec![(PLAIN, handler)], 10);
    let later = site.clock.now_ms() + 500;
    let new = |how: &str| NewJob::new(PLAIN, &how).in_order("x");
    let first = site.enqueue(new("well").at(later)).await;
    let mut ids = vec![first];
    for how in ["retry", "discard", "well"] {
        ids.push(site.enqueue(new(how)).await);
    }
    let called_off = site.enqueue(new("well")).await;
    let last = site.enqueue(new("well")).await;
    assert_eq!(site.row(first).await.state, State::Scheduled);
    assert_eq!(site.row(ids[1]).await.state, State::Pending, "even the delay of the first is waited for");
    let other = site.enqueue(NewJob::new(PLAIN, &"well").in_order("y")).await;
    assert_eq!(ear.next().await.0, other, "another order does not wait");
    assert!(site.jobs.cancel(called_off).await.expect("written"));
    assert!(!site.jobs.run_now(last).await.expect("written"), "not out of its turn");
    site.advance(500);
    for (id, attempt) in [(first, 1), (ids[1], 1), (ids[1], 2), (ids[2], 1), (ids[3], 1), (last, 1)] {
        assert_eq!(ear.next().await, (id, attempt));
    }
    site.reaches(last, State::Completed).await;
    // A dead letter of the order comes back behind what is unfinished.
    let (handler, gate) = (site.enqueue(new("well").at(i64::MAX)).await, ids[2]);
    assert!(site.jobs.run_now(gate).await.expect("written"));
    assert_eq!(site.row(gate).await.state, State::Pending);
    assert!(site.jobs.cancel(handler).await.expect("written"));
    assert_eq!(ear.next().await, (gate, 1));
}

/// 40 keys, failures and retries at random: of each key the order of the first successes is the order of enqueuing, and
/// there are never two at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_orders_are_kept_under_failures() {
    const KEYS: usize = 40;
    const EACH: usize = 15;
    let site = Site::new(Life::Locked).await;
    let done = Arc::new(Mutex::new(HashMap::<usize, (bool, Vec<usize>)>::new()));
    let seen = done.clone();
    let handler = jobs::handler(move |run| {
        let seen = seen.clone();
        async move {
            let (key, n, fails): (usize, usize, u32) = run.args()?;
            {
                let mut seen = seen.lock().expect("unpoisoned");
                let (busy, _) = seen.entry(key).or_default();
                assert!(!std::mem::replace(busy, true), "two of one order at once");
            }
            tokio::task::yield_now().await;
            let mut seen = seen.lock().expect("unpoisoned");
            let (busy, order) = seen.entry(key).or_default();
            *busy = false;
            if run.attempt() <= fails {
                return Err(Failure::RetryAt(0, "not yet".to_owned()));
            }
            order.push(n);
            Ok(())
        }
    });
    site.jobs.serve(vec![(PLAIN, handler)], 8);
    let entropy = kernel::Entropy::system();
    let mut last = Vec::new();
    for n in 0..EACH {
        let new = |key: usize| NewJob::new(PLAIN, &(key, n, entropy.below(3) as u32)).in_order(key.to_string());
        last = site.jobs.enqueue_all((0..KEYS).map(new).collect()).await.expect("enqueued");
    }
    for id in last.into_iter().map(new_id) {
        site.reaches(id, State::Completed).await;
    }
    for (key, (_, order)) in done.lock().expect("unpoisoned").iter() {
        assert_eq!(*order, (0..EACH).collect::<Vec<_>>(), "key {key}");
    }
}

#[tokio::test]
async fn a_job_begins_when_all_that_it_comes_after_have_completed() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear, gate) = held(|run| match run.args::<bool>()? {
        true => Ok(()),
        false => Err(Failure::Discard("hopeless".to_owned())),
    });
    site.jobs.serve(vec![(PLAIN, handler)], 4);
    let good = site.enqueue(NewJob::new(PLAIN, &true)).await;
    let slow = site.enqueue(NewJob::new(PLAIN, &true).at(i64::MAX)).await;
    let bad = site.enqueue(NewJob::new(PLAIN, &false)).await;
    let both = site.enqueue(NewJob::new(PLAIN, &true).after(&[good, slow, good])).await;
    let then = site.enqueue(NewJob::new(PLAIN, &true).after(&[both])).await;
    let doomed = site.enqueue(NewJob::new(PLAIN, &true).after(&[good, bad])).await;
    let with_it = site.enqueue(NewJob::new(PLAIN, &true).after(&[doomed])).await;
    let anyway = site.enqueue(NewJob::new(PLAIN, &true).after_ends(&[doomed, good])).await;
    assert_eq!((ear.next().await.0, ear.next().await.0), (good, bad));
    let shown = get(&site, &format!("/api/v1/jobs/{both}")).await;
    assert_eq!(
        (shown["after"].to_string(), shown["followers"].to_string()),
        (format!("[\"{good}\",\"{slow}\"]"), format!("[\"{then}\"]"))
    );
    gate.add_permits(2);
    assert_eq!(ear.next().await.0, anyway, "it goes on whatever happened");
    assert_eq!(site.row(doomed).await.state, State::Cancelled);
    assert_eq!(site.row(with_it).await.state, State::Cancelled, "what comes after it, too");
    assert_eq!(site.row(both).await.state, State::Pending, "one of two is not all");
    gate.add_permits(9);
    assert!(site.jobs.run_now(slow).await.expect("written"));
    assert_eq!((ear.next().await.0, ear.next().await.0, ear.next().await.0), (slow, both, then));
    // Those that ended before it was enqueued.
    site.reaches(then, State::Completed).await;
    let late = site.enqueue(NewJob::new(PLAIN, &true).after(&[good, then])).await;
    assert_eq!(ear.next().await.0, late);
    let late = site.enqueue(NewJob::new(PLAIN, &true).after(&[bad])).await;
    assert_eq!(site.row(late).await.state, State::Cancelled);
    let unknown = site.jobs.enqueue_now(NewJob::new(PLAIN, &true).after(&[late, 9_999])).await;
    assert!(matches!(unknown, Err(EnqueueError::After(9_999))));
}

/// More followers than one write decides over, and a chain behind each.
#[tokio::test]
async fn a_wide_fan_out_is_decided_in_bounded_steps() {
    const WIDE: i64 = kernel::limits::JOB_LOOSE_BATCH * 3;
    let site = Site::new(Life::Locked).await;
    let root = site.enqueue(NewJob::new(PLAIN, &()).at(i64::MAX)).await;
    let new = |_| NewJob::new(PLAIN, &()).after(&[root]);
    let followers = site.jobs.enqueue_all((0..WIDE).map(new).collect()).await.expect("enqueued");
    let chain = followers.into_iter().map(|id| NewJob::new(PLAIN, &()).after(&[new_id(id)])).collect();
    site.jobs.enqueue_all(chain).await.expect("enqueued");
    assert!(site.jobs.cancel(root).await.expect("written"));
    let cancelled = async || site.jobs.counts().await.expect("read")["cancelled"];
    let at_once = cancelled().await;
    assert!(at_once > 1 && at_once < WIDE, "{at_once}");
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    until(&site.jobs, "all are called off", async || (cancelled().await == WIDE * 2 + 1).then_some(())).await;
    assert!(ear.rest().is_empty());
    assert_eq!(site.run_sql("DELETE FROM job_edges").await + site.run_sql("DELETE FROM job_loose").await, 0);
}

#[tokio::test]
async fn what_makes_two_jobs_the_same() {
    let site = Site::new(Life::Locked).await;
    let known = async |job: NewJob| match site.jobs.enqueue_now(job).await.expect("enqueued") {
        jobs::Enqueued::New(_) => None,
        jobs::Enqueued::Known(id) => Some(id),
    };
    let by_args = |n: i32| NewJob::new(PLAIN, &n).unique(Unique::by_args());
    let first = site.enqueue(by_args(1)).await;
    assert_eq!((known(by_args(1)).await, known(by_args(2)).await), (Some(first), None));
    // Once it has ended it keeps nobody out, unless a period says so.
    let hourly = || NewJob::new(PLAIN, &"hourly").unique(Unique::by_args().within(3_600_000));
    let hour = site.enqueue(hourly()).await;
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 2);
    for id in [first, hour] {
        site.reaches(id, State::Completed).await;
    }
    assert_eq!((known(by_args(1)).await, known(hourly()).await), (None, Some(hour)));
    site.clock.advance(3_599_999);
    assert_eq!(known(hourly()).await, Some(hour));
    site.clock.advance(1);
    assert_eq!(known(hourly()).await, None);
    ear.rest();
    // Only while it waits: one that runs lets the next be enqueued.
    let waiting = |at: i64| {
        let states = [State::Pending, State::Scheduled, State::Available];
        NewJob::new(PLAIN, &"waiting").at(at).unique(Unique::by_key("w").states(&states))
    };
    let later = site.clock.now_ms() + 10;
    let one = site.enqueue(waiting(later)).await;
    assert_eq!(known(waiting(later)).await, Some(one));
    site.advance(10);
    site.reaches(one, State::Completed).await;
    assert_eq!(known(waiting(i64::MAX)).await, None);
    assert!(!site.jobs.run_now(one).await.expect("written"), "its key is another's now");
    site.jobs.stop(LONG).await;
}

/// A million pending jobs are in no index that a claim reads.
#[tokio::test]
async fn claims_and_lists_use_their_indexes() {
    if testkit::on_postgres() {
        return; // It plans by what is in its tables.
    }
    let site = Site::new(Life::Locked).await;
    let plan = async |sql: &'static str| -> String {
        let rows: Result<Vec<(i64, i64, i64, String)>, store::StoreError> =
            site.store.read(async move |tx| tx.all(&format!("EXPLAIN QUERY PLAN {sql}"), params![]).await).await;
        rows.expect("read").into_iter().map(|(.., detail)| detail + "\n").collect()
    };
    for (sql, index) in [
        (
            "SELECT id FROM jobs WHERE queue = 'q' AND priority = 0 AND kind = 'k' AND job_key = '' AND id >= 7 AND state = 0 ORDER BY id LIMIT 5",
            "jobs_ready (queue=? AND priority=? AND kind=? AND job_key=? AND id>?)",
        ),
        (
            "SELECT priority, kind, job_key, id FROM jobs WHERE state = 0 AND queue = 'q' AND (priority, kind, job_key) > (1, 'a', 'b') ORDER BY priority, kind, job_key, id LIMIT 1",
            "jobs_ready (queue=? AND ",
        ),
        (
            "SELECT 1 FROM jobs WHERE state = 2 AND queue = 'q' AND job_key = 'a' LIMIT 3",
            "jobs_executing (queue=? AND job_key=?)",
        ),
        ("SELECT id FROM jobs WHERE state = 2 AND lease = 3", "jobs_executing"),
        ("SELECT MIN(run_at_ms) FROM jobs WHERE state IN (1, 3)", "jobs_due"),
        (
            "SELECT id, waits FROM jobs WHERE kind = 'k' AND order_key = 'o' AND finished_at_ms IS NULL AND state = 7 ORDER BY id LIMIT 1",
            "jobs_ordered (kind=? AND order_key=? AND state=?)",
        ),
        (
            "SELECT id FROM jobs WHERE state = 6 AND finished_at_ms < 99 ORDER BY finished_at_ms LIMIT 9",
            "jobs_ended (state=? AND finished_at_ms<?)",
        ),
        ("SELECT id FROM jobs WHERE state = 2 AND id + 0 < 99 ORDER BY id + 0 DESC LIMIT 9", "jobs_executing"),
        ("SELECT id FROM jobs WHERE state = 7 AND id + 0 < 99 ORDER BY id + 0 DESC LIMIT 9", "jobs_pending"),
        (
            "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE state IN (1, 3) AND state = 3 LIMIT 9)",
            "COVERING INDEX jobs_due",
        ),
        (
            "SELECT id FROM jobs WHERE state = 6 AND finished_at_ms IS NOT NULL AND (finished_at_ms, id) < (9, 9) ORDER BY finished_at_ms DESC, id DESC LIMIT 9",
            "jobs_ended (state=? AND ",
        ),
    ] {
        let plan = plan(sql).await;
        assert!(
            plan.contains(index) && !plan.contains("TEMP B-TREE FOR ORDER BY") | sql.contains("+ 0"),
            "{sql}\n{plan}"
        );
    }
}
