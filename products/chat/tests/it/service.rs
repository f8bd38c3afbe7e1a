//! A push service and the browsers behind it, which read what is pushed as RFC 8291 has them read it: by their own keys, written anew.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::Entropy;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::support::LONG;

/// What the service does with a push; it takes it (201) unless told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Does {
    /// Answers so, with this `Retry-After`.
    Says(u16, Option<&'static str>),
    /// Has it, and is gone before it says so.
    Dies,
}

/// A push as it came.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) path: String,
    head: String,
    body: Vec<u8>,
}

impl Push {
    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
        let value = line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim());
        value.unwrap_or_else(|| panic!("no {name}: {}", self.head))
    }

    /// What the signature says, which is checked against this key (RFC 8292).
    pub(crate) fn signed_by(&self, key: &str) -> Value {
        let shown = self.header("authorization").strip_prefix("vapid t=").expect("the scheme");
        let (token, shown) = shown.split_once(", k=").expect("a key");
        assert_eq!(shown, key, "the key that browsers were given");
        let (text, signature) = token.rsplit_once('.').expect("a signature");
        let point = URL_SAFE_NO_PAD.decode(key).expect("base64url");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let signature = Signature::from_slice(&signature).expect("64 bytes");
        let key = VerifyingKey::from(PublicKey::from_sec1_bytes(&point).expect("a point"));
        key.verify(text.as_bytes(), &signature).expect("signed by it");
        let (head, claims) = text.split_once('.').expect("two parts");
        let part = |part: &str| -> Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
        };
        assert_eq!(part(head), json!({ "typ": "JWT", "alg": "ES256" }));
        part(claims)
    }
}

#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) path: String,
    origin: String,
    secret: SecretKey,
    auth: [u8; 16],
}

impl Browser {
    fn point(&self) -> Vec<u8> {
        self.secret.public_key().to_sec1_point(false).as_bytes().to_vec()
    }

    /// What it gives to a page.
    pub(crate) fn given(&self) -> Value {
        let keys = json!({ "p256dh": URL_SAFE_NO_PAD.encode(self.point()), "auth": URL_SAFE_NO_PAD.encode(self.auth) });
        json!({ "endpoint": format!("{}{}", self.origin, self.path), "keys": keys })
    }

    pub(crate) fn read(&self, push: &Push) -> Value {
        assert_eq!(push.path, self.path, "for this browser");
        self.try_read(push).expect("it opens")
    }

    pub(crate) fn try_read(&self, push: &Push) -> Option<Value> {
        let (salt, rest) = push.body.split_first_chunk::<16>()?;
        let (size, rest) = rest.split_first_chunk::<4>()?;
        assert!(rest[0] == 65 && u32::from_be_bytes(*size) >= 18 && push.body.len() <= 4_096, "one record");
        let (theirs, record) = rest[1..].split_at(65);
        let key = PublicKey::from_sec1_bytes(theirs).ok()?;
        let shared = p256::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), key.as_affine());
        let info = [b"WebPush: info\0", &self.point()[..], theirs].concat();
        let secret = derive(&self.auth, shared.raw_secret_bytes(), &info, 32);
        let key = derive(salt, &secret, b"Content-Encoding: aes128gcm\0", 16);
        let nonce = derive(salt, &secret, b"Content-Encoding: nonce\0", 12);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?);
        let mut record = record.to_vec();
        let plain =
            key.open_in_place(Nonce::try_assume_unique_for_key(&nonce).ok()?, Aad::empty(), &mut record).ok()?;
        let (text, last) = plain.split_at(plain.iter().rposition(|byte| *byte != 0)?);
        assert_eq!(last[0], 2, "the last record");
        assert!(text.len() <= 3 * 1_024);
        serde_json::from_slice(text).ok()
    }
}

/// HKDF with SHA-256, as the library has it.
fn derive(salt: &[u8], secret: &[u8], info: &[u8], bytes: usize) -> Vec<u8> {
    struct Bytes(usize);
    impl hkdf::KeyType for Bytes {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut out = vec![0; bytes];
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    prk.expand(&[info], Bytes(bytes)).and_then(|okm| okm.fill(&mut out)).expect("a short key");
    out
}

pub(crate) struct Service {
    port: u16,
    does: Arc<Mutex<VecDeque<Does>>>,
    browsers: Mutex<Vec<Browser>>,
    got: mpsc::Receiver<Push>,
}

impl Service {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let does = Arc::<Mutex<VecDeque<Does>>>::default();
        let (say, got) = mpsc::channel(1_000);
        let plan = does.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, plan.clone(), say.clone()));
            }
        });
        Self { port, does, browsers: Mutex::default(), got }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A browser that nobody knows yet.
    pub(crate) fn browser(&self) -> Browser {
        let entropy = Entropy::system();
        let (mut secret, mut auth) = ([0; 32], [0; 16]);
        entropy.fill(&mut secret);
        entropy.fill(&mut auth);
        secret[0] &= 0x7f;
        let secret = SecretKey::from_slice(&secret).expect("a key");
        let browser = Browser { path: format!("/push/{}", entropy.token(16)), origin: self.origin(), secret, auth };
        self.browsers.lock().expect("unpoisoned").push(browser.clone());
        browser
    }

    pub(crate) fn browsers(&self) -> Vec<Browser> {
        self.browsers.lock().expect("unpoisoned").clone()
    }

    /// What it does with the next pushes.
    pub(crate) fn answers(&self, does: &[Does]) {
        self.does.lock().expect("unpoisoned").extend(does);
    }

    pub(crate) async fn next(&mut self) -> Push {
        tokio::time::timeout(LONG, self.got.recv()).await.expect("a push comes").expect("it listens")
    }

    /// What came and was not asked for yet.
    pub(crate) fn seen(&mut self) -> Vec<Push> {
        std::iter::from_fn(|| self.got.try_recv().ok()).collect()
    }
}

async fn serve(mut stream: TcpStream, plan: Arc<Mutex<VecDeque<Does>>>, say: mpsc::Sender<Push>) -> Option<()> {
    loop {
        let push = push(&mut stream).await?;
        let does = plan.lock().expect("unpoisoned").pop_front().unwrap_or(Does::Says(201, None));
        say.send(push).await.ok()?;
        let Does::Says(status, after) = does else { return None };
        let after = after.map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
        let answer = format!("HTTP/1.1 {status} X\r\n{after}content-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}

async fn push(stream: &mut TcpStream) -> Option<Push> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break end + 4;
        }
        bytes.push(stream.read_u8().await.ok()?);
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
    let path = head.strip_prefix("POST ").expect("a POST").split(' ').next().expect("a path").to_owned();
    let mut push = Push { path, head, body: Vec::new() };
    push.body = vec![0; push.header("content-length").parse().expect("a number")];
    stream.read_exact(&mut push.body).await.ok()?;
    Some(push)
}
