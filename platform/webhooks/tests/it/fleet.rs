//! Sources that one process changes, at the door of another.

use serde_json::json;
use tokio_util::sync::CancellationToken;
use webhooks::{Draft, Webhooks, sources};

use crate::support::{Bed, within};

/// Sends a small delivery that is signed with this secret; the status.
async fn knock(bed: &Bed, secret: &str, n: usize) -> u16 {
    let (secret, body) = (kernel::Secret::new(secret), format!("{{\"n\":{n}}}"));
    let draft = Draft { id: "", kind: "", now_ms: bed.clock.now_ms(), body: body.as_bytes() };
    let headers = webhooks::sign(sources::find("generic").expect("known"), &secret, &draft).expect("signed");
    bed.post("/in/ours", headers, body).await.status.as_u16()
}

/// What another process changed is in force here soon: it is told. On the embedded engine there is no other, and nobody to tell.
async fn until_status(bed: &Bed, secret: &str, n: usize, status: u16) {
    if !testkit::on_postgres() {
        bed.sources.reload().await.expect("read");
        assert_eq!(knock(bed, secret, n).await, status);
    }
    within(async {
        while knock(bed, secret, n).await != status {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// By reading the sources every five seconds alone, thirty changes would not fit into the guard's minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_that_one_process_rotates_are_verified_by_another() {
    let bed = Bed::new().await;
    let other = bed.beside().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(Webhooks::run(other.webhooks.clone(), stop.clone()));
    let made = bed.source(json!({"name": "ours", "sender": "generic"})).await;
    let mut secret = made["secret"].as_str().expect("a secret").to_owned();
    until_status(&other, &secret, 0, 200).await;
    within(async {
        for n in 1..=30 {
            let rotated = bed.change("POST", "/sources/ours/rotate", &json!({"overlap_s": 0})).await;
            assert_eq!(rotated.status, 200, "{}", rotated.text);
            let before = std::mem::replace(&mut secret, rotated.body["secret"].as_str().expect("a secret").to_owned());
            until_status(&other, &secret, n, 200).await;
            assert_eq!(knock(&other, &before, n).await, 401, "one that has ended counts nowhere");
        }
    })
    .await;
    assert_eq!(bed.change("DELETE", "/sources/ours", &serde_json::Value::Null).await.status, 204);
    until_status(&other, &secret, 31, 404).await;
    stop.cancel();
    within(running).await.expect("it ends");
}

#[tokio::test]
async fn a_change_begins_with_what_another_process_changed_before() {
    let bed = Bed::new().await;
    let other = bed.beside().await;
    let made = bed.source(json!({"name": "ours", "sender": "generic"})).await;
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    assert_eq!(other.change("PATCH", "/sources/ours", &json!({"enabled": false})).await.status, 200);
    // This one has read nothing since.
    let changed = bed.change("PATCH", "/sources/ours", &json!({"settings": {"rate_per_second": 7}})).await;
    assert_eq!((changed.status.as_u16(), changed.body["enabled"].as_bool()), (200, Some(false)));
    assert_eq!(knock(&bed, &secret, 1).await, 404);
}
