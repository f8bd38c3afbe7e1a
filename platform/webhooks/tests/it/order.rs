//! The order of the checks: each delivery here breaks several rules, and is told the first of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;

use crate::support::{Bed, Delivery, PUSH, streamed};

const MOST: usize = 25 * 1024 * 1024;

#[tokio::test]
async fn an_unknown_source_is_404_before_everything_else() {
    let bed = Bed::new().await;
    let answer = bed.send(Delivery::unsigned("d-1", "x").header("content-type", "text/plain").to("gitlab")).await;
    assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (404, Some("not_found")));
    assert!(bed.deliveries().await.is_empty(), "an address that does not exist keeps nothing");
}

#[tokio::test]
async fn a_wrong_content_type_is_415_before_the_body_is_read() {
    let bed = Bed::new().await;
    for kind in ["text/plain", "", "application/jsonx", "multipart/form-data; boundary=x", "text/application/json"] {
        let broken = streamed(vec![Err("nobody may read this")]);
        let answer = bed.send(Delivery::unsigned("d-1", broken).header("content-type", kind)).await;
        assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (415, Some("bad_content_type")), "{kind}");
        let row = bed.last().await;
        assert_eq!((row.cause.as_deref(), row.status), (Some("BAD_CONTENT_TYPE"), 415));
    }
    let missing = bed.send(Delivery::signed("d-1", PUSH).without("content-type")).await;
    assert_eq!(missing.status, 415);
    let long = bed.send(Delivery::signed("d-1", PUSH).header("content-type", "x".repeat(20_000))).await;
    assert_eq!(long.status, 415);
    assert!(long.text.len() < 1_000 && bed.last().await.reason.len() < 1_000, "it is not said back at length");
    assert_eq!(bed.events_count().await, 0);
}

#[tokio::test]
async fn a_length_over_the_bound_is_413_before_the_first_byte_is_read() {
    let bed = Bed::new().await;
    let broken = streamed(vec![Err("nobody may read this")]);
    let answer = bed.send(Delivery::unsigned("d-1", broken).header("content-length", (MOST + 1).to_string())).await;
    assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (413, Some("too_large")));
    let row = bed.last().await;
    assert_eq!((row.cause.as_deref(), row.status), (Some("TOO_LARGE"), 413));
}

#[tokio::test]
async fn a_stream_without_a_length_is_413_as_soon_as_it_is_over() {
    let bed = Bed::new().await;
    static MEGABYTE: [u8; 1024 * 1024] = [b' '; 1024 * 1024];
    let read = Arc::new(AtomicUsize::new(0));
    let counter = read.clone();
    let endless = futures_util::stream::repeat_with(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(bytes::Bytes::from_static(&MEGABYTE))
    });
    let answer = bed.send(Delivery::unsigned("d-1", Body::from_stream(endless))).await;
    assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (413, Some("too_large")));
    assert_eq!(read.load(Ordering::Relaxed), 26, "not a piece more than it takes to know");
    // A length that lies does not help.
    let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(bytes::Bytes::from_static(&MEGABYTE)));
    let answer = bed.send(Delivery::unsigned("d-2", Body::from_stream(endless)).header("content-length", "5")).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn the_signature_comes_before_anything_in_the_body_or_the_other_headers() {
    let bed = Bed::new().await;
    let forged = Delivery::unsigned("d-1", "no json at all").without("x-github-event").without("x-github-delivery");
    assert_eq!(bed.send(forged).await.status, 401);
    let row = bed.last().await;
    assert_eq!((row.cause.as_deref(), row.delivery_id, row.event_type), (Some("VERIFICATION_FAILED"), None, None));
    let forged =
        Delivery::unsigned("d-1", vec![0xff, 0xfe]).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(bed.send(forged).await.status, 401);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400_and_recorded() {
    let bed = Bed::new().await;
    let answer = bed.send(Delivery::unsigned("d-1", streamed(vec![Ok(b"{\"a\""), Err("connection reset")]))).await;
    assert_eq!(answer.status, 400);
    let row = bed.last().await;
    assert_eq!((row.cause.as_deref(), row.reason.as_str()), (Some("UNPARSABLE"), "The body broke off."));
    assert_eq!(bed.events_count().await, 0);
}
