//! Objects in a bucket: three calls of S3's protocol, path-style, as the services that speak it all understand.

mod sign;

use std::ops::Range;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, RANGE};
use http::{Method, StatusCode, Uri};
use kernel::{Clock, Secret, limits};
use outbound::{Outbound, Policy, Request, Response};
use sha2::{Digest, Sha256};

use crate::{Error, Name};
use sign::{Call, Keys};

/// Where the bucket is, and who we are there.
#[derive(Clone, Debug)]
pub struct S3 {
    /// `https://s3.eu-central-1.amazonaws.com`, or that of another service: no path.
    pub endpoint: String,
    /// The bucket, which is there.
    pub bucket: String,
    /// The region that signatures name; services without regions take any, such as `us-east-1`.
    pub region: String,
    /// The id of the key.
    pub access_key: Secret,
    /// The key.
    pub secret_key: Secret,
}

/// Settings that no bucket is reached with: which, and how it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}: {1}")]
pub struct Unfit(pub &'static str, pub &'static str);

/// What is not the object itself, bytes: an error in XML.
const ANSWER_BYTES: usize = 16 * 1024;

pub(crate) struct Bucket {
    settings: S3,
    /// Scheme and host, and the host as requests name it.
    base: String,
    host: String,
    outbound: Outbound,
    clock: Clock,
}

fn word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    (1..=63).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('.')
}

impl Bucket {
    pub(crate) fn new(settings: S3, outbound: Outbound, clock: Clock) -> Result<Self, Unfit> {
        let unfit = Unfit("s3_endpoint", "give https://host or http://host:port, without a path");
        let uri: Uri = settings.endpoint.trim_end_matches('/').parse().map_err(|_| unfit)?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "https" | "http")).ok_or(unfit)?;
        if uri.path().len() > 1 || uri.query().is_some() || settings.endpoint.contains('@') {
            return Err(unfit);
        }
        // A port that goes without saying is not said: not in the request either, and the signature holds what is said there.
        let port = uri.port_u16().filter(|port| *port != if scheme == "https" { 443 } else { 80 });
        let name = uri.host().ok_or(unfit)?;
        let host = port.map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        if !word(&settings.bucket) {
            return Err(Unfit("s3_bucket", "give the name of a bucket: lower-case letters, digits, hyphens, dots"));
        }
        if !word(&settings.region) {
            return Err(Unfit("s3_region", "give a region, such as us-east-1"));
        }
        let visible = |secret: &Secret| {
            let text = secret.expose();
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !visible(&settings.access_key) || !visible(&settings.secret_key) {
            return Err(Unfit("s3_secret_key", "give s3_access_key and s3_secret_key"));
        }
        Ok(Self { base: format!("{scheme}://{host}"), host, settings, outbound, clock })
    }

    /// Where an object is.
    fn path(&self, name: &Name) -> String {
        format!("/{}/{name}", self.settings.bucket)
    }

    /// A call, signed now.
    fn call(&self, method: Method, path: &str, range: Option<&str>, body: Bytes) -> Result<Request, Error> {
        let hash = hex::encode(Sha256::digest(&body));
        let time = sign::time(self.clock.now_ms())?;
        let mut headers = vec![("host", self.host.as_str())];
        headers.extend(range.map(|range| ("range", range)));
        headers.extend([("x-amz-content-sha256", hash.as_str()), ("x-amz-date", time.as_str())]);
        let call = Call { method: method.as_str(), path, headers: &headers, hash: &hash };
        let S3 { access_key, secret_key, region, .. } = &self.settings;
        let signed = sign::authorization(&Keys { access_key, secret_key, region }, &call, &time);
        let value = |text: &str| HeaderValue::from_str(text).map_err(|error| Error::Away(error.to_string()));
        let mut authorization = value(signed.expose())?;
        authorization.set_sensitive(true);
        let mut request = Request::new("objects", Policy::Operator, method, format!("{}{path}", self.base))
            .header(http::header::AUTHORIZATION, authorization)
            .header(HeaderName::from_static("x-amz-content-sha256"), value(&hash)?)
            .header(HeaderName::from_static("x-amz-date"), value(&time)?);
        if let Some(range) = range {
            request = request.header(RANGE, value(range)?);
        }
        Ok(request.body(body))
    }

    async fn send(&self, request: Request) -> Result<Response, Error> {
        self.outbound.send(request).await.map_err(|error| Error::Away(error.to_string()))
    }

    pub(crate) async fn put(&self, name: &Name, bytes: Bytes) -> Result<(), Error> {
        let answer = self.send(self.call(Method::PUT, &self.path(name), None, bytes)?.keep_first(ANSWER_BYTES)).await?;
        if answer.status.is_success() { Ok(()) } else { Err(refused(&answer)) }
    }

    pub(crate) async fn get(&self, name: &Name, range: Range<u64>) -> Result<Option<Bytes>, Error> {
        let asked = format!("bytes={}-{}", range.start, range.end - 1);
        // A service that does not know ranges answers with all there is, which is an error here.
        let most = limits::OBJECT_READ_BYTES.max(ANSWER_BYTES);
        let answer =
            self.send(self.call(Method::GET, &self.path(name), Some(&asked), Bytes::new())?.at_most(most)).await?;
        match answer.status {
            StatusCode::PARTIAL_CONTENT if answer.body.len() as u64 <= range.end - range.start => Ok(Some(answer.body)),
            StatusCode::NOT_FOUND => self.absent(&answer).await.map(|()| None),
            // It ends before the range begins.
            StatusCode::RANGE_NOT_SATISFIABLE => Ok(Some(Bytes::new())),
            _ => Err(refused(&answer)),
        }
    }

    pub(crate) async fn delete(&self, name: &Name) -> Result<(), Error> {
        let answer = self
            .send(self.call(Method::DELETE, &self.path(name), None, Bytes::new())?.keep_first(ANSWER_BYTES))
            .await?;
        match answer.status {
            StatusCode::NOT_FOUND => self.absent(&answer).await,
            status if status.is_success() => Ok(()),
            _ => Err(refused(&answer)),
        }
    }

    /// Whether "not found" was said of the object, and not of its bucket, or by whoever else answers at that address: whoever believed that
    /// would forget objects that are there.
    async fn absent(&self, answer: &Response) -> Result<(), Error> {
        match code(answer).as_deref() {
            Some("NoSuchKey") => Ok(()),
            // Some services say nothing more. Then the bucket itself must be there.
            None if answer.body.is_empty() => {
                let path = format!("/{}", self.settings.bucket);
                let bucket = self.call(Method::HEAD, &path, None, Bytes::new())?.keep_first(ANSWER_BYTES);
                let bucket = self.send(bucket).await?;
                if bucket.status.is_success() { Ok(()) } else { Err(refused(&bucket)) }
            }
            _ => Err(refused(answer)),
        }
    }
}

/// The status, and the word that the service has for it: `<Code>SignatureDoesNotMatch</Code>`. The rest may repeat what was signed.
fn refused(answer: &Response) -> Error {
    let code = code(answer).unwrap_or_default();
    Error::Away(format!("the bucket answers {} {code}", answer.status.as_u16()).trim().to_owned())
}

/// The word that the service has for what is wrong.
fn code(answer: &Response) -> Option<String> {
    let text = String::from_utf8_lossy(&answer.body);
    let (code, _) = text.split_once("<Code>")?.1.split_once("</Code>")?;
    (code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())).then(|| code.to_owned())
}
