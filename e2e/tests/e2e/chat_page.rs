//! All of the chat's page that is more than two people writing, in a real Chromium: what is spoken, dropped, pasted, mended, linked and
//! pressed; and rooms, with who is what in them.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Server, Start};

use crate::browser::pictures;
use crate::node::Script;

const PASSWORD: &str = "a horse and a battery";

/// A server where these people have accounts, by the first half of their address. What they link to, and the push service of their
/// browsers, is on this machine.
async fn house(names: &[&str]) -> Result<Server> {
    let server = Start::default().env("MAINSPRING__OUTBOUND__ALLOW_PRIVATE", r#"["127.0.0.0/8"]"#).start().await?;
    let admin = server.admin().await?;
    for name in names {
        let mail = format!("{}@example.com", name.to_lowercase());
        let new = json!({ "name": name, "email": mail, "password": PASSWORD, "role": "member" });
        let (status, made) = admin.send("POST", "/api/v1/people", Some(&new)).await?;
        ensure!(status == 201, "{made}");
    }
    Ok(server)
}

/// All that a script has to say, which finds no fault with a page and hears no complaint.
async fn said(script: &str, server: &Server) -> Result<Vec<Value>> {
    let (url, pictures) = (server.url(), pictures());
    let mut args = vec![url.as_str(), PASSWORD];
    args.extend(pictures.as_deref());
    let mut browser = Script::start(script, &args)?;
    let said = browser.until(|line| line["type"] == "end").await?;
    browser.end().await?;
    for line in said.iter().filter(|line| line.get("faults").is_some()) {
        assert_eq!(line["faults"], json!([]), "{line}");
    }
    assert_eq!(one(&said, "end")?["complaints"], json!([]));
    Ok(said)
}

fn one<'a>(said: &'a [Value], kind: &str) -> Result<&'a Value> {
    said.iter().find(|line| line["type"] == kind).with_context(|| format!("no line of {kind}"))
}

#[tokio::test]
async fn what_is_more_than_words_is_said_and_mended() -> Result<()> {
    let said = said("said.mjs", &house(&["Ada", "Eve"]).await?).await?;
    let voice = one(&said, "voice")?;
    assert_eq!(voice["thrown"], 0, "what is thrown away goes nowhere");
    let seconds = voice["length"].as_str().and_then(|length| length.strip_prefix("0:"));
    assert!(seconds.is_some_and(|seconds| seconds != "00"), "its length is of what was heard: {voice}");
    assert_eq!(voice["longest"], "120000");
    let files = one(&said, "files")?;
    assert_eq!((&files["saved"], &files["ours"], &files["left"]), (&json!("a quiet night"), &json!(false), &json!(0)));
    let replies = one(&said, "replies")?;
    assert_eq!(replies["kept"], "/b", "Escape leaves what is written");
    assert_eq!((&replies["taken"], &replies["dropped"]), (&json!("Berth four is free until noon."), &json!(0)));
    assert_eq!(one(&said, "mended")?["untouched"], json!(["", 0]));
    let card = one(&said, "card")?;
    assert_eq!(card["card"], json!(["Harbour office", "The light at the end of the pier", "Lit at dusk."]));
    assert_eq!(card["target"], json!(["_blank", "noopener noreferrer nofollow"]));
    let keys = one(&said, "keys")?;
    let sheet = |key: &str| keys["pressed"][key].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        [sheet("new"), sheet("new on a Mac"), sheet("settings")],
        ["New conversation", "New conversation", "Settings"]
    );
    assert_eq!([sheet("jump"), sheet("search")], ["Search or jump", "Search or jump"]);
    assert_eq!(keys["before"], true, "a key under an open sheet does nothing: {keys}");
    Ok(())
}

#[tokio::test]
async fn rooms_are_ruled_pinned_muted_put_away_and_left() -> Result<()> {
    let said = said("rooms.mjs", &house(&["Ada", "Eve", "Bea"]).await?).await?;
    let roles = one(&said, "roles")?;
    let (ordinary, owner, admin) = (&roles["ordinary"], &roles["owner"], &roles["admin"]);
    assert_eq!(ordinary["members"], json!(["Write to Bea"]));
    assert_eq!(ordinary["message"], json!(["Answer", "Copy the text", "Delete for me"]), "of another one's message");
    assert_eq!(ordinary["adds"], 0);
    let all = json!(["Write to Bea", "Make an admin", "Hand the group over", "Take out of the group"]);
    assert_eq!(owner["members"], all);
    assert_eq!((&owner["leaves"], &owner["words"]), (&json!(0), &json!(true)), "an owner does not leave: {owner}");
    assert_eq!(admin["members"], json!(["Write to Bea", "Make an admin", "Take out of the group"]));
    assert_eq!(admin["ofOwner"], json!(["Write to Ada"]), "nobody takes an owner out");
    assert_eq!(admin["message"], json!(["Answer", "Copy the text", "Pin", "Delete for everybody", "Delete for me"]));
    let pins = one(&said, "pins")?;
    assert_eq!(pins["order"], json!(["log 29", "The tide turns at six"]), "the last one first");
    assert_eq!(pins["marked"], 1);
    let muted = one(&said, "muted")?;
    assert_eq!(muted["quiet"], json!([true, "Harbour"]), "a muted room calls nobody: {muted}");
    assert_eq!(muted["called"], "@");
    assert_eq!(one(&said, "away")?["away"], json!([["Ada"], "Harbour"]));
    let out = &one(&said, "out")?["out"];
    assert_eq!((&out[0], &out[1]), (&json!("/chat"), &json!(false)), "nothing of it stays: {out}");
    assert!(out[2].as_str().is_some_and(|word| word.contains("Harbour")), "and why is told: {out}");
    Ok(())
}

#[tokio::test]
async fn two_windows_have_one_switch_and_a_person_says_what_is_told() -> Result<()> {
    let server = house(&["Ada", "Eve"]).await?;
    let said = said("tabs.mjs", &server).await?;
    assert_eq!(one(&said, "turns")?["turns"], json!([["true", true], ["false", false], ["true", true]]));
    let told = one(&said, "told")?;
    assert!(told["why"].as_str().is_some_and(|why| why.contains("sends no mail")), "{told}");
    assert_eq!((&told["letters"], &told["wanted"]), (&json!("0"), &json!("true")), "what is shown is what is so");
    let pushed = json!([
        ["message", "and now to you", false],
        ["message", "@Ada, the tide", true],
        ["mention", "a boat goes out, @Ada", true],
    ]);
    assert_eq!(told["pushed"], pushed, "nothing of a muted room but mentions");
    let title = "Eve mentions you in Harbour";
    let mut notes = told["notes"].as_array().context("notes")?.clone();
    notes.sort_by_key(Value::to_string);
    assert_eq!(notes, [json!([title, false]), json!([title, true])], "each by itself");
    let out = one(&said, "out")?;
    assert_eq!(out["kept"], json!([null, []]), "nothing is left on the device");
    assert_eq!(out["last"], json!(["message", "there you are", false]), "and the session that ended was told nothing");
    let app = one(&said, "app")?;
    let only = json!([{ "errorArguments": [], "errorId": "in-incognito" }]);
    assert_eq!((&app["errors"], &app["installabilityErrors"]), (&json!([]), &only), "a test's window keeps nothing");
    ensure!(app["manifest"].as_str().is_some_and(|at| at.starts_with(&server.url())), "{app}");
    Ok(())
}

#[tokio::test]
async fn the_chat_is_an_app_with_icons_of_the_sizes_that_it_says() -> Result<()> {
    let server = Server::start().await?;
    let page = reqwest::get(format!("{}/chat", server.url())).await?.text().await?;
    let (_, link) = page.split_once(r#"<link rel="manifest" href=""#).context("a link to the manifest")?;
    let at = link.split('"').next().context("an address")?;
    let manifest = reqwest::get(format!("{}{at}", server.url())).await?;
    let header = |name: &str| manifest.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!((manifest.status().as_u16(), header("content-type")), (200, "application/manifest+json"));
    let policy = header("content-security-policy").to_owned();
    assert!(policy.contains("default-src 'self'") && !policy.contains("manifest-src"), "ours may be read: {policy}");
    let manifest: Value = manifest.json().await?;
    for (field, is) in [("id", "/chat"), ("start_url", "/chat"), ("scope", "/chat"), ("display", "standalone")] {
        assert_eq!(manifest[field], is);
    }
    for field in ["name", "short_name", "theme_color", "background_color"] {
        assert!(manifest[field].as_str().is_some_and(|text| !text.is_empty()), "{field}");
    }
    let mut kinds = Vec::new();
    for icon in manifest["icons"].as_array().context("icons")? {
        let text = |field: &str| icon[field].as_str().unwrap_or_default().to_owned();
        let answer = reqwest::get(format!("{}{}", server.url(), text("src"))).await?;
        assert_eq!(answer.status(), 200, "{icon}");
        assert_eq!(answer.headers()["content-type"], text("type"), "{icon}");
        let bytes = answer.bytes().await?;
        if text("type") == "image/png" {
            // The width and height of a PNG follow its signature and the name of its first chunk.
            let side = |at: usize| {
                bytes.get(at..at + 4).map(|four| four.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)))
            };
            assert_eq!(text("sizes"), format!("{}x{}", side(16).context("a width")?, side(20).context("a height")?));
        }
        kinds.push(format!("{} {}", text("purpose"), text("sizes")));
    }
    for wanted in ["any any", "any 192x192", "any 512x512", "maskable 192x192", "maskable 512x512"] {
        assert!(kinds.iter().any(|kind| kind == wanted), "{wanted}: {kinds:?}");
    }
    Ok(())
}
