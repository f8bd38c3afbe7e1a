//! Being told of messages while the chat is not looked at, in a real Chromium: the switch, the worker, and what is left of both.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use testkit::Start;

use crate::node::Script;

const PASSWORD: &str = "a horse and a battery";

#[tokio::test]
async fn a_browser_that_asked_for_it_is_told_and_one_that_ended_it_is_not() -> Result<()> {
    let server = Start::default().env("MAINSPRING__OUTBOUND__ALLOW_PRIVATE", r#"["127.0.0.0/8"]"#).start().await?;
    let admin = server.admin().await?;
    for (name, mail) in [("Ada", "ada"), ("Eve", "eve")] {
        let new =
            json!({ "name": name, "email": format!("{mail}@example.com"), "password": PASSWORD, "role": "member" });
        let (status, made) = admin.send("POST", "/api/v1/people", Some(&new)).await?;
        ensure!(status == 201, "{made}");
    }

    let worker = reqwest::get(format!("{}/chat/worker.js", server.url())).await?;
    let header = |name: &str| worker.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    ensure!(worker.status() == 200, "{}", worker.status());
    assert_eq!(header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!((header("cache-control"), header("service-worker-allowed")), ("no-cache", "/chat"));
    assert!(header("content-security-policy").contains("default-src 'self'"), "a worker is held to the policy too");

    let mut browser = Script::start("push.mjs", &[&server.url(), PASSWORD])?;
    let said = browser.until(|line| line["type"] == "end").await?;
    let one = |kind: &str| said.iter().find(|line| line["type"] == kind).context("a line of this kind");
    for line in said.iter().filter(|line| line.get("faults").is_some()) {
        assert_eq!(line["faults"], json!([]), "{line}");
    }
    let switch = one("switch")?;
    assert_eq!(
        (&switch["before"], &switch["checked"]),
        (&json!(0), &json!("true")),
        "nothing is kept unasked: {switch}"
    );
    assert_eq!(switch["wider"], 0, "the settings stay within a phone");
    assert!(switch["why"].as_str().is_some_and(|why| why.contains("push service")), "a failure is told: {switch}");
    let told = one("told")?;
    let under = json!({ "room": told["room"], "seq": 2, "mentions_you": false });
    let note = json!([{ "title": "Eve", "body": "the light is out", "tag": told["room"], "data": under }]);
    assert_eq!(told["told"], note, "who, what and where");
    let looking = one("looking")?;
    let tags: Vec<_> = looking["told"].as_array().context("a list")?.iter().map(|note| note["tag"].clone()).collect();
    assert_eq!(tags, [json!("room_elsewhere")], "who looks at a room is not told of it");
    let again = one("again")?;
    assert_eq!((&again["left"], &again["old"], &again["content"]), (&json!(0), &json!(false), &json!("and lit again")));
    assert_eq!(one("out")?["kept"], json!([null, []]), "nothing is left on the device");
    assert_eq!(one("end")?["complaints"], json!([]));
    ensure!(!server.log().contains("light is out"), "nothing of a message is logged");
    browser.end().await
}
