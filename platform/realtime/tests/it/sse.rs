//! Plain server-sent events, and a product's own stream.

use futures_util::StreamExt;
use realtime::{Caller, Refused};
use serde_json::json;

use crate::support::{Server, in_time};

fn id(event: &str) -> String {
    let line = event.lines().find_map(|line| line.strip_prefix("id: "));
    line.unwrap_or_else(|| panic!("no id: {event}")).to_owned()
}

#[tokio::test]
async fn a_reader_resumes_where_it_was() {
    let server = Server::start().await;
    server.publish("news:a", json!("old")).await;
    let mut events = server.events("news:a/events", &[]).await;
    assert_eq!(events.status(), 200);
    let head = events.head.to_ascii_lowercase();
    for header in ["content-type: text/event-stream", "cache-control: no-cache", "x-accel-buffering: no"] {
        assert!(head.contains(header), "{header}");
    }
    let start = id(&events.event().await);
    server.publish("news:a", json!({"n": 2})).await;
    server.publish("news:a", json!({"n": 3})).await;
    let second = events.event().await;
    assert!(second.ends_with("data: {\"n\":2}"), "{second}");
    drop(events);
    let mut by_header = server.events("news:a/events", &[("Last-Event-ID", &id(&second))]).await;
    assert_eq!(by_header.event().await, "retry: 2000");
    assert!(by_header.event().await.ends_with("data: {\"n\":3}"));
    let mut by_query = server.events(&format!("news:a/events?last_event_id={start}"), &[]).await;
    by_query.event().await;
    assert!(by_query.event().await.ends_with("data: {\"n\":2}"));
    assert!(by_query.event().await.ends_with("data: {\"n\":3}"));
    server.publish("news:a", json!({"n": 4})).await;
    assert!(by_query.event().await.ends_with("data: {\"n\":4}"));
}

#[tokio::test]
async fn a_reader_that_cannot_resume_is_told_first() {
    let server = Server::start().await;
    for n in 1..=15 {
        server.publish("news:a", json!(n)).await;
    }
    let mut events = server.events("news:a/events", &[]).await;
    let top = id(&events.event().await);
    let epoch = top.strip_prefix("15@").expect("the top").to_owned();
    for last in [format!("1@{epoch}"), "15@other".to_owned(), "junk".to_owned()] {
        let mut events = server.events("news:a/events", &[("Last-Event-ID", &last)]).await;
        let reset = events.event().await;
        assert!(reset.contains("event: reset\n"), "{reset}");
        assert_eq!(id(&reset), top);
        assert!(reset.contains(&format!("data: {{\"epoch\":\"{epoch}\",\"offset\":15}}")), "{reset}");
    }
}

#[tokio::test]
async fn the_same_rules_of_access() {
    let server = Server::start().await;
    assert_eq!(server.events("nowhere:a/events", &[]).await.status(), 404);
    assert_eq!(server.events("ops:a/events", &[]).await.status(), 403);
    assert_eq!(server.events("ops:a/events", &[("x-admin", "yes")]).await.status(), 200);
    assert_eq!(server.events(&format!("news:{}/events", "x".repeat(300)), &[]).await.status(), 400);
}

#[tokio::test]
async fn silence_is_broken_by_a_heartbeat() {
    let server = Server::start().await;
    let mut events = server.events("plain:a/events", &[]).await;
    assert_eq!(events.event().await, "retry: 2000");
    for _ in 0..2 {
        for _ in 0..15 {
            server.hub.tick();
        }
        assert_eq!(events.event().await, ":");
    }
}

#[tokio::test]
async fn a_product_reads_a_channel_as_a_stream() {
    let server = Server::start().await;
    for n in 1..=5 {
        server.publish("news:a", json!(n)).await;
    }
    let caller = Caller::default();
    let open = async |since, backlog| server.hub.open_stream("news:a", since, backlog, &caller).await.expect("open");
    let mut newest = open(None, 2).await;
    assert!(!newest.recovered());
    assert_eq!(newest.top().offset, 5);
    let mut after = open(Some(3), 0).await;
    assert!(after.recovered());
    let mut too_late = open(Some(9), 1).await;
    assert!(!too_late.recovered());
    assert_eq!(server.hub.stats().connections, 3);
    server.publish("news:a", json!(6)).await;
    for (stream, expected) in [(&mut newest, &[4, 5, 6][..]), (&mut after, &[4, 5, 6]), (&mut too_late, &[5, 6])] {
        for offset in expected {
            assert_eq!(in_time(stream.next()).await.expect("open").offset, *offset);
        }
    }
    drop((newest, after, too_late));
    assert_eq!((server.hub.stats().connections, server.hub.subscribers("news:a")), (0, 0));
    assert!(matches!(server.hub.open_stream("ops:a", None, 0, &caller).await, Err(Refused::Forbidden)));
}

#[tokio::test]
async fn a_stream_that_nobody_reads_ends() {
    let server = Server::start().await;
    let mut feed = server.hub.open_stream("plain:a", None, 0, &Caller::default()).await.expect("open");
    let text = "x".repeat(100_000);
    for _ in 0..20 {
        server.publish("plain:a", json!(text)).await;
    }
    assert!(in_time(feed.next()).await.is_none());
}
