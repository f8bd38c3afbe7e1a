//! "The hash does not match": what an administrator is told, and nobody else.

use serde_json::json;

use crate::support::{Bed, Delivery, PUSH, START_MS, github_signature};

async fn hint(bed: &Bed, delivery: Delivery) -> String {
    let answer = bed.send(delivery).await;
    assert_eq!(answer.status, 401);
    let hint = bed.last().await.hint.unwrap_or_default();
    assert!(hint.is_empty() || !answer.text.contains(&hint), "a stranger learns nothing: {}", answer.text);
    hint
}

#[tokio::test]
async fn what_probably_went_wrong_is_said() {
    let bed = Bed::new().await;
    let signed_over = |signed: &str, sent: &str| {
        let signature = github_signature(crate::support::SECRET, signed.as_bytes());
        Delivery::unsigned("d-1", sent.to_owned()).header("x-hub-signature-256", signature)
    };
    let compact = r#"{"a":1,"b":[1,2]}"#;
    let pretty = "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    2\n  ]\n}";
    assert!(hint(&bed, signed_over(compact, pretty)).await.contains("writes it anew"));
    assert!(hint(&bed, signed_over(pretty, compact)).await.contains("writes it anew"));
    assert!(hint(&bed, signed_over("{}\n", "{}")).await.contains("line break"));
    assert!(hint(&bed, signed_over("{}", "{}\n")).await.contains("line break"));
    let spaced = github_signature(&format!("{}\n", crate::support::SECRET), PUSH.as_bytes());
    let spaced = Delivery::unsigned("d-1", PUSH).header("x-hub-signature-256", spaced);
    assert!(hint(&bed, spaced).await.contains("space or a line break"));
    let other = github_signature("quite another secret", PUSH.as_bytes());
    assert_eq!(hint(&bed, Delivery::unsigned("d-1", PUSH).header("x-hub-signature-256", other)).await, "");
}

#[tokio::test]
async fn a_time_in_the_wrong_unit_is_named() {
    let bed = Bed::new().await;
    bed.source(json!({"name": "linear", "sender": "linear", "secret": "a secret of ours"})).await;
    let body = json!({"type": "Issue", "webhookTimestamp": START_MS / 1000}).to_string();
    assert_eq!(bed.send_to("linear", "d", "", &body).await.status, 401);
    assert_eq!(
        bed.last().await.hint.as_deref(),
        Some("The time of sending is in seconds, where this sender's are in milliseconds.")
    );
}

#[tokio::test]
async fn no_whole_signature_is_shown_or_kept_in_the_clear() {
    let bed = Bed::new().await;
    let right = github_signature(crate::support::SECRET, PUSH.as_bytes());
    bed.send(Delivery::signed("d-1", PUSH)).await;
    let accepted = bed.last_detail().await;
    assert!(!accepted.to_string().contains(&right), "with it, and the body, the delivery could be sent again");
    assert!(accepted.to_string().contains(&format!("{}…", &right[..15])), "{accepted}");
    bed.send(Delivery::signed("d-2", PUSH).header("content-type", "text/plain")).await;
    assert!(!bed.last_detail().await.to_string().contains(&right));
    bed.clock.advance(1000);
    let wrong = github_signature("quite another secret", PUSH.as_bytes());
    bed.send(Delivery::unsigned("d-3", PUSH).header("x-hub-signature-256", wrong.clone())).await;
    bed.store.close().await;
    for name in ["mainspring.db", "mainspring.db-wal"] {
        let bytes = std::fs::read(bed.dir.path().join(name)).unwrap_or_default();
        for signature in [&right, &wrong] {
            assert!(!bytes.windows(64).any(|window| window == &signature.as_bytes()[7..]), "{name}");
        }
    }
}
