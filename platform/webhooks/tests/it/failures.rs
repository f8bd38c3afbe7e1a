//! When the store or the memory cannot take a delivery: come again, and never a success.

use std::task::Poll;

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use store::StoreError;
use tokio::sync::mpsc;

use crate::support::{Answer, Bed, Delivery, PUSH, call, within};

fn comes_again(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (503, Some("unavailable")), "{}", answer.text);
    assert_eq!(answer.headers["retry-after"], "5");
}

#[tokio::test]
async fn a_closed_store_is_503_with_retry_after() {
    let bed = Bed::new().await;
    bed.store.close().await;
    comes_again(&bed.send(Delivery::signed("d-1", PUSH)).await);
    // Refusals need no store to be refused.
    assert_eq!(bed.send(Delivery::unsigned("d-1", PUSH)).await.status, 401);
    assert_eq!(bed.send(Delivery::signed("d-1", "[]")).await.status, 400);
    assert_eq!(bed.send(Delivery::signed("d-1", PUSH).header("content-type", "text/plain")).await.status, 415);
}

/// Lets the database grow to so many pages: a full disk, for SQLite.
async fn pages(bed: &Bed, most: i64) {
    let set: Result<Vec<(i64,)>, StoreError> =
        bed.store.write(async move |tx| tx.all(&format!("PRAGMA max_page_count = {most}"), &[]).await).await;
    set.expect("set");
}

#[tokio::test]
async fn a_full_disk_is_503_and_the_same_delivery_is_accepted_when_there_is_room() {
    if testkit::on_postgres() {
        return; // Its disk is not ours to fill.
    }
    let bed = Bed::new().await;
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(500_000));
    pages(&bed, 1).await;
    for _ in 0..3 {
        comes_again(&bed.send(Delivery::signed("d-1", body.as_str())).await);
    }
    assert_eq!((bed.events_count().await, bed.deliveries().await.len()), (0, 0), "nothing half kept");
    pages(&bed, 1_000_000).await;
    let answer = bed.send(Delivery::signed("d-1", body)).await;
    assert_eq!((answer.status.as_u16(), answer.body["status"].as_str()), (200, Some("accepted")), "{}", answer.text);
    assert_eq!(answer.body["event_position"], 1);
}

#[tokio::test]
async fn a_broken_table_is_500_and_no_success() {
    let bed = Bed::new().await;
    let dropped: Result<u64, StoreError> =
        bed.store.write(async |tx| tx.execute("DROP TABLE deliveries", &[]).await).await;
    dropped.expect("dropped");
    let answer = bed.send(Delivery::signed("d-1", PUSH)).await;
    assert_eq!(answer.status, 500);
    assert!(!answer.text.contains("deliveries"), "no cause in an answer: {}", answer.text);
    assert_eq!(bed.events_count().await, 0, "the event was rolled back with its delivery");
}

#[tokio::test]
async fn a_request_that_the_edge_did_not_name_is_our_mistake() {
    let bed = Bed::new().await;
    let request = Request::post("/in/github").body(Body::empty()).expect("a request");
    assert_eq!(call(&bed.door, request).await.status, 500);
}

/// A body of 24 MiB that never ends; says so when it is held in full.
fn held(told: mpsc::UnboundedSender<()>) -> Body {
    let mut left = 24;
    let piece = Bytes::from(vec![b' '; 1024 * 1024]);
    Body::from_stream(futures_util::stream::poll_fn(move |_| {
        if left == 0 {
            let _ = told.send(());
            return Poll::Pending;
        }
        left -= 1;
        Poll::Ready(Some(Ok::<_, std::io::Error>(piece.clone())))
    }))
}

#[tokio::test]
async fn strangers_cannot_fill_the_memory() {
    let bed = Bed::new().await;
    let (told, mut full) = mpsc::unbounded_channel();
    let mut strangers = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let request = Delivery::unsigned("d-1", held(told.clone())).request();
        let door = bed.door.clone();
        strangers.spawn(async move { call(&door, request).await });
    }
    for _ in 0..10 {
        within(full.recv()).await.expect("held");
    }
    // 240 MiB are held: another 24 do not fit, a small one does.
    comes_again(&bed.send(Delivery::unsigned("d-1", held(told.clone()))).await);
    assert_eq!(bed.last().await.cause.as_deref(), Some("OVERLOADED"));
    assert_eq!(bed.send(Delivery::signed("d-2", PUSH)).await.status, 200);
    strangers.shutdown().await;
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(24 * 1024 * 1024));
    assert_eq!(bed.send(Delivery::signed("d-3", body)).await.status, 200, "what they held is free again");
}
