//! One effect under one key.

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use identity::Caller;
use kernel::{Problem, ProblemResult, Secret, limits};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::{Keyed, Known};
use crate::{Guard, caller_of, store as rows};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// What an answer is without: the rest is said anew with every answer.
const KEPT: [HeaderName; 4] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::ALLOW];
/// Makes a person with a password. Done twice it is refused: the address is taken.
const MAKE_PERSON: &str = "/api/v1/people";
const HOLDER_BYTES: usize = 16;

/// An answer as it is sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    headers: Vec<(String, String)>,
    body: String,
}

impl Guard {
    /// Runs the request, or answers as it was answered before.
    pub(crate) async fn once(&self, request: Request, next: Next) -> Response {
        let caller = caller_of(&request);
        let applies = !request.method().is_safe() && request.uri().path().starts_with("/api/v1/");
        // A stranger has no keys: whoever is not known any more gets no answer of the time when it was.
        let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        // What was asked with a password is not kept, not even as a digest; nor is an answer that sets a cookie.
        let secret = crate::is_guess(route) || route == MAKE_PERSON;
        if !caller.is_somebody() || !applies || secret || !request.headers().contains_key(KEY) {
            return next.run(request).await;
        }
        self.keyed(caller, request, next).await.unwrap_or_else(IntoResponse::into_response)
    }

    async fn keyed(&self, caller: Caller, request: Request, next: Next) -> ProblemResult<Response> {
        let key = key_of(request.headers())?;
        let (parts, body) = request.into_parts();
        let body = read(body).await?;
        let it = Keyed {
            principal: principal(caller),
            key,
            fingerprint: fingerprint(&parts, &body),
            holder: self.0.entropy.token(HOLDER_BYTES),
        };
        let (begun, now_ms) = (it.clone(), self.0.clock.now_ms());
        let known = self.0.store.write(async move |tx| rows::begin(tx, &begun, now_ms).await).await?;
        if let Some(known) = known {
            return self.again(&it, known, now_ms);
        }
        let (guard, request) = (self.clone(), Request::from_parts(parts, Body::from(body)));
        // A task of its own: a sender who hangs up must not leave the change half done and the key taken.
        let run = tokio::spawn(async move { guard.first(it, request, next).await });
        run.await.map_err(Problem::internal)?
    }

    /// Runs the request under its key and keeps the answer.
    async fn first(&self, it: Keyed, request: Request, next: Next) -> ProblemResult<Response> {
        let response = next.run(request).await;
        let status = response.status();
        if status.is_server_error() || matches!(status.as_u16(), 401 | 403 | 423 | 429) {
            self.0.store.write(async move |tx| rows::release(tx, &it).await).await?;
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let small = body.size_hint().upper().is_some_and(|bytes| bytes <= limits::IDEMPOTENCY_ANSWER_BYTES as u64);
        if !small && status.is_client_error() {
            // Nothing was done, and a refusal that cannot be kept can be made again.
            self.0.store.write(async move |tx| rows::release(tx, &it).await).await?;
            return Ok(Response::from_parts(parts, body));
        }
        let (body, sealed) = if small {
            let bytes = body.collect().await.map_err(Problem::internal)?.to_bytes();
            let sealed = self.seal(&it, &parts.headers, &bytes)?;
            (Body::from(bytes), sealed)
        } else {
            (body, None)
        };
        let now_ms = self.0.clock.now_ms();
        let kept =
            async move |tx: &mut ::store::Tx| rows::keep(tx, &it, (status.as_u16(), sealed.as_deref()), now_ms).await;
        self.0.store.write(kept).await?;
        Ok(Response::from_parts(parts, body))
    }

    /// The answer to a request whose key is known.
    fn again(&self, it: &Keyed, known: Known, now_ms: i64) -> ProblemResult<Response> {
        if known.fingerprint != it.fingerprint {
            let detail = "This Idempotency-Key belongs to another request. Use a new key for a new request.";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail));
        }
        let Some(status) = known.status else {
            let wait_s = (known.until_ms - now_ms).clamp(1_000, limits::IDEMPOTENCY_LEASE_MS) / 1_000;
            let detail = "The first request with this Idempotency-Key is still running. Ask again.";
            let problem = Problem::conflict("idempotency_in_progress", detail);
            return Err(problem.retry_after(u32::try_from(wait_s).unwrap_or(1).min(2)));
        };
        let Some(sealed) = known.answer else {
            let detail = "The request was done; its answer was too large to be kept. Look at what it made.";
            return Err(Problem::conflict("idempotency_answer_not_kept", detail));
        };
        let opened = self.0.key.open(&purpose(it), &sealed).map_err(Problem::internal)?;
        let kept: Kept = serde_json::from_str(opened.expose()).map_err(Problem::internal)?;
        let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        let mut response = (status.unwrap_or(StatusCode::OK), kept.body).into_response();
        response.headers_mut().remove(header::CONTENT_TYPE);
        for (name, value) in kept.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().append(name, value);
            }
        }
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(response)
    }

    /// `None` for an answer that is no text.
    fn seal(&self, it: &Keyed, headers: &HeaderMap, body: &Bytes) -> ProblemResult<Option<Vec<u8>>> {
        let Ok(body) = String::from_utf8(body.to_vec()) else { return Ok(None) };
        let text = |name: &HeaderName| Some((name.to_string(), headers.get(name)?.to_str().ok()?.to_owned()));
        let kept = Kept { headers: KEPT.iter().filter_map(text).collect(), body };
        let plain = Secret::new(serde_json::to_string(&kept).map_err(Problem::internal)?);
        Ok(Some(self.0.key.seal(&self.0.entropy, &purpose(it), &plain)))
    }
}

/// Whose answers these are. An administrator who is one no more is somebody else.
fn principal(caller: Caller) -> String {
    match caller {
        Caller::Person { id, role, by } => format!("{id}:{}:{by:?}", role.name()),
        caller => caller.to_string(),
    }
}

/// The place that a sealed answer is good for.
fn purpose(it: &Keyed) -> String {
    format!("idempotency:{}:{}", it.principal, it.key)
}

/// The key as the draft writes it (a string in quotes), or bare as many send it.
fn key_of(headers: &HeaderMap) -> ProblemResult<String> {
    let mut sent = headers.get_all(KEY).iter();
    let one =
        sent.next().filter(|_| sent.next().is_none()).and_then(|key| key.to_str().ok()).unwrap_or_default().trim();
    let key = one.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(one);
    let sane = (1..=limits::IDEMPOTENCY_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    if sane {
        return Ok(key.to_owned());
    }
    let detail = "An Idempotency-Key is one value of 1 to 255 visible ASCII characters, such as a UUID.";
    Err(Problem::bad_request("idempotency_key_invalid", detail).field("Idempotency-Key", "not of this form"))
}

async fn read(body: Body) -> ProblemResult<Bytes> {
    let read = Limited::new(body, limits::API_BODY_BYTES).collect().await;
    read.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            let detail = "A request with an Idempotency-Key has 1 MiB at most.";
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
        } else {
            Problem::bad_request("body_incomplete", "The body ended early.")
        }
    })
}

/// What makes two requests the same one.
fn fingerprint(parts: &axum::http::request::Parts, body: &Bytes) -> Vec<u8> {
    let kind = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let mut hash = Sha256::new();
    for part in [parts.method.as_str().as_bytes(), target.as_bytes(), kind, body] {
        // Lengths keep one part from running into the next.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}
