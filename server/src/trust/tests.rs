use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use kernel::{Clock, Entropy};
use serde_json::Value;
use testkit::provider::{CLIENT, Provider};
use tower::ServiceExt;

use crate::config::{self, Overrides};
use crate::{edge, telemetry, wiring};

/// Settings as an operator gives them: with the issuer in the environment, and its secret in a file.
fn settings(data: &Path, provider: &Provider, secret: &str) -> Overrides {
    let file = data.join("corp.secret");
    std::fs::write(&file, secret).expect("written");
    let with = format!(
        "[{{ name = \"corp\", label = \"Example Corp\", issuer = \"{}\", client_id = \"{}\", client_secret_file = \"{}\", who = \"anybody\" }}]",
        provider.url(),
        CLIENT.0,
        file.display(),
    );
    let environment = [("MAINSPRING__IDENTITY__SIGN_IN".to_owned(), with)].into();
    Overrides { data: Some(data.display().to_string()), environment, ..Overrides::default() }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().expect("text")
    }

    fn cookies(&self) -> String {
        let set = self.headers.get_all(header::SET_COOKIE).iter().map(|cookie| cookie.to_str().expect("text"));
        set.filter_map(|cookie| cookie.split(';').next()).collect::<Vec<_>>().join("; ")
    }
}

async fn get(router: &Router, path: &str, cookies: &str) -> Answer {
    let request = Request::builder().method(Method::GET).uri(path).header(header::COOKIE, cookies);
    let mut request = request.body(Body::empty()).expect("a request");
    request.extensions_mut().insert(edge::Peer(([203, 0, 113, 9], 4711).into()));
    let (head, body) = router.clone().oneshot(request).await.expect("answered").into_parts();
    let text = body.collect().await.expect("a body").to_bytes();
    Answer { status: head.status, headers: head.headers, text: String::from_utf8(text.to_vec()).expect("text") }
}

/// The whole way, over every layer that a request meets: the page, the issuer, the way back, and who is there then.
#[tokio::test]
async fn somebody_signs_in_by_an_issuer_of_the_settings() {
    let data = tempfile::tempdir().expect("a directory");
    let provider = Provider::start(Clock::system().now_ms() / 1_000, 1).await.expect("it listens");
    provider.knows(&serde_json::json!({ "name": "Ada" }));
    let config = config::load(&settings(data.path(), &provider, &format!("{}\n", CLIENT.1))).expect("settings");
    assert!(!config.explain().contains(provider.url()), "what may hold a secret is not printed");
    let telemetry = telemetry::install(&config.log, |_| None, &Clock::system(), &Entropy::system());
    let telemetry = telemetry.expect("the only one of this process");
    let (machine, router) = wiring::make(&config, crate::products::all, &telemetry).await.expect("made");

    let page = get(&router, "/sign-in?next=/chat", "").await;
    let href = page.text.split("class=\"with\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
    assert_eq!(href, Some("/sign-in/with/corp?next=%2Fchat"), "{}", page.text);
    let begun = get(&router, href.expect("a button"), "").await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.text);
    let consent = provider.consent(begun.location()).expect("consent");
    assert_eq!(consent.redirect, "http://127.0.0.1:8080/sign-in/with/corp/callback");
    let back = format!("/sign-in/with/corp/callback?code={}&state={}", consent.code, consent.state);
    let come = get(&router, &back, &begun.cookies()).await;
    assert_eq!((come.status, come.location()), (StatusCode::SEE_OTHER, "/chat"), "{}", come.text);
    let policy = come.headers["ratelimit-policy"].to_str().expect("text");
    assert!(policy.starts_with("\"sign-in\""), "whoever comes back may be guessing: {policy}");

    let me = get(&router, "/api/v1/me", &come.cookies()).await;
    let me: Value = serde_json::from_str(&me.text).expect("JSON");
    assert_eq!((&me["name"], &me["email"]), (&Value::from("Ada"), &Value::Null));
    let id = me["id"].as_str().expect("an id");
    assert_eq!(get(&router, &back, &begun.cookies()).await.status, StatusCode::BAD_REQUEST, "once");

    // It is in the audit log, under whoever came, without what they brought; and in the event log with the person.
    let query = guard::Query { limit: 10, ..guard::Query::default() };
    let entries = machine.guard.audit(query).await.expect("read");
    let said: Vec<_> = entries.iter().map(|it| (it.actor.as_str(), it.action.as_str(), it.status)).collect();
    let action = "GET /sign-in/with/{issuer}/callback";
    assert_eq!(said, [("anonymous", action, 400), (id, action, 303)]);
    assert!(entries.iter().all(|it| it.target == "/sign-in/with/corp/callback"), "{entries:?}");
    let registered: Result<(String,), store::StoreError> = machine
        .ctx
        .store
        .read(async |tx| tx.one("SELECT data FROM events WHERE type = 'user.registered'", &[]).await)
        .await;
    let (registered,) = registered.expect("one event");
    let registered: Value = serde_json::from_str(&registered).expect("JSON");
    assert_eq!((registered["person"].as_str(), &registered["by"]), (Some(id), &Value::from("issuer")));
}

#[tokio::test]
async fn settings_that_cannot_be_are_said_before_anybody_comes() {
    let data = tempfile::tempdir().expect("a directory");
    let provider = Provider::start(0, 1).await.expect("it listens");
    let good = settings(data.path(), &provider, "a secret");
    assert!(config::load(&good).is_ok());
    let nowhere = Overrides { listen: Some("0.0.0.0:8080".into()), ..good };
    let error = config::load(&nowhere).expect_err("nobody finds 0.0.0.0").to_string();
    assert!(error.contains("server.public_url") && !error.contains(provider.url()), "{error}");
    let mut named = nowhere;
    named.environment.insert("MAINSPRING__SERVER__PUBLIC_URL".into(), "https://us.example".into());
    let config = config::load(&named).expect("settings");
    let with = &config.identity.sign_in[0];
    let read = super::with_secret(with).expect("read");
    assert_eq!(read.client_secret.expect("a secret").expose(), "a secret");
    for wrong in ["", "\n"] {
        std::fs::write(data.path().join("corp.secret"), wrong).expect("written");
        assert!(super::with_secret(with).is_err());
    }
    std::fs::remove_file(data.path().join("corp.secret")).expect("removed");
    let error = super::with_secret(with).expect_err("missing").to_string();
    assert!(error.contains("corp.secret"), "{error}");
}
