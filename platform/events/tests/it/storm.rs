//! Many writers at once, with random work around each append: positions are dense and in the order of the commits.

use std::sync::{Arc, Mutex};

use events::{AppendError, Appended, NewEvent};
use store::params;

use crate::support::{ALL_GITHUB, Bed, GITHUB, PUSH, dice, take};

const WRITERS: usize = 64;
const EACH: usize = 25;

type Told = Arc<Mutex<Vec<i64>>>;

/// One transaction of one writer; `Err` when it was rolled back on purpose.
async fn one(
    bed: &Bed,
    told: &Told,
    event: NewEvent,
    (before, after, fails): (u64, u64, bool),
) -> Result<Appended, AppendError> {
    let checked = bed.events.check(event)?;
    let (events, told) = (bed.events.clone(), told.clone());
    bed.store
        .write(async move |tx| {
            for n in 0..before {
                tx.execute("INSERT INTO scratch (word) VALUES ($1)", params![&format!("before {n}")]).await?;
            }
            let appended = events.append(tx, &checked).await?;
            for n in 0..after {
                tx.execute("DELETE FROM scratch WHERE word = $1", params![&format!("before {n}")]).await?;
            }
            if fails {
                return Err(AppendError::UnknownType("changed my mind".to_owned()));
            }
            if let Appended::New(position) = appended {
                // Hooks run in the order of the commits.
                tx.on_commit(move || told.lock().expect("a lock").push(position));
            }
            Ok(appended)
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn positions_are_dense_and_in_commit_order_and_a_stream_misses_none() {
    let dice = dice();
    let bed = Arc::new(Bed::new().await);
    let mut stream = bed.collect(ALL_GITHUB).await;
    let told = Told::default();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let plan: Vec<_> =
            (0..EACH).map(|n| (n, dice.below(8), dice.below(8), dice.below(10), dice.below(3))).collect();
        let (bed, told) = (bed.clone(), told.clone());
        writers.spawn(async move {
            let mut new = 0;
            for (n, before, after, fate, kind) in plan {
                let kind = ["github.push", "github.ping", "github.star"][kind as usize];
                // One in ten says again what another writer says too; one in ten rolls back.
                let id = if fate == 0 { format!("shared {n}") } else { format!("{writer}/{n}") };
                let event = NewEvent::raw(kind, "/storm", "{}".to_owned()).id(id);
                let outcome = one(&bed, &told, event, (before, after, fate == 1)).await;
                assert_eq!(outcome.is_err(), fate == 1);
                new += i64::from(matches!(outcome, Ok(Appended::New(_))));
            }
            new
        });
    }
    let new: i64 = writers.join_all().await.iter().sum();
    let expected: Vec<i64> = (1..=new).collect();
    assert_eq!(*told.lock().expect("a lock"), expected, "dense, in the order of the commits");
    assert_eq!(bed.count().await, new);
    assert_eq!(bed.events.latest().await.expect("read"), new);
    assert_eq!(bed.jobs_of(GITHUB).await, new, "one job an event");
    let pushes = bed.number("SELECT COUNT(*) FROM events WHERE type = 'github.push'").await;
    assert_eq!(bed.jobs_of(PUSH).await, pushes);
    assert_eq!(take(&mut stream, new as usize).await, expected, "the stream saw each once, in order");
    bed.events.stop().await;
    assert!(stream.try_recv().is_err(), "and nothing more");
    assert_eq!(bed.cursor(ALL_GITHUB).await, new);
}
