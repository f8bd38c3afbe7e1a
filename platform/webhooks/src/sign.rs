//! A delivery as its sender would make it: for trying a source out, for samples, for tests, and for what we send ourselves.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use kernel::Secret;

use crate::crypto::{self, Key};
use crate::scheme::{Format, Place, Proof, Sender, TypeRule};
use crate::template::{Piece, pieces};
use crate::time;
use crate::verify::{Message, signed};

/// What is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The sender's id of the delivery.
    pub id: &'a str,
    /// The sender's name of the event, where a header says it.
    pub kind: &'a str,
    /// When it is sent, Unix milliseconds.
    pub now_ms: i64,
    /// The body.
    pub body: &'a [u8],
}

/// The headers that `sender` would send with this body. None when it signs with a private key, which nobody else has, or when
/// the secret is none of its kind.
pub fn sign(sender: &Sender<'_>, secret: &Secret, draft: &Draft<'_>) -> Option<HeaderMap> {
    if sender.proofs.is_empty() {
        return named(sender, None, draft);
    }
    let (proof, key) =
        sender.proofs.iter().find_map(|proof| match crypto::read_key(proof.key, proof.algorithm, secret.expose()) {
            Ok(Key::Shared(key)) => Some((proof, key)),
            _ => None,
        })?;
    let mut headers = named(sender, Some(proof), draft)?;
    let stamp = sender.timestamp.map(|rule| time::write(rule.unit, draft.now_ms)).unwrap_or_default();
    let before = pieces(proof.signed).find_map(|piece| match piece {
        Piece::Entry(tag) => Some(format!("{tag}{stamp}{}", proof.between.unwrap_or_default())),
        _ => None,
    });
    let before = before.unwrap_or_default();
    let message = Message { headers: &headers, body: draft.body };
    let signature = crypto::mac(proof.algorithm, &key, &signed(proof, &before, message)?)?;
    let value = format!("{before}{}{}", proof.tag, crypto::encode(proof.encoding, &signature));
    set(&mut headers, proof.header, &value)?;
    Some(headers)
}

/// The kind of body, and the id, the time and the type where headers say them.
fn named(sender: &Sender<'_>, proof: Option<&Proof<'_>>, draft: &Draft<'_>) -> Option<HeaderMap> {
    let is_signed = |name: &str| proof.is_some_and(|it| pieces(it.signed).any(|piece| piece == Piece::Header(name)));
    let header = |place: &Place<'_>| matches!(place, Place::Header(_));
    let id = sender.id.iter().filter(|place| header(place)).min_by_key(|place| match place {
        Place::Header(name) => !is_signed(name),
        _ => true,
    });
    let mut headers = HeaderMap::new();
    set(&mut headers, "content-type", content_type(sender))?;
    if let Some(Place::Header(name)) = id {
        set(&mut headers, name, draft.id)?;
    }
    if let Some(rule) = sender.timestamp {
        for place in rule.places.iter() {
            match place {
                Place::Header(name) if is_signed(name) => {
                    set(&mut headers, name, &time::write(rule.unit, draft.now_ms))?;
                }
                _ => {}
            }
        }
    }
    for rule in sender.types.iter() {
        if let TypeRule::From(Place::Header(name)) = rule {
            set(&mut headers, name, draft.kind)?;
        }
    }
    Some(headers)
}

fn content_type(sender: &Sender<'_>) -> &'static str {
    match sender.formats.first() {
        Some(Format::Atom) => "application/atom+xml",
        Some(Format::FormField(_) | Format::FormFields) => "application/x-www-form-urlencoded",
        _ => "application/json",
    }
}

fn set(headers: &mut HeaderMap, name: &str, value: &str) -> Option<()> {
    headers.insert(HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?);
    Some(())
}
