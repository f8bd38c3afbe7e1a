//! Socket.IO by socketioxide, as it comes: whoever shows a token joins channels. Prints its address, then obeys orders of
//! `bench/src/realtime/order.rs` until its input ends, answering each when it is done.

use std::time::Duration;

use anyhow::{Context, Result};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::json;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef, State};
use socketioxide::handler::ConnectHandler;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep_until};

#[derive(Deserialize)]
struct Shown {
    token: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

/// Who may come in, and by what that is known.
#[derive(Clone)]
struct Door {
    key: DecodingKey,
    validation: Validation,
}

/// Lets in whoever shows a good token, and says what it may do: after its acknowledgement a client does so at once.
async fn admit(socket: SocketRef, Data(shown): Data<Shown>, State(door): State<Door>) -> Result<(), String> {
    let token = decode::<Claims>(&shown.token, &door.key, &door.validation).map_err(|error| error.to_string())?;
    socket.extensions.insert(token.claims.sub);
    socket.on("subscribe", async |socket: SocketRef, Data(channel): Data<String>, acknowledge: AckSender| {
        socket.join(channel);
        // Whoever is gone needs no answer.
        let _ = acknowledge.send(&json!({}));
    });
    Ok(())
}

/// A guest is in.
async fn welcome() {}

#[tokio::main]
async fn main() -> Result<()> {
    let secret = std::env::args().nth(1).context("a secret")?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_aud = false;
    let door = Door { key: DecodingKey::from_secret(secret.as_bytes()), validation };
    let (layer, io) = SocketIo::builder().with_state(door).build_layer();
    io.ns("/", welcome.with(admit));
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(4096)?;
    println!("{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().layer(layer)).await });

    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(order) = orders.next_line().await? {
        let words: Vec<_> = order.split(' ').collect();
        let [per_s, count, bytes, channel] = words[..] else { anyhow::bail!("no order: {order}") };
        let (per_s, count, bytes) = (per_s.parse::<f64>()?, count.parse::<u32>()?, bytes.parse::<usize>()?);
        let (data, begun) = (json!({ "text": "x".repeat(bytes - 11) }), Instant::now());
        for sent in 0..count {
            // Zero is as fast as it goes.
            if per_s > 0.0 {
                sleep_until(begun + Duration::from_secs_f64(f64::from(sent) / per_s)).await;
            }
            // What does not fit a slow client's buffer is dropped: its way.
            let _ = io.to(channel.to_owned()).emit("message", &(&data, channel)).await;
        }
        println!("done");
    }
    Ok(())
}
