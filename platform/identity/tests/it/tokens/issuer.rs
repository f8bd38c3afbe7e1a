//! An issuer on this machine that answers as a test wants, and keys to sign with.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use identity::issuers::{Issuers, Settings};
use kernel::{Clock, Secret};
use outbound::Outbound;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{START_MS, encode};

/// A key pair made for these tests, which signs nothing anywhere else.
const RSA: &[u8] = include_bytes!("rsa.der");

/// What is answered, and what was asked.
struct Desk {
    configuration: (u16, String, Vec<u8>),
    keys: (u16, String, Vec<u8>),
    asked: Vec<String>,
}

pub(crate) struct Issuer {
    address: SocketAddr,
    desk: Arc<Mutex<Desk>>,
    silent: watch::Sender<bool>,
    asked: watch::Receiver<usize>,
}

impl Issuer {
    /// Publishes these keys, for an hour.
    pub(crate) async fn with(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let configuration =
            json!({"issuer": format!("http://{address}"), "jwks_uri": format!("http://{address}/keys")}).to_string();
        let desk = Desk {
            configuration: (200, String::new(), configuration.into_bytes()),
            keys: (200, "cache-control: max-age=3600\r\n".to_owned(), set(keys)),
            asked: Vec::new(),
        };
        let (desk, (silent, quiet), (count, asked)) =
            (Arc::new(Mutex::new(desk)), watch::channel(false), watch::channel(0));
        let shared = desk.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone(), quiet.clone(), count.clone()));
            }
        });
        Self { address, desk, silent, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn publishes(&self, keys: &[Value]) {
        self.desk.lock().expect("a lock").keys.2 = set(keys);
    }

    /// What it says where its keys are.
    pub(crate) fn answers_keys(&self, status: u16, headers: &str, body: &[u8]) {
        self.desk.lock().expect("a lock").keys = (status, headers.to_owned(), body.to_vec());
    }

    pub(crate) fn answers_configuration(&self, status: u16, headers: &str, body: &[u8]) {
        self.desk.lock().expect("a lock").configuration = (status, headers.to_owned(), body.to_vec());
    }

    /// From now on it hears and says nothing, until it may again.
    pub(crate) fn falls_silent(&self, silent: bool) {
        self.silent.send_replace(silent);
    }

    /// The addresses that it was asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.desk.lock().expect("a lock").asked.clone()
    }

    /// Waits until it was asked so often.
    pub(crate) async fn was_asked(&self, times: usize) {
        self.asked.clone().wait_for(|asked| *asked >= times).await.expect("it listens");
    }

    pub(crate) fn settings(&self) -> Settings {
        settings(&self.url())
    }
}

fn set(keys: &[Value]) -> Vec<u8> {
    json!({"keys": keys}).to_string().into_bytes()
}

async fn serve(
    mut stream: TcpStream,
    desk: Arc<Mutex<Desk>>,
    mut quiet: watch::Receiver<bool>,
    count: watch::Sender<usize>,
) {
    let mut said = vec![0; 16 * 1024];
    loop {
        let length = stream.read(&mut said).await.unwrap_or(0);
        let text = String::from_utf8_lossy(&said[..length]).into_owned();
        let Some(path) = text.split(' ').nth(1) else { return };
        let (status, headers, body) = {
            let mut desk = desk.lock().expect("a lock");
            desk.asked.push(path.to_owned());
            if path.ends_with("/.well-known/openid-configuration") {
                desk.configuration.clone()
            } else {
                desk.keys.clone()
            }
        };
        count.send_modify(|asked| *asked += 1);
        if quiet.wait_for(|quiet| !quiet).await.is_err() {
            return;
        }
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() {
            return;
        }
    }
}

pub(crate) fn settings(issuer: &str) -> Settings {
    Settings {
        issuer: issuer.to_owned(),
        audience: "us".to_owned(),
        authorized_parties: Vec::new(),
        jwks_url: None,
        algorithms: Vec::new(),
        hmac_secret: None,
    }
}

pub(crate) fn sharing(issuer: &str, secret: &str) -> Settings {
    Settings { hmac_secret: Some(Secret::new(secret)), ..settings(issuer) }
}

pub(crate) fn client(allow: &[&str]) -> Outbound {
    let allow_private = allow.iter().map(|net| net.parse().expect("a network")).collect();
    Outbound::new(outbound::Settings { allow_private, ..outbound::Settings::default() })
}

/// These issuers, where this machine may be asked.
pub(crate) fn issuers(settings: &[Settings]) -> (Issuers, Clock) {
    let clock = Clock::manual(START_MS);
    (Issuers::new(settings, client(&["127.0.0.0/8"]), clock.clone()).expect("settings"), clock)
}

/// Who signs in a test.
pub(crate) enum Signer {
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>, &'static str),
    P256(EcdsaKeyPair),
}

impl Signer {
    pub(crate) fn ed25519(seed: u8) -> Self {
        Self::Ed25519(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a pair"))
    }

    pub(crate) fn rsa(algorithm: &'static str) -> Self {
        Self::Rsa(Box::new(RsaKeyPair::from_der(RSA).expect("a pair")), algorithm)
    }

    pub(crate) fn p256() -> Self {
        let (way, dice) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(way, &dice).expect("made");
        Self::P256(EcdsaKeyPair::from_pkcs8(way, document.as_ref(), &dice).expect("a pair"))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::Rsa(_, algorithm) => algorithm,
            Self::P256(_) => "ES256",
        }
    }

    /// The public key, as it is published.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Ed25519(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key()), "kid": kid}),
            Self::Rsa(pair, _) => {
                let public = ring::signature::RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "n": encode(public.n), "e": encode(public.e), "kid": kid, "use": "sig"})
            }
            Self::P256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y), "kid": kid, "alg": "ES256"})
            }
        }
    }

    pub(crate) fn sign(&self, header: &Value, said: &Value) -> String {
        let text = format!("{}.{}", encode(header.to_string()), encode(said.to_string()));
        let (bytes, dice) = (text.as_bytes(), SystemRandom::new());
        let signature = match self {
            Self::Ed25519(pair) => pair.sign(bytes).as_ref().to_vec(),
            Self::P256(pair) => pair.sign(&dice, bytes).expect("signed").as_ref().to_vec(),
            Self::Rsa(pair, algorithm) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let way: &dyn ring::signature::RsaEncoding =
                    if *algorithm == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                pair.sign(way, &dice, bytes, &mut signature).expect("signed");
                signature
            }
        };
        format!("{text}.{}", encode(signature))
    }

    /// A good token of this issuer.
    pub(crate) fn token(&self, issuer: &str, kid: &str) -> String {
        self.sign(&json!({"alg": self.algorithm(), "typ": "JWT", "kid": kid}), &claims(issuer))
    }
}

/// A shared secret's token.
pub(crate) fn shared(secret: &[u8], said: &Value) -> String {
    let text = format!("{}.{}", encode(r#"{"alg":"HS256","typ":"JWT"}"#), encode(said.to_string()));
    let tag = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret), text.as_bytes());
    format!("{text}.{}", encode(tag))
}

/// What a good token says, for a month: longer than the keys are believed.
pub(crate) fn claims(issuer: &str) -> Value {
    json!({"iss": issuer, "aud": ["us", "them"], "sub": "ann", "exp": START_MS / 1000 + 30 * 86_400, "role": "reader"})
}
