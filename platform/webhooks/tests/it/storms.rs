//! The same delivery fifty times at once, of every sender that we know: one event, and fifty successes.

use std::sync::Arc;

use axum::http::HeaderMap;
use serde_json::json;
use webhooks::{Draft, sources};

use crate::handshakes::{DISCORD_KEY, discord};
use crate::published::ONE;
use crate::support::{Bed, START_MS};

const AT_ONCE: usize = 50;

/// A delivery of the sender at a source of its name: address, headers, body.
async fn delivery(bed: &Bed, sender: &str) -> (String, HeaderMap, String) {
    let secret = match sender {
        "discord" | "discord-events" => json!(DISCORD_KEY),
        "kick" => json!(ONE.public),
        "railway" => json!(null),
        _ => json!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    };
    // That one is there from the first run.
    if sender != "github" {
        bed.source(json!({ "name": sender, "sender": sender, "secret": secret })).await;
    }
    let path = bed.sources.address(sender).expect("an address");
    let body = match sender {
        "discord" => r#"{"type":2,"id":"1"}"#.to_owned(),
        "discord-events" => r#"{"type":1,"event":{"type":"ENTITLEMENT_CREATE"}}"#.to_owned(),
        "kick" => "{}".to_owned(),
        _ => bed.sources.stand_in(sender).expect("a source").body("id-1", "a.thing", START_MS).expect("a body"),
    };
    let headers = match sender {
        "discord" | "discord-events" => discord(&body, START_MS / 1000),
        "kick" => ONE.signed(bed, "01A", &body),
        _ => {
            let draft = Draft { id: "id-1", kind: "a.thing", now_ms: START_MS, body: body.as_bytes() };
            bed.sources.sign(sender, &draft).expect("signed")
        }
    };
    (path, headers, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_every_sender_fifty_at_once_are_one_event() {
    let bed = Arc::new(Bed::new().await);
    for (known, sender) in sources::ALL.iter().enumerate() {
        let (path, headers, body) = delivery(&bed, sender.name).await;
        let mut senders = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            let (bed, path, headers, body) = (bed.clone(), path.clone(), headers.clone(), body.clone());
            senders.spawn(async move { bed.post(&path, headers, body).await });
        }
        let answers = senders.join_all().await;
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        assert!(answers.iter().all(|answer| answer.status.is_success()), "{}: {statuses:?}", sender.name);
        let rows: Vec<_> = bed.deliveries().await.into_iter().filter(|row| row.source == sender.name).collect();
        let of = |verdict: &str| rows.iter().filter(|row| row.verdict == verdict).count();
        assert_eq!((of("accepted"), of("duplicate"), rows.len()), (1, AT_ONCE - 1, AT_ONCE), "{}", sender.name);
        let positions: std::collections::BTreeSet<_> = rows.iter().map(|row| row.event_position).collect();
        assert_eq!((positions.len(), bed.events_count().await), (1, known as i64 + 1), "{}", sender.name);
    }
}
