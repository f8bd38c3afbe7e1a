//! Pictures of people and of groups in a real Chromium: what one person gives or takes back, another page shows without being touched.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use testkit::Start;

use crate::node::Script;

const PASSWORD: &str = "a horse and a battery";

#[tokio::test]
async fn a_picture_that_somebody_gives_is_on_the_pages_of_others() -> Result<()> {
    let server = Start::default().start().await?;
    let admin = server.admin().await?;
    for (name, mail) in [("Ada", "ada"), ("Eve", "eve")] {
        let new =
            json!({ "name": name, "email": format!("{mail}@example.com"), "password": PASSWORD, "role": "member" });
        let (status, made) = admin.send("POST", "/api/v1/people", Some(&new)).await?;
        ensure!(status == 201, "{made}");
    }
    let mut browser = Script::start("faces.mjs", &[&server.url(), PASSWORD])?;
    let said = browser.until(|line| line["type"] == "end").await?;
    let one = |kind: &str| said.iter().find(|line| line["type"] == kind).context("a line of this kind");
    for line in said.iter().filter(|line| line.get("faults").is_some()) {
        assert_eq!(line["faults"], json!([]), "{line}");
    }
    let given = one("given")?;
    assert!(given["refused"].as_str().is_some_and(|why| why.contains("Choose a JPEG")), "it says what to do: {given}");
    assert_eq!(given["own"], given["theirs"], "both see the same");
    assert_eq!((&given["theirs"][0], &given["theirs"][1]), (&json!(400), &json!(400)), "{given}");
    let taken = one("taken")?;
    assert_ne!(taken["again"][2], given["theirs"][2], "another picture has another address");
    let group = one("group")?;
    assert_eq!(group["reloaded"], 0, "none of this took a reload");
    assert_eq!((&group["header"], &group["offered"]), (&group["listed"], &json!(0)), "a member is offered no change");
    assert_eq!(one("end")?["complaints"], json!([]));

    // An address alone opens nothing.
    let picture = group["listed"][2].as_str().context("an address")?;
    let alone = reqwest::get(format!("{}{picture}", server.url())).await?;
    assert_eq!(alone.status(), 401);
    browser.end().await
}
