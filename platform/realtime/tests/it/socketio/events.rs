//! Events, their acknowledgements, and publications as events.

use std::time::Duration;

use futures_util::FutureExt;
use realtime::socketio::{Args, Namespace};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::client::{Client, json_of};
use super::server;
use crate::support::in_time;

#[tokio::test]
async fn everybody_in_a_channel_sees_the_same() {
    let server = server().await;
    let (mut ours, _) = Client::enter(&server, "/", json!({})).await;
    let mut theirs = server.connect().await;
    theirs.subscribe("news:a").await;
    ours.subscribe("/", "news:a").await;
    for (data, event) in [
        (json!({"n": 1}), json!(["message", {"n": 1}, "news:a"])),
        (json!({"event": "goal", "data": [2]}), json!(["goal", [2], "news:a"])),
        (json!({"event": "disconnect", "data": 3}), json!(["message", {"event": "disconnect", "data": 3}, "news:a"])),
    ] {
        server.publish("news:a", data.clone()).await;
        assert_eq!(theirs.next().await["push"]["pub"]["data"], data);
        assert_eq!(json_of(&ours.text().await), event);
    }
    ours.say(r#"421["unsubscribe","news:a"]"#).await;
    assert_eq!(ours.text().await, r#"42["unsubscribed","news:a",2000,"unsubscribed"]"#);
    assert_eq!(ours.text().await, "431[{}]");
    assert_eq!(server.hub.subscribers("news:a"), 1);
}

#[tokio::test]
async fn what_may_not_be_joined_is_refused_in_known_codes() {
    let server = server().await;
    let (mut client, _) = Client::enter(&server, "/", json!({})).await;
    for (asked, code) in [
        (json!(["subscribe", "ops:a"]), 103),
        (json!(["subscribe", "unknown:a"]), 102),
        (json!(["subscribe", "news:a", "a token for an open door"]), 103),
        (json!(["subscribe"]), 107),
        (json!(["subscribe", 7]), 107),
        (json!(["subscribe", "news:".to_owned() + &"x".repeat(300)]), 107),
        (json!(["unsubscribe"]), 107),
    ] {
        client.say(&format!("427{asked}")).await;
        assert_eq!(json_of(&client.text().await)[0]["error"]["code"], code, "{asked}");
    }
    assert_eq!(server.hub.stats().subscriptions, 0);
}

#[tokio::test]
async fn events_are_answered_in_their_order_with_their_bytes() {
    let server = server().await;
    let (mut client, granted) = Client::enter(&server, "/echo", json!({"a": 1})).await;
    assert!(granted["sid"].as_str().is_some_and(|sid| *sid != *client.sid), "{granted}");
    assert_eq!(client.text().await, r#"42/echo,["auth",{"a":1}]"#);
    client.say(r#"42/echo,["echo","nobody waits"]"#).await;
    client.say(r#"42/echo,7["nobody listens"]"#).await;
    client.say(r#"42/echo,456["echo",1,"2",{"3":[false]}]"#).await;
    assert_eq!(client.text().await, r#"43/echo,456[1,"2",{"3":[false]}]"#);
    client.say(r#"452-/echo,789["echo",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#).await;
    client.say_bytes(&[1, 2]).await;
    client.say_bytes(&[3]).await;
    let answer = client.text().await;
    assert_eq!(answer, r#"462-/echo,789[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#);
    assert_eq!((client.next().await, client.next().await), (Message::binary(vec![1, 2]), Message::binary(vec![3])));
    client.say(r#"42/echo,["back",7]"#).await;
    assert_eq!(client.text().await, r#"42/echo,["back",7]"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_comes_between_a_packet_and_its_bytes() {
    let server = server().await;
    let (mut client, _) = Client::enter(&server, "/", json!({})).await;
    client.say("40/echo").await;
    assert!(client.text().await.starts_with("40/echo,{"));
    assert_eq!(client.text().await, r#"42/echo,["auth",{}]"#);
    client.subscribe("/", "plain:a").await;
    let hub = server.hub.clone();
    let publishing = tokio::spawn(async move {
        for number in 0..5_000 {
            hub.publish("plain:a", &number).await.expect("published");
        }
    });
    for _ in 0..100 {
        client.say(r#"451-/echo,["back",{"_placeholder":true,"num":0}]"#).await;
        client.say_bytes(&[7]).await;
        while !client.text().await.starts_with("451-/echo,") {}
        assert_eq!(client.next().await, Message::binary(vec![7]));
    }
    in_time(publishing).await.expect("published");
}

#[tokio::test]
async fn the_server_asks_and_hears_the_answer_or_gives_up() {
    let server = server().await;
    let (heard, mut hears) = mpsc::channel(2);
    let asking = Namespace::new("/asking").on_connect(move |socket, _| {
        let heard = heard.clone();
        async move {
            // The welcome must end before anything of the client is worked on, an answer too.
            tokio::spawn(async move {
                let answer = socket.ask("how many", Args::of(json!([1])), Duration::from_secs(20)).await;
                heard.send(answer).await.expect("heard");
                heard.send(socket.ask("gone", Args::default(), Duration::from_secs(20)).await).await.expect("heard");
            });
        }
        .boxed()
    });
    server.hub.socketio(asking);
    let (mut client, _) = Client::enter(&server, "/asking", json!({})).await;
    assert_eq!(client.text().await, r#"42/asking,0["how many",1]"#);
    client.say("43/asking,99[\"nobody asked\"]").await;
    client.say("43/asking,0[41,\"more\"]").await;
    let answer: Option<Args> = in_time(hears.recv()).await.expect("an answer");
    assert_eq!(answer.expect("in time").values, [json!(41), json!("more")]);
    assert_eq!(client.text().await, r#"42/asking,1["gone"]"#);
    drop(client);
    assert_eq!(in_time(hears.recv()).await, Some(None), "who is gone answers nothing");
}

#[tokio::test]
async fn a_listener_may_ask_its_client_and_says_nothing_by_a_kept_name() {
    let server = server().await;
    let (mut client, _) = Client::enter(&server, "/echo", json!({})).await;
    client.text().await;
    client.say(r#"42/echo,1["ask"]"#).await;
    assert_eq!(client.text().await, r#"42/echo,0["how many"]"#);
    client.say("43/echo,0[41]").await;
    assert_eq!(client.text().await, "43/echo,1[41]");
    client.say(r#"42/echo,2["reserved",7]"#).await;
    assert_eq!(client.text().await, "43/echo,2[7]");
    client.say(r#"42/echo,3["gone",8]"#).await;
    assert_eq!(client.text().await, "41/echo,");
    assert_eq!(client.text().await, "43/echo,3[8]", "who is gone is not waited for");
}

#[tokio::test]
async fn namespaces_are_entered_and_left_apart() {
    let server = server().await;
    let mut client = Client::open(&server, &[]).await.expect("a handshake");
    client.say("40/random").await;
    assert_eq!(client.text().await, r#"44/random,{"message":"Invalid namespace"}"#);
    client.say("40").await;
    assert!(client.text().await.starts_with("40{"));
    client.say("40/echo").await;
    assert!(client.text().await.starts_with("40/echo,{"));
    assert_eq!(client.text().await, r#"42/echo,["auth",{}]"#);
    client.subscribe("/", "news:a").await;
    client.say("41").await;
    client.say(r#"42/echo,1["echo"]"#).await;
    assert_eq!(client.text().await, "43/echo,1[]");
    assert_eq!(server.hub.subscribers("news:a"), 0);
    client.say(r#"42/echo,["leave"]"#).await;
    assert_eq!(client.text().await, "41/echo,");
    assert_eq!(server.hub.stats().connections, 1, "the connection stays");
}

#[tokio::test]
async fn who_breaks_the_protocol_is_closed() {
    let server = server().await;
    for said in [
        "4abc",
        "abc",
        "42{}",
        "42abc[\"echo\"]",
        "42[\"connect\"]",
        "40",
        "42/echo,[\"not there\"]",
        "2probe",
        "5",
        "0{}",
    ] {
        let (mut client, _) = Client::enter(&server, "/", json!({})).await;
        client.say(said).await;
        assert_eq!(client.closed().await, 3501, "{said}");
    }
    let (mut client, _) = Client::enter(&server, "/", json!({})).await;
    client.say_bytes(&[1]).await;
    assert_eq!(client.closed().await, 3501, "bytes that nobody waits for");
    let mut before = Client::open(&server, &[]).await.expect("a handshake");
    before.say("42[\"subscribe\"]").await;
    assert_eq!(before.closed().await, 3501, "before it is anywhere");
    let (mut fault, _) = Client::enter(&server, "/echo", json!({})).await;
    fault.say("42/echo,[\"panic\"]").await;
    assert_eq!(fault.closed().await, 3004, "a fault of the product ends this client alone");
    let mut farewell = Client::open(&server, &[]).await.expect("a handshake");
    farewell.say("1").await;
    assert_eq!(farewell.closed().await, 1000);
    in_time(server.hub.drain(Duration::ZERO)).await;
    assert_eq!(server.hub.stats().connections, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_read_is_closed() {
    let server = server().await;
    let (mut slow, _) = Client::enter(&server, "/", json!({})).await;
    slow.subscribe("/", "plain:a").await;
    let text = Value::from("x".repeat(100_000));
    let mut sent = 0;
    while server.hub.subscribers("plain:a") == 1 {
        server.publish("plain:a", text.clone()).await;
        tokio::task::yield_now().await;
        sent += 1;
        assert!(sent < 10_000, "a gigabyte is no longer a queue");
    }
    assert_eq!(server.hub.stats().subscriptions, 0);
}
