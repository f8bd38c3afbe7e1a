//! Three processes on one database.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kernel::limits;
use tokio::time::Instant;

use crate::support::{Doing, Process, within};

/// One after the other: the leader falls silent, comes back, and its successor resigns.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_leads_and_when_it_falls_silent_or_resigns_another_does() {
    if !testkit::on_postgres() {
        return;
    }
    let (dir, doing) = (tempfile::tempdir().expect("a directory"), Arc::new(Doing::default()));
    let mut first = Process::enter(dir.path(), "first", &doing).await;
    first.begins(1).await;
    let mut second = Process::enter(dir.path(), "second", &doing).await;
    let mut third = Process::enter(dir.path(), "third", &doing).await;
    assert!(first.lead.leads() && !second.lead.leads() && !third.lead.leads());
    assert_eq!(first.fleet.instances().await.expect("read").len(), 3);

    let silent = Instant::now();
    first.falls_silent();
    first.lead.deposed().await;
    assert!(!second.lead.leads() && !third.lead.leads(), "it deposes itself before anybody else is elected");
    let second_leads = within(async {
        tokio::select! {
            () = second.begins(1) => true,
            () = third.begins(1) => false,
        }
    })
    .await;
    assert!(silent.elapsed() < Duration::from_secs(15), "{:?}", silent.elapsed());
    let (leader, mut other) = if second_leads { (second, third) } else { (third, second) };
    assert!(leader.lead.leads() && !other.lead.leads() && !first.lead.leads());
    let names = |instances: Vec<fleet::Instance>| instances.into_iter().map(|it| it.holder).collect::<Vec<_>>();
    assert!(!names(leader.fleet.instances().await.expect("read")).contains(&"first".to_owned()));

    // A process that was only slow finds that it was taken for dead, and follows.
    first.run();
    within(async {
        while leader.fleet.instances().await.expect("read").len() < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(leader.lead.leads() && !first.lead.leads());

    let mut told = other.store.told("fleet");
    told.mark_unchanged();
    let resigned = leader.stop().await;
    within(told.changed()).await.expect("a resignation is told");
    let begun = Instant::now();
    within(async {
        tokio::select! {
            () = first.begins(2) => {}
            () = other.begins(1) => {}
        }
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(5), "nobody's silence is waited for: {:?}", begun.elapsed());
    assert_eq!(doing.most.load(Ordering::SeqCst), 1, "never two at a time");
    resigned.close().await;
    first.stop().await.close().await;
    other.stop().await.close().await;
}

/// Three that know one another, of which the first leads.
async fn three(dir: &Path, doing: &Arc<Doing>) -> [Process; 3] {
    let mut first = Process::enter(dir, "first", doing).await;
    first.begins(1).await;
    let [second, third] = [Process::enter(dir, "second", doing).await, Process::enter(dir, "third", doing).await];
    is_known(&first, [&second, &third]).await;
    [first, second, third]
}

/// Whoever begins to do it next, and the other.
async fn successor(mut one: Process, mut other: Process) -> (Process, Process) {
    let one_leads = within(async {
        tokio::select! {
            () = one.begins(1) => true,
            () = other.begins(1) => false,
        }
    })
    .await;
    if one_leads { (one, other) } else { (other, one) }
}

/// Waits until a process's connection is known to the others. They count twice a second, and have looked since at what belongs to whom.
async fn is_known(process: &Process, others: [&Process; 2]) {
    for other in others {
        within(async {
            while !other.store.connected().await.expect("read").contains(&process.store.connection().number()) {
                tokio::task::yield_now().await;
            }
            beats(other).await;
        })
        .await;
    }
}

/// Waits until a process has renewed its place by the clock, which is longer than a count takes.
async fn beats(process: &Process) {
    let renewed_at_ms = async || {
        let instances = process.fleet.instances().await.expect("read");
        instances.into_iter().find(|it| it.here).map_or(0, |it| it.renewed_at_ms)
    };
    let begun_at_ms = renewed_at_ms().await;
    while renewed_at_ms().await < begun_at_ms + limits::FLEET_BEAT_MS.cast_signed() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_killed_is_missed_at_once() {
    if !testkit::on_postgres() {
        return;
    }
    let (dir, doing) = (tempfile::tempdir().expect("a directory"), Arc::new(Doing::default()));
    let [first, second, third] = three(dir.path(), &doing).await;
    let killed = Instant::now();
    first.killed().await;
    let (leader, other) = successor(second, third).await;
    let took = killed.elapsed();
    assert!(took < Duration::from_millis(limits::FLEET_SILENT_MS / 2), "its silence was waited for: {took:?}");
    assert!(leader.lead.leads() && !other.lead.leads());
    leader.stop().await.close().await;
    other.stop().await.close().await;
}

/// The connection of the leader is ended by the server: it is there with another, and was never gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_only_loses_its_connection_goes_on_leading() {
    if !testkit::on_postgres() {
        return;
    }
    let (dir, doing) = (tempfile::tempdir().expect("a directory"), Arc::new(Doing::default()));
    let [first, second, third] = three(dir.path(), &doing).await;
    let (stay, mut connection) = (first.fleet.stay(), first.store.connection());
    let before = connection.number();
    let end = async move |tx: &mut store::Tx| {
        let sql = "SELECT COUNT(CASE WHEN pg_terminate_backend(pid) THEN 1 END) FROM pg_locks
             WHERE locktype = 'advisory' AND objsubid = 2 AND CAST(objid AS BIGINT) = $1";
        tx.one::<(i64,)>(sql, store::params![before]).await
    };
    assert_eq!(second.store.write(end).await.expect("ended"), (1,));
    within(async {
        while [0, before].contains(&connection.number()) {
            connection.changed().await;
        }
        beats(&second).await;
        first.lead.elected().await;
    })
    .await;
    assert!(!second.lead.leads() && !third.lead.leads());
    assert_eq!(first.fleet.stay(), stay, "nobody took it for dead");
    assert_eq!(doing.most.load(Ordering::SeqCst), 1, "never two at a time");
    for process in [first, second, third] {
        process.stop().await.close().await;
    }
}
