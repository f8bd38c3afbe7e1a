//! What the fuzz targets see of this crate: it is built for them alone.

use axum::response::{IntoResponse, Response};
use kernel::Secret;
use serde_json::Value;

use crate::answer::Reply;
use crate::scheme::{Sender, Unit};
use crate::source::{ActiveKey, Origin, Settings, Source};
use crate::verify::{Message, Verified, verify};
use crate::{hint, naming, payload, time};

/// What a believed delivery says.
pub struct Read {
    /// The payload, as it goes into the log.
    pub text: String,
    /// The same, parsed.
    pub value: Value,
    /// The type of its event.
    pub kind: Option<String>,
    /// Its id.
    pub id: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// The answer, where it is a question.
    pub answer: Option<Response>,
}

/// Reads a delivery as if its first proof had held; none where it cannot be read.
pub fn read(sender: &Sender<'_>, message: Message<'_>) -> Option<Read> {
    let verified = Verified { secret: 0, proof: sender.proofs.first().copied() };
    let payload = payload::format(sender, message.headers).ok()?.read(message.body).ok()?;
    let value = &payload.value;
    let answer = Reply::to_question(sender, &verified, message, value);
    Some(Read {
        kind: naming::kind(sender, &verified, message, value).ok(),
        id: naming::id(sender, &verified, message, value).ok().map(|(id, _)| id),
        subject: naming::subject(sender, &verified, message, value),
        answer: answer.and_then(Result::ok).map(IntoResponse::into_response),
        text: payload.text,
        value: payload.value,
    })
}

/// What is told to whoever set the source up, of a delivery that is not believed.
pub fn hint_of(sender: &'static Sender<'static>, secret: &str, message: Message<'_>, now_ms: i64) -> Option<String> {
    let mut source = Source::new(sender.name.to_owned(), sender, Origin::Operator, Settings::default());
    let secret = Secret::new(secret);
    let refused = verify(sender, &[&secret], message, now_ms).err()?;
    source.keys.push(ActiveKey { id: 0, secret, created_at_ms: 0, fetched_at_ms: None, until_ms: None });
    hint::hint(&source, &refused, message, now_ms)
}

/// A time as a sender writes it, Unix milliseconds.
pub fn time_ms(unit: Unit, text: &str) -> Option<i64> {
    time::parse(unit, text)
}
