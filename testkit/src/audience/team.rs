//! People who talk: with tokens of a backend that the server trusts, in rooms of their own.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::{StreamExt, TryStreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use kernel::Clock;
use serde_json::{Value, json};
use sha2::Sha256;

/// Shared with the servers.
const SECRET: &str = "what the backend of the team shares";
const ISSUER: &str = "the backend of the team";
const AUDIENCE: &str = "mainspring";
/// How long their tokens are good, seconds.
const GOOD_S: i64 = 3_600;
/// Requests at once, until everybody is in a room.
const AT_ONCE: usize = 16;

/// Somebody's name and token for each, and the rooms they are in: number `n` is in room `n % rooms`.
pub struct Team {
    /// Their ids.
    pub people: Vec<String>,
    /// What each shows.
    pub tokens: Vec<String>,
    /// The rooms' ids.
    pub rooms: Vec<String>,
}

impl Team {
    /// The setting by which a server believes the team's tokens, for [`crate::Start::env`].
    pub fn trusted() -> (&'static str, String) {
        let issuer = format!(r#"[{{issuer = "{ISSUER}", audience = "{AUDIENCE}", hmac_secret = "{SECRET}"}}]"#);
        ("MAINSPRING__IDENTITY__ISSUERS", issuer)
    }

    /// So many people, who become known to the server at `url` by their first request, in so many rooms.
    ///
    /// # Errors
    /// When the server refuses one of them or a room.
    pub async fn gather(url: &str, people: usize, rooms: usize) -> Result<Self> {
        ensure!(rooms > 0 && people >= 2 * rooms, "two people a room at least");
        let client = crate::server::client();
        let tokens: Vec<_> = (0..people).map(token).collect();
        let known = tokens.iter().map(|token| async {
            let me = ask(&client, "GET", &format!("{url}/api/v1/me"), token, None).await?;
            Ok::<_, anyhow::Error>(me["id"].as_str().context("an id")?.to_owned())
        });
        let people: Vec<String> = stream::iter(known).buffered(AT_ONCE).try_collect().await?;
        let made = (0..rooms).map(|room| {
            let members: Vec<_> = people.iter().skip(room).step_by(rooms).collect();
            let new = json!({ "name": format!("room {room}"), "people": members });
            let (client, token) = (&client, &tokens[room]);
            async move {
                let room = ask(client, "POST", &format!("{url}/api/v1/chat/rooms"), token, Some(&new)).await?;
                Ok::<_, anyhow::Error>(room["room"].as_str().context("a room")?.to_owned())
            }
        });
        let rooms: Vec<String> = stream::iter(made).buffered(AT_ONCE).try_collect().await?;
        Ok(Self { people, tokens, rooms })
    }
}

async fn ask(client: &reqwest::Client, method: &str, url: &str, token: &str, body: Option<&Value>) -> Result<Value> {
    let mut request = client.request(method.parse()?, url).bearer_auth(token);
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    ensure!(status.is_success(), "{method} {url}: {status}: {text}");
    Ok(serde_json::from_str(&text)?)
}

/// Signed by the shared secret (HS256, RFC 7519).
fn token(number: usize) -> String {
    let now_s = Clock::system().now_ms() / 1_000;
    let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": format!("person-{number}"), "name": format!("Person {number}"),
        "iat": now_s, "exp": now_s + GOOD_S });
    let part = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    let text = format!("{}.{}", part(&json!({ "alg": "HS256", "typ": "JWT" })), part(&claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
