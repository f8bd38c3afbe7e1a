//! Several processes over one store.

use std::sync::Arc;

use schedules::{ChangeError, Schedules};
use serde_json::json;

use crate::support::{HOUR, MINUTE, SECOND, Site, seed, spec};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tickers_fire_each_tick_once() {
    const SCHEDULES: usize = 40;
    const STEPS: i64 = 25;
    let site = Site::new().await;
    for n in 0..SCHEDULES {
        let overlap = ["allow", "allow", "queue"][n % 3];
        site.create(&format!("s{n}"), json!({ "every_ms": SECOND, "overlap": overlap, "missed": "all" })).await;
    }
    let tickers: Vec<Schedules> = (0..8).map(|_| site.beside()).collect();
    for _ in 0..STEPS {
        site.clock.advance(SECOND);
        let barrier = Arc::new(tokio::sync::Barrier::new(tickers.len()));
        let looks = tickers.iter().cloned().map(|ticker| {
            let barrier = barrier.clone();
            tokio::spawn(async move {
                barrier.wait().await;
                ticker.turn().await.expect("a look")
            })
        });
        for look in looks.collect::<Vec<_>>() {
            look.await.expect("it looks");
        }
    }
    let by_tick = site.jobs_by_tick().await;
    assert_eq!(by_tick.len(), SCHEDULES * STEPS as usize);
    assert!(by_tick.values().all(|jobs| *jobs == 1));
    assert_eq!(site.all_jobs().await.len(), by_tick.len(), "no job without its firing");
}

/// Everything at once, in no order: looks of three processes, people who pause, edit, fire and delete, and a clock that jumps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_changes_fires_no_tick_twice_and_leaves_no_orphan() {
    let entropy = seed();
    let site = Site::new().await;
    let mut ids = Vec::new();
    for n in 0..6 {
        let missed = ["skip", "one", "all"][n % 3];
        let overlap = ["allow", "skip", "queue"][n / 2 % 3];
        let with = json!({ "every_ms": 7 * SECOND, "missed": missed, "missed_most": 3, "overlap": overlap });
        ids.push(site.create(&format!("s{n}"), with).await);
    }
    let processes: Vec<Schedules> = (0..3).map(|_| site.beside()).collect();
    let mut by_hand = 0;
    // So few that the bound of the history is not reached: every job must have its line.
    for _ in 0..50 {
        let jump = [SECOND, 8 * SECOND, MINUTE, -5 * SECOND, HOUR, -10 * MINUTE][entropy.below(6) as usize];
        site.clock.advance(jump);
        let mut doing: Vec<tokio::task::JoinHandle<bool>> = Vec::new();
        for process in &processes {
            let process = process.clone();
            doing.push(tokio::spawn(async move { process.turn().await.map(|_| false).expect("a look") }));
        }
        for _ in 0..entropy.below(4) {
            let process = processes[entropy.below(3) as usize].clone();
            let id = ids[entropy.below(ids.len() as u64) as usize];
            let what = entropy.below(4);
            let every_ms = (5 + entropy.below(30) as i64) * SECOND;
            doing.push(tokio::spawn(async move {
                let done = match what {
                    0 => process.pause(id).await,
                    1 => process.resume(id).await,
                    2 => {
                        process.edit(id, spec(json!({ "every_ms": every_ms, "missed": "all", "missed_most": 3 }))).await
                    }
                    _ => match process.fire_now(id).await {
                        Ok(_) => return true,
                        Err(error) => Err(error),
                    },
                };
                assert!(matches!(done, Ok(()) | Err(ChangeError::Unfinished(_))), "{done:?}");
                false
            }));
        }
        for it in doing {
            by_hand += usize::from(it.await.expect("it is done"));
        }
    }
    let by_tick = site.jobs_by_tick().await;
    assert!(by_tick.len() > 20 && by_tick.values().all(|jobs| *jobs == 1));
    let orphans =
        "SELECT COUNT(*) FROM jobs WHERE id NOT IN (SELECT job_id FROM schedule_firings WHERE job_id IS NOT NULL)";
    let twice = "SELECT COUNT(*) FROM (SELECT job_id FROM schedule_firings WHERE job_id IS NOT NULL GROUP BY job_id
        HAVING COUNT(*) > 1) AS doubled";
    let count = async |sql: &'static str| {
        let read: Result<(i64,), store::StoreError> = site.store.read(async move |tx| tx.one(sql, &[]).await).await;
        read.expect("read").0
    };
    assert_eq!((count(orphans).await, count(twice).await), (0, 0));
    println!("{} ticks fired, {by_hand} by hand", by_tick.len());
}
