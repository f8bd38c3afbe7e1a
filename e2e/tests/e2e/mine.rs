//! What of the chat is one person's alone, on two devices of a real Chromium: deleted for oneself, mentioned, read then, away, last seen then.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use testkit::Start;

use crate::node::Script;

const PASSWORD: &str = "a horse and a battery";

#[tokio::test]
async fn what_is_ones_own_is_so_on_every_device_and_others_see_where_one_is() -> Result<()> {
    let server = Start::default().env("MAINSPRING__LIFECYCLE__GRACE_S", "1").start().await?;
    let admin = server.admin().await?;
    for (name, mail) in [("Ada", "ada"), ("Eve", "eve")] {
        let new =
            json!({ "name": name, "email": format!("{mail}@example.com"), "password": PASSWORD, "role": "member" });
        let (status, made) = admin.send("POST", "/api/v1/people", Some(&new)).await?;
        ensure!(status == 201, "{made}");
    }
    let mut browser = Script::start("mine.mjs", &[&server.url(), PASSWORD])?;
    let said = browser.until(|line| line["type"] == "end").await?;
    let one = |kind: &str| said.iter().find(|line| line["type"] == kind).context("a line of this kind");
    for line in said.iter().filter(|line| line.get("faults").is_some()) {
        assert_eq!(line["faults"], json!([]), "{line}");
    }
    assert!(one("mention")?["path"].as_str().is_some_and(|path| path.starts_with("?at=")), "it leads to its message");
    let hidden = one("hidden")?;
    assert_eq!((&hidden["hers"], &hidden["reloaded"]), (&json!(true), &json!(false)), "{hidden}");
    assert!(one("read")?["when"].as_str().is_some_and(|when| when.contains(':')));
    assert_eq!(one("gone")?["still"], "Online", "one device is enough");
    assert_eq!(one("end")?["complaints"], json!([]));
    browser.end().await
}
