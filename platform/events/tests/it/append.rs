//! Into the log: all or nothing, checked, once, without holes.

use events::{AppendError, Appended, EventType, NewEvent};
use kernel::limits;

use crate::support::{Bed, GITHUB, HEARD, Heard, PUSH, append, phrase, position, small};

#[tokio::test]
async fn a_rolled_back_append_leaves_no_event_and_no_job() {
    let bed = Bed::new().await;
    let checked = bed.events.check(NewEvent::of("/radio", &phrase("a"))).expect("fits");
    let (events, again) = (bed.events.clone(), checked.clone());
    let failed: Result<(), AppendError> = bed
        .store
        .write(async move |tx| {
            tx.execute("INSERT INTO scratch (word) VALUES ('mine')", &[]).await?;
            position(events.append(tx, &again).await?);
            Err(AppendError::UnknownType("the caller changed its mind".to_owned()))
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(
        (bed.count().await, bed.jobs_of(HEARD).await, bed.number("SELECT COUNT(*) FROM scratch").await),
        (0, 0, 0)
    );

    let events = bed.events.clone();
    let kept: Result<i64, AppendError> = bed
        .store
        .write(async move |tx| {
            tx.execute("INSERT INTO scratch (word) VALUES ('mine')", &[]).await?;
            Ok(position(events.append(tx, &checked).await?))
        })
        .await;
    assert_eq!(kept.expect("kept"), 1, "a rolled back append uses no position up");
    assert_eq!(
        (bed.count().await, bed.jobs_of(HEARD).await, bed.number("SELECT COUNT(*) FROM scratch").await),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn every_matching_work_subscription_is_owed_one_job_and_no_other() {
    let bed = Bed::new().await;
    let owed = async || (bed.jobs_of(HEARD).await, bed.jobs_of(GITHUB).await, bed.jobs_of(PUSH).await);
    bed.append(NewEvent::of("/radio", &phrase("a"))).await.expect("appended");
    assert_eq!(owed().await, (1, 0, 0));
    bed.append(small("github.push")).await.expect("appended");
    assert_eq!(owed().await, (1, 1, 1));
    bed.append(small("github.ping")).await.expect("appended");
    assert_eq!(owed().await, (1, 2, 1));
    let third = bed.number("SELECT MAX(event_position) FROM jobs").await;
    assert_eq!(third, 3, "a job names its event");
}

#[tokio::test]
async fn an_event_is_stored_as_it_was_given() {
    let bed = Bed::new().await;
    let given =
        NewEvent::of("/radio", &phrase("größe")).id("one").subject(Some("Ünï".to_owned())).trace(Some("t".to_owned()));
    let at = position(bed.append(given).await.expect("appended"));
    let stored = bed.events.find(at).await.expect("read").expect("there");
    assert_eq!((stored.id.as_str(), stored.kind.as_str(), stored.source.as_str()), ("one", Heard::TYPE, "/radio"));
    assert_eq!((stored.subject.as_deref(), stored.trace.as_deref()), (Some("Ünï"), Some("t")));
    assert_eq!((stored.schema_version, stored.time_ms), (3, bed.clock.now_ms()));
    assert_eq!(stored.data::<Heard>().expect("a phrase"), phrase("größe"));
    let row = bed.events.list(events::Query { limit: 1, ..Default::default() }).await.expect("listed").remove(0);
    assert_eq!(row.size_bytes, stored.data.len() as i64, "bytes, not characters");

    let text = "{ \"b\" : 1.0,\n \"a\":[\"\\u00e9\"] }";
    let at = position(bed.append(NewEvent::raw("github.push", "/in", text.to_owned())).await.expect("appended"));
    assert_eq!(bed.events.find(at).await.expect("read").expect("there").data, text);
}

#[tokio::test]
async fn what_breaks_the_schema_is_refused_with_the_place_and_without_the_words() {
    let bed = Bed::new().await;
    let secret = "hunter2 and the rest of somebody's letter";
    for (data, pointer) in [
        (format!(r#"{{"station":"a","notes":[{{"pitch":1}},{{"pitch":"{secret}"}}]}}"#), "/notes/1/pitch"),
        (format!(r#"{{"station":["{secret}"],"notes":[]}}"#), "/station"),
        (format!(r#"["{secret}"]"#), ""),
        (r#"{"notes":[]}"#.to_owned(), ""),
        (r#"{"station":"a","notes":[{"pitch":256}]}"#.to_owned(), "/notes/0/pitch"),
        (format!("{{ {secret}"), ""),
        (String::new(), ""),
    ] {
        let refused = bed.append(NewEvent::raw(Heard::TYPE, "/radio", data.clone())).await.expect_err("refused");
        let AppendError::Invalid { kind, source, .. } = &refused else { panic!("{data}: {refused}") };
        assert_eq!((kind.as_str(), source.pointer.as_str()), (Heard::TYPE, pointer), "{data}");
        assert!(!source.detail.is_empty() && !source.detail.contains("hunter2"), "{source}");
        let problem = kernel::Problem::from(refused);
        assert_eq!((problem.status().as_u16(), problem.code()), (422, "event_invalid"));
    }
    let refused = bed.append(small("github")).await.expect_err("refused");
    assert!(matches!(refused, AppendError::UnknownType(kind) if kind == "github"));
    assert!(matches!(bed.append(small("nobody.knows")).await, Err(AppendError::UnknownType(_))));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(matches!(bed.append(NewEvent::raw("github.push", "/in", deep)).await, Err(AppendError::Invalid { .. })));
    assert_eq!((bed.count().await, bed.number("SELECT COUNT(*) FROM jobs").await), (0, 0));
}

#[tokio::test]
async fn attributes_and_data_have_their_bounds() {
    let bed = Bed::new().await;
    let (most, over) = ("x".repeat(limits::EVENT_ATTRIBUTE_BYTES), "x".repeat(limits::EVENT_ATTRIBUTE_BYTES + 1));
    let fits = NewEvent::raw("github.push", &most, "{}".to_owned()).id(&most).subject(Some(most.clone()));
    position(bed.append(fits).await.expect("the bound itself fits"));
    for (name, event) in [
        ("type", NewEvent::raw(format!("github.{most}"), "/", "{}".to_owned())),
        ("source", NewEvent::raw("github.push", &over, "{}".to_owned())),
        ("subject", small("github.push").subject(Some(over.clone()))),
        ("id", small("github.push").id(&over)),
    ] {
        let refused = bed.append(event).await.expect_err("refused");
        assert!(matches!(refused, AppendError::TooLarge(what) if what == name), "{name}: {refused}");
    }
    let data = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    let too_large = bed.append(NewEvent::raw("github.push", "/", data(limits::EVENT_DATA_BYTES + 1))).await;
    assert!(matches!(too_large, Err(AppendError::TooLarge("data"))));
    let largest =
        position(bed.append(NewEvent::raw("github.push", "/", data(limits::EVENT_DATA_BYTES))).await.expect("fits"));
    let stored = bed.events.find(largest).await.expect("read").expect("there");
    assert_eq!(stored.data.len(), limits::EVENT_DATA_BYTES);
    // PostgreSQL keeps no NUL in a text; an event that one engine takes and the other does not is no event.
    for event in [small("github.push").subject(Some("a\0b".to_owned())), small("github.push").id("a\0")] {
        assert!(matches!(bed.append(event).await, Err(AppendError::Malformed(_))));
    }
    assert_eq!(bed.count().await, 2);
}

#[tokio::test]
async fn the_same_source_and_id_is_one_event_and_leaves_no_hole() {
    let bed = Bed::new().await;
    let first = bed.append(small("github.push").id("a")).await.expect("appended");
    assert_eq!(first, Appended::New(1));
    for _ in 0..5 {
        assert_eq!(bed.append(small("github.ping").id("a")).await.expect("known"), Appended::Known(1));
    }
    let elsewhere = NewEvent::raw("github.push", "/another", "{}".to_owned()).id("a");
    assert_eq!(bed.append(elsewhere).await.expect("appended"), Appended::New(2), "the source is part of the name");
    assert_eq!((bed.count().await, bed.jobs_of(PUSH).await, bed.jobs_of(GITHUB).await), (2, 2, 2));
    for n in 3..6 {
        assert_eq!(
            bed.append(small("github.push")).await.expect("appended"),
            Appended::New(n),
            "without an id, each is new"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_concurrent_appends_of_one_event_make_one() {
    let bed = Bed::new().await;
    let mut appends = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (store, events) = (bed.store.clone(), bed.events.clone());
        appends.spawn(async move { append(&store, &events, small("github.push").id("same")).await.expect("answered") });
    }
    let answers = appends.join_all().await;
    let new = answers.iter().filter(|answer| matches!(answer, Appended::New(1))).count();
    let known = answers.iter().filter(|answer| matches!(answer, Appended::Known(1))).count();
    assert_eq!((new, known), (1, 99));
    assert_eq!((bed.count().await, bed.jobs_of(GITHUB).await, bed.jobs_of(PUSH).await), (1, 1, 1));
}
