//! What a good delivery leaves behind.

use crate::support::{Bed, Delivery, PUSH, SECRET, github_signature};
use axum::body::Body;
use axum::http::Request;

#[tokio::test]
async fn a_good_delivery_is_one_event_with_the_exact_payload_and_one_row() {
    let bed = Bed::new().await;
    let answer = bed.send(Delivery::signed("d-1", PUSH)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["status"], "accepted");
    let event = bed.events.find(answer.body["event_position"].as_i64().expect("a position")).await.expect("read");
    let event = event.expect("an event");
    assert_eq!((event.kind.as_str(), event.source.as_str(), event.id.as_str()), ("github.push", "/in/github", "d-1"));
    assert_eq!(event.subject.as_deref(), Some("octo/hello-world"), "names are the same in any case");
    assert_eq!(event.data, PUSH, "byte for byte: spaces, 1.0 and all");

    let row = bed.last().await;
    assert_eq!((row.verdict.as_str(), row.status, row.cause.as_deref()), ("accepted", 200, None));
    assert_eq!(row.id, answer.body["delivery"].as_str().expect("an id"));
    assert_eq!((row.event_position, row.size_bytes), (Some(event.position), PUSH.len() as i64));
    assert_eq!((row.delivery_id.as_deref(), row.subject.as_deref()), (Some("d-1"), Some("octo/hello-world")));
    assert_eq!(event.trace, Some(row.trace_id), "one trace from the request on");
    assert_eq!((bed.events_count().await, bed.deliveries().await.len()), (1, 1));
}

#[tokio::test]
async fn a_ping_is_accepted() {
    let bed = Bed::new().await;
    let ping = r#"{"zen":"Keep it logically awesome.","hook_id":1,"sender":{"login":"OctoCat"}}"#;
    let answer = bed.send(Delivery::signed("d-1", ping).header("x-github-event", "ping")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let event = bed.events.find(1).await.expect("read").expect("an event");
    assert_eq!((event.kind.as_str(), event.subject.as_deref()), ("github.ping", Some("octocat")));
}

#[tokio::test]
async fn a_form_is_verified_over_its_own_bytes_and_kept_as_the_json_in_it() {
    let bed = Bed::new().await;
    let json = r#"{"a":"ä & b=c +1%","repository":{"full_name":"O/R"}}"#;
    let form = "payload=%7B%22a%22%3A%22%C3%A4+%26+b%3Dc+%2B1%25%22%2C%22repository%22%3A%7B%22full_name%22%3A%22O%2FR%22%7D%7D&x=1";
    for (id, kind) in
        [("d-1", "application/x-www-form-urlencoded"), ("d-2", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")]
    {
        let answer = bed.send(Delivery::signed(id, form).header("content-type", kind)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        bed.clock.advance(kernel::limits::SAME_BYTES_WINDOW_MS);
    }
    let event = bed.events.find(1).await.expect("read").expect("an event");
    assert_eq!((event.data.as_str(), event.subject.as_deref()), (json, Some("o/r")));
    let detail = bed.last_detail().await;
    assert_eq!(detail["body"], json);
    assert_eq!(detail["body_truncated"], false, "the JSON is whole, though shorter than its form");

    let over_json = github_signature(SECRET, json.as_bytes());
    let wrong = Delivery::unsigned("d-3", form)
        .header("x-hub-signature-256", over_json)
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(bed.send(wrong).await.status, 401, "a signature over what is in the form is none");
    let other_field =
        Delivery::signed("d-4", "body=%7B%7D").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(bed.send(other_field).await.status, 400);
}

#[tokio::test]
async fn json_with_parameters_and_in_any_case_is_json() {
    let bed = Bed::new().await;
    for (n, kind) in
        ["application/json; charset=utf-8", "Application/JSON", "application/json;"].into_iter().enumerate()
    {
        let delivery = Delivery::signed(&format!("d-{n}"), format!("{{\"n\":{n}}}")).header("content-type", kind);
        assert_eq!(bed.send(delivery).await.status, 200, "{kind}");
    }
}

#[tokio::test]
async fn an_odd_name_in_a_payload_is_no_subject_and_no_reason_to_refuse() {
    let bed = Bed::new().await;
    let long = "x".repeat(kernel::limits::EVENT_ATTRIBUTE_BYTES + 1);
    for (n, name) in ["a\\u0000b".to_owned(), "a\\nb".to_owned(), long].into_iter().enumerate() {
        let body = format!("{{\"repository\":{{\"full_name\":\"{name}\"}}}}");
        let answer = bed.send(Delivery::signed(&format!("d-{n}"), body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(bed.last().await.subject, None);
    }
    let object = Delivery::signed("d-9", r#"{"repository":{"full_name":{}},"organization":{"login":"Org"}}"#);
    assert_eq!(bed.send(object).await.status, 200);
    assert_eq!(bed.last().await.subject.as_deref(), Some("org"));
}

#[tokio::test]
async fn a_body_of_25_mib_is_accepted() {
    let bed = Bed::new().await;
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(25 * 1024 * 1024 - 8));
    assert_eq!(body.len(), 25 * 1024 * 1024);
    let answer = bed.send(Delivery::signed("d-1", body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let detail = bed.last_detail().await;
    assert_eq!(
        (detail["body"].as_str().map(str::len), detail["body_truncated"].as_bool()),
        (Some(64 * 1024), Some(true))
    );
}

#[tokio::test]
async fn the_address_says_that_it_is_ready_and_what_it_is_for() {
    let bed = Bed::new().await;
    let answer =
        crate::support::call(&bed.door, Request::get("/in/github").body(Body::empty()).expect("a request")).await;
    assert_eq!((answer.status.as_u16(), answer.body["source"].as_str()), (200, Some("github")));
    assert!(!answer.text.contains(SECRET));
    let other =
        crate::support::call(&bed.door, Request::get("/in/gitlab").body(Body::empty()).expect("a request")).await;
    assert_eq!(other.status, 404);
    let put = crate::support::call(&bed.door, Request::put("/in/github").body(Body::empty()).expect("a request")).await;
    assert_eq!(put.status, 405);
}
