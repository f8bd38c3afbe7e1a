//! The station as sound: ffmpeg listens, a recording is what was on the air, a shut door is shut on every way in.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use testkit::Server;
use tokio::process::Command;

use crate::node::Script;
use crate::sse::{GUARD, Listener, push};

const STATION: &str = "octocat/hello-world";
const RATE: usize = 48_000;

/// How long the formats are listened to, seconds.
fn seconds() -> u64 {
    std::env::var("MAINSPRING_ONAIR_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(12)
}

/// What ffmpeg makes of an address in so many seconds: both channels in turn, and nothing to complain about.
async fn decoded(url: &str, seconds: u64) -> Result<Vec<i16>> {
    let length = seconds.to_string();
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-hide_banner", "-nostdin", "-v", "error", "-xerror", "-i", url, "-t", &length]);
    ffmpeg.args(["-f", "s16le", "-ac", "2", "-ar", "48000", "pipe:1"]).stdin(Stdio::null()).kill_on_drop(true);
    let guard = GUARD + Duration::from_secs(seconds);
    let output = tokio::time::timeout(guard, ffmpeg.output()).await.context("ffmpeg does not end")?;
    let output = output.context("ffmpeg cannot be started: install it (apt-get install ffmpeg)")?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && complaints.is_empty(), "{url}: {} {complaints}", output.status);
    Ok(samples(&output.stdout))
}

fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
}

fn rms(samples: &[i16]) -> f64 {
    (samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len().max(1) as f64).sqrt()
}

async fn server_with_a_station() -> Result<Server> {
    let server = Server::start().await?;
    server.github().send_as("first", "push", push(STATION, "mona", 1).to_string().into_bytes()).await?;
    Listener::open(&server, STATION, None).await?.phrase().await?;
    Ok(server)
}

/// With `MAINSPRING_ONAIR_SECONDS=600`, the ten minutes that are promised.
#[tokio::test]
async fn every_format_decodes_without_gap_or_error_in_the_time_that_it_lasts() -> Result<()> {
    let server = server_with_a_station().await?;
    let seconds = seconds();
    let listening: Vec<_> = ["mp3", "ogg", "wav"]
        .map(|format| {
            let url = format!("{}/radio/{STATION}/stream.{format}", server.url());
            tokio::spawn(async move {
                let begun = Instant::now();
                Ok::<_, anyhow::Error>((format, decoded(&url, seconds).await?, begun.elapsed().as_secs_f64()))
            })
        })
        .into();
    // A phrase each time that the one before is heard of, so that there is something to hear.
    let mut live = Listener::open(&server, STATION, Some(1)).await?;
    for mark in 2..2 + seconds / 3 {
        server
            .github()
            .send_as(&format!("push-{mark}"), "push", push(STATION, "ada", mark).to_string().into_bytes())
            .await?;
        live.phrase().await?;
    }
    for task in listening {
        let (format, heard, took_s) = task.await??;
        let frames = heard.len() / 2;
        let loudest = heard.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        // Opus gives a player its first samples a few milliseconds late.
        ensure!(frames + RATE / 50 >= seconds as usize * RATE, "{format}: {frames} frames in {seconds} s");
        ensure!(loudest < 32_767, "{format}: it clips");
        for (window, part) in heard.chunks_exact(RATE).enumerate().skip(1) {
            ensure!(rms(part) > 60.0, "{format}: half second {window} is dead air: {}", rms(part));
        }
        ensure!((took_s - seconds as f64).abs() < 6.0, "{format}: {seconds} s of sound took {took_s:.1} s");
        println!("{format}: {frames} frames in {took_s:.1} s, loudest {loudest}");
    }
    Ok(())
}

/// The raw samples of the air for so many bytes, after the header.
async fn air(server: &Server, bytes: usize) -> Result<Vec<i16>> {
    let mut response =
        reqwest::get(format!("{}/radio/{STATION}/stream.wav", server.url())).await?.error_for_status()?;
    assert_eq!(response.headers()["content-type"], "audio/wav");
    assert_eq!((&response.headers()["accept-ranges"], response.content_length()), (&"none".parse()?, None));
    let mut heard = Vec::new();
    while heard.len() < bytes {
        let chunk = tokio::time::timeout(GUARD, response.chunk()).await.context("nothing comes")??;
        heard.extend_from_slice(&chunk.context("the stream ended")?);
    }
    ensure!(heard.starts_with(b"RIFF") && &heard[36..40] == b"data", "no header");
    Ok(samples(&heard[44..]))
}

#[tokio::test]
async fn a_recording_is_what_was_on_the_air() -> Result<()> {
    let server = server_with_a_station().await?;
    let github = server.github();
    let begun_ms = now_ms(&server).await?;
    let listening = air(&server, 44 + 10 * RATE * 4);
    let sending = async {
        for mark in 2..5 {
            github
                .send_as(&format!("push-{mark}"), "push", push(STATION, "ada", mark).to_string().into_bytes())
                .await?;
        }
        Ok(())
    };
    let (heard, sent): (_, Result<()>) = tokio::join!(listening, sending);
    let heard = heard?;
    sent?;
    let to_ms = now_ms(&server).await?;
    let address = |from: i64, to: i64| format!("{}/radio/{STATION}/recording.wav?from={from}&to={to}", server.url());
    let response = reqwest::get(address(begun_ms - 6_000, to_ms)).await?.error_for_status()?;
    let promised = response.content_length().context("a length")?;
    let file = response.bytes().await?;
    assert_eq!(file.len() as u64, promised);
    assert_eq!(promised, 44 + 48 * 4 * (to_ms - begun_ms + 6_000) as u64);
    let recorded = samples(&file[44..]);

    // Seven seconds from the middle of what was heard, wherever they are in the recording.
    let part = &heard[2 * RATE..2 * RATE + 14 * RATE];
    // The rooms and the compressors of the two began at different times: a trace of that is left, far below hearing.
    let close = |one: i16, other: i16| one.abs_diff(other) <= 16;
    let same =
        |at: usize, count: usize| part[..count].iter().zip(&recorded[at..]).all(|(one, other)| close(*one, *other));
    let ends = recorded.len().saturating_sub(part.len());
    let found = (0..ends).step_by(2).find(|at| same(*at, 400) && same(*at, part.len()));
    ensure!(found.is_some(), "the recording is not what was on the air");
    ensure!(rms(part) > 300.0, "and it was music: {}", rms(part));

    for (from, to, status) in
        [(to_ms - 10, to_ms - 20, 422), (to_ms - 4_000_000, to_ms, 422), (to_ms, to_ms + 4_000_000, 422), (-5, 5, 422)]
    {
        assert_eq!(reqwest::get(address(from, to)).await?.status().as_u16(), status, "{from} to {to}");
    }
    let missing = format!("{}/radio/{STATION}/recording.wav?from=x", server.url());
    assert_eq!(reqwest::get(missing).await?.status().as_u16(), 400);
    Ok(())
}

/// The server's clock, by what it says of the last day.
async fn now_ms(server: &Server) -> Result<i64> {
    let day: Value = reqwest::get(format!("{}/radio/{STATION}/day", server.url())).await?.text().await?.parse()?;
    day["to_ms"].as_i64().context("a time")
}

/// Status and body, but for what is each answer's own.
async fn answer(server: &Server, path: &str, token: Option<&str>) -> Result<(u16, String)> {
    let request = reqwest::Client::new().get(format!("{}{path}", server.url()));
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let mut response = request.send().await?;
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("audio/") || kind == "text/event-stream" {
        let first = tokio::time::timeout(GUARD, response.chunk()).await??.unwrap_or_default();
        return Ok((status, String::from_utf8_lossy(&first[..first.len().min(200)]).into_owned()));
    }
    let mut body: Value = serde_json::from_str(&response.text().await?)?;
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    Ok((status, body.to_string()))
}

#[tokio::test]
async fn a_private_station_is_for_everybody_else_one_that_never_played() -> Result<()> {
    let server = server_with_a_station().await?;
    let admin = server.admin().await?;
    let path = format!("/api/v1/radio/stations/{STATION}");
    assert_eq!(admin.send("PATCH", &path, Some(&json!({ "private": true }))).await?.0, 200);
    let (status, given) = admin.send("POST", &format!("{path}/tokens"), Some(&json!({ "name": "kitchen" }))).await?;
    assert_eq!(status, 201, "{given}");
    let token = given["secret"].as_str().context("a token")?.to_owned();
    let listed = admin.get(&format!("{path}/tokens")).await?;
    assert_eq!((&listed["items"][0]["name"], &listed["items"][0]["secret"]), (&"kitchen".into(), &Value::Null));
    assert!(!server.log().contains(&token), "a token is in the log");

    let unknown = "octocat/never-heard0";
    let ways = ["state", "events", "stream.mp3", "stream.ogg", "stream.wav", "day", "recording.wav?from=1000&to=2000"];
    for way in ways {
        let ask = async |station: &str, token| answer(&server, &format!("/radio/{station}/{way}"), token).await;
        let (none, wrong, nowhere) =
            (ask(STATION, None).await?, ask(STATION, Some("nonsense")).await?, ask(unknown, None).await?);
        let nowhere = (nowhere.0, nowhere.1.replace(unknown, STATION));
        assert_eq!((&none, &wrong), (&nowhere, &nowhere), "{way}");
        assert_eq!(ask(STATION, Some(&token)).await?.0, 200, "{way} with the token");
        assert_ne!(ask(STATION, Some(&token)).await?, none, "{way} with the token");
    }
    let by_query = answer(&server, &format!("/radio/{STATION}/day?token={token}"), None).await?;
    assert_eq!(by_query.0, 200);

    // Taken back: open streams end within a second.
    let client = reqwest::Client::new();
    let mut open = Vec::new();
    for way in ["events", "stream.mp3"] {
        let url = format!("{}/radio/{STATION}/{way}?token={token}", server.url());
        open.push(client.get(url).send().await?.error_for_status()?);
    }
    let id = listed["items"][0]["id"].as_str().context("an id")?;
    assert_eq!(admin.send("DELETE", &format!("{path}/tokens/{id}"), None).await?.0, 204);
    let taken = Instant::now();
    for mut response in open {
        while tokio::time::timeout(GUARD, response.chunk()).await.context("it goes on")??.is_some() {}
    }
    ensure!(taken.elapsed() < Duration::from_secs(1), "it took {:?}", taken.elapsed());
    assert_eq!(answer(&server, &format!("/radio/{STATION}/day"), Some(&token)).await?.0, 404);
    Ok(())
}

#[tokio::test]
async fn stations_are_made_changed_and_deleted_and_begin_anew() -> Result<()> {
    let server = Server::start().await?;
    let admin = server.admin().await?;
    let stations = "/api/v1/radio/stations";
    let new = json!({ "station": "Octocat/Hello-World", "description": "Work", "private": true });
    let (status, made) = admin.send("POST", stations, Some(&new)).await?;
    assert_eq!((status, &made["station"], &made["phrases"]), (201, &STATION.into(), &0.into()), "{made}");
    for (body, wanted) in [
        (new, 409),
        (json!({ "station": "no" }), 400),
        (json!({ "station": "a/b", "keep_days": 9_999 }), 422),
        (json!({ "station": "a/b", "name": "x".repeat(101) }), 422),
        (json!({ "station": "a/b", "wrong": 1 }), 422),
    ] {
        assert_eq!(admin.send("POST", stations, Some(&body)).await?.0, wanted, "{body}");
    }
    let path = format!("{stations}/{STATION}");
    let change = json!({ "name": "Ours", "private": false, "keep_days": 30 });
    let (status, changed) = admin.send("PATCH", &path, Some(&change)).await?;
    assert_eq!((status, &changed["name"], &changed["description"]), (200, &"Ours".into(), &"Work".into()), "{changed}");

    let github = server.github();
    github.send_as("one", "push", push(STATION, "mona", 1).to_string().into_bytes()).await?;
    assert_eq!(Listener::open(&server, STATION, None).await?.phrase().await?["n"], 1);
    assert_eq!(admin.send("DELETE", &path, None).await?.0, 204);
    assert_eq!(admin.send("DELETE", &path, None).await?.0, 404);
    assert_eq!(admin.send("PATCH", &path, Some(&json!({}))).await?.0, 404);
    let state = answer(&server, &format!("/radio/{STATION}/state"), None).await?;
    ensure!(state.1.contains("\"phrases\":[]"), "its phrases are gone: {}", state.1);
    github.send_as("two", "push", push(STATION, "mona", 2).to_string().into_bytes()).await?;
    let mut after = Listener::open(&server, STATION, Some(0)).await?;
    let phrase = after.phrase().await?;
    assert_eq!((&phrase["n"], &phrase["id"]), (&1.into(), &"two".into()), "nothing of before is left");
    Ok(())
}

#[tokio::test]
async fn answers_say_what_they_are_and_head_starts_nothing() -> Result<()> {
    let server = server_with_a_station().await?;
    let url = |rest: &str| format!("{}/radio/{STATION}/{rest}", server.url());
    for (format, kind) in [("mp3", "audio/mpeg"), ("ogg", "audio/ogg"), ("wav", "audio/wav")] {
        let head = reqwest::Client::new().head(url(&format!("stream.{format}"))).send().await?;
        let header =
            |name: &str| head.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        assert_eq!((head.status().as_u16(), header("content-type").as_str()), (200, kind));
        assert_eq!((header("accept-ranges").as_str(), header("content-length").as_str()), ("none", ""));
        assert!(header("cache-control").contains("no-store"));
    }
    assert!(!server.log().contains("on the air"), "a look is no listener");
    let (status, problem) = answer(&server, &format!("/radio/{STATION}/stream.flac"), None).await?;
    ensure!(status == 404 && problem.contains("unknown_format"), "{problem}");
    Ok(())
}

#[tokio::test]
async fn the_server_sings_what_the_page_sings() -> Result<()> {
    let server = server_with_a_station().await?;
    let merged = json!({
        "action": "closed", "sender": { "login": "ada" }, "repository": { "full_name": "a/merged", "language": "TypeScript" },
        "pull_request": { "number": 4, "title": "Softer", "merged": true, "user": { "login": "ada" }, "additions": 40, "deletions": 20 },
    });
    server.github().send("pull_request", &merged).await?;
    Listener::open(&server, "a/merged", None).await?.phrase().await?;
    let url = server.url();
    // A recording is of the past: until the phrases and their echoes have gone by.
    air(&server, 44 + 16 * RATE * 4).await?;
    for station in [STATION, "a/merged"] {
        let mut browser = Script::start("twins.mjs", &[&url, station])?;
        let twins = browser.next().await?;
        let number = |name: &str| twins[name].as_f64().unwrap_or_default();
        println!("{station}: {twins}");
        ensure!(number("likeness") > 0.85, "{station}: other notes are loud: {twins}");
        ensure!(number("louder_db").abs() < 6.0, "{station}: {twins}");
        browser.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_person_shuts_a_station_and_another_signs_in_to_it() -> Result<()> {
    let server = server_with_a_station().await?;
    let link = server.admin_link().context("a link")?.to_owned();
    let (url, pictures) = (server.url(), std::env::var("MAINSPRING_PICTURES").ok());
    let mut args = vec![link.as_str(), url.as_str(), STATION];
    args.extend(pictures.as_deref());
    let mut browser = Script::start("radio.mjs", &args)?;
    let said = browser.until(|line| line["type"] == "player").await?;
    let line = |kind: &str| said.iter().find(|line| line["type"] == kind).with_context(|| format!("{kind}: {said:?}"));
    let signed_in = line("signed in")?;
    assert_eq!((&signed_in["before"]["shown"], &signed_in["shown"]), (&0.into(), &1.into()));
    ensure!(!signed_in["before"]["text"].to_string().contains("mona"), "a shut station shows something: {signed_in}");
    assert!(signed_in["overflow_px"].as_f64().context("a number")? <= 0.0);
    assert!(line("audio")?["time"].as_f64().unwrap_or_default() > 1.0, "{:?}", line("audio"));
    assert!(line("turned out")?["after_ms"].as_u64().context("a number")? < 2_000);
    let player = line("player")?;
    assert_eq!(player["addresses"].as_array().map(Vec::len), Some(3));
    if player["complaints"] != Value::Array(Vec::new()) {
        bail!("{player}");
    }
    browser.end().await
}
