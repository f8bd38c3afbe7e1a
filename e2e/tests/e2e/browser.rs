//! A real Chromium: what a listener hears, what an administrator sees.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testkit::{Server, Start};

use crate::node::Script;
use crate::sse::push;

/// The console's pages; a new one is looked at too.
const PAGES: usize = 24;

/// Where pictures of the pages go, when somebody wants them: a folder, seen from the repository.
pub(crate) fn pictures() -> Option<String> {
    let folder = std::env::var("MAINSPRING_PICTURES").ok()?;
    Some(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(folder).display().to_string())
}

#[tokio::test]
async fn a_listener_opens_a_station_and_hears_the_push_at_its_documented_notes() -> Result<()> {
    let server = Server::start().await?;
    let url = server.url();
    let picture = pictures().map(|dir| format!("{dir}/station.png"));
    let mut args = vec![url.as_str(), "octocat/hello-world"];
    args.extend(picture.as_deref());
    let mut browser = Script::start("station.mjs", &args)?;
    browser.until(|line| line["type"] == "listening").await?;

    let body = push("octocat/hello-world", "mona", 1).to_string().into_bytes();
    assert_eq!(server.github().send_as("a-real-push", "push", body).await?.status, 200);

    let played = browser.next().await?;
    assert_eq!((&played["type"], &played["played"][0]["id"]), (&"played".into(), &"a-real-push".into()), "{played}");
    assert!(played["level"].as_f64().context("a level")? > 0.01, "the analyser hears nothing: {played}");

    let heard = browser.next().await?;
    let notes = heard["notes"].as_array().context("notes")?;
    assert!(notes.len() >= 4, "{heard}");
    let number = |note: &Value, name: &str| note[name].as_f64().unwrap_or_default();
    let sounding = notes
        .iter()
        .filter(|note| number(note, "energy") > 1e-6 && number(note, "energy") > 3.0 * number(note, "beside"));
    let (sounding, all) = (sounding.count(), notes.len());
    println!("{sounding} of {all} documented notes sound, peak {}, rms {}", heard["peak"], heard["rms"]);
    assert!(sounding * 10 >= all * 9, "{heard}");
    assert!(number(&heard, "peak") < 1.0, "it clips: {heard}");

    let page = browser.next().await?;
    let text = page["text"].as_str().context("text")?;
    for word in ["mona pushed", "activity", "Rust"] {
        assert!(text.contains(word), "{word} is not on the page:\n{text}");
    }
    assert_eq!(page["complaints"], Value::Array(Vec::new()));
    browser.end().await
}

#[tokio::test]
async fn an_administrator_looks_at_every_page_by_mouse_by_keyboard_and_on_a_phone() -> Result<()> {
    // The script receives outgoing webhooks on this machine.
    let start = Start::default().command("demo").env("MAINSPRING__OUTBOUND__ALLOW_PRIVATE", r#"["127.0.0.0/8"]"#);
    let server = start.start().await?;
    let github = server.github();
    for mark in 1..=5 {
        github
            .send_as(
                &format!("delivery-{mark}"),
                "push",
                push("octocat/hello-world", "mona", mark).to_string().into_bytes(),
            )
            .await?;
    }
    github.send_signed("forged", "push", b"{}".to_vec(), "sha256=00").await?;
    let link = server.admin_link().context("a link")?.to_owned();
    let (url, pictures) = (server.url(), pictures());
    let mut args = vec![link.as_str(), url.as_str()];
    args.extend(pictures.as_deref());
    let mut browser = Script::start("console.mjs", &args)?;
    let said = browser.until(|line| line["type"] == "watching").await?;
    let one = |kind: &str| said.iter().find(|line| line["type"] == kind).context("a line of this kind");
    let pages: Vec<_> = said.iter().filter(|line| line["type"] == "page").collect();
    for page in &pages {
        assert_eq!(page["faults"], Value::Array(Vec::new()), "{page}");
    }
    let webhooks = pages.iter().find(|line| line["name"] == "webhooks").context("the page")?["text"].to_string();
    let webhooks = webhooks.to_lowercase();
    assert!(webhooks.contains("rejected") && webhooks.contains("signature"), "{webhooks}");

    let keyboard = one("keyboard")?;
    assert_eq!(keyboard["places"], keyboard["linked"], "a page has no key, or its key leads elsewhere");
    assert_eq!(keyboard["third"], keyboard["focused"], "closing a detail gives the focus back to its row: {keyboard}");
    let key = one("key")?;
    assert_eq!((&key["before"], &key["after"]), (&200.into(), &401.into()), "{key}");
    assert_eq!((&key["named"], &key["again"]), (&true.into(), &false.into()), "a key is shown once: {key}");
    one("log level")?;

    github.send("push", &push("live/station", "mona", 77)).await?;
    browser.until(|line| line["type"] == "live").await?;
    let said = browser.until(|line| line["type"] == "end").await?;
    let (phone, end) = said.split_at(said.len() - 1);
    for page in phone {
        assert_eq!(page["faults"], Value::Array(Vec::new()), "{page}");
    }
    assert_eq!((pages.len(), phone.len()), (PAGES, PAGES));
    assert_eq!(end[0]["complaints"], Value::Array(Vec::new()));
    browser.end().await
}

#[tokio::test]
async fn an_administrator_lets_people_in_and_turns_them_out() -> Result<()> {
    let server = Server::start().await?;
    let link = server.admin_link().context("a link")?.to_owned();
    let url = server.url();
    let mut browser = Script::start("people.mjs", &[link.as_str(), url.as_str()])?;
    let said = browser.until(|line| line["type"] == "end").await?;
    let one = |kind: &str| said.iter().find(|line| line["type"] == kind).context("a line of this kind");
    for line in said.iter().filter(|line| line.get("faults").is_some()) {
        assert_eq!(line["faults"], Value::Array(Vec::new()), "{line}");
    }
    let reset = one("link")?;
    assert_eq!((&reset["whole"], &reset["again"]), (&true.into(), &false.into()), "a link is shown once: {reset}");
    assert_eq!(one("taken")?["at"], "email", "what is wrong is told at its field");
    let member = one("member")?;
    assert_eq!((&member["path"], &member["api"]), (&"/console".into(), &403.into()), "{member}");
    assert_eq!(one("ban")?["reason"], true, "a ban that is made anew has its reason");
    assert_eq!(one("ban")?["ran"], json!(["undefined", 0]), "and a reason is text");
    assert_eq!(one("role")?["known"], "Ada");
    assert_eq!(one("invitation")?["whole"], true);
    assert_eq!(one("deletion")?["spared"], 200, "Escape leaves it undone");
    let end = one("end")?;
    assert_eq!(end["raw"], Value::Array(Vec::new()), "an act has no words");
    assert_eq!(end["complaints"], Value::Array(Vec::new()));
    browser.end().await
}
