//! A delivery that is made here, as its sender would make it, and taken by the same steps as one from outside.

use axum::body::Body;
use kernel::{Problem, RequestInfo, Secret, TraceId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tracing::Instrument;

use crate::custom::Custom;
use crate::manage::unknown;
use crate::scheme::{Format, Place, Sender, TypeRule};
use crate::sign::{Draft, sign};
use crate::sources as known;
use crate::{Sources, Webhooks, time};

impl Webhooks {
    /// Signs a body with the source's newest secret and takes it.
    ///
    /// # Errors
    /// The [`Problem`] that a sender would get, or that there is no such source, or that nobody but the sender can sign for it.
    pub async fn take_sample(&self, source: &str, kind: &str, body: String) -> Result<(), Problem> {
        let (clock, entropy) = (&self.0.clock, &self.0.entropy);
        let named = self.0.sources.named(source).ok_or_else(|| unknown(source))?;
        let id = entropy.token(16);
        let draft = Draft { id: &id, kind, now_ms: clock.now_ms(), body: body.as_bytes() };
        let headers = self.0.sources.sign(source, &draft).ok_or_else(|| {
            Problem::conflict("not_ours_to_sign", "This sender signs with a key of its own: nobody else can.")
        })?;
        let info = RequestInfo { request_id: format!("sample-{id}"), trace: TraceId::new(entropy) };
        let span = tracing::info_span!("sample", request_id = info.request_id, trace_id = %info.trace);
        self.ingest(&named, &info, &headers, Body::from(body)).instrument(span).await.map(drop)
    }
}

impl Sources {
    /// The headers that a source's sender would send with this body, signed with the source's newest secret. None when there is
    /// no such source, or when its sender signs with a private key.
    pub fn sign(&self, source: &str, draft: &Draft<'_>) -> Option<axum::http::HeaderMap> {
        let source = self.named(source)?;
        let none = kernel::Secret::new("");
        let secrets = source.secrets(self.0.clock.now_ms());
        sign(&source.sender(), secrets.first().copied().unwrap_or(&none), draft)
    }
}

/// What it takes to deliver to a source as its sender would: for whoever may read its secret.
#[derive(Serialize, Deserialize)]
pub struct Stand {
    /// The whole address.
    pub path: String,
    sender: String,
    custom: Option<Custom>,
    secret: String,
}

impl Stand {
    /// The headers for a body; none when the sender signs with a private key.
    pub fn sign(&self, draft: &Draft<'_>) -> Option<axum::http::HeaderMap> {
        sign(&self.sender()?, &Secret::new(self.secret.as_str()), draft)
    }

    /// A body with everything in it that the sender's deliveries must have; none for an unknown sender.
    pub fn body(&self, id: &str, kind: &str, now_ms: i64) -> Option<String> {
        Some(sample_body(&self.sender()?, id, kind, now_ms))
    }

    fn sender(&self) -> Option<Sender<'_>> {
        let sender = known::find(&self.sender)?;
        Some(self.custom.as_ref().map_or(*sender, |custom| custom.sender(sender)))
    }
}

impl Sources {
    /// To stand in for a source's sender; none when there is no such source.
    pub fn stand_in(&self, source: &str) -> Option<Stand> {
        let source = self.named(source)?;
        let secrets = source.secrets(self.0.clock.now_ms());
        Some(Stand {
            path: source.secret_path(),
            sender: source.sender_name().to_owned(),
            custom: source.settings.custom.clone(),
            secret: secrets.first().map(|secret| secret.expose().to_owned()).unwrap_or_default(),
        })
    }
}

fn sample_body(sender: &Sender<'_>, id: &str, kind: &str, now_ms: i64) -> String {
    if sender.formats.first() == Some(&Format::Atom) {
        let now = kernel::clock::rfc3339(now_ms);
        return format!(
            "<feed xmlns:yt=\"http://www.youtube.com/xml/schemas/2015\" xmlns=\"http://www.w3.org/2005/Atom\"><entry>\
             <yt:videoId>{id}</yt:videoId><yt:channelId>sample</yt:channelId><title>A sample</title><updated>{now}</updated>\
             </entry></feed>"
        );
    }
    let mut body = json!({ "sample": id });
    let types = sender.types.iter().find_map(|rule| match rule {
        TypeRule::From(place) => Some(place),
        _ => None,
    });
    if let Some(Place::Body(pointer)) = sender.id.first() {
        put(&mut body, pointer, id.into());
    }
    if let Some(Place::Body(pointer)) = types {
        put(&mut body, pointer, kind.into());
    }
    if let Some(rule) = sender.timestamp
        && let Some(Place::Body(pointer)) = rule.places.first()
    {
        let written = time::write(rule.unit, now_ms);
        put(&mut body, pointer, written.parse::<i64>().map_or(Value::from(written), Value::from));
    }
    body.to_string()
}

/// Sets what is at a JSON pointer, and makes the objects on the way.
fn put(body: &mut Value, pointer: &str, value: Value) {
    let mut place = body;
    for name in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Some(object) = place.as_object_mut() else { return };
        place = object.entry(name).or_insert(Value::Null);
    }
    *place = value;
}
