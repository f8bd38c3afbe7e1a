//! Deliveries once more: one, or a range.

use serde_json::json;

use crate::support::{Bed, Delivery, PUSH, within};

#[tokio::test]
async fn an_accepted_delivery_is_replayed_as_a_new_event_that_says_so() {
    let bed = Bed::new().await;
    bed.send(Delivery::signed("d-1", PUSH)).await;
    let id = bed.last().await.id;
    for position in [2, 3] {
        let answer = bed.change("POST", &format!("/deliveries/{id}/replay"), &json!(null)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body["event_position"].as_i64()),
            (200, Some(position)),
            "{}",
            answer.text
        );
        let row = bed.last().await;
        assert_eq!((row.replay_of.as_deref(), row.verdict.as_str()), (Some(id.as_str()), "accepted"));
        let event = bed.events.find(position).await.expect("read").expect("an event");
        assert_eq!((event.kind.as_str(), event.data.as_str()), ("github.push", PUSH));
        assert_eq!(event.attributes, Some(format!("{{\"replayof\":\"{id}\"}}")));
    }
    assert_eq!(bed.change("POST", "/deliveries/dlv_none/replay", &json!(null)).await.status, 404);
    bed.clock.advance(86_400_001);
    bed.events.prune(86_400_000, None).await.expect("pruned");
    let gone = bed.change("POST", &format!("/deliveries/{id}/replay"), &json!(null)).await;
    assert_eq!((gone.status.as_u16(), gone.body["code"].as_str()), (409, Some("event_gone")));
}

#[tokio::test]
async fn a_refused_delivery_is_verified_again_once_the_secret_is_right() {
    let bed = Bed::new().await;
    bed.source(json!({"name": "theirs", "sender": "stripe", "secret": "whsec_the_wrong_one_0"})).await;
    let right = "whsec_the_right_one_1";
    let body = r#"{"id":"evt_1","type":"charge.refunded"}"#;
    let draft = webhooks::Draft { id: "", kind: "", now_ms: bed.clock.now_ms(), body: body.as_bytes() };
    let stripe = webhooks::sources::find("stripe").expect("known");
    let headers = webhooks::sign(stripe, &kernel::Secret::new(right), &draft).expect("signed");
    assert_eq!(bed.post("/in/theirs", headers.clone(), body).await.status, 401);
    let id = bed.last().await.id;
    let replay = format!("/deliveries/{id}/replay");
    let still = bed.change("POST", &replay, &json!(null)).await;
    assert_eq!((still.status.as_u16(), still.body["code"].as_str()), (409, Some("verification_failed")));
    bed.change("POST", "/sources/theirs/rotate", &json!({"secret": right})).await;
    // Days later: what counts is when it came.
    bed.clock.advance(2 * 86_400_000);
    let answer = bed.change("POST", &replay, &json!(null)).await;
    assert_eq!((answer.status.as_u16(), answer.body["status"].as_str()), (200, Some("accepted")), "{}", answer.text);
    assert_eq!(bed.last().await.event_type.as_deref(), Some("stripe.charge.refunded"));
    let again = bed.change("POST", &replay, &json!(null)).await;
    assert_eq!(again.body["status"], "duplicate", "it is in the log now");
}

#[tokio::test]
async fn a_range_is_counted_first_and_then_replayed_once_whatever_happens() {
    let bed = Bed::new().await;
    for n in 0..120 {
        bed.send(Delivery::signed(&format!("d-{n}"), format!("{{\"n\":{n}}}"))).await;
    }
    bed.send(Delivery::signed("other", "{\"n\":-1}").header("x-github-event", "issues")).await;
    let selection = json!({"source": "github", "event_type": "github.push"});
    let plan = bed.change("POST", "/replays", &json!({"selection": selection})).await;
    assert_eq!((plan.status.as_u16(), plan.body["count"].as_i64()), (200, Some(120)), "{}", plan.text);
    assert_eq!(bed.events_count().await, 121, "counting does nothing");
    bed.jobs.serve(bed.webhooks.handlers(), 2);
    let begun = bed.change("POST", "/replays", &json!({"selection": selection, "dry_run": false})).await;
    assert_eq!(begun.status, 202, "{}", begun.text);
    let path = format!("/api/v1/webhooks/replays/{}", begun.body["id"]);
    within(async {
        while bed.get(&path).await.body["state"] != "completed" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let done = bed.get(&path).await.body;
    assert_eq!(
        (done["replayed"].as_i64(), done["failed"].as_i64(), done["total"].as_i64()),
        (Some(120), Some(0), Some(120))
    );
    assert_eq!(bed.events_count().await, 241);
    let plan = bed.change("POST", "/replays", &json!({"selection": selection})).await;
    assert_eq!(plan.body["count"], 120, "what was replayed is not chosen again");
    let nothing = bed.change("POST", "/replays", &json!({"selection": {"source": "nobody"}, "dry_run": false})).await;
    assert_eq!((nothing.status.as_u16(), nothing.body["code"].as_str()), (409, Some("nothing_chosen")));
    let unknown = bed.change("POST", "/replays", &json!({"selection": {"sorce": "x"}})).await;
    assert_eq!(unknown.status, 422);
}
