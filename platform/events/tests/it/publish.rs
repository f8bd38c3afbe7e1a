//! CloudEvents in and out, through the router.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::http::{Answer, PUBLISHER, READER, ask};
use crate::support::{Bed, GITHUB, phrase};
use events::NewEvent;
use identity::Caller;

const ONE: &str = "application/cloudevents+json";
const MANY: &str = "application/cloudevents-batch+json";

async fn post(bed: &Bed, media: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post("/api/v1/events").header("content-type", media).body(body.into());
    ask(bed, request.expect("a request"), Some(PUBLISHER)).await
}

async fn publish(bed: &Bed, event: &Value) -> Answer {
    post(bed, ONE, event.to_string()).await
}

async fn fetch(bed: &Bed, path: &str, accept: &str) -> Answer {
    let request = Request::get(path).header("accept", accept).body(Body::empty()).expect("a request");
    ask(bed, request, Some(READER)).await
}

fn order(id: &str, data: &Value) -> Value {
    json!({ "specversion": "1.0", "type": "partner.order", "source": "https://shop.example/1", "id": id, "data": data })
}

fn pointers(answer: &Answer) -> Vec<&str> {
    let errors = answer.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
}

#[tokio::test]
async fn what_is_published_comes_out_as_it_went_in() {
    let bed = Bed::new().await;
    let sent = json!({
        "specversion": "1.0", "type": "partner.order", "source": "https://shop.example/1", "id": "a/1", "subject": "Größe 4",
        "time": "2026-11-21T03:04:05.123456+02:00", "datacontenttype": "application/vnd.shop+json; v=1",
        "dataschema": "https://shop.example/schema#1", "comexample": "x", "count": 5, "flag": true, "unset": null,
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "data": { "total": 12.50, "big": 12345678901234567890u64 }
    });
    // Digits, spaces and line ends of the payload are the producer's.
    let text = sent.to_string().replace("12.5,", "12.50 ,").replace("\"total\"", "\n\"total\"");
    let answer = post(&bed, &format!("{ONE}; charset=UTF-8"), text).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(
        answer.body["events"][0],
        json!({"id": "a/1", "source": "https://shop.example/1", "position": 1, "new": true})
    );
    assert_eq!(answer.headers["location"], "/api/v1/events/1");
    let out = fetch(&bed, "/api/v1/events/1", ONE).await;
    assert_eq!(out.headers["content-type"], ONE);
    let mut expected = sent.clone();
    expected["position"] = "1".into();
    expected.as_object_mut().expect("an object").remove("unset");
    assert_eq!(out.body, expected);
    let stored = bed.events.find(1).await.expect("read").expect("there");
    assert_eq!(stored.trace.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"), "the producer's trace goes on");
    // What came out may go in elsewhere, or here: it is the same event.
    let again = publish(&bed, &out.body).await;
    assert_eq!((again.status, &again.body["events"][0]["position"]), (200, &json!(1)));
    let batch = fetch(&bed, "/api/v1/events", MANY).await;
    assert_eq!(batch.body, json!([expected]));
}

#[tokio::test]
async fn our_own_events_are_complete_cloud_events() {
    let bed = Bed::new().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736".to_owned();
    bed.append(NewEvent::of("/radio", &phrase("a")).id("p").trace(Some(trace))).await.expect("appended");
    let out = fetch(&bed, "/api/v1/events/1", ONE).await.body;
    let expected = json!({
        "specversion": "1.0", "type": "radio.phrase", "source": "/radio", "id": "p", "time": "2023-11-14T22:13:20.000Z",
        "datacontenttype": "application/json", "dataschema": "urn:mainspring:schema:radio.phrase:3", "position": "1",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000001-01",
        "data": phrase("a")
    });
    assert_eq!(out, expected);
}

#[tokio::test]
async fn binary_mode_says_the_same_in_headers() {
    let bed = Bed::new().await;
    let request = || {
        Request::post("/api/v1/events")
            .header("ce-specversion", "1.0")
            .header("CE-Type", "partner.order")
            .header("ce-source", "/shop%20one".replace("%20", "-"))
            .header("ce-id", "7")
            .header("ce-subject", "Euro%20%E2%82%AC")
            .header("ce-comexample", "\"a \\\"b\\\"\"")
            .header("content-type", "application/json; charset=utf-8")
    };
    let answer = ask(&bed, request().body(Body::from("{\"a\": 1}")).expect("a request"), Some(PUBLISHER)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let out = fetch(&bed, "/api/v1/events/1", ONE).await.body;
    let of = |name: &str| out[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (of("subject"), of("comexample"), of("source")),
        ("Euro €".into(), "a \"b\"".into(), "/shop-one".into())
    );
    assert_eq!(out["data"], json!({"a": 1}));
    for (name, value, wrong) in [
        ("ce-datacontenttype", "application/json", "ce-datacontenttype"),
        ("ce-other", "%FF", "ce-other"),
        ("ce-id", "8", "ce-id"),
        ("ce-time", "yesterday", "ce-time"),
    ] {
        let request = request().header(name, value).body(Body::from("{}")).expect("a request");
        let answer = ask(&bed, request, Some(PUBLISHER)).await;
        // One that is refused as a header of its own is named so too.
        let named = pointers(&answer).iter().any(|pointer| wrong.ends_with(pointer.trim_start_matches("content-type")));
        assert!(answer.status == 422 && named, "{name}: {} {}", answer.status, answer.text);
    }
    let answer = ask(&bed, request().body(Body::from("{")).expect("a request"), Some(PUBLISHER)).await;
    assert_eq!((answer.status, pointers(&answer)), (422, vec![""]));
}

#[tokio::test]
async fn what_breaks_the_specification_is_refused_with_the_place() {
    let bed = Bed::new().await;
    let good = order("1", &json!({}));
    for (name, value) in [
        ("specversion", json!("0.3")),
        ("specversion", json!(1.0)),
        ("id", json!("")),
        ("id", json!(5)),
        ("id", json!("a\u{7}b")),
        ("id", json!("a\u{fdd0}")),
        ("id", json!(null)),
        ("source", json!("not a uri")),
        ("source", json!("")),
        ("type", json!(null)),
        ("subject", json!("")),
        ("time", json!("2026-11-21")),
        ("time", json!("2026-11-21T03:04:05")),
        ("time", json!("20261121T030405Z")),
        ("time", json!("2026-13-21T03:04:05Z")),
        ("datacontenttype", json!("text")),
        ("datacontenttype", json!("application/xml")),
        ("dataschema", json!("relative")),
        ("dataschema", json!("urn:mainspring:schema:radio.phrase:3")),
        ("extension", json!(1.5)),
        ("extension", json!(2_147_483_648i64)),
        ("extension", json!({})),
        ("extension", json!(["a"])),
        ("BadName", json!("a")),
        ("bad_name", json!("a")),
        ("data_base64", json!("e30=")),
        ("extension", json!("x".repeat(9_000))),
    ] {
        let mut event = good.clone();
        event[name] = value.clone();
        let answer = publish(&bed, &event).await;
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (422, Some("cloud_event_invalid")),
            "{name}: {value}"
        );
        assert!(pointers(&answer).contains(&&*format!("/{name}")), "{name} {value}: {}", answer.text);
    }
    for (body, media, status) in [
        ("{".to_owned(), ONE, 400),
        ("[]".to_owned(), ONE, 400),
        ("{}".to_owned(), MANY, 400),
        (format!("{},\"id\":\"2\"}}", good.to_string().trim_end_matches('}')), ONE, 400),
        (good.to_string(), "application/json", 415),
        (good.to_string(), "application/cloudevents+avro", 415),
        (good.to_string(), "application/cloudevents+json; charset=latin1", 415),
        (good.to_string(), "nonsense", 415),
        ("x".repeat(kernel::limits::API_BODY_BYTES + 1), ONE, 413),
        (format!("[{}]", vec![good.to_string(); 501].join(",")), MANY, 413),
        (
            good.to_string().replace("\"data\":{}", &format!("\"data\":{}1{}", "[".repeat(400), "]".repeat(400))),
            ONE,
            422,
        ),
    ] {
        assert_eq!(
            post(&bed, media, body.clone()).await.status,
            status,
            "{media}: {}",
            body.chars().take(80).collect::<String>()
        );
    }
    assert_eq!(bed.count().await, 0);
}

#[tokio::test]
async fn base64_and_absent_payloads_are_json_too() {
    let bed = Bed::new().await;
    let mut event = order("1", &json!(null));
    event.as_object_mut().expect("an object").remove("data");
    assert_eq!(publish(&bed, &event).await.status, 201);
    assert_eq!(bed.events.find(1).await.expect("read").expect("there").data, "null");
    event["id"] = "2".into();
    event["data_base64"] = "eyJhIjoxfQ==".into();
    assert_eq!(publish(&bed, &event).await.status, 422, "bytes need their media type");
    event["datacontenttype"] = "application/json".into();
    assert_eq!(publish(&bed, &event).await.status, 201);
    assert_eq!(bed.events.find(2).await.expect("read").expect("there").data, "{\"a\":1}");
}

#[tokio::test]
async fn the_schema_and_the_registry_stand_at_the_door() {
    let bed = Bed::wired(&[], |registry| registry.open("radio.phrase").expect("declared")).await;
    let radio =
        |data: Value| json!({ "specversion": "1.0", "type": "radio.phrase", "source": "/x", "id": "1", "data": data });
    let answer = publish(&bed, &radio(json!({"station": 5, "notes": [{"pitch": 60}, {"pitch": "high"}]}))).await;
    assert_eq!((answer.status, answer.body["code"].as_str()), (422, Some("event_invalid")));
    let mut places = pointers(&answer);
    places.sort_unstable();
    assert_eq!(places, ["/data/notes/1/pitch", "/data/station"]);
    let mut unknown = order("1", &json!({}));
    unknown["type"] = "nobody.knows".into();
    let answer = publish(&bed, &unknown).await;
    assert_eq!((answer.status, answer.body["code"].as_str()), (422, Some("event_type_unknown")));
    let mut forged = order("1", &json!({}));
    forged["source"] = "/in/github".into();
    let answer = publish(&bed, &forged).await;
    assert_eq!(
        (answer.status, answer.body["code"].as_str()),
        (403, Some("source_reserved")),
        "a webhook is what was verified"
    );
    let mut event = radio(json!(phrase("a")));
    event["dataschema"] = "urn:mainspring:schema:radio.phrase:2".into();
    let answer = publish(&bed, &event).await;
    assert_eq!((answer.status, pointers(&answer)), (422, vec!["/dataschema"]));
    event["dataschema"] = "urn:mainspring:schema:radio.phrase:3".into();
    assert_eq!(publish(&bed, &event).await.status, 201);
    assert_eq!(bed.events.find(1).await.expect("read").expect("there").schema_version, 3);
}

#[tokio::test]
async fn a_batch_is_stored_whole_or_not_at_all() {
    let bed = Bed::wired(&[], |registry| registry.open("github.*").expect("declared")).await;
    let push = |id: &str, data: Value| json!({ "specversion": "1.0", "type": "github.push", "source": "/x", "id": id, "data": data });
    let batch = json!([push("1", json!({})), push("2", json!({})), push("3", json!("no object"))]);
    let answer = post(&bed, MANY, batch.to_string()).await;
    assert_eq!((answer.status, pointers(&answer)), (422, vec!["/2/data"]));
    assert!(answer.body["detail"].as_str().expect("words").contains("Event 2 of the batch"));
    let broken = json!([push("1", json!({})), { "specversion": "1.0" }]);
    let answer = post(&bed, MANY, broken.to_string()).await;
    assert!(answer.status == 422 && pointers(&answer).contains(&"/1/id"), "{}", answer.text);
    assert_eq!((bed.count().await, bed.jobs_of(GITHUB).await), (0, 0));
    assert_eq!(publish(&bed, &push("2", json!({"a": 1}))).await.status, 201);
    let answer = post(&bed, MANY, json!([push("1", json!({})), push("2", json!({"a": 2}))]).to_string()).await;
    assert_eq!((answer.status, pointers(&answer)), (409, vec!["/1/id"]));
    assert_eq!(bed.count().await, 1, "the first of the batch is not there either");
    let answer =
        post(&bed, MANY, json!([push("1", json!({})), push("2", json!({"a": 1})), push("1", json!({}))]).to_string())
            .await;
    let told: Vec<_> = answer.body["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|e| (e["position"].as_i64(), e["new"].as_bool()))
        .collect();
    assert_eq!(
        (answer.status, told),
        (201, vec![(Some(2), Some(true)), (Some(1), Some(false)), (Some(2), Some(false))])
    );
    assert_eq!(post(&bed, MANY, "[]").await.status, 200);
}

#[tokio::test]
async fn a_repetition_is_the_same_event_and_another_under_its_name_is_refused() {
    let bed = Bed::new().await;
    let event = order("1", &json!({"a": 1, "b": [1, 2]}));
    assert_eq!(publish(&bed, &event).await.status, 201);
    let spaced = event.to_string().replace("{\"a\":1,\"b\":[1,2]}", "{ \"b\": [1, 2], \"a\": 1 }");
    let again = post(&bed, ONE, spaced).await;
    assert_eq!(
        (again.status, &again.body["events"][0]["new"]),
        (200, &json!(false)),
        "the same JSON, written otherwise"
    );
    for (name, value) in [("data", json!({"a": 2})), ("type", json!("partner.other")), ("subject", json!("s"))] {
        let mut other = event.clone();
        other[name] = value;
        let answer = publish(&bed, &other).await;
        assert_eq!((answer.status, answer.body["code"].as_str()), (409, Some("event_differs")), "{name}");
    }
    assert_eq!(bed.count().await, 1);
}

#[tokio::test]
async fn who_may_publish_and_who_may_read() {
    let bed = Bed::new().await;
    let request = || {
        let request = Request::post("/api/v1/events").header("content-type", ONE);
        request.body(Body::from(order("1", &json!({})).to_string())).expect("a request")
    };
    assert_eq!(ask(&bed, request(), None).await.status, 401);
    assert_eq!(ask(&bed, request(), Some(READER)).await.status, 403);
    assert_eq!(ask(&bed, request(), Some(Caller::Admin)).await.status, 403, "a page elsewhere could send this");
    assert_eq!(ask(&bed, request(), Some(PUBLISHER)).await.status, 201);
    for path in ["/api/v1/events", "/api/v1/events/1", "/api/v1/events/tail"] {
        let get = || Request::get(path).body(Body::empty()).expect("a request");
        assert_eq!(ask(&bed, get(), None).await.status, 401, "{path}");
        assert_eq!(ask(&bed, get(), Some(PUBLISHER)).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn the_list_is_searched_and_paged_both_ways() {
    let bed = Bed::new().await;
    for n in 1..=30i64 {
        let mut event = order(&n.to_string(), &json!({"n": n, "odd": n % 2 == 1}));
        event["subject"] = format!("s{}", n % 3).into();
        event["type"] = if n % 5 == 0 { "partner.fifth" } else { "partner.order" }.into();
        event["priority"] = if n > 25 { "high" } else { "low" }.into();
        assert_eq!(publish(&bed, &event).await.status, 201);
        bed.clock.advance(1_000);
    }
    let start = crate::support::START_MS;
    for (query, expected) in [
        ("type=partner.fifth", vec![30, 25, 20, 15, 10, 5]),
        ("type=partner.*&limit=2", vec![30, 29]),
        ("type=*&limit=1", vec![30]),
        ("type=other.*", vec![]),
        ("subject=s0&limit=2", vec![30, 27]),
        ("source=https://shop.example/1&id=7", vec![7]),
        ("source=/nobody", vec![]),
        (&format!("from={}&until={}", start + 4_000, start + 6_500), vec![7, 6, 5]),
        ("from=2023-11-14T22:13:48Z", vec![30, 29]),
        ("until=2023-11-14T22:13:20Z", vec![]),
        ("filter={\"exact\":{\"/odd\":true}}&limit=2", vec![29, 27]),
        (
            "filter={\"all\":[{\"prefix\":{\"priority\":\"hi\"}},{\"not\":{\"exact\":{\"subject\":\"s0\"}}}]}",
            vec![29, 28, 26],
        ),
        ("filter={\"exact\":{\"/n\":3}}", vec![3]),
        ("after=27", vec![28, 29, 30]),
        ("before=3", vec![2, 1]),
    ] {
        let encoded =
            query.replace('{', "%7B").replace('}', "%7D").replace('"', "%22").replace('[', "%5B").replace(']', "%5D");
        let page = fetch(&bed, &format!("/api/v1/events?{encoded}"), "*/*").await;
        let positions: Vec<i64> = page.body["items"]
            .as_array()
            .unwrap_or_else(|| panic!("{}", page.text))
            .iter()
            .filter_map(|item| item["position"].as_i64())
            .collect();
        assert_eq!(positions, expected, "{query}");
    }
    let page = fetch(&bed, "/api/v1/events?limit=4&before=21", MANY).await;
    assert_eq!(page.headers["link"], "<?before=17>; rel=\"next\", <?after=20>; rel=\"prev\"");
    assert_eq!(page.body.as_array().expect("a batch").len(), 4);
    for bad in ["from=x", "filter=x", "filter=%7B%22sql%22:%7B%7D%7D", "filter=%7B%22exact%22:%7B%7D%7D"] {
        assert_eq!(fetch(&bed, &format!("/api/v1/events?{bad}"), "*/*").await.status, 400, "{bad}");
    }
}
