//! What was counted is kept, and counted once.

use crate::support::Site;

#[tokio::test]
async fn a_restart_counts_nothing_twice_and_forgets_nothing() {
    let site = Site::new().await;
    site.minute(8, 2).await;
    site.answered(5, 0);
    // Half a minute, in the middle of which the process ends and another begins.
    site.clock.advance(30_000);
    site.slo.look().await;
    let next = site.beside();
    next.answered(0, 1);
    next.minute(0, 0).await;
    assert_eq!(next.counted().await, (16, 3));
    // Looking again changes nothing.
    next.slo.look().await;
    next.slo.look().await;
    assert_eq!(next.counted().await, (16, 3));
}

#[tokio::test]
async fn two_processes_add_up_within_the_same_minute() {
    let site = Site::new().await;
    let other = site.beside();
    site.answered(10, 1);
    other.answered(20, 2);
    site.clock.advance(60_000);
    other.slo.look().await;
    site.slo.look().await;
    other.slo.look().await;
    assert_eq!((site.counted().await, other.counted().await), ((33, 3), (33, 3)));
}

#[tokio::test]
async fn a_minute_that_could_not_be_written_is_written_once_later() {
    let site = Site::new().await;
    site.minute(1, 0).await;
    let lock = site.store.clone();
    // The table is away: every write of this part fails, as on a disk that is full.
    let away = async |lock: store::Store, sql: &'static str| {
        let moved: Result<u64, store::StoreError> = lock.write(async move |tx| tx.execute(sql, &[]).await).await;
        moved.expect("renamed");
    };
    away(lock.clone(), "ALTER TABLE slo_minutes RENAME TO slo_minutes_away").await;
    site.minute(2, 1).await;
    site.minute(4, 0).await;
    away(lock, "ALTER TABLE slo_minutes_away RENAME TO slo_minutes").await;
    site.minute(8, 0).await;
    assert_eq!(site.counted().await, (16, 1));
}

#[tokio::test]
async fn a_run_that_is_told_to_stop_writes_what_it_counted() {
    let site = Site::new().await;
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(site.slo.clone().run(stop.clone()));
    site.answered(7, 0);
    stop.cancel();
    tokio::time::timeout(crate::support::LONG, running).await.expect("it ends").expect("without a panic");
    let next = site.beside();
    next.slo.look().await;
    assert_eq!(next.counted().await, (7, 0));
}

#[tokio::test]
async fn minutes_older_than_the_window_are_removed() {
    let site = Site::new().await;
    site.minute(3, 0).await;
    let rows = async || {
        let count: Result<(i64,), store::StoreError> =
            site.store.read(async |tx| tx.one("SELECT COUNT(*) FROM slo_minutes", &[]).await).await;
        count.expect("a count").0
    };
    // One of availability, one of latency.
    assert_eq!(rows().await, 2);
    // The first minute after midnight, 31 days on: the hour's pruning.
    site.clock.advance(31 * 86_400_000 + 3_600_000);
    site.slo.look().await;
    assert_eq!((rows().await, site.counted().await), (0, (0, 0)));
}
