//! Three processes on one database.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

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
