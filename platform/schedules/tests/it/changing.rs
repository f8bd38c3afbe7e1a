//! What people change, and what that does to ticks.

use schedules::{ChangeError, Outcome};
use serde_json::json;

use crate::support::{HOUR, MINUTE, SECOND, Site, spec};

#[tokio::test]
async fn what_falls_due_while_paused_is_not_missed() {
    let site = Site::new().await;
    let id = site.create("hourly", json!({ "cron": "@hourly", "missed": "all" })).await;
    site.schedules.pause(id).await.expect("paused");
    site.schedules.pause(id).await.expect("and again");
    site.pass(5 * HOUR + MINUTE).await;
    let seen = site.schedules.find(id).await.expect("read").expect("there");
    assert_eq!((seen.row.next_ms, seen.next.len()), (None, 10), "what it would do is shown");
    site.schedules.resume(id).await.expect("resumed");
    site.schedules.resume(id).await.expect("and again");
    site.schedules.turn().await.expect("a look");
    assert!(site.firings(id).await.is_empty());
    site.pass(HOUR).await;
    assert_eq!(site.fired(id).await, [6 * HOUR]);
}

/// Resumed while the clock is behind: the mark is set back, and the row of the tick refuses it.
#[tokio::test]
async fn a_tick_that_fired_does_not_fire_again_when_the_clock_was_behind() {
    let site = Site::new().await;
    let id = site.create("hourly", json!({ "cron": "@hourly" })).await;
    site.pass(HOUR).await;
    site.clock.advance(-MINUTE);
    site.schedules.pause(id).await.expect("paused");
    site.schedules.resume(id).await.expect("resumed");
    site.pass(MINUTE).await;
    assert_eq!((site.fired(id).await, site.all_jobs().await.len()), (vec![HOUR], 1));
    site.pass(HOUR).await;
    assert_eq!(site.fired(id).await, [HOUR, 2 * HOUR]);
}

#[tokio::test]
async fn an_edit_of_when_counts_from_now_and_one_of_what_keeps_the_place() {
    let site = Site::new().await;
    let id = site.create("it", json!({ "cron": "@hourly", "missed": "all" })).await;
    site.clock.advance(2 * HOUR + MINUTE);
    // What: the two ticks that nobody looked at are still to fire, with the new arguments.
    site.schedules.edit(id, spec(json!({ "cron": "@hourly", "missed": "all", "args": 7 }))).await.expect("edited");
    site.schedules.turn().await.expect("a look");
    assert_eq!(site.fired(id).await, [HOUR, 2 * HOUR]);
    // When: from now on.
    site.clock.advance(HOUR);
    site.schedules.edit(id, spec(json!({ "every_ms": 10 * MINUTE, "missed": "all" }))).await.expect("edited");
    site.schedules.turn().await.expect("a look");
    assert_eq!(site.fired(id).await.len(), 2);
    site.pass(10 * MINUTE).await;
    assert_eq!(site.fired(id).await.last(), Some(&(3 * HOUR + 11 * MINUTE)));
    let never = site.schedules.edit(id, spec(json!({ "cron": "0 0 31 2 *" }))).await;
    assert!(matches!(never, Err(ChangeError::Invalid(wrong)) if wrong[0].pointer == "/cron"));
}

#[tokio::test]
async fn one_fired_by_hand_is_beside_the_ticks() {
    let site = Site::new().await;
    let id = site.create("hourly", json!({ "cron": "@hourly", "overlap": "skip" })).await;
    site.schedules.pause(id).await.expect("paused");
    let firing = site.schedules.fire_now(id).await.expect("fired");
    assert_eq!((firing.tick_ms, firing.outcome, firing.job.is_some()), (None, Outcome::Enqueued, true));
    let busy = site.schedules.fire_now(id).await;
    assert!(matches!(busy, Err(ChangeError::Unfinished(job)) if Some(job) == firing.job));
    site.cancel_all().await;
    site.schedules.resume(id).await.expect("resumed");
    site.pass(HOUR).await;
    assert_eq!(site.fired(id).await, [HOUR]);
    assert!(
        matches!(site.schedules.fire_now(id).await, Err(ChangeError::Unfinished(_))),
        "the tick's job is unfinished"
    );
    let allow = site.create("allow", json!({ "cron": "@hourly" })).await;
    for _ in 0..3 {
        site.schedules.fire_now(allow).await.expect("fired");
    }
    assert_eq!(site.firings(allow).await.len(), 3);
}

#[tokio::test]
async fn a_deleted_schedule_leaves_its_jobs_and_nothing_else() {
    let site = Site::new().await;
    let id = site.create("it", json!({ "every_ms": SECOND })).await;
    site.pass(SECOND).await;
    site.clock.advance(SECOND);
    site.schedules.delete(id).await.expect("deleted");
    site.schedules.turn().await.expect("a look");
    assert_eq!(site.all_jobs().await.len(), 1);
    assert!(site.firings(id).await.is_empty() && site.schedules.find(id).await.expect("read").is_none());
    for gone in [site.schedules.delete(id).await, site.schedules.pause(id).await, site.schedules.resume(id).await] {
        assert!(matches!(gone, Err(ChangeError::Unknown)));
    }
    assert!(matches!(site.schedules.fire_now(id).await, Err(ChangeError::Unknown)));
    let again = site.create("it", json!({ "every_ms": SECOND })).await;
    assert!(again > id, "a number is given out once");
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let site = Site::new().await;
    site.create("it", json!({ "cron": "@daily" })).await;
    let taken = site.schedules.create("it".to_owned(), spec(json!({ "cron": "@hourly" }))).await;
    assert!(matches!(taken, Err(ChangeError::Taken)));
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let site = Site::new().await;
    let with = json!({ "cron": "0 25 * * *", "kind": "a b", "queue": "", "jitter_ms": -1, "missed_most": 0,
        "missed_window_ms": -1, "args": "x".repeat(300_000) });
    let Err(ChangeError::Invalid(wrong)) = site.schedules.create("no name".to_owned(), spec(with)).await else {
        panic!("it is refused")
    };
    let pointers: Vec<_> = wrong.iter().map(|it| it.pointer).collect();
    let all = ["/name", "/cron", "/kind", "/queue", "/args", "/missed_window_ms", "/missed_most", "/jitter_ms"];
    assert_eq!(pointers, all);
    for (with, pointer) in [
        (json!({}), "/cron"),
        (json!({ "cron": "@daily", "every_ms": 1000 }), "/every_ms"),
        (json!({ "every_ms": 999 }), "/every_ms"),
        (json!({ "every_ms": i64::MAX }), "/every_ms"),
        (json!({ "cron": "@daily", "zone": "Mars/Olympus" }), "/zone"),
        (json!({ "cron": "@daily", "zone": "../../etc/passwd" }), "/zone"),
        (json!({ "cron": "@daily", "zone": "x".repeat(1000) }), "/zone"),
        (json!({ "cron": "0 0 30 2 *" }), "/cron"),
    ] {
        let refused = site.schedules.create("it".to_owned(), spec(with.clone())).await;
        assert!(
            matches!(&refused, Err(ChangeError::Invalid(wrong)) if wrong[0].pointer == pointer),
            "{with}: {refused:?}"
        );
    }
}
