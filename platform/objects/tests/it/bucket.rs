//! A bucket that takes only what is signed: it computes each signature anew, from what came over the wire and with another library.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use kernel::{Clock, Secret};
use objects::{Error, Name, Objects, S3, Unfit};
use outbound::Outbound;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ACCESS: &str = "AKIDEXAMPLE";
const NO_KEY: &str = "<Code>NoSuchKey</Code>";
const START_MS: i64 = 1_803_859_200_000;

/// The fake.
#[derive(Clone)]
pub(crate) struct Fake {
    endpoint: String,
    clock: Clock,
    kept: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    /// What is said of whatever is not there, and whether the bucket is.
    absent: Arc<Mutex<(&'static str, bool)>>,
}

/// A request as it came.
struct Came {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(ring::digest::digest(&ring::digest::SHA256, bytes))
}

impl Came {
    async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
                break at;
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let text = String::from_utf8(bytes[..head].to_vec()).expect("text");
        let mut lines = text.split("\r\n");
        let mut first = lines.next().expect("a line").split(' ').map(str::to_owned);
        let (method, path) = (first.next().expect("a method"), first.next().expect("a path"));
        let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers: BTreeMap<_, _> = lines.filter_map(pair).collect();
        let length = headers.get("content-length").map_or(0, |length| length.parse().expect("a length"));
        let mut body = bytes.split_off(head + 4);
        while body.len() < length {
            stream.read_buf(&mut body).await.ok()?;
        }
        Some(Self { method, path, headers, body })
    }

    /// Whether it was signed with this key, for now, as it came.
    fn is_signed(&self, secret: &str, now: &str) -> bool {
        let header = |name: &str| self.headers.get(name).cloned().unwrap_or_default();
        let said = header("authorization");
        let part = |name: &str| {
            let (_, rest) = said.split_once(&format!("{name}="))?;
            rest.split(',').next().map(str::to_owned)
        };
        let (Some(credential), Some(names), Some(signature)) =
            (part("Credential"), part("SignedHeaders"), part("Signature"))
        else {
            return false;
        };
        let day = &now[..8];
        let scope = format!("{day}/eu-test-1/s3/aws4_request");
        let named: Vec<&str> = names.split(';').collect();
        let must = ["host", "x-amz-content-sha256", "x-amz-date"];
        let canonical: String = named.iter().map(|name| format!("{name}:{}\n", header(name).trim())).collect();
        let canonical =
            format!("{}\n{}\n\n{canonical}\n{names}\n{}", self.method, self.path, header("x-amz-content-sha256"));
        let text = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{}", sha256(canonical.as_bytes()));
        let key = mac(&mac(&mac(&mac(format!("AWS4{secret}").as_bytes(), day), "eu-test-1"), "s3"), "aws4_request");
        credential == format!("{ACCESS}/{scope}")
            && must.iter().all(|name| named.contains(name))
            && named.contains(&"range") == self.headers.contains_key("range")
            && header("x-amz-date") == now
            && header("x-amz-content-sha256") == sha256(&self.body)
            && signature == hex::encode(mac(&key, &text))
    }
}

impl Fake {
    pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let fake = Self {
            endpoint,
            clock: Clock::manual(START_MS),
            kept: Arc::default(),
            absent: Arc::new(Mutex::new((NO_KEY, true))),
        };
        let serving = fake.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let fake = serving.clone();
                tokio::spawn(async move {
                    while let Some(came) = Came::read(&mut stream).await {
                        let (status, body) = fake.answer(&came);
                        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
                        let sent = stream.write_all(&[head.as_bytes(), &body].concat()).await;
                        sent.expect("answered");
                    }
                });
            }
        });
        fake
    }

    fn answer(&self, came: &Came) -> (u16, Vec<u8>) {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(self.clock.now_ms().unsigned_abs());
        // Another library's reading of the time: `Mon, 01 Mar 2027 00:00:00 GMT`.
        let date = httpdate::fmt_http_date(at);
        let month = 1 + "JanFebMarAprMayJunJulAugSepOctNovDec".find(&date[8..11]).expect("a month") / 3;
        let now = format!("{}{month:02}{}T{}Z", &date[12..16], &date[5..7], date[17..25].replace(':', ""));
        if !came.is_signed(Self::SECRET, &now) {
            let body = "<Error><Code>SignatureDoesNotMatch</Code><Message>AKIDEXAMPLE sent secrets</Message></Error>";
            return (403, body.into());
        }
        let (absent, there) = *self.absent.lock().expect("a lock");
        if (came.method.as_str(), came.path.as_str()) == ("HEAD", "/files") {
            return (if there { 200 } else { 404 }, Vec::new());
        }
        let Some(key) = came.path.strip_prefix("/files/") else { return (404, Vec::new()) };
        let mut kept = self.kept.lock().expect("a lock");
        match came.method.as_str() {
            "PUT" => {
                kept.insert(key.to_owned(), came.body.clone());
                (200, Vec::new())
            }
            "DELETE" => {
                let gone = kept.remove(key).is_some();
                if gone || there { (204, Vec::new()) } else { (404, absent.into()) }
            }
            _ => {
                let Some(bytes) = kept.get(key) else { return (404, absent.into()) };
                let asked = came.headers.get("range").and_then(|range| range.strip_prefix("bytes="));
                let (first, last) = asked.and_then(|range| range.split_once('-')).expect("a range");
                let (first, last): (usize, usize) = (first.parse().expect("a number"), last.parse().expect("a number"));
                if first >= bytes.len() {
                    return (416, b"<Code>InvalidRange</Code>".into());
                }
                (206, bytes[first..bytes.len().min(last + 1)].to_vec())
            }
        }
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.kept.lock().expect("a lock").keys().cloned().collect()
    }

    fn settings(&self, secret: &str) -> S3 {
        S3 {
            endpoint: self.endpoint.clone(),
            bucket: "files".into(),
            region: "eu-test-1".into(),
            access_key: Secret::new(ACCESS),
            secret_key: Secret::new(secret),
        }
    }

    /// As seen by who signs with this key.
    pub(crate) fn objects(&self, secret: &str) -> Objects {
        let outbound = Outbound::new(outbound::Settings::default());
        Objects::in_bucket(self.settings(secret), outbound, self.clock.clone()).expect("fit")
    }
}

#[tokio::test]
async fn who_has_another_key_is_refused_and_nothing_of_it_is_told() {
    let fake = Fake::open().await;
    let name = Name::new("chat", "fil_aa").expect("a name");
    fake.objects(Fake::SECRET).put(&name, Bytes::from_static(b"x")).await.expect("put");
    let other = fake.objects("another");
    for failed in [
        other.put(&name, Bytes::from_static(b"y")).await.err(),
        other.get(&name, 0..1).await.err(),
        other.delete(&name).await.err(),
    ] {
        let error = failed.expect("refused");
        assert_eq!(error.to_string(), "objects cannot be reached: the bucket answers 403 SignatureDoesNotMatch");
        assert!(matches!(error, Error::Away(_)));
    }
    assert_eq!(fake.objects(Fake::SECRET).get(&name, 0..9).await.expect("asked"), Some(Bytes::from_static(b"x")));
}

#[tokio::test]
async fn only_an_object_is_absent_and_no_bucket() {
    let fake = Fake::open().await;
    let (objects, name) = (fake.objects(Fake::SECRET), Name::new("chat", "fil_aa").expect("a name"));
    for (absent, there, known) in [
        (NO_KEY, true, true),
        (NO_KEY, false, true),
        ("", true, true),
        ("", false, false),
        ("<Code>NoSuchBucket</Code>", true, false),
        ("<html>not this host</html>", true, false),
    ] {
        *fake.absent.lock().expect("a lock") = (absent, there);
        let got = objects.get(&name, 0..1).await;
        assert_eq!(matches!(got, Ok(None)), known, "{absent} {there}: {got:?}");
        let removed = objects.delete(&name).await;
        assert_eq!(removed.is_ok(), known || there, "{absent} {there}: {removed:?}");
    }
}

#[tokio::test]
async fn a_bucket_that_nobody_serves_is_away() {
    let mut settings = Fake::open().await.settings("key");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    settings.endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let objects = Objects::in_bucket(settings, Outbound::new(outbound::Settings::default()), Clock::manual(START_MS));
    let got = objects.expect("fit").get(&Name::new("chat", "fil_aa").expect("a name"), 0..1).await;
    assert!(matches!(got, Err(Error::Away(_))), "{got:?}");
}

#[tokio::test]
async fn settings_that_reach_nothing_are_named() {
    let fake = Fake::open().await;
    let unfit = |change: fn(&mut S3)| {
        let mut settings = fake.settings("key");
        change(&mut settings);
        let made = Objects::in_bucket(settings, Outbound::new(outbound::Settings::default()), Clock::manual(0));
        made.err().map(|Unfit(which, _)| which)
    };
    assert_eq!(unfit(|_| ()), None);
    for endpoint in
        ["", "s3.example.org", "ftp://s3.example.org", "https://s3.example.org/files", "https://me:pw@s3.example.org"]
    {
        let mut settings = fake.settings("key");
        settings.endpoint = endpoint.into();
        let made = Objects::in_bucket(settings, Outbound::new(outbound::Settings::default()), Clock::manual(0));
        assert_eq!(made.err().map(|Unfit(which, _)| which), Some("s3_endpoint"), "{endpoint}");
    }
    assert_eq!(unfit(|it| it.endpoint = "https://s3.example.org:443/".into()), None);
    assert_eq!(unfit(|it| it.bucket = "a/b".into()), Some("s3_bucket"));
    assert_eq!(unfit(|it| it.region = String::new()), Some("s3_region"));
    assert_eq!(unfit(|it| it.secret_key = Secret::new("")), Some("s3_secret_key"));
    assert_eq!(unfit(|it| it.access_key = Secret::new("a\nb")), Some("s3_secret_key"));
    assert!(!format!("{:?}", fake.settings("hunter2")).contains("hunter2"));
}
