//! The chat's page in two windows of a real Chromium: what one does the other sees, what is cut comes later, and nothing that is written runs.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use testkit::Start;
use tokio::io::AsyncWriteExt;

use crate::node::Script;

const PASSWORD: &str = "a horse and a battery";
/// What runs where a text is taken for HTML.
const SCRIPT: &str = "<img src=x onerror=globalThis.pwned=1>";

#[tokio::test]
async fn two_people_talk_in_two_windows_and_nothing_that_they_write_runs() -> Result<()> {
    // The page that a message links to is the script's own.
    let start = Start::default().env("MAINSPRING__OUTBOUND__ALLOW_PRIVATE", r#"["127.0.0.0/8"]"#);
    let server = start.start().await?;
    let admin = server.admin().await?;
    let mut eve = String::new();
    for (name, mail, role) in [("Ada", "ada", "admin"), (SCRIPT, "mallory", "member"), ("Eve", "eve", "member")] {
        let new = json!({ "name": name, "email": format!("{mail}@example.com"), "password": PASSWORD, "role": role });
        let (status, made) = admin.send("POST", "/api/v1/people", Some(&new)).await?;
        ensure!(status == 201, "{made}");
        made["id"].as_str().context("an id")?.clone_into(&mut eve);
    }

    for (path, microphone) in
        [("/chat", "microphone=(self)"), ("/chat/admin", "microphone=(self)"), ("/console", "microphone=()")]
    {
        let page = reqwest::get(format!("{}{path}", server.url())).await?;
        let devices = page.headers().get("permissions-policy").context("a policy")?.to_str()?;
        ensure!(devices.contains(microphone), "{path}: {devices}");
    }

    let url = server.url();
    let mut browser = Script::start("chat.mjs", &[&url, PASSWORD, SCRIPT])?;
    let mut said = browser.until(|line| line["type"] == "ban").await?;
    let (status, banned) =
        admin.send("PUT", &format!("/api/v1/people/{eve}/ban"), Some(&json!({ "reason": "a test" }))).await?;
    ensure!(status == 200, "{banned}");
    browser.stdin.as_mut().context("its input")?.write_all(b"banned\n").await?;
    said.extend(browser.until(|line| line["type"] == "end").await?);

    let one = |kind: &str| said.iter().find(|line| line["type"] == kind).context("a line of this kind");
    for line in said.iter().filter(|line| line.get("faults").is_some()) {
        assert_eq!(line["faults"], json!([]), "{line}");
    }
    let message = one("message")?;
    assert_eq!((&message["unread"], &message["bold"]), (&json!("1 unread"), &json!("lighthouse")), "{message}");
    let marks = one("marks")?;
    assert_eq!((&marks["edits"], &marks["gone"]), (&json!("Good"), &json!(true)), "{marks}");
    let offline = one("offline")?;
    assert_eq!(offline["early"], false, "nothing goes while one is offline");
    assert_eq!(offline["order"], offline["storm"], "in order, each once");
    assert_eq!(offline["hers"], offline["storm"], "in order, each once");
    assert_eq!(one("refused")?["back"], "long of the storm", "what was refused is not lost");
    assert_eq!(one("heard")?["asked"], json!([]), "a message costs no reading");
    assert!(one("search")?["path"].as_str().is_some_and(|path| path.starts_with("?at=")));
    let image = one("image")?;
    assert_eq!(image["shown"], true, "{image}");
    assert!(image["image"]["width"].as_i64().is_some_and(|width| (1..=640).contains(&width)), "{image}");
    let script = one("script")?;
    for page in script["ran"].as_array().context("pages")? {
        assert_eq!((&page[0], &page[1]), (&json!("undefined"), &json!(0)), "{script}");
    }
    assert!(script["shown"].as_str().is_some_and(|text| text.contains(SCRIPT)), "{script}");
    assert_eq!(script["card"], json!([SCRIPT, SCRIPT, SCRIPT]), "a page's site, title and description are text");
    assert_eq!(one("admin")?["kept"], "42");
    assert_eq!(one("banned")?["left"], false, "a ban leaves nothing on the screen");
    assert_eq!(one("end")?["complaints"], json!([]));
    browser.end().await
}
