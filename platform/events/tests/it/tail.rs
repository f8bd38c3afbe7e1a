//! The live tail: every event once, in order, resumed where it broke off.

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt;
use serde_json::Value;

use crate::http::{READER, ask, send};
use crate::support::{Bed, phrase, small, within};
use events::NewEvent;

/// One reader of the tail.
struct Reader {
    body: BodyDataStream,
    buffer: String,
}

#[derive(Debug, Default, PartialEq)]
struct Message {
    event: String,
    id: Option<i64>,
    data: Option<Value>,
}

impl Reader {
    async fn open(bed: &Bed, query: &str, last: Option<&str>) -> Self {
        let request = Request::get(format!("/api/v1/events/tail{query}"));
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        let response = send(bed, request.body(Body::empty()).expect("a request"), Some(READER)).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut reader = Self { body: response.into_body().into_data_stream(), buffer: String::new() };
        let first = reader.message().await.expect("the opening");
        assert!(first.id.is_some() && first.data.is_none());
        reader
    }

    async fn message(&mut self) -> Option<Message> {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                let block: String = self.buffer.drain(..end + 2).collect();
                let mut message = Message::default();
                for line in block.lines() {
                    match line.split_once(": ") {
                        Some(("event", event)) => message.event = event.to_owned(),
                        Some(("id", id)) => message.id = id.parse().ok(),
                        Some(("data", data)) => message.data = serde_json::from_str(data).ok(),
                        _ => {}
                    }
                }
                if message != Message::default() {
                    return Some(message);
                }
                continue;
            }
            let chunk = within(self.body.next()).await?.expect("whole");
            self.buffer.push_str(std::str::from_utf8(&chunk).expect("a text"));
        }
    }

    /// The ids of the next `count` events.
    async fn take(&mut self, count: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let message = self.message().await.expect("a message");
            if let Some(data) = message.data {
                assert_eq!(data["position"].as_str().map(str::parse), message.id.map(Ok), "{data}");
                ids.extend(message.id);
            }
        }
        ids
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_readers_see_every_event_once_in_order() {
    let bed = std::sync::Arc::new(Bed::new().await);
    bed.append_many("github.push", 5).await;
    let mut readers = tokio::task::JoinSet::new();
    for n in 0..20 {
        let mut reader = Reader::open(&bed, "", (n % 2 == 1).then_some("2")).await;
        let (first, count) = if n % 2 == 1 { (3, 703) } else { (6, 700) };
        readers.spawn(async move { (first, count, reader.take(count).await) });
    }
    for _ in 0..7 {
        bed.append_many("github.push", 100).await;
    }
    for (first, count, ids) in readers.join_all().await {
        assert_eq!(ids, (first..first + count as i64).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_tail_shows_what_is_wanted_and_remembers_what_it_passed() {
    let bed = Bed::new().await;
    let mut pushes = Reader::open(&bed, "?type=github.*&subject=a", None).await;
    let mut notes = Reader::open(&bed, "?filter=%7B%22exact%22:%7B%22/station%22:%22b%22%7D%7D", None).await;
    bed.append(small("github.push").subject(Some("a".to_owned()))).await.expect("appended");
    bed.append(small("github.push").subject(Some("b".to_owned()))).await.expect("appended");
    bed.append(NewEvent::of("/radio", &phrase("b"))).await.expect("appended");
    bed.append(small("github.ping").subject(Some("a".to_owned()))).await.expect("appended");
    assert_eq!(pushes.take(2).await, [1, 4]);
    assert_eq!(notes.take(1).await, [3]);
    let mut passed = 3;
    while passed < 4 {
        passed = notes.message().await.expect("a message").id.expect("an id");
    }
}

#[tokio::test]
async fn a_reader_that_missed_more_than_the_log_has_is_told() {
    let bed = Bed::new().await;
    bed.append_many("github.push", 10).await;
    bed.execute("DELETE FROM events WHERE position < 6").await;
    for (last, lost) in [("3", true), ("4", true), ("5", false), ("10", false), ("99", true), ("nonsense", true)] {
        let mut reader = Reader::open(&bed, "", Some(last)).await;
        if lost {
            assert_eq!(reader.message().await.expect("a message").event, "reset", "{last}");
        }
        bed.append_many("github.push", 1).await;
        let latest = bed.events.latest().await.expect("read");
        let first = if lost && last.len() > 1 { latest } else { 6.max(last.parse().unwrap_or(0) + 1) };
        assert_eq!(reader.take(1).await, [first], "{last}");
    }
}

#[tokio::test]
async fn tails_are_bounded_and_end_with_the_server() {
    let bed = Bed::new().await;
    let mut open = Vec::new();
    for _ in 0..kernel::limits::EVENT_TAILS {
        open.push(Reader::open(&bed, "", None).await);
    }
    let request = || Request::get("/api/v1/events/tail").body(Body::empty()).expect("a request");
    let answer = ask(&bed, request(), Some(READER)).await;
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains_key("retry-after"));
    drop(open.pop());
    let mut last = Reader::open(&bed, "", None).await;
    bed.events.stop().await;
    assert_eq!(last.message().await, None, "the stream ends");
}

/// By polling alone, twelve events would take the guard's minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_shows_at_once_what_another_process_appends() {
    let bed = Bed::new().await;
    let mut reader = Reader::open(&bed, "", None).await;
    let other = bed.beside(&[]).await;
    if !testkit::on_postgres() {
        // The embedded engine has no other process, and no hints: a second log on one store is seen by polling alone.
        other.append(small("github.push")).await.expect("appended");
        assert_eq!(reader.take(1).await, [1]);
        return;
    }
    within(async {
        for position in 1..=20 {
            other.append(small("github.push")).await.expect("appended");
            assert_eq!(reader.take(1).await, [position]);
        }
    })
    .await;
}
