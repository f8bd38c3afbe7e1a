//! What a sender is told, in the form it expects.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel::Problem;
use serde_json::Value;

use crate::ingest::Accepted;
use crate::refusal::Refusal;
use crate::scheme::{Answer, Sender};
use crate::verify::{Message, Verified, read};

/// An answer: a status, and a text of a kind.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    text: Option<(&'static str, String)>,
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
/// A challenge longer than this is none.
const CHALLENGE_BYTES: usize = 4096;

impl Reply {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap_or(StatusCode::OK), text: None }
    }

    /// The words of a challenge, given back.
    pub(crate) fn challenge(text: &str) -> Option<Self> {
        let sane = (1..=CHALLENGE_BYTES).contains(&text.len());
        sane.then(|| Self { status: StatusCode::OK, text: Some((TEXT, text.to_owned())) })
    }

    /// To a delivery that is kept.
    pub(crate) fn to(sender: &Sender<'_>, accepted: &Accepted) -> Self {
        match sender.answer {
            Answer::Empty(status) => Self::empty(status),
            Answer::Json(text) => Self { status: StatusCode::OK, text: Some((JSON, text.to_owned())) },
            Answer::Delivery | Answer::Echo(_) => {
                let waits = accepted.event_position.is_none();
                let status = if waits { StatusCode::ACCEPTED } else { StatusCode::OK };
                Self { status, text: Some((JSON, serde_json::to_string(accepted).unwrap_or_default())) }
            }
        }
    }

    /// To a question that is verified; none when it is a delivery.
    pub(crate) fn to_question(
        sender: &Sender<'_>,
        verified: &Verified<'_>,
        message: Message<'_>,
        payload: &Value,
    ) -> Option<Result<Self, Refusal>> {
        let asked = sender.handshakes.iter().find(|handshake| {
            read(&handshake.at, verified.proof.as_ref(), message, Some(payload)).as_deref() == Some(handshake.is)
        })?;
        Some(match asked.answer {
            Answer::Empty(status) => Ok(Self::empty(status)),
            Answer::Json(text) => Ok(Self { status: StatusCode::OK, text: Some((JSON, text.to_owned())) }),
            Answer::Delivery => return None,
            Answer::Echo(pointer) => {
                let challenge = payload.pointer(pointer).and_then(Value::as_str).and_then(Self::challenge);
                challenge.ok_or_else(|| Refusal::unparsable("There is no challenge to answer."))
            }
        })
    }

    /// To a delivery that is refused. Some senders want a success even then.
    pub(crate) fn to_refusal(refusal: &Refusal) -> Result<Self, Problem> {
        if refusal.status.is_success() { Ok(Self::empty(refusal.status.as_u16())) } else { Err(refusal.problem()) }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        match self.text {
            None => self.status.into_response(),
            Some((kind, text)) => (self.status, [(header::CONTENT_TYPE, kind)], text).into_response(),
        }
    }
}
