//! Whom programs mean, and what their people are told of it.

use kernel::limits;
use realtime::Hub;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::api::{House, ann};
use crate::notary::sealed;
use crate::support::Client;

async fn come(house: &House, user: &str) -> Client {
    ann(&house.server, json!({ "sub": user })).await.0
}

/// Whether it is still there.
async fn stays(client: &mut Client) -> bool {
    client.ask(json!({ "presence_stats": { "channel": "app:a" } })).await["presence_stats"].is_object()
}

fn running(hub: &Hub, stop: &CancellationToken) -> tokio::task::JoinHandle<()> {
    let (hub, stop) = (hub.clone(), stop.clone());
    tokio::spawn(async move { hub.run(stop).await })
}

#[tokio::test]
async fn a_backend_names_its_users_as_its_tokens_do_and_no_others() {
    let house = House::new().await;
    let (mut first, mut second) = (come(&house, "ann").await, come(&house, "bob").await);
    let subscribe = json!({ "issuer": "two", "user": "7", "channel": "app:a" });
    house.result("subscribe", subscribe).await;
    assert!(second.next().await["push"]["subscribe"].is_object());
    assert!(stays(&mut first).await, "and heard nothing before its answer");
    assert_eq!(house.server.hub.subscribers("app:a"), 1);
    house.result("unsubscribe", json!({ "issuer": "one", "user": "7", "channel": "app:a" })).await;
    assert_eq!(house.server.hub.subscribers("app:a"), 1, "that one is not subscribed");
    // Who never came, who is called so by us, and a name that would be one if the two were one text.
    for (issuer, user) in [("one", "8"), ("one", "ann"), ("one", "7 "), ("two", "ann"), ("one", "two/7")] {
        let named = json!({ "issuer": issuer, "user": user });
        assert_eq!(house.result("disconnect", named.clone()).await, json!({}), "{named}");
    }
    for (named, code) in [
        (json!({ "issuer": "three", "user": "7" }), 107),
        (json!({ "issuer": "", "user": "ann" }), 107),
        (json!({ "issuer": 1, "user": "ann" }), 107),
        (json!({ "issuer": "one" }), 107),
        (json!({ "issuer": "one", "user": "" }), 107),
        (json!({ "issuer": "away", "user": "7" }), 100),
    ] {
        for method in ["disconnect", "refresh", "subscribe", "unsubscribe"] {
            let mut body = named.clone();
            body["channel"] = json!("app:b");
            assert_eq!(house.error(method, body.clone()).await, code, "{method} {body}");
        }
    }
    assert!(stays(&mut first).await && stays(&mut second).await, "none of that was about them");
    house.result("refresh", json!({ "issuer": "one", "user": "7", "expired": true })).await;
    assert_eq!(first.closed().await.0, 3005);
    house.result("disconnect", json!({ "issuer": null, "user": "bob" })).await;
    assert_eq!(second.closed().await, (3503, "force disconnect".to_owned()));
}

#[tokio::test]
async fn clients_are_told_why_in_the_programs_words() {
    let house = House::new().await;
    let there = House::process(&house.clock, &house.bus).await;
    let stop = CancellationToken::new();
    let running = running(&there.hub, &stop);
    let longest = format!("{}é", "x".repeat(limits::DISCONNECT_REASON_BYTES - 2));
    for (disconnect, code, reason) in [
        (json!({ "code": 4001, "reason": "the game is over" }), 4001, "the game is over"),
        (json!({ "code": 3503, "reason": "banned \u{2014} ask us" }), 3503, "banned \u{2014} ask us"),
        (json!({ "reason": "so" }), 3503, "so"),
        (json!({ "code": 4500, "reason": longest }), 4500, longest.as_str()),
        (json!({ "code": 3011, "reason": "" }), 3011, "force reconnect"),
        (json!({ "code": 4001 }), 4001, ""),
        (json!({}), 3503, "force disconnect"),
        (Value::Null, 3503, "force disconnect"),
    ] {
        let (mut near, mut far) = (come(&house, "ann").await, ann(&there, json!({ "sub": "ann" })).await.0);
        let mut one_way = house.server.open_one_way("").await;
        one_way.send(json!({ "token": sealed(&json!({ "sub": "ann" })) }).to_string()).await;
        assert!(one_way.next().await["connect"].is_object());
        house.result("disconnect", json!({ "user": "ann", "disconnect": disconnect })).await;
        let expected = (code, reason.to_owned());
        assert_eq!([near.closed().await, far.closed().await], [expected.clone(), expected.clone()], "{disconnect}");
        let told = one_way.next().await["disconnect"].take();
        assert_eq!((&told["code"], told["reason"].as_str().unwrap_or_default()), (&json!(code), reason), "{told}");
        assert_eq!(one_way.closed().await, expected);
    }
    let mut client = come(&house, "ann").await;
    let long = "x".repeat(limits::DISCONNECT_REASON_BYTES + 1);
    for reason in [json!(long), json!("a\nb"), json!("\u{0}"), json!("\u{9b}"), json!(7), json!(["no"])] {
        let body = json!({ "user": "ann", "disconnect": { "code": 4001, "reason": reason } });
        assert_eq!(house.error("disconnect", body.clone()).await, 107, "{body}");
    }
    assert!(stays(&mut client).await, "what is refused is not done");
    stop.cancel();
    running.await.expect("it ends");
}

/// What another process says is held to the same bounds: whoever writes to the bus may write anything.
#[tokio::test]
async fn words_that_could_not_be_said_are_left_out() {
    let house = House::new().await;
    let stop = CancellationToken::new();
    let running = running(&house.server.hub, &stop);
    for (words, reason) in [(json!("x".repeat(4_000)), "force disconnect"), (json!("a\r\nb"), "force disconnect")] {
        let mut client = come(&house, "ann").await;
        let deed = json!({ "Disconnect": { "code": 3503, "spared": [], "words": words } });
        let order = json!({ "from": "it", "whom": { "user": "ann", "client": "", "session": "" }, "deed": deed });
        house.bus.publish("@orders", order.to_string().into(), bus::Keep::NOTHING).await.expect("told");
        assert_eq!(client.closed().await, (3503, reason.to_owned()));
    }
    // One of an older release has none.
    let mut client = come(&house, "ann").await;
    let deed = json!({ "Disconnect": { "code": 4001, "spared": [] } });
    let order = json!({ "from": "it", "whom": { "user": "ann", "client": "", "session": "" }, "deed": deed });
    house.bus.publish("@orders", order.to_string().into(), bus::Keep::NOTHING).await.expect("told");
    assert_eq!(client.closed().await, (4001, String::new()));
    stop.cancel();
    running.await.expect("it ends");
}
