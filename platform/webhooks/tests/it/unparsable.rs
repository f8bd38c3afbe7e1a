//! Signed, and still no event: 400, recorded with the body as it came.

use crate::support::{Bed, Delivery};

async fn refused(bed: &Bed, delivery: Delivery, what: &str) {
    let before = bed.deliveries().await.len();
    let answer = bed.send(delivery).await;
    assert_eq!(
        (answer.status.as_u16(), answer.body["code"].as_str()),
        (400, Some("unparsable")),
        "{what}: {}",
        answer.text
    );
    assert_eq!(bed.deliveries().await.len(), before + 1, "{what} is recorded");
    let row = bed.last().await;
    assert_eq!(
        (row.verdict.as_str(), row.cause.as_deref(), row.status),
        ("rejected", Some("UNPARSABLE"), 400),
        "{what}"
    );
    assert_eq!(row.event_position, None);
    // At one second a delivery the bound on refusals is not met.
    bed.clock.advance(1000);
}

#[tokio::test]
async fn what_is_no_object_is_refused() {
    let bed = Bed::new().await;
    let deep = |open: &str, close: &str, n: usize| [open.repeat(n), close.repeat(n)].concat().into_bytes();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("no JSON", b"hello".to_vec()),
        ("half a JSON", b"{\"a\":".to_vec()),
        ("two", b"{}{}".to_vec()),
        ("an array", b"[{\"a\":1}]".to_vec()),
        ("a text", b"\"hunter2\"".to_vec()),
        ("null", b"null".to_vec()),
        ("not UTF-8", b"{\"a\":\"\xff\xfe\"}".to_vec()),
        ("half a character", b"{\"a\":\"\xc3".to_vec()),
        ("a lone surrogate", br#"{"a":"\ud800"}"#.to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("a NUL", b"{}\0".to_vec()),
        ("10,000 arrays deep", deep("[", "]", 10_000)),
        ("10,000 objects deep", deep("{\"a\":", "}", 10_000)),
        ("a number that no float holds", br#"{"a":1e999}"#.to_vec()),
    ];
    for (what, body) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(64 * 1024)]).into_owned();
        refused(&bed, Delivery::signed("d-1", body), what).await;
        assert_eq!(bed.last_detail().await["body"], shown, "{what}");
    }
    assert_eq!(bed.events_count().await, 0);
}

#[tokio::test]
async fn missing_or_odd_headers_are_refused() {
    let bed = Bed::new().await;
    let good = || Delivery::signed("d-1", "{}");
    refused(&bed, good().without("x-github-event"), "no event").await;
    refused(&bed, good().without("x-github-delivery"), "no id").await;
    for event in ["", "push..force", "push*", "../push", "пуш", &"x".repeat(65)] {
        refused(&bed, good().header("x-github-event", event), event).await;
    }
    for id in ["", " ", "a b", "\u{e9}", &"x".repeat(201)] {
        refused(&bed, good().header("x-github-delivery", id), id).await;
    }
    assert_eq!(bed.send(good().header("x-github-delivery", "x".repeat(200))).await.status, 200);
}

#[tokio::test]
async fn a_form_without_readable_json_is_refused() {
    let bed = Bed::new().await;
    let form = |body: &[u8]| Delivery::signed("d-1", body).header("content-type", "application/x-www-form-urlencoded");
    for body in
        [&b""[..], b"payload", b"payload=", b"payload=%7B", b"payload=%5B%5D", b"other=%7B%7D", b"{}", b"payload=%FF"]
    {
        refused(&bed, form(body), &String::from_utf8_lossy(body)).await;
    }
}

#[tokio::test]
async fn a_refused_delivery_does_not_stand_in_the_way_of_its_redelivery() {
    let bed = Bed::new().await;
    refused(&bed, Delivery::signed("d-1", "{}").without("x-github-event"), "no event").await;
    refused(&bed, Delivery::signed("d-1", "[]"), "an array").await;
    assert_eq!(bed.send(Delivery::unsigned("d-1", "{}")).await.status, 401);
    let again = bed.send(Delivery::signed("d-1", "{}")).await;
    assert_eq!(again.body["status"], "accepted", "same id, same bytes, now whole: {}", again.text);
}
