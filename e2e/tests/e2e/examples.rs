//! Every example payload that GitHub's own maintainers publish (`@octokit/webhooks-examples`), signed and sent.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::{Admin, Server};

use crate::sse::Listener;

/// What the README of the radio documents, written here a second time from its source and not from the code.
fn documented(event: &str, payload: &Value) -> Option<(&'static str, f64)> {
    let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let number = |pointer: &str| payload.pointer(pointer).and_then(Value::as_f64).unwrap_or_default();
    let action = text("/action");
    let completed = |kind: &str| match (action, text(&format!("/{kind}/conclusion"))) {
        ("completed", "success") => ("resolution", 0.9),
        ("completed", "failure") => ("tension", 0.7),
        _ => ("activity", 0.5),
    };
    Some(match event {
        "push" => push(payload),
        "pull_request" => {
            let size = number("/pull_request/additions") + number("/pull_request/deletions");
            let intensity = (0.5 + 0.0001 * size).min(1.0);
            let merged = payload.pointer("/pull_request/merged") == Some(&Value::Bool(true));
            match action {
                "opened" => ("growth", intensity),
                "closed" if merged => ("resolution", intensity),
                "closed" => ("tension", intensity),
                _ => ("activity", intensity),
            }
        }
        "pull_request_review" => match text("/review/state") {
            "approved" => ("resolution", 0.8),
            "changes_requested" => ("tension", 0.6),
            _ => ("activity", 0.4),
        },
        "check_run" => completed("check_run"),
        "workflow_run" => completed("workflow_run"),
        "deployment_status" => match text("/deployment_status/state") {
            "success" => ("resolution", 1.0),
            "failure" => ("tension", 0.8),
            "error" => ("tension", 0.9),
            _ => ("activity", 0.5),
        },
        "issues" => match action {
            "opened" => ("growth", 0.5),
            "closed" => ("resolution", 0.7),
            _ => ("activity", 0.5),
        },
        "issue_comment" => ("activity", 0.4),
        "release" if action == "published" => ("resolution", 1.0),
        "release" => ("activity", 0.4),
        "star" if action == "created" => ("growth", 0.5),
        "fork" => ("growth", 0.7),
        "create" if text("/ref_type") == "tag" => ("growth", 0.6),
        "create" => ("growth", 0.4),
        _ => return None,
    })
}

fn push(payload: &Value) -> (&'static str, f64) {
    let flag = |name: &str| payload[name] == true;
    let commits = payload["commits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let files: usize = commits
        .iter()
        .map(|commit| {
            ["added", "removed", "modified"]
                .map(|kind| commit[kind].as_array().map_or(0, Vec::len))
                .iter()
                .sum::<usize>()
        })
        .sum();
    let intensity = (0.1 * commits.len() as f64 + 0.01 * files as f64).min(1.0);
    match () {
        () if flag("forced") => ("tension", intensity),
        () if commits.len() > 5 => ("growth", intensity),
        () => ("activity", intensity),
    }
}

struct Sent {
    event: String,
    action: String,
    station: Option<String>,
    documented: Option<(&'static str, f64)>,
}

#[tokio::test]
async fn every_example_is_accepted_once_and_plays_as_documented_or_is_kept_in_silence() -> Result<()> {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/web/node_modules/@octokit/webhooks-examples/api.github.com/index.json");
    let text = std::fs::read_to_string(path).context("run `npm ci` in e2e/web, or `cargo xtask test`")?;
    let groups: Vec<Value> = serde_json::from_str(&text)?;
    assert_eq!(groups.len(), 58);
    let server = Server::start().await?;
    let admin = server.admin().await?;
    let (sent, repeated) = send_all(&server, &groups).await?;
    let played = hear_all(&server, &sent).await?;
    println!("{}", table(&sent, &played)?);
    println!(
        "{} event types, {} payloads, {repeated} more twice in the package, {} phrases",
        groups.len(),
        sent.len(),
        played.len()
    );
    assert_eq!(kept(&admin).await?, sent.len(), "what is silent is kept all the same");
    Ok(())
}

/// Sends each payload twice: in the log once. Returns the distinct ones by their ids, and how many the package repeats.
async fn send_all(server: &Server, groups: &[Value]) -> Result<(BTreeMap<String, Sent>, usize)> {
    let github = server.github();
    let (mut sent, mut seen, mut repeated) = (BTreeMap::new(), BTreeSet::new(), 0);
    for group in groups {
        let event = group["name"].as_str().context("a name")?;
        for (i, payload) in group["examples"].as_array().context("examples")?.iter().enumerate() {
            let (id, body) = (format!("example-{event}-{i}"), payload.to_string().into_bytes());
            let answer = github.send_as(&id, event, body.clone()).await?;
            assert_eq!(answer.status, 200, "{id}: {answer:?}");
            // The package holds a few payloads twice; the same signed bytes under another id are one delivery.
            let fresh = seen.insert(body.clone());
            let verdict = if fresh { "accepted" } else { "duplicate" };
            assert_eq!(answer.body["status"], verdict, "{id}");
            assert_eq!(github.send_as(&id, event, body).await?.body["status"], "duplicate", "{id} a second time");
            if fresh {
                let of = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
                let station = of("/repository/full_name").map(|name| name.to_lowercase());
                let action = of("/action").unwrap_or_default();
                sent.insert(
                    id,
                    Sent { event: event.to_owned(), action, station, documented: documented(event, payload) },
                );
            } else {
                repeated += 1;
            }
        }
    }

    Ok((sent, repeated))
}

/// Listens to every station until each event that is documented to sound has sounded.
async fn hear_all(server: &Server, sent: &BTreeMap<String, Sent>) -> Result<BTreeMap<String, Value>> {
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for it in sent.values().filter(|it| it.documented.is_some()) {
        *expected.entry(it.station.as_deref().context("a repository")?).or_default() += 1;
    }
    let mut played: BTreeMap<String, Value> = BTreeMap::new();
    for (station, phrases) in &expected {
        let mut listener = Listener::open(server, station, Some(0)).await?;
        while played.values().filter(|phrase| phrase["station"] == *station).count() < *phrases as usize {
            let phrase = listener.phrase().await?;
            played.insert(phrase["id"].as_str().context("an id")?.to_owned(), phrase);
        }
    }

    Ok(played)
}

/// What each payload became, after holding it against what is documented.
fn table(sent: &BTreeMap<String, Sent>, played: &BTreeMap<String, Value>) -> Result<String> {
    let mut table =
        "| event | action | mood | intensity | bpm | key | language | notes |\n|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for (id, it) in sent {
        let (event, action) = (&it.event, &it.action);
        let row = match (it.documented, played.get(id)) {
            (Some((mood, intensity)), Some(phrase)) => {
                assert_eq!(phrase["mood"], mood, "{id}");
                let heard = phrase["intensity"].as_f64().context("an intensity")?;
                assert!((heard - intensity).abs() < 0.001, "{id}: {heard} instead of {intensity}");
                let notes = phrase["melody"].as_array().map_or(0, Vec::len);
                assert!(notes >= 4, "{id} has {notes} notes");
                let (bpm, key, language) = (&phrase["tempo"]["bpm"], &phrase["key"], &phrase["voice"]["language"]);
                format!("| {event} | {action} | {mood} | {heard} | {bpm} | {key} | {language} | {notes} |\n")
            }
            (None, None) => format!("| {event} | {action} | silent | | | | | |\n"),
            (documented, phrase) => panic!("{id}: documented {documented:?}, heard {phrase:?}"),
        };
        table.push_str(&row);
    }
    Ok(table)
}

/// How many events of GitHub's are in the log.
async fn kept(admin: &Admin) -> Result<usize> {
    let rows = crate::kill::pages(admin, "/api/v1/events?").await?;
    Ok(rows.iter().filter(|event| event["source"] == "/in/github").count())
}
