//! Strict order per subject: whatever fails, effects of one subject come in the order of the log, and no subject holds another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use events::handler::WorkHandler;
use events::{Filter, Work};
use jobs::{Failure, Kind};

use crate::support::{Bed, dice, small, until};

const ORDERED: Kind = Kind::new("ordered").attempts(1_000);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn effects_of_a_subject_come_in_log_order_without_a_gap() {
    let dice = dice();
    let bed = Bed::wired(&[], |registry| registry.work(Work::new(ORDERED, Filter("partner.*")).ordered())).await;
    let effects: Arc<Mutex<BTreeMap<String, Vec<i64>>>> = Arc::default();
    let (seen, luck) = (effects.clone(), dice.clone());
    let handler: WorkHandler = Arc::new(move |event, _| {
        let (seen, fate) = (seen.clone(), luck.below(10));
        Box::pin(async move {
            // The subject `stuck` never gets through.
            if fate < 3 || event.subject.as_deref() == Some("stuck") {
                return Err(Failure::Retry("bad luck".to_owned()));
            }
            assert!(fate > 3, "a handler may also panic");
            if fate < 6 {
                tokio::task::yield_now().await;
            }
            seen.lock().expect("a lock").entry(event.subject.unwrap_or_default()).or_default().push(event.position);
            Ok(())
        })
    });
    bed.jobs.serve(vec![(ORDERED, bed.events.work_handler(handler))], 16);
    let mut owed: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    bed.append(small("partner.x").subject(Some("stuck".to_owned()))).await.expect("appended");
    for _ in 0..300 {
        let subject = format!("s{}", dice.below(12));
        let at = crate::support::position(
            bed.append(small("partner.x").subject(Some(subject.clone()))).await.expect("appended"),
        );
        owed.entry(subject).or_default().push(at);
        if dice.below(20) == 0 {
            bed.clock.advance(dice.below(5_000) as i64);
        }
    }
    until(async || {
        bed.clock.advance(3_600_000);
        bed.jobs.wake();
        tokio::task::yield_now().await;
        effects.lock().expect("a lock").values().map(Vec::len).sum::<usize>() >= 300
    })
    .await;
    assert_eq!(*effects.lock().expect("a lock"), owed, "in order, each once, and `stuck` held nobody");
}
