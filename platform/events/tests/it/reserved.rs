//! Whoever holds a key publishes what is open to publishers, and nothing that a part of this server works on as its own.

use axum::body::Body;
use axum::http::Request;
use identity::Caller;
use serde_json::{Value, json};

use crate::http::{Answer, PUBLISHER, READER, ask, get};
use crate::support::{Bed, GITHUB, HEARD, PUSH, phrase};

async fn publish(bed: &Bed, media: &str, body: &Value) -> Answer {
    let request = Request::post("/api/v1/events").header("content-type", media).body(Body::from(body.to_string()));
    ask(bed, request.expect("a request"), Some(PUBLISHER)).await
}

async fn publish_one(bed: &Bed, event: &Value) -> Answer {
    publish(bed, "application/cloudevents+json", event).await
}

fn event(kind: &str, source: &str, data: &Value) -> Value {
    json!({ "specversion": "1.0", "type": kind, "source": source, "id": "1", "data": data })
}

#[tokio::test]
async fn a_key_cannot_say_what_a_verified_sender_or_a_product_says() {
    let bed = Bed::new().await;
    let push = json!({ "repository": { "full_name": "octo/hello" } });
    for source in ["https://evil.example", "/in2/github", "/github", "in/github", "github"] {
        for (kind, data) in
            [("github.push", push.clone()), ("github.new_kind", push.clone()), ("radio.phrase", json!(phrase("a")))]
        {
            let answer = publish_one(&bed, &event(kind, source, &data)).await;
            assert_eq!(
                (answer.status, answer.body["code"].as_str()),
                (403, Some("type_reserved")),
                "{kind} of {source}"
            );
            assert_eq!(answer.body["errors"][0]["pointer"], "/type");
        }
    }
    let batch = json!([event("partner.order", "/shop", &json!({})), event("github.push", "/shop", &push)]);
    let answer = publish(&bed, "application/cloudevents-batch+json", &batch).await;
    assert_eq!((answer.status, answer.body["errors"][0]["pointer"].as_str()), (403, Some("/1/type")));
    let jobs = [bed.jobs_of(GITHUB).await, bed.jobs_of(PUSH).await, bed.jobs_of(HEARD).await];
    assert_eq!((bed.count().await, jobs), (0, [0, 0, 0]), "nobody works on it");
    assert_eq!(publish_one(&bed, &event("partner.order", "/shop", &json!({}))).await.status, 201);
}

#[tokio::test]
async fn what_the_operator_opens_may_be_published_and_keeps_its_schema() {
    let bed = Bed::wired(&[], |registry| {
        registry.open("radio.phrase").expect("declared, not open");
        registry.open("github.ping").expect("of a family");
    })
    .await;
    assert_eq!(publish_one(&bed, &event("radio.phrase", "/desk", &json!(phrase("a")))).await.status, 201);
    let broken = publish_one(&bed, &event("radio.phrase", "/desk2", &json!({ "station": 5 }))).await;
    assert_eq!((broken.status, broken.body["code"].as_str()), (422, Some("event_invalid")));
    assert_eq!(publish_one(&bed, &event("github.ping", "/desk/ping", &json!({}))).await.status, 201);
    assert_eq!(
        publish_one(&bed, &event("github.push", "/desk", &json!({}))).await.status,
        403,
        "one of a family is not the family"
    );
    let (_, list) = get(&bed, "/api/v1/event-types", Some(READER)).await;
    let open: Vec<_> = list["items"].as_array().expect("items").iter().filter(|it| it["open"] == true).collect();
    let names: Vec<_> = open.iter().filter_map(|it| it["type"].as_str()).collect();
    assert_eq!(names, ["github.ping", "partner.*", "radio.phrase"]);
    let (_, document) = get(&bed, "/api/v1/asyncapi.json", Some(Caller::Admin)).await;
    let published = document["channels"]["publish"]["messages"].as_object().expect("messages");
    assert_eq!(published.keys().collect::<Vec<_>>(), ["github.ping", "partner.any", "radio.phrase"]);
}
