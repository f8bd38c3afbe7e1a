//! Conditions of subscriptions: what holds, what is refused, and who is owed what.

use events::{Condition, Event, Filter, NewEvent, Stream, Work};
use identity::Caller;
use jobs::Kind;
use serde_json::{Value, json};

use crate::http::get;
use crate::support::{ALL_GITHUB, Bed, take};

fn event() -> Event {
    Event {
        position: 1,
        id: "i1".into(),
        kind: "github.push".into(),
        source: "/in/github".into(),
        subject: Some("octocat/hello".into()),
        time_ms: 0,
        schema_version: 1,
        trace: None,
        data: r#"{"action":"opened","n":3,"deep":{"a/b":[{"x":null}]},"f":1.0,"text":""}"#.into(),
        attributes: Some(r#"{"tenant":"acme","count":5}"#.into()),
    }
}

fn holds(json: &Value) -> bool {
    Condition::parse(json).unwrap_or_else(|error| panic!("{json}: {error}")).holds(&event())
}

#[test]
fn the_dialects_say_what_they_say() {
    for (condition, expected) in [
        (json!({"exact": {"type": "github.push"}}), true),
        (json!({"exact": {"type": "github.push", "subject": "other"}}), false),
        (json!({"exact": {"type": "GITHUB.PUSH"}}), false),
        (json!({"prefix": {"subject": "octocat/", "source": "/in"}}), true),
        (json!({"suffix": {"subject": "/hello"}}), true),
        (json!({"suffix": {"subject": "hello/"}}), false),
        (json!({"exact": {"tenant": "acme"}}), true),
        (json!({"exact": {"absent": "acme"}}), false),
        (json!({"not": {"exact": {"absent": "acme"}}}), true),
        (json!({"exact": {"/action": "opened", "/n": 3}}), true),
        (json!({"exact": {"/n": 3.0}}), true),
        (json!({"exact": {"/f": 1}}), true),
        (json!({"exact": {"/n": "3"}}), false),
        (json!({"exact": {"/deep/a~1b/0/x": null}}), true),
        (json!({"exact": {"/deep/nothing": null}}), false),
        (json!({"exact": {"/text": ""}}), true),
        (json!({"prefix": {"/action": "open"}}), true),
        (json!({"prefix": {"/n": "3"}}), false),
        (json!({"all": [{"exact": {"id": "i1"}}, {"prefix": {"type": "github."}}]}), true),
        (json!({"all": [{"exact": {"id": "i1"}}, {"prefix": {"type": "gitlab."}}]}), false),
        (json!({"any": [{"exact": {"id": "i2"}}, {"prefix": {"type": "github."}}]}), true),
        (json!({"any": [{"exact": {"id": "i2"}}, {"not": {"prefix": {"type": "g"}}}]}), false),
    ] {
        assert_eq!(holds(&condition), expected, "{condition}");
        assert_eq!(holds(&json!({"not": condition})), !expected);
    }
}

#[test]
fn what_is_no_condition_is_refused_with_the_place() {
    let mut deep = json!({"exact": {"id": "x"}});
    for _ in 0..8 {
        deep = json!({"not": deep});
    }
    let wide: Vec<Value> = (0..40).map(|_| json!({"exact": {"id": "x"}})).collect();
    let mut bottomless = json!({"exact": {"id": "x"}});
    for _ in 0..100 {
        bottomless = json!({"all": [bottomless]});
    }
    for (condition, place) in [
        (json!({"sql": {"type": "x"}}), ""),
        (json!({"exact": {"type": "a"}, "prefix": {"type": "b"}}), ""),
        (json!([]), ""),
        (json!({"exact": {}}), "/exact"),
        (json!({"all": []}), "/all"),
        (json!({"any": [{"exact": {"id": ""}}]}), "/any/0/exact/id"),
        (json!({"not": {"exact": {"Type": "x"}}}), "/not/exact/Type"),
        (json!({"exact": {"type' OR 1=1": "x"}}), "/exact/type' OR 1=1"),
        (json!({"exact": {"type": 5}}), "/exact/type"),
        (json!({"exact": {"/a~2": "x"}}), "/exact/~1a~02"),
        (json!({"prefix": {"/a": "x".repeat(600)}}), "/prefix/~1a"),
        (deep, "/not/not/not/not/not/not/not/not"),
        (json!({ "all": wide }), "/all/31/exact/id"),
        (bottomless, ""),
    ] {
        let refused = Condition::parse(&condition).expect_err("refused");
        assert_eq!(refused.pointer, place, "{condition}: {}", refused.detail);
    }
}

#[tokio::test]
async fn a_subscription_is_owed_what_its_condition_holds_of() {
    const OPENED: Kind = Kind::new("opened");
    let opened = Condition::parse(&json!({"exact": {"/action": "opened"}})).expect("a condition");
    let octocat = Condition::parse(&json!({"prefix": {"subject": "octocat/"}})).expect("a condition");
    let stream = Stream::new("octocat", Filter("*")).when(octocat);
    let bed = Bed::wired(&[ALL_GITHUB, stream.clone()], |registry| {
        registry.work(Work::new(OPENED, Filter("github.*")).when(opened.clone()));
    })
    .await;
    let mut batches = bed.collect(stream.clone()).await;
    for n in 0..20 {
        let action = if n % 4 == 0 { "opened" } else { "closed" };
        let owner = if n % 5 == 0 { "octocat" } else { "other" };
        let event = NewEvent::raw("github.push", "/x", json!({ "action": action }).to_string());
        bed.append(event.subject(Some(format!("{owner}/{n}")))).await.expect("appended");
    }
    assert_eq!(bed.jobs_of(OPENED).await, 5);
    assert_eq!(take(&mut batches, 4).await, [1, 6, 11, 16]);
    // It is behind nothing: of the four that came since it wants none.
    bed.cursor_reaches(stream, 16).await;
    let (_, list) = get(&bed, "/api/v1/subscriptions", Some(Caller::Admin)).await;
    let row = list["items"].as_array().expect("items").iter().find(|row| row["name"] == "octocat").expect("the stream");
    assert_eq!((&row["lag"], &row["position"]), (&json!(0), &json!(16)), "{row}");
}
