//! Three processes, each with a clock and, where the engine has several, a connection of its own.

use std::sync::Arc;

use fleet::Fleet;
use jobs::{Jobs, Life};
use kernel::{Clock, Entropy};
use schedules::Schedules;
use serde_json::json;
use store::Store;
use tokio::sync::Barrier;
use tokio_util::sync::CancellationToken;

use crate::support::{HOUR, LONG, MINUTE, SECOND, START_MS, Site, open};

/// What it is, its first and last moment, and how often each schedule fires in it.
type Night = (&'static str, i64, i64, &'static [(&'static str, usize)]);

/// How far the clock of each process is off.
const OFF_MS: [i64; 3] = [0, 5 * MINUTE, -5 * MINUTE];

struct Process {
    clock: Clock,
    store: Store,
    schedules: Schedules,
}

async fn process(site: &Site, off_ms: i64) -> Process {
    let clock = Clock::manual(site.clock.now_ms() + off_ms);
    let store = if testkit::on_postgres() { open(site.dir.path(), &clock) } else { site.store.clone() };
    let entropy = Entropy::system();
    let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), "test".to_owned(), Life::Renewed).await;
    let schedules = Schedules::new(store.clone(), jobs.expect("a lease"), clock.clone(), entropy);
    Process { clock, store, schedules }
}

/// Time passes for all of them, and after each step all look at once.
async fn pass(processes: &[Process], steps: i64, step_ms: i64) {
    for _ in 0..steps {
        let barrier = Arc::new(Barrier::new(processes.len()));
        let looks = processes.iter().map(|process| {
            process.clock.advance(step_ms);
            let (schedules, barrier) = (process.schedules.clone(), barrier.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                schedules.turn().await.expect("a look");
            })
        });
        for look in looks.collect::<Vec<_>>() {
            look.await.expect("it looks");
        }
    }
}

async fn three(site: &Site) -> Vec<Process> {
    let mut processes = Vec::new();
    for off_ms in OFF_MS {
        processes.push(process(site, off_ms).await);
    }
    processes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_are_ten_minutes_apart_fire_no_tick_twice_and_lose_none() {
    let site = Site::new().await;
    let minutely = site.create("minutely", json!({ "every_ms": MINUTE, "missed": "all" })).await;
    let cron = site.create("cron", json!({ "cron": "*/2 * * * *", "missed": "all", "overlap": "queue" })).await;
    pass(&three(&site).await, 40, 30 * SECOND).await;
    // The one whose clock is ahead has fired what is due by its clock.
    let expected: Vec<i64> = (1..=25).map(|n| n * MINUTE).collect();
    assert_eq!(site.fired(minutely).await, expected);
    assert_eq!(site.fired(cron).await, (1..=12).map(|n| n * 2 * MINUTE).collect::<Vec<_>>());
    let by_tick = site.jobs_by_tick().await;
    assert!(by_tick.values().all(|jobs| *jobs == 1));
    assert_eq!(site.all_jobs().await.len(), by_tick.len(), "no job without its firing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_on_which_the_clocks_change_and_a_leap_day_are_what_they_are_with_one() {
    const DAY: i64 = 24 * HOUR;
    // When it begins, after the first of March 2027; how many hours pass; and how often each expression means them.
    let nights: [Night; 3] = [
        ("the clocks skip an hour", 27 * DAY, 4, &[("30 2 * * *", 1), ("*/15 * * * *", 16), ("0 * * * *", 4)]),
        ("the clocks show an hour twice", 243 * DAY + 22 * HOUR, 6, &[("30 2 * * *", 1), ("*/15 * * * *", 24)]),
        ("a leap day", 364 * DAY + 12 * HOUR, 48, &[("0 3 29 2 *", 1), ("0 3 L * *", 1), ("0 3 * * *", 2)]),
    ];
    for (night, begins_ms, hours, expressions) in nights {
        let site = Site::new().await;
        site.clock.advance(begins_ms);
        let processes = three(&site).await;
        let mut ids = Vec::new();
        for (n, (cron, times)) in expressions.iter().enumerate() {
            let with = json!({ "cron": cron, "zone": "Europe/Berlin", "missed": "all" });
            ids.push((cron, *times, site.create(&format!("s{n}"), with).await));
        }
        pass(&processes, hours * 4, 15 * MINUTE).await;
        for (cron, times, id) in ids {
            assert_eq!(site.fired(id).await.len(), times, "{night}: {cron}");
        }
        assert!(site.jobs_by_tick().await.values().all(|jobs| *jobs == 1), "{night}");
    }
}

/// As a server runs them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_looks_and_when_it_resigns_another_goes_on() {
    let site = Site::new().await;
    let id = site.create("minutely", json!({ "every_ms": MINUTE, "missed": "all" })).await;
    let others = if testkit::on_postgres() { 2 } else { 1 };
    let mut running = Vec::new();
    for n in 0..others {
        let process = process(&site, 0).await;
        let name = format!("process {n}");
        let fleet = Fleet::new(process.store.clone(), process.clock.clone(), Entropy::system(), name, vec![]).await;
        let fleet = fleet.expect("entered");
        process.schedules.led_by(fleet.clone());
        let (stop, resign) = (CancellationToken::new(), CancellationToken::new());
        let looks = tokio::spawn(process.schedules.clone().run(stop.clone()));
        let renews = tokio::spawn(fleet.clone().run(resign.clone()));
        let leadership = fleet.lead("schedules");
        if n == 0 {
            tokio::time::timeout(LONG, leadership.elected()).await.expect("elected");
        }
        running.push((process, leadership, (stop, looks), (resign, renews)));
    }
    let mut due = 0;
    for (process, leadership, (stop, looks), (resign, renews)) in running {
        tokio::time::timeout(LONG, leadership.elected()).await.expect("elected");
        due += 1;
        process.clock.advance(due * MINUTE);
        process.schedules.wake();
        let fired = async {
            while site.fired(id).await.len() < due as usize {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, fired).await.expect("fired");
        stop.cancel();
        looks.await.expect("it ends");
        resign.cancel();
        renews.await.expect("it resigns");
    }
    assert_eq!(site.fired(id).await, (1..=due).map(|n| n * MINUTE).collect::<Vec<_>>());
    assert!(site.clock.now_ms() == START_MS && site.jobs_by_tick().await.values().all(|jobs| *jobs == 1));
}
