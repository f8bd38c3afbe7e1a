//! `deploy/`: a real nginx with its configuration before real processes of a fleet, and what can be checked of the files that need an
//! engine of containers, which no build machine has.

mod compose;
mod files;
mod yaml;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{GitHub, Nginx, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::fleet::Fleet;
use crate::node::Script;
use crate::sse::{GUARD, push};

const SECRET: &str = "what GitHub signs with in these tests";
const STATION: &str = "octocat/proxied";

fn deploy(file: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy")).join(file)
}

fn read(file: &str) -> Result<String> {
    std::fs::read_to_string(deploy(file)).with_context(|| format!("deploy/{file}"))
}

/// Puts one text in the place of another that must be there.
fn put(text: &str, of: &str, with: &str) -> String {
    assert!(text.contains(of), "{of:?} is not in the file any more");
    text.replace(of, with)
}

/// nginx as deployed.
struct Front {
    nginx: Nginx,
}

impl Front {
    /// Before these processes, by the names under which the file of upstreams knows them; with what is mounted for HTTPS.
    fn start(upstreams: &str, hosts: &[(&str, &str)], tls: &str) -> Result<Self> {
        Ok(Self { nginx: Nginx::deployed(upstreams, hosts, tls)? })
    }

    fn before(servers: &[&Server; 3]) -> Result<Self> {
        let addresses = servers.map(Server::address);
        let names = ["mainspring-1", "mainspring-2", "mainspring-3"];
        let hosts: Vec<_> = names.into_iter().zip(addresses.iter().map(String::as_str)).collect();
        Self::start("upstreams.conf", &hosts, "")
    }

    fn url(&self, path: &str) -> String {
        self.nginx.url() + path
    }

    fn github(&self) -> GitHub {
        GitHub::new(&self.nginx.url(), SECRET)
    }

    /// The official client, on the station.
    fn listener(&self, transport: &str) -> Result<Script> {
        let address = format!("127.0.0.1:{}", self.nginx.port());
        Script::start("centrifuge.mjs", &[transport, &address, &format!("radio:{STATION}")])
    }

    /// What comes back for these bytes, up to the end of the headers and what came with them.
    async fn raw(&self, request: &str) -> Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.nginx.port())).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = vec![0; 4096];
        let read = tokio::time::timeout(GUARD, stream.read(&mut answer)).await.context("no answer")??;
        Ok(String::from_utf8_lossy(&answer[..read]).into_owned())
    }
}

/// Three processes that do everything.
async fn three(fleet: &Fleet) -> Result<[Server; 3]> {
    let start = || fleet.start().env("GITHUB_WEBHOOK_SECRET", SECRET);
    Ok([start().start().await?, start().start().await?, start().start().await?])
}

async fn send(github: &GitHub, mark: u64) -> Result<()> {
    let body = push(STATION, "mona", mark).to_string().into_bytes();
    let received = github.send_as(&format!("proxied-{mark}"), "push", body).await?;
    ensure!(received.status == 200, "delivery {mark}: {received:?}");
    Ok(())
}

/// A body that comes bit by bit.
struct Live {
    response: reqwest::Response,
    heard: Vec<u8>,
}

impl Live {
    async fn open(url: String) -> Result<Self> {
        let response = reqwest::get(url).await?.error_for_status()?;
        Ok(Self { response, heard: Vec::new() })
    }

    /// Reads until this is so of everything heard.
    async fn until(&mut self, what: &str, so: impl Fn(&[u8]) -> bool) -> Result<()> {
        while !so(&self.heard) {
            let next = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await;
            let chunk = next.with_context(|| format!("{what} does not come"))??;
            self.heard.extend_from_slice(&chunk.with_context(|| format!("the end instead of {what}"))?);
        }
        Ok(())
    }

    async fn phrase(&mut self, number: u64) -> Result<()> {
        let mark = format!("\"n\":{number},");
        self.until(&mark, |heard| String::from_utf8_lossy(heard).contains(&mark)).await
    }
}

fn is_there() -> bool {
    if !Nginx::is_there() {
        println!("not run: nginx is not installed");
    }
    Nginx::is_there()
}

#[tokio::test]
async fn sockets_streams_and_sound_pass_nginx_as_they_come() -> Result<()> {
    let Some(fleet) = Fleet::new().await?.filter(|_| is_there()) else { return Ok(()) };
    let servers = three(&fleet).await?;
    let front = Front::before(&servers.each_ref())?;
    let github = front.github();

    // Not one byte is held back: the stream goes on, so nothing ends that would let a full buffer go.
    let mut events = Live::open(front.url(&format!("/radio/{STATION}/events"))).await?;
    events.until("hello", |heard| String::from_utf8_lossy(heard).contains("event: hello")).await?;
    send(&github, 1).await?;
    let begun = Instant::now();
    events.phrase(1).await?;
    println!("an event {} ms after its delivery was answered", begun.elapsed().as_millis());
    let mut plain = Live::open(front.url("/api/v1/channels/radio:octocat%2Fproxied/events")).await?;
    plain.until("an opening", |heard| String::from_utf8_lossy(heard).contains("retry:")).await?;
    send(&github, 2).await?;
    plain.phrase(2).await?;

    // Pages of the address that people see may connect, others may not.
    let origins = [(front.nginx.url(), 101), ("http://127.0.0.1".into(), 403), ("http://evil.example".into(), 403)];
    for (origin, status) in origins {
        let handshake = format!(
            "GET /connection/websocket HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             origin: {origin}\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            front.nginx.port()
        );
        let answer = front.raw(&handshake).await?;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{origin}: {answer}");
    }
    // What a client says by a request of its own may reach any of the three.
    for (mark, transport) in (3..).zip(["websocket", "http_stream", "sse"]) {
        let mut client = front.listener(transport)?;
        client.until(|line| line["type"] == "subscribed").await.context(transport)?;
        send(&github, mark).await?;
        client.until(|line| line["type"] == "publication" && line["offset"] == mark).await.context(transport)?;
        client.end().await?;
    }

    let mut sound = Live::open(front.url(&format!("/radio/{STATION}/stream.wav"))).await?;
    // Three seconds: more than it begins with.
    sound.until("sound", |heard| heard.len() > 3 * 48_000 * 4).await?;
    assert!(sound.heard.starts_with(b"RIFF"));
    Ok(())
}

#[tokio::test]
async fn bounds_addresses_and_secrets_are_those_of_the_binary() -> Result<()> {
    let Some(fleet) = Fleet::new().await?.filter(|_| is_there()) else { return Ok(()) };
    let servers = three(&fleet).await?;
    let front = Front::before(&servers.each_ref())?;

    // Whoever announces more than is taken is refused by nginx, in our words; what the binary takes passes.
    for (path, bytes) in [("/in/github", 25 * 1024 * 1024 + 1), ("/api/v1/jobs", 2 * 1024 * 1024 + 1)] {
        let answer =
            front.raw(&format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {bytes}\r\n\r\n{{")).await?;
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("application/problem+json"), "{answer}");
        assert!(answer.contains(r#""code":"too_large""#), "{answer}");
    }
    let large = json!({ "zen": "x".repeat(24 * 1024 * 1024), "repository": { "full_name": STATION } });
    let received = front.github().send_as("large", "ping", large.to_string().into_bytes()).await?;
    assert_eq!(received.status, 200, "{received:?}");

    // The client's address is the one that nginx saw, whatever the client says.
    let admin = servers[0].admin().await?;
    let client = reqwest::Client::builder().local_address("127.0.5.1".parse::<std::net::IpAddr>()?).build()?;
    let ask = |method: &str, path: &str| {
        let request =
            client.request(method.parse().expect("a method"), front.url(path)).header("cookie", &admin.cookie);
        request.header("x-mainspring-console", "1").header("x-forwarded-for", "203.0.113.9")
    };
    let named = ask("POST", "/api/v1/keys").header("x-request-id", "of-the-client-1");
    let made = named.json(&json!({ "name": "through nginx", "scopes": ["events:read"] })).send().await?;
    assert!(made.status().is_success(), "{}", made.text().await?);
    assert_eq!(made.headers()["x-request-id"], "of-the-client-1");
    let audit: Value = ask("GET", "/api/v1/audit").send().await?.text().await?.parse()?;
    let said = audit.to_string();
    assert!(said.contains("127.0.5.1") && !said.contains("203.0.113.9"), "{said}");

    // Figures are for those inside, whichever way they are asked for, and whoever is signed in.
    for path in ["/metrics", "//metrics", "/./metrics", "/%6detrics", "/x/../metrics"] {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\ncookie: {}\r\nconnection: close\r\n\r\n", admin.cookie);
        let answer = front.raw(&request).await?;
        assert!(answer.starts_with("HTTP/1.1 404 ") && !answer.contains("# TYPE"), "{path}: {answer}");
    }

    for path in ["/console/enter/a-secret", "/in/railway/a-secret", "/radio/a/b/state?token=a-secret", "/last"] {
        reqwest::get(front.url(path)).await?;
    }
    let log = front.nginx.access_log();
    let said = testkit::until("the last request is not in the log", || {
        let said = std::fs::read_to_string(&log)?;
        Ok(said.contains("\"/last\"").then_some(said))
    })?;
    assert!(!said.contains("a-secret") && said.contains("/in/railway/-") && said.contains("of-the-client-1"), "{said}");
    for line in said.lines() {
        let line: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
        assert!(line["status"].as_u64().is_some_and(|status| status >= 200), "{line}");
    }
    Ok(())
}

#[tokio::test]
async fn instances_die_and_drain_and_every_delivery_is_answered_once() -> Result<()> {
    const DELIVERIES: u64 = 160;
    let Some(fleet) = Fleet::new().await?.filter(|_| is_there()) else { return Ok(()) };
    let mut servers = three(&fleet).await?;
    let front = Front::before(&servers.each_ref())?;
    let mut clients = [front.listener("websocket")?, front.listener("http_stream")?];
    for client in &mut clients {
        client.until(|line| line["type"] == "subscribed").await?;
    }

    let github = Arc::new(front.github());
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let github = github.clone();
            tokio::spawn(async move {
                for mark in (1..=DELIVERIES).filter(|mark| mark % 4 == sender) {
                    send(&github, mark).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    let heard_to = |offset| move |line: &Value| line["type"] == "publication" && line["offset"] == offset;
    let mut said = clients[0].until(heard_to(DELIVERIES / 4)).await?;
    servers[0].kill().await?;
    said.extend(clients[0].until(heard_to(DELIVERIES / 2)).await?);
    servers[0].start_again().await?;
    servers[1].terminate().await?;
    for sender in senders {
        sender.await??;
    }
    said.extend(clients[0].until(heard_to(DELIVERIES)).await?);
    for said in [said, clients[1].until(heard_to(DELIVERIES)).await?] {
        let heard = said.iter().filter(|line| line["type"] == "publication").filter_map(|line| line["offset"].as_u64());
        assert_eq!(
            heard.collect::<Vec<_>>(),
            (1..=DELIVERIES).collect::<Vec<_>>(),
            "in order, none missing, none twice"
        );
    }
    // Those that are repeatable find a living instance as well.
    servers[1].start_again().await?;
    servers[2].kill().await?;
    for _ in 0..12 {
        assert_eq!(reqwest::get(front.url(&format!("/radio/{STATION}/state"))).await?.status().as_u16(), 200);
    }

    for server in &mut servers[..2] {
        server.kill().await?;
    }
    let (mut answer, mut after) = (reqwest::get(front.url("/api/v1/session")).await?, BTreeSet::new());
    // Whoever asks is told one of these by chance, so that not all come back together.
    for _ in 0..200 {
        assert_eq!(answer.status().as_u16(), 503);
        after.insert(answer.headers()["retry-after"].to_str()?.to_owned());
        answer = reqwest::get(front.url("/api/v1/session")).await?;
    }
    assert_eq!(after.iter().map(String::as_str).collect::<Vec<_>>(), ["2", "4", "6", "8"]);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let answer: Value = answer.text().await?.parse()?;
    assert_eq!(answer["code"], "unavailable");
    Ok(())
}

#[tokio::test]
async fn each_role_gets_what_is_its_own() -> Result<()> {
    let Some(fleet) = Fleet::new().await?.filter(|_| is_there()) else { return Ok(()) };
    let start = |role: &str| {
        fleet.start().env("GITHUB_WEBHOOK_SECRET", SECRET).env("MAINSPRING__SERVER__ROLES", &format!("[{role:?}]"))
    };
    let api = start("api").start().await?;
    let (ingress, mut realtime) = (start("ingress").start().await?, start("realtime").start().await?);
    let (_worker, _scheduler) = (start("worker").start().await?, start("scheduler").start().await?);
    let addresses = [("api", api.address()), ("ingress", ingress.address()), ("realtime", realtime.address())];
    let hosts = addresses.each_ref().map(|(name, address)| (*name, address.as_str()));
    let front = Front::start("upstreams.roles.conf", &hosts, "")?;

    let mut events = Live::open(front.url(&format!("/radio/{STATION}/events"))).await?;
    let mut plain = Live::open(front.url("/api/v1/channels/radio:octocat%2Fproxied/events")).await?;
    let mut client = front.listener("websocket")?;
    client.until(|line| line["type"] == "subscribed").await?;
    send(&front.github(), 1).await?;
    events.phrase(1).await?;
    plain.phrase(1).await?;
    client.until(|line| line["type"] == "publication" && line["offset"] == 1).await?;
    let mut sound = Live::open(front.url(&format!("/radio/{STATION}/stream.mp3"))).await?;
    sound.until("sound", |heard| heard.len() > 50_000).await?;
    for (path, status) in [("/api/v1/openapi.json", 200), ("/console", 200), ("/api/v1/session", 401)] {
        assert_eq!(reqwest::get(front.url(path)).await?.status().as_u16(), status, "{path}");
    }
    // A part that is gone takes nothing else with it.
    realtime.kill().await?;
    assert_eq!(reqwest::get(front.url(&format!("/radio/{STATION}/events"))).await?.status().as_u16(), 503);
    send(&front.github(), 2).await?;
    realtime.start_again().await?;
    client.until(|line| line["type"] == "publication" && line["offset"] == 2).await?;
    Ok(())
}

#[tokio::test]
async fn with_a_certificate_it_speaks_https_and_sends_others_there() -> Result<()> {
    if !is_there() {
        return Ok(());
    }
    let keys = tempfile::tempdir()?;
    std::fs::set_permissions(keys.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let (certificate, key) = (keys.path().join("tls.crt"), keys.path().join("tls.key"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
    openssl.args(["-subj", "/CN=localhost", "-out"]).arg(&certificate).arg("-keyout").arg(&key);
    let Ok(made) = openssl.output().await else {
        println!("not run: openssl is not installed");
        return Ok(());
    };
    ensure!(made.status.success(), "{made:?}");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    // Any port that is free now.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let tls = put(&read("tls.conf")?, "listen 8443 ", &format!("listen 127.0.0.1:{port} "));
    let tls = put(&tls, "/run/secrets/tls_certificate", &certificate.display().to_string());
    let tls = put(&tls, "/run/secrets/tls_key", &key.display().to_string());
    // Nobody is behind it: what it says itself is what is looked at.
    let hosts = [("mainspring-1", "127.0.0.1:1"), ("mainspring-2", "127.0.0.1:2"), ("mainspring-3", "127.0.0.1:3")];
    let front = Front::start("upstreams.conf", &hosts, &tls)?;
    let plain = front.raw("GET /radio?x=1 HTTP/1.1\r\nhost: live.example\r\nconnection: close\r\n\r\n").await?;
    assert!(
        plain.starts_with("HTTP/1.1 308 ") && plain.contains("Location: https://live.example/radio?x=1\r\n"),
        "{plain}"
    );
    let mut shown = Command::new("openssl");
    shown.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-alpn", "h2", "-brief"]);
    let shown = tokio::time::timeout(GUARD, shown.stdin(std::process::Stdio::null()).output()).await??;
    let shown = String::from_utf8_lossy(&shown.stderr).into_owned();
    assert!(shown.contains("TLSv1.3") && shown.contains("CN = localhost"), "{shown}");
    Ok(())
}
