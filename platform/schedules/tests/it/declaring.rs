//! Schedules that products declare.

use schedules::{ChangeError, Missed, Overlap, Schedule};
use serde_json::json;

use crate::support::{HOUR, MINUTE, REPORT, SECOND, Site, spec};

const DAILY: Schedule = Schedule::cron("reports.daily", "0 9 * * *", REPORT)
    .zone("Europe/Berlin")
    .args(r#"{"to":"all"}"#)
    .make_up(6 * HOUR, 2)
    .overlap(Overlap::Skip)
    .jitter_ms(0);
const SWEEP: Schedule = Schedule::every("reports.sweep", 5 * MINUTE, REPORT).missed(Missed::Skip);

async fn id_of(site: &Site, name: &str) -> Option<i64> {
    let rows = site.schedules.list(0, 200).await.expect("read");
    rows.iter().find(|row| row.name == name).map(|row| row.id.parse().expect("a number"))
}

#[tokio::test]
async fn what_code_declares_is_there_after_each_start_and_keeps_its_place() {
    let site = Site::new().await;
    site.schedules.declare(&[("reports", DAILY), ("reports", SWEEP)]).await.expect("declared");
    let sweep = id_of(&site, "reports.sweep").await.expect("there");
    site.pass(5 * MINUTE).await;
    let site = site.restart(4 * MINUTE).await;
    site.schedules.declare(&[("reports", DAILY), ("reports", SWEEP)]).await.expect("declared");
    site.pass(MINUTE).await;
    assert_eq!(id_of(&site, "reports.sweep").await, Some(sweep));
    assert_eq!(site.fired(sweep).await, [5 * MINUTE, 10 * MINUTE], "a restart does not move an interval");
    let row = site.schedules.find(sweep).await.expect("read").expect("there").row;
    assert_eq!((row.declared_by.as_deref(), row.words.as_str()), (Some("reports"), "every 5 minutes"));
    assert_eq!(row.spec.queue.as_deref(), Some("reports"));
    let daily = site.schedules.find(id_of(&site, "reports.daily").await.expect("there")).await;
    let daily = daily.expect("read").expect("there");
    assert_eq!(daily.row.words, "every day at 09:00, Europe/Berlin");
    assert_eq!((daily.row.spec.missed, daily.row.spec.missed_most), (Missed::All, 2));
    assert_eq!(DAILY.summary(), "0 9 * * * Europe/Berlin → report.send");
    assert_eq!(SWEEP.summary(), "every 300000 ms → report.send");
}

#[tokio::test]
async fn a_declared_schedule_can_be_paused_and_fired_but_not_changed() {
    let site = Site::new().await;
    site.schedules.declare(&[("reports", SWEEP)]).await.expect("declared");
    let id = id_of(&site, "reports.sweep").await.expect("there");
    let refused = site.schedules.edit(id, spec(json!({ "cron": "@daily" }))).await;
    assert!(matches!(refused, Err(ChangeError::Declared(product)) if product == "reports"));
    assert!(matches!(site.schedules.delete(id).await, Err(ChangeError::Declared(_))));
    site.schedules.fire_now(id).await.expect("fired");
    site.schedules.pause(id).await.expect("paused");
    let site = site.restart(SECOND).await;
    site.schedules.declare(&[("reports", SWEEP)]).await.expect("declared");
    site.pass(HOUR).await;
    assert!(site.fired(id).await.is_empty(), "a pause outlives a restart");
    let later = Schedule::every("reports.sweep", 10 * MINUTE, REPORT);
    site.schedules.declare(&[("reports", later)]).await.expect("declared");
    site.pass(HOUR).await;
    assert!(site.fired(id).await.is_empty(), "and a change");
    site.schedules.resume(id).await.expect("resumed");
    site.pass(10 * MINUTE).await;
    assert_eq!(site.fired(id).await.len(), 1);
}

#[tokio::test]
async fn what_is_no_longer_declared_ends_and_may_come_back() {
    let site = Site::new().await;
    site.schedules.declare(&[("reports", DAILY), ("reports", SWEEP)]).await.expect("declared");
    let id = id_of(&site, "reports.sweep").await.expect("there");
    let made = site.create("made", json!({ "every_ms": 5 * MINUTE })).await;
    site.schedules.declare(&[("reports", DAILY)]).await.expect("declared");
    site.pass(HOUR).await;
    assert!(site.fired(id).await.is_empty() && id_of(&site, "reports.sweep").await.is_none());
    assert_eq!(site.fired(made).await.len(), 1, "what was made at run time stays");
    assert!(site.schedules.find(id).await.expect("read").is_none());
    assert!(matches!(site.schedules.fire_now(id).await, Err(ChangeError::Unknown)));
    site.schedules.declare(&[("reports", DAILY), ("reports", SWEEP)]).await.expect("declared");
    site.schedules.turn().await.expect("a look");
    assert!(site.fired(id).await.is_empty(), "what fell due meanwhile is not missed");
    site.pass(5 * MINUTE).await;
    assert_eq!(site.fired(id).await.len(), 1);
    site.schedules.pause(id).await.expect("paused");
    for declared in [&[("reports", DAILY)][..], &[("reports", DAILY), ("reports", SWEEP)]] {
        site.schedules.declare(declared).await.expect("declared");
    }
    site.pass(HOUR).await;
    assert_eq!(site.fired(id).await.len(), 1, "it comes back as it went: paused");
}

#[tokio::test]
async fn a_wrong_declaration_stops_the_start_and_says_which() {
    let site = Site::new().await;
    let wrong = Schedule::cron("reports.wrong", "0 99 * * *", REPORT);
    let Err(ChangeError::Invalid(told)) = site.schedules.declare(&[("reports", wrong)]).await else {
        panic!("refused")
    };
    assert_eq!((told[0].pointer, told[0].detail.contains("reports.wrong")), ("/cron", true));
    let wrong = SWEEP.args("{");
    assert!(matches!(site.schedules.declare(&[("reports", wrong)]).await, Err(ChangeError::Invalid(_))));
    let twice = [("reports", SWEEP), ("other", SWEEP)];
    assert!(matches!(site.schedules.declare(&twice).await, Err(ChangeError::Taken)));
    assert!(site.schedules.list(0, 200).await.expect("read").is_empty(), "all or nothing");
}

#[tokio::test]
async fn a_declaration_takes_a_name_that_was_made_at_run_time() {
    let site = Site::new().await;
    let id = site.create("reports.sweep", json!({ "cron": "@daily" })).await;
    site.schedules.declare(&[("reports", SWEEP)]).await.expect("declared");
    site.pass(5 * MINUTE).await;
    assert_eq!(site.fired(id).await.len(), 1);
    assert!(matches!(site.schedules.delete(id).await, Err(ChangeError::Declared(_))));
}
