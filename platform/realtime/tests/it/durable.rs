//! Streams that belong to a table.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use realtime::{Load, Loaded, Namespace, PublishError, Stored};
use serde_json::json;
use tokio::sync::{Mutex, Semaphore};

use crate::support::{FOREVER_MS, Server};

/// The one channel `table:a`, as a product would keep it.
struct Table {
    rows: Mutex<u64>,
    loads: AtomicUsize,
    broken: AtomicBool,
    /// Each load takes one permit after it has read: a test can hold it there.
    gate: Semaphore,
    reading: Semaphore,
}

impl Table {
    fn new() -> Arc<Self> {
        let gate = Semaphore::new(1_000);
        let (loads, broken) = (AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Self { rows: Mutex::new(0), loads, broken, gate, reading: Semaphore::new(0) })
    }

    async fn commit(&self) -> u64 {
        let mut rows = self.rows.lock().await;
        *rows += 1;
        *rows
    }

    async fn server(self: &Arc<Self>) -> Server {
        Server::with([Namespace::public("table").history(10, FOREVER_MS).durable(self.clone())]).await
    }

    async fn commit_and_publish(&self, server: &Server) {
        let offset = self.commit().await;
        publish(server, offset).await.expect("published");
    }
}

impl Load for Table {
    fn load<'a>(&'a self, channel: &'a str) -> BoxFuture<'a, Result<Option<Loaded>, Box<dyn Error + Send + Sync>>> {
        async move {
            self.loads.fetch_add(1, Ordering::SeqCst);
            if self.broken.load(Ordering::SeqCst) {
                return Err("the table is away".into());
            }
            if channel != "table:a" {
                return Ok(None);
            }
            let top = *self.rows.lock().await;
            self.reading.add_permits(1);
            self.gate.acquire().await?.forget();
            let first = top.saturating_sub(10) + 1;
            let publications = (first..=top).map(|offset| Stored { offset, time_ms: 0, data: data(offset) }).collect();
            Ok(Some(Loaded { epoch: "kept".into(), top, publications }))
        }
        .boxed()
    }
}

fn data(offset: u64) -> Bytes {
    offset.to_string().into()
}

async fn publish(server: &Server, offset: u64) -> Result<(), PublishError> {
    server.hub.publish_at("table:a", offset, data(offset)).await
}

#[tokio::test]
async fn positions_survive_a_restart() {
    let table = Table::new();
    let server = table.server().await;
    let mut client = server.connect().await;
    assert_eq!(client.subscribe("table:a").await["epoch"], "kept");
    for _ in 0..3 {
        table.commit_and_publish(&server).await;
    }
    for n in 1..=3 {
        assert_eq!(client.next().await["push"]["pub"]["data"], n);
    }
    drop((client, server));
    table.commit().await;
    let server = table.server().await;
    table.commit_and_publish(&server).await;
    assert_eq!(table.loads.load(Ordering::SeqCst), 1, "nobody listens: nothing is loaded");
    let mut client = server.connect().await;
    let subscribe = json!({"subscribe": {"channel": "table:a", "recover": true, "offset": 3, "epoch": "kept"}});
    let reply = client.ask(subscribe).await["subscribe"].take();
    assert_eq!(reply["recovered"], true);
    assert_eq!(reply["publications"], json!([{"data": 4, "offset": 4}, {"data": 5, "offset": 5}]));
    table.commit_and_publish(&server).await;
    assert_eq!(client.next().await["push"]["pub"]["data"], 6);
}

#[tokio::test]
async fn missing_publications_are_fetched_and_repeated_ones_ignored() {
    let table = Table::new();
    let server = table.server().await;
    let mut client = server.connect().await;
    client.subscribe("table:a").await;
    for _ in 0..4 {
        table.commit().await;
    }
    for offset in [1, 4, 2, 3, 4] {
        publish(&server, offset).await.expect("published");
    }
    for n in 1..=4 {
        assert_eq!(client.next().await["push"]["pub"]["data"], n);
    }
    table.commit_and_publish(&server).await;
    assert_eq!(client.next().await["push"]["pub"]["data"], 5);
    assert_eq!(table.loads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_hole_that_the_table_cannot_fill_is_told() {
    let table = Table::new();
    let server = table.server().await;
    let mut client = server.connect().await;
    client.subscribe("table:a").await;
    let begins = json!({"subs": {"table:a": {}}}).to_string();
    let mut listener = server.request("POST", "/connection/uni_http_stream", &[], begins).await;
    assert!(listener.line().await.is_some_and(|push| push.starts_with(r#"{"connect":"#)));
    for _ in 0..30 {
        table.commit().await;
    }
    publish(&server, 30).await.expect("published");
    let comes_again = r#"{"disconnect":{"code":3010,"reason":"insufficient state"}}"#;
    assert_eq!(listener.line().await.as_deref(), Some(comes_again), "it subscribes by connecting only");
    assert_eq!(listener.line().await, None);
    let push = json!({"channel": "table:a", "unsubscribe": {"code": 2500, "reason": "insufficient state"}});
    assert_eq!(client.next().await["push"], push);
    assert_eq!(server.hub.subscribers("table:a"), 0);
    assert_eq!(client.subscribe("table:a").await["offset"], 30, "it subscribes again");
}

#[tokio::test]
async fn all_who_come_together_share_one_load() {
    let table = Table::new();
    table.gate.forget_permits(1_000);
    let server = table.server().await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(server.connect().await);
    }
    let subscribed = join_all(clients.iter_mut().map(|client| client.subscribe("table:a")));
    let commit_meanwhile = async {
        table.reading.acquire().await.expect("open").forget();
        // Committed after the table was read and before the load is in the bus.
        table.commit_and_publish(&server).await;
        table.gate.add_permits(2);
    };
    let (replies, ()) = tokio::join!(subscribed, commit_meanwhile);
    assert!(replies.iter().all(|reply| reply["offset"] == 1), "{replies:?}");
    assert_eq!(table.loads.load(Ordering::SeqCst), 2, "one for all, and one for what came meanwhile");
}

#[tokio::test]
async fn a_load_goes_on_when_its_first_reader_is_gone() {
    let table = Table::new();
    table.gate.forget_permits(1_000);
    let server = table.server().await;
    let mut gone = server.connect().await;
    gone.send("{\"id\":2,\"subscribe\":{\"channel\":\"table:a\"}}").await;
    table.reading.acquire().await.expect("open").forget();
    let mut client = server.connect().await;
    drop(gone);
    let (reply, ()) = tokio::join!(client.subscribe("table:a"), async { table.gate.add_permits(1) });
    assert_eq!(reply["epoch"], "kept");
}

#[tokio::test]
async fn unknown_channels_and_broken_tables_are_told_apart() {
    let table = Table::new();
    let server = table.server().await;
    let mut client = server.connect().await;
    assert_eq!(client.error(json!({"subscribe": {"channel": "table:b"}})).await, 102);
    table.broken.store(true, Ordering::SeqCst);
    let reply = client.ask(json!({"subscribe": {"channel": "table:a"}})).await;
    assert_eq!((&reply["error"]["code"], &reply["error"]["temporary"]), (&json!(100), &json!(true)));
    table.broken.store(false, Ordering::SeqCst);
    client.subscribe("table:a").await;
    table.broken.store(true, Ordering::SeqCst);
    table.commit().await;
    let offset = table.commit().await;
    assert!(matches!(publish(&server, offset).await, Err(PublishError::Load(_))), "to be published again");
    table.broken.store(false, Ordering::SeqCst);
    publish(&server, offset).await.expect("published");
    assert_eq!((client.next().await["push"]["pub"]["data"].clone()), json!(1));
    assert_eq!((client.next().await["push"]["pub"]["data"].clone()), json!(2));
}

#[tokio::test]
async fn each_kind_of_namespace_has_its_own_door() {
    let server = Table::new().server().await;
    assert!(matches!(server.hub.publish("table:a", &1).await, Err(PublishError::Durable)));
    assert!(matches!(server.hub.publish_at("news:a", 1, data(1)).await, Err(PublishError::NotDurable)));
    assert!(matches!(server.hub.publish("nowhere:a", &1).await, Err(PublishError::UnknownNamespace)));
}
