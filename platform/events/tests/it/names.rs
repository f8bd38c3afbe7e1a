//! A sender that comes again is known for thirty days, whatever retention has removed meanwhile.

use events::Appended;
use kernel::limits::EVENT_NAME_MS;

use crate::support::{Bed, small};

const DAY_MS: i64 = 86_400_000;

async fn deliver(bed: &Bed, id: &str) -> Appended {
    bed.append(small("github.push").id(id)).await.expect("appended")
}

#[tokio::test]
async fn what_went_by_age_or_by_size_is_still_known() {
    let bed = Bed::with(&[]).await;
    assert_eq!(deliver(&bed, "evt_1").await, Appended::New(1));
    bed.append_many("github.ping", 2_500).await;
    assert_eq!(deliver(&bed, "evt_2").await, Appended::New(2_502));
    bed.execute("DELETE FROM jobs").await;
    while bed.events.prune(60 * DAY_MS, Some(1)).await.expect("pruned") > 0 {}
    assert_eq!(bed.number("SELECT MIN(position) FROM events").await, 2_000, "by size, on the first day");
    assert_eq!(deliver(&bed, "evt_1").await, Appended::Known(1));
    bed.clock.advance(DAY_MS + 1);
    while bed.prune(DAY_MS).await > 0 {}
    assert_eq!(bed.count().await, 0, "by age, on the second");
    bed.clock.advance(EVENT_NAME_MS - DAY_MS - 2);
    assert_eq!(
        (deliver(&bed, "evt_1").await, deliver(&bed, "evt_2").await),
        (Appended::Known(1), Appended::Known(2_502))
    );
    assert_eq!((bed.count().await, bed.number("SELECT COUNT(*) FROM jobs").await), (0, 0), "nothing was done twice");
    bed.clock.advance(1);
    while bed.prune(DAY_MS).await > 0 {}
    assert_eq!(bed.number("SELECT COUNT(*) FROM event_names").await, 0, "names go as well");
    assert!(matches!(deliver(&bed, "evt_1").await, Appended::New(_)));
}

#[tokio::test]
async fn what_is_kept_long_enough_leaves_no_name() {
    let bed = Bed::with(&[]).await;
    bed.append_many("github.push", 50).await;
    bed.execute("DELETE FROM jobs").await;
    bed.clock.advance(EVENT_NAME_MS + 1);
    assert_eq!(bed.prune(EVENT_NAME_MS).await, 50);
    assert_eq!(bed.number("SELECT COUNT(*) FROM event_names").await, 0);
}
