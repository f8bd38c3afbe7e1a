//! The fields of a `generic` source, as its operator gives them.

use axum::http::HeaderName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::scheme::{Algorithm, Encoding, Few, KeyForm, Place, Proof, Sender, Timestamp, TypeRule, Unit};
use crate::template::{Piece, pieces};

/// How a sender signs that has no file of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Custom {
    /// The function.
    pub algorithm: Algorithm,
    /// How the signature is written.
    pub encoding: Encoding,
    /// How the secret is read.
    pub key: KeyForm,
    /// The header with the signature.
    pub header: String,
    /// What stands before the signature, such as `sha256=`.
    pub prefix: String,
    /// What is signed: text with `{body}` and `{header-name}`.
    pub signed: String,
    /// When the delivery was sent.
    pub timestamp: Option<CustomTime>,
    /// Where the sender's id is: `header:x-id` or `body:/id`. Without it, the SHA-256 of the body is the id.
    pub id: Option<String>,
    /// Where the type of the event is; `received` where there is none.
    pub event_type: Option<String>,
    /// Where the name of what the event is about is.
    pub subject: Option<String>,
    /// Whether the sender sends again what was not answered with a success.
    pub retries: bool,
}

/// When a delivery was sent, and how far from now that may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomTime {
    /// `header:x-timestamp`, which must be part of what is signed, or `body:/sent_at`.
    pub at: String,
    /// How it is written.
    pub unit: Unit,
    /// Seconds, in both directions; 1 to 86400.
    pub tolerance_s: i64,
}

impl Default for Custom {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::HmacSha256,
            encoding: Encoding::Hex,
            key: KeyForm::Text,
            header: "x-signature-256".into(),
            prefix: "sha256=".into(),
            signed: "{body}".into(),
            timestamp: None,
            id: None,
            event_type: None,
            subject: None,
            retries: true,
        }
    }
}

/// Longest text of a field.
const FIELD_BYTES: usize = 200;

impl Custom {
    /// The descriptor that these fields make of the `generic` one.
    pub fn sender<'a>(&'a self, generic: &'static Sender<'static>) -> Sender<'a> {
        let base: Sender<'a> = *generic;
        let proof = Proof {
            header: &self.header,
            between: None,
            tag: &self.prefix,
            algorithm: self.algorithm,
            encoding: self.encoding,
            key: self.key,
            signed: &self.signed,
        };
        let place = |text: &'a Option<String>| text.as_deref().and_then(read_place);
        let timestamp = self.timestamp.as_ref().and_then(|time| {
            let tolerance_ms = time.tolerance_s * 1000;
            let places = Few::One(read_place(&time.at)?);
            Some(Timestamp { places, unit: time.unit, past_ms: tolerance_ms, future_ms: tolerance_ms })
        });
        Sender {
            proofs: Few::One(proof),
            timestamp,
            id: place(&self.id).map_or(base.id, Few::One),
            types: place(&self.event_type).map_or(base.types, |place| Few::One(TypeRule::From(place))),
            subject: place(&self.subject).map_or(base.subject, Few::One),
            retries: self.retries,
            ..base
        }
    }

    /// What is wrong, as a JSON pointer into these fields and a sentence.
    pub fn mistake(&self) -> Option<(&'static str, &'static str)> {
        let header = |name: &str| HeaderName::try_from(name).is_ok() && !name.contains(char::is_uppercase);
        let texts = [&self.header, &self.prefix, &self.signed];
        let optional = [&self.id, &self.event_type, &self.subject];
        if texts.into_iter().chain(optional.into_iter().flatten()).any(|text| text.len() > FIELD_BYTES) {
            return Some(("", "No field is longer than 200 bytes."));
        }
        if !header(&self.header) {
            return Some(("/header", "Name a header, in lower case."));
        }
        if self.algorithm == Algorithm::SharedToken && self.encoding != Encoding::Plain {
            return Some(("/encoding", "A shared token is plain."));
        }
        if self.algorithm != Algorithm::SharedToken && self.encoding == Encoding::Plain {
            return Some(("/encoding", "A signature is written in hex, base64 or base64url."));
        }
        let signs_body = pieces(&self.signed).any(|piece| piece == Piece::Body);
        let holes = pieces(&self.signed).all(|piece| match piece {
            Piece::Header(name) => header(name),
            Piece::Entry(_) => false,
            Piece::Text(_) | Piece::Body => true,
        });
        if !holes || (!signs_body && self.algorithm != Algorithm::SharedToken) {
            return Some(("/signed", "Give a text with {body} in it; other holes are headers, in lower case."));
        }
        if let Some(time) = &self.timestamp {
            let covered = match read_place(&time.at) {
                Some(Place::Header(name)) => pieces(&self.signed).any(|piece| piece == Piece::Header(name)),
                place => matches!(place, Some(Place::Body(_))),
            };
            if !covered {
                return Some(("/timestamp/at", "Give `body:/pointer`, or `header:name` of a header that is signed."));
            }
            if !(1..=86_400).contains(&time.tolerance_s) {
                return Some(("/timestamp/tolerance_s", "Give 1 to 86400 seconds."));
            }
        }
        let places = [("/id", &self.id), ("/event_type", &self.event_type), ("/subject", &self.subject)];
        let wrong = places.into_iter().find(|(_, text)| text.as_deref().is_some_and(|text| read_place(text).is_none()));
        wrong.map(|(field, _)| (field, "Give `header:name` or `body:/pointer`."))
    }
}

fn read_place(text: &str) -> Option<Place<'_>> {
    match text.split_once(':')? {
        ("header", name) if HeaderName::try_from(name).is_ok() => Some(Place::Header(name)),
        ("body", pointer) if pointer.starts_with('/') => Some(Place::Body(pointer)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_name_their_field() {
        assert_eq!(Custom::default().mistake(), None);
        let wrong = |change: fn(&mut Custom)| {
            let mut custom = Custom::default();
            change(&mut custom);
            custom.mistake().map(|(field, _)| field)
        };
        assert_eq!(wrong(|it| it.header = "a b".into()), Some("/header"));
        assert_eq!(wrong(|it| it.header = "X-Upper".into()), Some("/header"));
        assert_eq!(wrong(|it| it.signed = "nothing".into()), Some("/signed"));
        assert_eq!(wrong(|it| it.signed = "{t=}.{body}".into()), Some("/signed"));
        assert_eq!(wrong(|it| it.signed = "{a b}{body}".into()), Some("/signed"));
        assert_eq!(wrong(|it| it.encoding = Encoding::Plain), Some("/encoding"));
        assert_eq!(wrong(|it| it.id = Some("cookie:x".into())), Some("/id"));
        assert_eq!(wrong(|it| it.subject = Some("body:x".into())), Some("/subject"));
        assert_eq!(wrong(|it| it.prefix = "x".repeat(201)), Some(""));
        let time = |at: &str, tolerance_s| Some(CustomTime { at: at.into(), unit: Unit::Seconds, tolerance_s });
        let timed = |signed: &str, at: &str, tolerance_s| {
            let custom = Custom { signed: signed.into(), timestamp: time(at, tolerance_s), ..Custom::default() };
            custom.mistake().map(|(field, _)| field)
        };
        assert_eq!(
            timed("{body}", "header:x-ts", 300),
            Some("/timestamp/at"),
            "a time that anybody may change is none"
        );
        assert_eq!(timed("{x-ts}{body}", "header:x-ts", 300), None);
        assert_eq!(timed("{body}", "body:/sent", 300), None);
        assert_eq!(timed("{body}", "body:/sent", 0), Some("/timestamp/tolerance_s"));
    }
}
