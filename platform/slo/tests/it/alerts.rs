//! An alert's life over a real store.

use slo::alert::Change;

use crate::support::Site;

const PAGE: &str = "api_availability page";
const TICKET: &str = "api_availability ticket";

#[tokio::test]
async fn a_burn_opens_one_alert_is_said_again_and_ends_after_five_quiet_minutes() {
    let mut site = Site::new().await;
    site.minute(1000, 0).await;
    assert_eq!(site.heard(), []);
    site.minute(80, 20).await;
    // Both severities hold; each opens once.
    assert_eq!(site.heard(), [(PAGE.to_owned(), Change::Opened), (TICKET.to_owned(), Change::Opened)]);
    for _ in 0..30 {
        site.minute(80, 20).await;
    }
    assert_eq!(site.heard(), []);
    for _ in 0..30 {
        site.minute(80, 20).await;
    }
    assert_eq!(site.heard(), [(PAGE.to_owned(), Change::Reminder), (TICKET.to_owned(), Change::Reminder)]);
    // The long windows still burn; the short ones empty within half an hour, and then five quiet minutes pass.
    let mut quiet = 0;
    let ended = loop {
        site.minute(100, 0).await;
        quiet += 1;
        let heard = site.heard();
        if !heard.is_empty() {
            break heard;
        }
        assert!(quiet < 120, "it never ended");
    };
    assert_eq!(ended, [(PAGE.to_owned(), Change::Resolved)]);
    assert!((30..=45).contains(&quiet), "{quiet} minutes");
}

#[tokio::test]
async fn little_traffic_is_no_alarm_until_ten_are_bad() {
    let mut site = Site::new().await;
    for _ in 0..9 {
        site.minute(0, 1).await;
    }
    assert_eq!(site.heard(), []);
    site.minute(0, 1).await;
    assert_eq!(site.heard().len(), 2);
}

#[tokio::test]
async fn two_processes_open_one_alert_between_them() {
    let (mut one, mut other) = {
        let site = Site::new().await;
        let other = site.beside();
        (site, other)
    };
    for _ in 0..3 {
        one.answered(100, 20);
        other.answered(100, 20);
        one.clock.advance(60_000);
        tokio::join!(one.slo.look(), other.slo.look());
    }
    let mut heard = one.heard();
    heard.extend(other.heard());
    heard.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(heard, [(PAGE.to_owned(), Change::Opened), (TICKET.to_owned(), Change::Opened)]);
    assert_eq!(one.slo.alerts(None, 10).await.expect("alerts").len(), 2);
}

#[tokio::test]
async fn who_took_note_is_not_reminded() {
    let mut site = Site::new().await;
    site.minute(80, 20).await;
    site.heard();
    for alert in site.slo.alerts(None, 10).await.expect("alerts") {
        let (_, noted) =
            site.slo.acknowledge(alert.id.parse().expect("a number")).await.expect("noted").expect("there");
        assert!(noted);
    }
    for _ in 0..70 {
        site.minute(80, 20).await;
    }
    assert_eq!(site.heard(), []);
    let alerts = site.slo.alerts(None, 10).await.expect("alerts");
    assert!(alerts.iter().all(|alert| alert.state == slo::state::State::Acknowledged));
    assert!(alerts.iter().all(|alert| alert.fired_at_ms == site.clock.now_ms()), "what it saw last is noted");
}
