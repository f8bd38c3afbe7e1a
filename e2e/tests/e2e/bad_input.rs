//! What no client should send: each gets a clear status, memory and time stay bounded, and the server is well afterwards.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use testkit::{Server, Start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::sse::GUARD;

const MIB: u64 = 1024 * 1024;

/// Resident memory of the server, bytes.
fn resident(server: &Server) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid().context("it runs")?))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// Sends bytes as they are; what came back before the server closed or fell silent.
async fn raw(server: &Server, bytes: &[u8]) -> Result<String> {
    let mut stream = TcpStream::connect(server.address()).await?;
    // The server may have answered and closed before everything was sent: that is no failure.
    let _ = stream.write_all(bytes).await;
    answer(stream).await
}

async fn answer(mut stream: TcpStream) -> Result<String> {
    let mut heard = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match tokio::time::timeout(GUARD, stream.read(&mut chunk)).await.context("neither answered nor closed")? {
            Ok(0) | Err(_) => break,
            Ok(read) => heard.extend_from_slice(&chunk[..read]),
        }
    }
    Ok(String::from_utf8_lossy(&heard).into_owned())
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// It still takes a delivery, and answers at once.
async fn is_well(server: &Server) -> Result<()> {
    let begun = Instant::now();
    let payload = json!({ "zen": format!("{begun:?}"), "repository": { "full_name": "octocat/hello-world" } });
    ensure!(
        server
            .github()
            .send_as(&format!("{begun:?}").replace(' ', ""), "ping", payload.to_string().into_bytes())
            .await?
            .status
            == 200
    );
    ensure!(reqwest::get(server.url() + "/readyz").await?.status() == 200);
    Ok(())
}

#[tokio::test]
async fn bodies_of_a_hundred_megabytes_are_refused_before_they_cost_anything() -> Result<()> {
    let server = Server::start().await?;
    is_well(&server).await?;
    let before = resident(&server)?;
    let announced = format!(
        "POST /in/github HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-github-event: push\r\nx-github-delivery: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        100 * MIB
    );
    let refused = raw(&server, announced.as_bytes()).await?;
    assert_eq!(status(&refused), 413, "{refused}");
    assert!(refused.contains("too_large"), "{refused}");

    // Unannounced, in chunks, twenty at once: cut off at the bound of one body.
    let mut senders = JoinSet::new();
    for _ in 0..20 {
        let address = server.address();
        senders.spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(b"POST /in/github HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-github-event: push\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
            let mut sent = 0;
            while sent < 100 * MIB && stream.write_all(&chunk).await.is_ok() {
                sent += 0x10000;
            }
            let answer = answer(stream).await?;
            anyhow::Ok((sent, status(&answer)))
        });
    }
    let mut most = 0;
    while let Some(sender) = senders.join_next().await {
        let (sent, status) = sender??;
        // An answer can be lost when the sender is still writing as the connection closes; a success it never is.
        assert!(matches!(status, 413 | 503 | 0), "{status}");
        most = most.max(sent);
    }
    let after = resident(&server)?;
    println!("memory {} → {} MiB; the longest body was cut after {} MiB", before / MIB, after / MIB, most / MIB);
    assert!(most < 60 * MIB, "a body of {} MiB was taken in", most / MIB);
    assert!(after < before + 320 * MIB, "the bound of all bodies is 256 MiB");
    is_well(&server).await
}

#[tokio::test]
async fn slow_and_silent_senders_are_let_go_while_others_are_served() -> Result<()> {
    let server = Server::start().await?;
    let begins = [
        "",
        "POST /in/git",
        "POST /in/github HTTP/1.1\r\nhost: x\r\nx-slow: ",
        "POST /in/github HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-github-event: push\r\ncontent-length: 1000\r\n\r\n{",
        "GET /connection/websocket HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    ];
    let mut senders = JoinSet::new();
    for begin in begins.into_iter().cycle().take(100) {
        let mut stream = TcpStream::connect(server.address()).await?;
        stream.write_all(begin.as_bytes()).await?;
        let begun = Instant::now();
        senders.spawn(async move { anyhow::Ok((begin, answer(stream).await?, begun.elapsed())) });
    }
    is_well(&server).await?;
    while let Some(sender) = senders.join_next().await {
        let (begin, answer, took) = sender??;
        assert!(took < Duration::from_secs(45), "{begin:?} was borne for {took:?}");
        if begin.contains("content-length") {
            assert_eq!(status(&answer), 408, "{answer}");
        }
    }
    is_well(&server).await
}

#[tokio::test]
async fn what_is_no_http_no_text_or_no_json_is_refused_by_name() -> Result<()> {
    let server = Server::start().await?;
    let github = server.github();
    let before = resident(&server)?;
    for (request, expected) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"G\xffT / HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"GET /radio/%ff/%fe/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 400),
        (b"GET /api/v1/jobs?state=%ff HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 401),
        (b"GET /../../etc/passwd HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 404),
        (b"POST /in/github HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", 400),
        (b"POST /in/github HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-github-event: push\r\nx-github-delivery: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
    ] {
        let answer = raw(&server, request).await?;
        let shown = String::from_utf8_lossy(request);
        assert!(status(&answer) == expected || (expected == 400 && answer.is_empty()), "{shown}: {answer}");
    }
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(64 * 1024));
    assert!(matches!(status(&raw(&server, long.as_bytes()).await?), 414 | 431), "a long address");
    let many: String = (0..400).map(|n| format!("x-{n}: {n}\r\n")).collect();
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n");
    assert_eq!(status(&raw(&server, many.as_bytes()).await?), 431, "four hundred fields");

    // Signed by somebody who has the secret, and wrong all the same.
    let deep = ["[".repeat(10_000), "]".repeat(10_000)].concat();
    let deep_object = format!("{{\"a\":{deep}}}");
    let bomb = vec![0u8; 900 * 1024];
    for (what, body) in [
        ("invalid UTF-8", b"{\"zen\":\"\xff\xfe\"}".to_vec()),
        ("a lone surrogate", b"{\"zen\":\"\\ud800\"}".to_vec()),
        ("10,000 deep", deep_object.clone().into_bytes()),
        ("no JSON", b"hello".to_vec()),
        ("nothing", Vec::new()),
        ("zeros", bomb),
        ("a number that is none", b"{\"a\":1e999999}".to_vec()),
    ] {
        let received = github.send_as(&what.replace(' ', "-"), "ping", body).await?;
        assert_eq!(
            (received.status, received.body["code"].as_str()),
            (400, Some("unparsable")),
            "{what}: {received:?}"
        );
    }
    let admin = server.admin().await?;
    assert_eq!(admin.send("POST", "/api/v1/events", Some(&json!({ "a": deep_object }))).await?.0 / 100, 4);
    println!("memory {} → {} MiB", before / MIB, resident(&server)? / MIB);
    is_well(&server).await
}

/// A body that says it is compressed is never unpacked: what was signed is what is looked at, and that is no JSON.
#[tokio::test]
async fn a_compression_bomb_stays_packed() -> Result<()> {
    let server = Server::start().await?;
    let github = server.github();
    // gzip of a gigabyte of zeros begins like this; a server that unpacked would have to see it as gzip at all.
    let bomb = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3][..], &[0; 512 * 1024]].concat();
    let before = resident(&server)?;
    let client = reqwest::Client::new().post(server.url() + "/in/github").header("content-encoding", "gzip");
    let client = client.header("x-github-event", "push").header("x-github-delivery", "bomb");
    let response = client.header("x-hub-signature-256", github.sign(&bomb)).body(bomb).send().await?;
    let (status, text) = (response.status().as_u16(), response.text().await?);
    assert!(matches!(status, 400 | 415), "{status} {text}");
    let after = resident(&server)?;
    assert!(after < before + 64 * MIB, "{} → {} MiB", before / MIB, after / MIB);
    is_well(&server).await
}

/// Ten thousand connections that say nothing. This process may open twenty thousand files, the server as many.
#[tokio::test]
async fn ten_thousand_idle_connections_cost_little_and_are_let_go() -> Result<()> {
    const IDLE: usize = 10_000;
    let server = Start::default().start().await?;
    is_well(&server).await?;
    let before = resident(&server)?;
    let mut open = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        open.push(TcpStream::connect(server.address()).await?);
    }
    is_well(&server).await?;
    let after = resident(&server)?;
    println!(
        "10,000 idle connections: {} → {} MiB, {} bytes each",
        before / MIB,
        after / MIB,
        (after - before) / IDLE as u64
    );
    assert!(after < before + 200 * MIB);
    let begun = Instant::now();
    let mut waiting = JoinSet::new();
    for stream in open {
        waiting.spawn(answer(stream));
    }
    while let Some(ended) = waiting.join_next().await {
        ended??;
    }
    println!("all of them were let go within {:?}", begun.elapsed());
    is_well(&server).await
}
