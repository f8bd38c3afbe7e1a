//! Endpoints that fail for long, and what their owners hear of it.

use endpoints::state::{State, Why};
use kernel::limits;

use crate::support::{DAY, Does, HOUR, Receiver, START_MS, Site};

/// Lets attempts fail until `ms` have passed since the start.
async fn fail_until(site: &Site, id: &str, ms: i64) {
    while site.clock.now_ms() < START_MS + ms && site.row(id).await.enabled {
        let failures = site.row(id).await.failures;
        site.append("shop.order", "{}").await;
        let more = async || {
            let row = site.row(id).await;
            (row.failures > failures || !row.enabled).then_some(())
        };
        site.until("a failure more", more).await;
        site.advance(HOUR);
    }
}

#[tokio::test]
async fn one_that_only_fails_is_warned_then_disabled_then_left_alone() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(500)]).await;
    let (id, _) = site.endpoint(&receiver.url()).await;
    // Its owner listens elsewhere.
    let mut owner = Receiver::that(&[Does::Answers(200)]).await;
    let told = crate::support::asking(&owner.url(), &["mainspring.endpoint.*"]);
    site.endpoints.create(told).await.expect("created");

    fail_until(&site, &id, 3 * DAY).await;
    let warning = owner.next().await.json();
    assert_eq!(warning["type"], "mainspring.endpoint.failing");
    assert_eq!((&warning["data"]["endpoint"], &warning["subject"]), (&id.as_str().into(), &id.as_str().into()));
    assert_eq!(warning["data"]["disables_at_ms"], START_MS + 5 * DAY);
    assert_eq!(site.row(&id).await.disables_at_ms, Some(START_MS + 5 * DAY));
    assert_eq!(site.told("mainspring.endpoint.failing").await.len(), 1, "told once");

    fail_until(&site, &id, 6 * DAY).await;
    let row = site.row(&id).await;
    assert_eq!((row.enabled, row.disabled), (false, Some(Why::Failing)));
    assert!(row.disabled_at_ms.expect("a time") >= START_MS + 5 * DAY);
    let told = owner.next().await.json();
    assert_eq!((&told["type"], &told["data"]["reason"]), (&"mainspring.endpoint.disabled".into(), &"failing".into()));
    assert_eq!(told["data"]["last_error"], "answered 500 Internal Server Error");
    assert!(owner.rest().is_empty());

    // What still waited is given up when its time comes, and nothing new begins.
    receiver.rest();
    let before = site.messages(&id).await.len();
    site.append("shop.order", "{}").await;
    site.goes_past().await;
    site.advance(2 * DAY);
    site.until("nothing waits", async || (site.row(&id).await.pending == 0).then_some(())).await;
    assert_eq!(site.messages(&id).await.len(), before);
    assert!(receiver.rest().is_empty());

    // Enabled again it begins anew.
    receiver.now_does(&[Does::Answers(200)]);
    let row = site.endpoints.switch(&id, true).await.expect("enabled");
    assert_eq!((row.enabled, row.failures, row.failing_since_ms), (true, 0, None));
    site.append("shop.order", "{}").await;
    site.newest_is(&id, State::Delivered).await;
}

#[tokio::test]
async fn one_success_in_between_begins_the_time_anew() {
    let site = Site::new().await;
    let receiver = Receiver::that(&[Does::Answers(500)]).await;
    let (id, _) = site.endpoint(&receiver.url()).await;
    fail_until(&site, &id, 2 * DAY).await;
    receiver.now_does(&[Does::Answers(200)]);
    // A failure of before may be written down a little later.
    while site.row(&id).await.failures > 0 {
        site.append("shop.order", "{}").await;
        site.newest_is(&id, State::Delivered).await;
    }
    receiver.now_does(&[Does::Answers(500)]);
    fail_until(&site, &id, 6 * DAY).await;
    assert!(site.row(&id).await.enabled, "four days of failures are not five");
}

#[tokio::test]
async fn gone_means_at_once() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(410)]).await;
    let (id, _) = site.endpoint(&receiver.url()).await;
    site.append("shop.order", "{}").await;
    receiver.next().await;
    let message = site.newest_is(&id, State::Failed).await;
    assert_eq!((message.status, message.attempts), (Some(410), 1));
    assert_eq!(site.row(&id).await.disabled, Some(Why::Gone));
    let told = site.told("mainspring.endpoint.disabled").await;
    assert_eq!((told.len(), &told[0]["reason"]), (1, &"gone".into()));
    site.append("shop.order", "{}").await;
    site.advance(30 * DAY);
    assert!(receiver.rest().is_empty());
}

#[tokio::test]
async fn a_slow_one_does_not_hold_up_the_others() {
    let site = Site::new().await;
    let mut slow = Receiver::that(&[Does::Stalls]).await;
    let mut fast = Receiver::that(&[Does::Answers(200)]).await;
    let (slow_id, _) = site.endpoint(&slow.url()).await;
    for _ in 0..50 {
        site.append("shop.order", "{}").await;
    }
    for _ in 0..limits::ENDPOINT_CONCURRENCY {
        slow.next().await;
    }
    site.endpoint(&fast.url()).await;
    for _ in 0..50 {
        site.append("shop.order", "{}").await;
        fast.next().await;
    }
    assert!(slow.rest().is_empty(), "no more than its share");
    site.until("the rest waits", async || (site.row(&slow_id).await.pending == 100).then_some(())).await;
}

#[tokio::test]
async fn so_many_a_minute() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(200)]).await;
    let mut asked = crate::support::asking(&receiver.url(), &["*"]);
    asked.per_minute = Some(3);
    site.endpoints.create(asked).await.expect("created");
    for _ in 0..10 {
        site.append("shop.order", "{}").await;
    }
    let mut got = 0;
    for minute in 1..=4 {
        while got < 3 * minute && got < 10 {
            receiver.next().await;
            got += 1;
        }
        assert!(receiver.rest().is_empty(), "in minute {minute}");
        for _ in 0..60 {
            site.advance(1_000);
        }
    }
}
