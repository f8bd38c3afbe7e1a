//! Whoever has something for many writes it for them: each of them hears it as if its own task had.

use serde_json::json;
use tokio::task::JoinSet;

use crate::socketio;
use crate::support::{Server, in_time};

const CROWD: usize = 12;
const SAID: u64 = 400;
const ASKED: u64 = 100;

async fn says(server: &Server) {
    for n in 0..SAID {
        server.publish("plain:a", json!({ "n": n, "text": "x".repeat(n as usize % 7 * 300) })).await;
    }
}

/// Two write to one socket: its task the answers, the crowd's what is published.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_hears_all_in_order_and_gets_its_answers_between() {
    let server = Server::start().await;
    let mut reading = JoinSet::new();
    for _ in 0..CROWD {
        let mut client = server.connect().await;
        client.subscribe("plain:a").await;
        reading.spawn(async move {
            let (mut heard, mut asked, mut answered) = (0, 0, 0);
            while heard < SAID || answered < ASKED {
                if asked == answered && asked < ASKED {
                    client
                        .send(json!({ "id": 1_000 + asked, "history": { "channel": "news:none" } }).to_string())
                        .await;
                    asked += 1;
                }
                let message = client.next().await;
                match message["id"].as_u64() {
                    Some(id) => {
                        assert_eq!(id, 1_000 + answered);
                        answered += 1;
                    }
                    None => {
                        assert_eq!(message["push"]["pub"]["data"]["n"], heard);
                        heard += 1;
                    }
                }
            }
        });
    }
    says(&server).await;
    in_time(reading.join_all()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_does_each_client_of_socketio() {
    let server = Server::start().await;
    socketio::namespaces().into_iter().for_each(|namespace| server.hub.socketio(namespace));
    let mut reading = JoinSet::new();
    for _ in 0..CROWD {
        let (mut client, _) = socketio::client::Client::enter(&server, "/", json!({})).await;
        client.subscribe("/", "plain:a").await;
        reading.spawn(async move {
            let (mut heard, mut asked, mut answered) = (0, 0, 0);
            while heard < SAID || answered < ASKED {
                if asked == answered && asked < ASKED {
                    client.say(&format!("42{}{}", 1_000 + asked, json!(["unsubscribe", "news:none"]))).await;
                    asked += 1;
                }
                let text = client.text().await;
                if text.starts_with("43") {
                    assert!(text.starts_with(&format!("43{}[", 1_000 + answered)), "{text}");
                    answered += 1;
                } else {
                    assert_eq!(socketio::client::json_of(&text)[1]["n"], heard, "{text}");
                    heard += 1;
                }
            }
        });
    }
    says(&server).await;
    in_time(reading.join_all()).await;
}

/// A place in the crowd that is left while it is written to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_meanwhile_harms_nobody() {
    let server = Server::start().await;
    let mut reading = JoinSet::new();
    for number in 0..CROWD as u64 {
        let mut client = server.connect().await;
        client.subscribe("plain:a").await;
        // Every other one is gone in the middle, without a word.
        let until = if number % 2 == 0 { SAID } else { 10 + number };
        reading.spawn(async move {
            for heard in 0..until {
                assert_eq!(client.next().await["push"]["pub"]["data"]["n"], heard);
            }
        });
    }
    says(&server).await;
    in_time(reading.join_all()).await;
}
