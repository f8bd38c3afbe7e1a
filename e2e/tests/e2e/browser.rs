//! A real Chromium: what a listener hears, what an administrator sees.

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::Server;

use crate::node::Script;
use crate::sse::push;

/// Where pictures of the pages go, when somebody wants them.
fn pictures() -> Option<String> {
    std::env::var("MAINSPRING_PICTURES").ok()
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
async fn an_administrator_signs_in_by_the_link_and_watches_deliveries_come() -> Result<()> {
    let server = Server::start().await?;
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
    assert_eq!(said.iter().filter(|line| line["type"] == "page").count(), 5);
    let webhooks =
        said.iter().find(|line| line["name"] == "webhooks").context("the page")?["text"].to_string().to_lowercase();
    assert!(webhooks.contains("rejected") && webhooks.contains("signature"), "{webhooks}");

    github.send("push", &push("live/station", "mona", 77)).await?;
    browser.until(|line| line["type"] == "live").await?;
    let phone = browser.next().await?;
    assert!(phone["overflow_px"].as_f64().context("a number")? <= 0.0, "{phone}");
    assert_eq!(phone["complaints"], Value::Array(Vec::new()));
    browser.end().await
}
