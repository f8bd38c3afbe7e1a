//! An OpenID Connect provider on this machine: discovery, keys, the authorization page and the exchange of codes, as strict as a real
//! one. A test says whom it knows, and may have it say whatever else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The one client that a provider knows, and what it proves itself with.
pub const CLIENT: (&str, &str) = ("mainspring", "a secret: of the client/1");

type Fields = HashMap<String, String>;

/// One that runs until the test ends. Clones are handles.
#[derive(Clone)]
pub struct Provider(Arc<Desk>);

struct Desk {
    url: String,
    pair: Ed25519KeyPair,
    now_s: i64,
    state: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    /// Members of the configuration that a test wants otherwise.
    document: Map<String, Value>,
    /// What the next people are said to be.
    person: Map<String, Value>,
    codes: HashMap<String, Grant>,
    granted: usize,
    exchanged: usize,
}

struct Grant {
    id_token: String,
    challenge: String,
    redirect: String,
}

/// What the browser is sent back with.
#[derive(Clone, Debug)]
pub struct Consent {
    /// The code.
    pub code: String,
    /// What we were asked to repeat.
    pub state: String,
    /// Where to.
    pub redirect: String,
}

impl Provider {
    /// Listens on a free port, in a world where it is `now_s`, Unix seconds; its tokens are good for an hour.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(now_s: i64, seed: u8) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).ok().context("a pair")?;
        let provider = Self(Arc::new(Desk { url, pair, now_s, state: Mutex::default() }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(exchange))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(provider)
    }

    /// Its name.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Changes its configuration.
    pub fn documents(&self, name: &str, value: Value) {
        self.told(|told| told.document.insert(name.to_owned(), value));
    }

    /// From now on everybody who comes is this person: members of the identity token, of which `null` leaves one out.
    pub fn knows(&self, person: &Value) {
        self.told(|told| told.person = person.as_object().cloned().unwrap_or_default());
    }

    /// How many codes it was asked to exchange.
    pub fn exchanged(&self) -> usize {
        self.told(|told| told.exchanged)
    }

    /// What somebody who says yes is sent back with, from the address that the browser was sent to.
    ///
    /// # Errors
    /// When the address asks for something that no provider would give.
    pub fn consent(&self, address: &str) -> Result<Consent> {
        let query = address.strip_prefix(&format!("{}/authorize?", self.0.url)).context("an address of ours")?;
        self.grant(&serde_urlencoded::from_str(query)?)
    }

    /// Signs an identity token with these members.
    pub fn sign(&self, claims: &Map<String, Value>) -> String {
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": "a"}).to_string();
        let text =
            [header, Value::Object(claims.clone()).to_string()].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        let signature = URL_SAFE_NO_PAD.encode(self.0.pair.sign(text.as_bytes()));
        format!("{text}.{signature}")
    }

    fn told<T>(&self, tell: impl FnOnce(&mut Told) -> T) -> T {
        tell(&mut self.0.state.lock().expect("a lock"))
    }

    fn grant(&self, asked: &Fields) -> Result<Consent> {
        let says = |name: &str| asked.get(name).cloned().with_context(|| format!("it asks without {name}"));
        ensure!(says("response_type")? == "code" && says("client_id")? == CLIENT.0, "not our client: {asked:?}");
        ensure!(says("code_challenge_method")? == "S256", "it must be S256: {asked:?}");
        ensure!(says("scope")?.split(' ').any(|scope| scope == "openid"), "it must ask for an identity: {asked:?}");
        let now_s = self.0.now_s;
        let (redirect, state, challenge) = (says("redirect_uri")?, says("state")?, says("code_challenge")?);
        let claims = json!({
            "iss": self.0.url, "aud": CLIENT.0, "sub": "ann", "nonce": says("nonce")?, "iat": now_s, "exp": now_s + 3_600,
        });
        let mut claims = claims.as_object().cloned().unwrap_or_default();
        let code = self.told(|told| {
            claims.extend(told.person.clone());
            claims.retain(|_, value| !value.is_null());
            told.granted += 1;
            format!("code-{}", told.granted)
        });
        let grant = Grant { id_token: self.sign(&claims), challenge, redirect: redirect.clone() };
        self.told(|told| told.codes.insert(code.clone(), grant));
        Ok(Consent { code, state, redirect })
    }
}

async fn configuration(State(provider): State<Provider>) -> Json<Value> {
    let url = provider.url();
    let mut document = json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
    });
    if let Some(document) = document.as_object_mut() {
        document.extend(provider.told(|told| told.document.clone()));
    }
    Json(document)
}

async fn keys(State(provider): State<Provider>) -> Json<Value> {
    let x = URL_SAFE_NO_PAD.encode(provider.0.pair.public_key());
    Json(json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "a"}]}))
}

/// Whoever comes says yes.
async fn authorize(State(provider): State<Provider>, Query(asked): Query<Fields>) -> Response {
    let Ok(Consent { code, state, redirect }) = provider.grant(&asked) else {
        return (StatusCode::BAD_REQUEST, "that is no request of our client").into_response();
    };
    let back = [("code", code.as_str()), ("state", &state), ("iss", provider.url())];
    let query = serde_urlencoded::to_string(back).expect("a query");
    Redirect::to(&format!("{redirect}?{query}")).into_response()
}

async fn exchange(State(provider): State<Provider>, headers: HeaderMap, Form(asked): Form<Fields>) -> Response {
    let says = |name: &str| asked.get(name).map_or("", String::as_str);
    let encoded = |text: &str| serde_urlencoded::to_string([("", text)]).expect("a field")[1..].to_owned();
    let basic = STANDARD.encode(format!("{}:{}", encoded(CLIENT.0), encoded(CLIENT.1)));
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let is_ours = shown == Some(&format!("Basic {basic}"))
        || shown.is_none() && (says("client_id"), says("client_secret")) == CLIENT;
    let refuse = |status, error: &str| (status, Json(json!({ "error": error }))).into_response();
    if !is_ours {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let grant = provider.told(|told| {
        told.exchanged += 1;
        told.codes.remove(says("code"))
    });
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(says("code_verifier")));
    match grant {
        Some(it) if it.challenge == challenge && it.redirect == says("redirect_uri") => {
            Json(json!({ "access_token": "opaque", "token_type": "Bearer", "id_token": it.id_token })).into_response()
        }
        _ => refuse(StatusCode::BAD_REQUEST, "invalid_grant"),
    }
}
