//! Several processes on one log. On the embedded engine, which has one, two logs on one store.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use events::{Events, Filter, Stream};
use fleet::Fleet;
use kernel::Entropy;
use serde_json::json;
use store::{Tx, params};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::http::change;
use crate::support::{ALL_GITHUB, Bed, append, next, sending, small, take, until, within};

/// Whatever elects them: two that run one stream at a time apply each event once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_two_processes_run_applies_each_event_once() {
    const EVENTS: i64 = 500;
    let bed = Bed::new().await;
    let other = bed.beside(&[ALL_GITHUB]).await;
    bed.events.declare_streams().await.expect("declared");
    let begun = Arc::new(tokio::sync::Barrier::new(2));
    for (n, events) in [&bed.events, &other.events].into_iter().enumerate() {
        events.serve_in_tx(ALL_GITHUB, async move |tx: &mut Tx, batch| {
            for event in batch {
                let word = format!("{}", event.position);
                tx.execute("INSERT INTO scratch (word) VALUES ($1)", params![&word]).await?;
                tx.execute("INSERT INTO scratch (word) VALUES ($1)", params![&format!("by {n}")]).await?;
            }
            Ok(())
        });
    }
    let writers = [&bed, &other].map(|bed| (bed.store.clone(), bed.events.clone())).map(|(store, events)| {
        let begun = begun.clone();
        tokio::spawn(async move {
            begun.wait().await;
            for _ in 0..EVENTS / 2 {
                append(&store, &events, small("github.push")).await.expect("appended");
            }
        })
    });
    for writer in writers {
        within(writer).await.expect("it writes");
    }
    bed.cursor_reaches(ALL_GITHUB, EVENTS).await;
    assert_eq!(bed.number("SELECT COUNT(DISTINCT word) FROM scratch WHERE word NOT LIKE 'by%'").await, EVENTS);
    assert_eq!(bed.number("SELECT COUNT(*) FROM scratch WHERE word NOT LIKE 'by%'").await, EVENTS, "none twice");
    for n in ["by 0", "by 1"] {
        println!("{n}: {}", bed.number_of("SELECT COUNT(*) FROM scratch WHERE word = $1", n).await);
    }
    other.events.stop().await;
}

/// One process of a fleet, with everything that it needs to end.
struct Process {
    events: Events,
    fleet: JoinHandle<()>,
    resign: CancellationToken,
    batches: tokio::sync::mpsc::UnboundedReceiver<Vec<events::Event>>,
}

impl Process {
    async fn begin(bed: &Bed) -> Self {
        let (store, clock, events) = (bed.store.clone(), bed.clock.clone(), bed.events.clone());
        let fleet = Fleet::new(store, clock, Entropy::system(), "test".to_owned(), vec![]).await;
        let fleet = fleet.expect("entered");
        events.led_by(fleet.clone());
        let (send, batches) = tokio::sync::mpsc::unbounded_channel();
        events.serve(ALL_GITHUB, sending(send));
        let resign = CancellationToken::new();
        let running = tokio::spawn(fleet.run(resign.clone()));
        Self { events, fleet: running, resign, batches }
    }

    /// As a server ends: first what it leads in, then its lead.
    async fn end(self) {
        self.events.stop().await;
        self.resign.cancel();
        within(self.fleet).await.expect("it resigns");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_one_runs_a_stream_and_the_other_goes_on_with_it() {
    let bed = Bed::new().await;
    bed.events.declare_streams().await.expect("declared");
    let mut first = Process::begin(&bed).await;
    bed.append(small("github.push")).await.expect("appended");
    assert_eq!(take(&mut first.batches, 1).await, [1], "it is elected, alone as it is");
    if !testkit::on_postgres() {
        return first.end().await;
    }
    let other = bed.beside(&[ALL_GITHUB]).await;
    let mut second = Process::begin(&other).await;
    for position in 2..=30 {
        other.append(small("github.push")).await.expect("appended");
        assert_eq!(take(&mut first.batches, 1).await, [position]);
    }
    bed.cursor_reaches(ALL_GITHUB, 30).await;
    assert!(second.batches.try_recv().is_err(), "the other waits");
    first.end().await;
    other.append(small("github.push")).await.expect("appended");
    assert_eq!(take(&mut second.batches, 1).await, [31], "where the first was");
    second.end().await;
    other.store.close().await;
}

/// By polling alone, twelve turns of five seconds would not fit into the guard's minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_does_wakes_the_streams_of_another() {
    let bed = Bed::new().await;
    if !testkit::on_postgres() {
        return;
    }
    let mut batches = bed.collect(ALL_GITHUB).await;
    let other = bed.beside(&[ALL_GITHUB]).await;
    within(async {
        for position in 1..=20 {
            other.append(small("github.push")).await.expect("appended");
            assert_eq!(next(&mut batches).await[0].position, position);
        }
    })
    .await;
}

/// So does what people ask for there. The words of the failure hold what PostgreSQL keeps in no text.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_event_that_one_process_wants_retried_is_tried_again_in_another() {
    const QUICK: Stream = Stream::new("quick", Filter("github.*")).pauses(1, 2).parks_after(3);
    let bed = Bed::with(&[QUICK]).await;
    let (send, mut batches) = tokio::sync::mpsc::unbounded_channel();
    let failing = Arc::new(move |batch| {
        let send = send.clone();
        let failed: Pin<Box<dyn Future<Output = _> + Send>> =
            Box::pin(async move { send.send(batch).map_or(Ok(()), |()| Err("no \0 here".to_owned())) });
        failed
    });
    bed.events.serve(QUICK, failing);
    bed.cursor_reaches(QUICK, 0).await;
    bed.append(small("github.push")).await.expect("appended");
    let parked = "SELECT COUNT(*) FROM event_parked WHERE retry_at_ms IS NULL AND error = $1";
    let waits = async || until(async || bed.number_of(parked, "no \u{fffd} here").await == 1).await;
    waits().await;
    while batches.try_recv().is_ok() {}
    if !testkit::on_postgres() {
        return;
    }
    let other = bed.beside(&[QUICK]).await;
    within(async {
        for _ in 1..=20 {
            let asked = change(&other, "POST", "/api/v1/subscriptions/quick/parked/retry", json!({})).await;
            assert_eq!(asked.status, 202, "{}", asked.text);
            assert_eq!(next(&mut batches).await[0].position, 1);
            waits().await;
        }
    })
    .await;
}
