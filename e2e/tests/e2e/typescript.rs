//! Our own client for TypeScript, as it is published: against a server that is killed while it is used, and against what the server
//! says of itself.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use testkit::{Server, Start};

use crate::node::Script;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/typescript");
const PASSWORD: &str = "a horse and a battery";
const SECRET: &str = "what the source signs with";

#[tokio::test]
async fn its_types_are_what_the_server_says_of_itself() -> Result<()> {
    let server = Server::start().await?;
    let document = server.url() + "/api/v1/openapi.json";
    let check = tokio::process::Command::new("node")
        .args(["scripts/generate.mjs", "--check", &document])
        .current_dir(FOLDER)
        .output()
        .await?;
    ensure!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    Ok(())
}

#[tokio::test]
async fn it_does_each_thing_once_while_the_server_is_killed() -> Result<()> {
    let mut server = Start::default().env("GITHUB_WEBHOOK_SECRET", SECRET).start().await?;
    let admin = server.admin().await?;
    let mut people = Vec::new();
    for name in ["ada", "eve"] {
        let new = json!({ "name": name, "email": format!("{name}@example.com"), "password": PASSWORD });
        let (status, made) = admin.send("POST", "/api/v1/people", Some(&new)).await?;
        people.push(made["id"].as_str().with_context(|| format!("{status}: {made}"))?.to_owned());
    }
    let key = json!({ "name": "a program", "scopes": ["jobs:enqueue"] });
    let (status, key) = admin.send("POST", "/api/v1/keys", Some(&key)).await?;
    let key = key["token"].as_str().with_context(|| format!("{status}: {key}"))?.to_owned();

    let arguments = [&server.url(), &key, SECRET, "ada@example.com", PASSWORD, &people[1]];
    let mut client = Script::at(FOLDER, "test/live.mjs", &arguments)?;
    let mut said = client.until(|line| line["type"] == "ten are said").await?;
    server.kill().await?;
    server.start_again().await?;
    said.extend(client.until(|line| line["type"] == "signed out").await?);
    client.end().await?;

    let found = |what: &str| said.iter().find(|line| line["type"] == what).with_context(|| format!("{what}: {said:?}"));
    let enqueued = &found("enqueued")?["ids"];
    assert!(enqueued[0] == enqueued[1] && enqueued[1] != enqueued[2], "{enqueued}");
    let refused = found("refused")?;
    assert_eq!((&refused["problem"], &refused["status"]), (&true.into(), &403.into()), "{refused}");
    assert!(refused["request"].is_string(), "{refused}");
    assert_eq!(found("wrong password")?["status"], 401);
    assert_eq!(found("me")?["email"], "ada@example.com");
    assert_eq!(found("listed")?["all"], true);
    assert_eq!(found("by token")?["email"], "ada@example.com");
    let uploaded = found("uploaded")?;
    assert_eq!((&uploaded["last"], &uploaded["steps"]), (&1.into(), &6.into()), "{uploaded}");
    let subscribed = said.iter().filter(|line| line["type"] == "subscribed");
    let gaps: Vec<_> = subscribed.filter_map(|line| line["gap"].as_bool()).collect();
    assert_eq!(gaps, [false, false], "it came back, and missed nothing");
    let every: Vec<_> = (1..=30).collect();
    let heard = found("heard")?;
    assert_eq!(
        (&heard["heard"], &heard["looped"]),
        (&json!(every), &json!(every)),
        "in order, none missing, none twice"
    );
    assert_eq!(found("signed out")?["status"], 401);
    Ok(())
}
