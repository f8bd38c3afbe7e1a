//! Proof that the sender is the sender, pure: secrets, headers and the raw bytes in, a verdict out.

use axum::http::HeaderMap;
use kernel::Secret;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::crypto::{self, Key};
use crate::scheme::{Algorithm, Few, Place, Proof, Sender};
use crate::template::{Piece, pieces};
use crate::time;

/// A delivery as it came.
#[derive(Clone, Copy, Debug)]
pub struct Message<'m> {
    /// Its headers.
    pub headers: &'m HeaderMap,
    /// Its bytes.
    pub body: &'m [u8],
}

/// A delivery whose sender is known.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'a> {
    /// Which of the secrets it was, counted from 0.
    pub secret: usize,
    /// How it was proved; by nothing where the sender signs nothing.
    pub proof: Option<Proof<'a>>,
}

/// Why a delivery is not believed, in words for whoever set the webhook up, and what was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified {
    /// A sentence that says what to do.
    pub reason: &'static str,
    /// Whether the signature holds, and only the time does not.
    pub stale: bool,
    /// The beginning of the signature as it came.
    pub received: Option<String>,
    /// The first digits of the one we expected. A prefix helps to compare and cannot be used to forge.
    pub expected: Option<String>,
}

/// Characters of a signature that are kept for comparison, after its tag.
pub(crate) const SHOWN: usize = 8;
/// Entries of one header that are looked at.
const ENTRIES: usize = 16;

const MISSING: &str = "There is no signature. Set this source's secret in the sender's webhook settings.";
const NOT_TEXT: &str = "The signature is not text.";
const FORM: &str = "The signature is not of the form that this sender uses.";
const INCOMPLETE: &str = "A header that is part of what is signed is missing, or is there twice.";
const MISMATCH: &str =
    "The signature does not match: the sender signs with another secret, or something on the way changed the body.";
const NO_TIME: &str = "There is no readable time of sending.";
const OLD: &str = "The delivery is older than this sender's tolerance: it was held up, or is repeated by somebody.";
const EARLY: &str = "The delivery is from the future beyond this sender's tolerance: compare the clocks.";

/// Checks a delivery against every active secret, in constant time, and its time of sending where the headers say it.
///
/// # Errors
/// [`Unverified`].
pub fn verify<'a>(
    sender: &Sender<'a>,
    secrets: &[&Secret],
    message: Message<'_>,
    now_ms: i64,
) -> Result<Verified<'a>, Unverified> {
    if sender.proofs.is_empty() {
        return Ok(Verified { secret: 0, proof: None });
    }
    let mut doubts: Vec<Doubt> = Vec::new();
    for proof in sender.proofs.iter() {
        match proven(proof, secrets, message) {
            Ok(secret) => {
                let verified = Verified { secret, proof: Some(*proof) };
                return fresh(sender, &verified, message, None, now_ms).map(|()| verified);
            }
            Err(doubt) => doubts.push(doubt),
        }
    }
    // What came nearest is what helps.
    let nearest = doubts.into_iter().max_by_key(|doubt| doubt.near);
    Err(nearest.map_or(MISSING.into(), |doubt| doubt.unverified))
}

/// Checks when a delivery was sent, both ways: not too long ago, and not ahead of now. Where the body says it, `payload` is
/// needed; without, only headers are looked at.
///
/// # Errors
/// [`Unverified`], with `stale`.
pub(crate) fn fresh(
    sender: &Sender<'_>,
    verified: &Verified<'_>,
    message: Message<'_>,
    payload: Option<&Value>,
    now_ms: i64,
) -> Result<(), Unverified> {
    let Some(rule) = sender.timestamp else { return Ok(()) };
    let looked_at = |place: &&Place<'_>| payload.is_some() || !matches!(place, Place::Body(_));
    let places: Vec<_> = rule.places.iter().filter(|place| verified.covers(place)).filter(looked_at).collect();
    if places.is_empty() {
        return Ok(());
    }
    let sent = places.iter().find_map(|place| read(place, verified.proof.as_ref(), message, payload));
    let stale = |reason| Err(Unverified { stale: true, ..Unverified::from(reason) });
    let Some(sent_ms) = sent.as_deref().and_then(|sent| time::parse(rule.unit, sent)) else { return stale(NO_TIME) };
    match now_ms.saturating_sub(sent_ms) {
        age if age > rule.past_ms => stale(OLD),
        age if age < -rule.future_ms => stale(EARLY),
        _ => Ok(()),
    }
}

impl From<&'static str> for Unverified {
    fn from(reason: &'static str) -> Self {
        Self { reason, stale: false, received: None, expected: None }
    }
}

impl Verified<'_> {
    /// Whether what is there is part of what was signed.
    pub(crate) fn covers(&self, place: &Place<'_>) -> bool {
        match (place, &self.proof) {
            // The body of a sender that signs nothing is all there is.
            (Place::Body(_) | Place::Digest, None) => true,
            (Place::Body(_) | Place::Digest, Some(proof)) => proof.signed.contains("{body}") || proof.signed.is_empty(),
            (Place::Header(name) | Place::Entry(name), Some(proof)) => {
                pieces(proof.signed).any(|piece| matches!(piece, Piece::Header(it) | Piece::Entry(it) if it == *name))
            }
            (_, None) => false,
        }
    }

    /// Whether anything is signed: a shared token stands beside the body and says nothing about it.
    pub(crate) fn signs(&self) -> bool {
        self.proof.is_some_and(|proof| proof.algorithm != Algorithm::SharedToken)
    }

    /// The first place that the signature covers, else the first that is there; and whether it is covered.
    pub(crate) fn choose(
        &self,
        places: &Few<'_, Place<'_>>,
        message: Message<'_>,
        payload: &Value,
    ) -> Option<(String, bool)> {
        let mut places: Vec<_> = places.iter().map(|place| (place, self.covers(place))).collect();
        // A digest is always there: it is the last resort, after whatever the sender calls an id.
        places.sort_by_key(|(place, covered)| (**place == Place::Digest, !covered));
        places
            .into_iter()
            .find_map(|(place, covered)| Some((read(place, self.proof.as_ref(), message, Some(payload))?, covered)))
    }
}

/// The text at a place; none when it is not there, or there twice.
pub(crate) fn read(
    place: &Place<'_>,
    proof: Option<&Proof<'_>>,
    message: Message<'_>,
    payload: Option<&Value>,
) -> Option<String> {
    match place {
        Place::Header(name) => only(message.headers, name)?.map(str::to_owned),
        Place::Entry(tag) => {
            let proof = proof?;
            entry(proof, only(message.headers, proof.header)??, tag).map(str::to_owned)
        }
        Place::Body(pointer) => match payload?.pointer(pointer)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        },
        Place::Digest => Some(format!("sha256:{}", hex::encode(Sha256::digest(message.body)))),
    }
}

/// A doubt, and how near the delivery came to being believed.
struct Doubt {
    near: u8,
    unverified: Unverified,
}

fn proven(proof: &Proof<'_>, secrets: &[&Secret], message: Message<'_>) -> Result<usize, Doubt> {
    let received = match only(message.headers, proof.header) {
        None => return Err(Doubt { near: 0, unverified: MISSING.into() }),
        Some(None) => return Err(Doubt { near: 1, unverified: NOT_TEXT.into() }),
        Some(Some(received)) => received,
    };
    let doubt = |near, reason: &'static str, expected: Option<String>| {
        let shown = match entries(proof, received).next() {
            // A token is the secret itself: of it nothing is shown.
            _ if proof.algorithm == Algorithm::SharedToken => None,
            Some(signature) => Some(cut(proof, signature)),
            None => Some(received.chars().take(proof.tag.len() + SHOWN).collect()),
        };
        Err(Doubt { near, unverified: Unverified { reason, stale: false, received: shown, expected } })
    };
    let signatures: Vec<Vec<u8>> = entries(proof, received)
        .filter_map(|text| crypto::decode(proof.encoding, text))
        .filter(|bytes| crypto::signature_bytes(proof.algorithm).is_none_or(|length| bytes.len() == length))
        .collect();
    if signatures.is_empty() {
        return doubt(2, FORM, None);
    }
    let Some(signed) = signed(proof, received, message) else { return doubt(3, INCOMPLETE, None) };
    let mut expected = None;
    for (index, secret) in secrets.iter().enumerate() {
        let Ok(key) = crypto::read_key(proof.key, proof.algorithm, secret.expose()) else { continue };
        // Every entry is tried, so that the time says nothing about which of them came near.
        let hit = signatures.iter().fold(false, |hit, it| crypto::holds(proof.algorithm, &key, &signed, it) | hit);
        if hit {
            return Ok(index);
        }
        expected = expected.or_else(|| shown_of(proof, &key, &signed));
    }
    doubt(4, MISMATCH, expected)
}

/// The bytes that are signed, in pieces; none when one of them is missing.
pub(crate) fn signed<'m>(proof: &Proof<'m>, received: &'m str, message: Message<'m>) -> Option<Vec<&'m [u8]>> {
    pieces(proof.signed)
        .map(|piece| {
            Some(match piece {
                Piece::Text(text) => text.as_bytes(),
                Piece::Body => message.body,
                Piece::Header(name) => only(message.headers, name)??.as_bytes(),
                Piece::Entry(tag) => entry(proof, received, tag)?.as_bytes(),
            })
        })
        .collect()
}

fn shown_of(proof: &Proof<'_>, key: &Key, signed: &[&[u8]]) -> Option<String> {
    let Key::Shared(key) = key else { return None };
    let computed = (proof.algorithm != Algorithm::SharedToken).then(|| crypto::mac(proof.algorithm, key, signed))??;
    Some(cut(proof, &crypto::encode(proof.encoding, &computed)))
}

fn cut(proof: &Proof<'_>, signature: &str) -> String {
    proof.tag.chars().chain(signature.chars().take(SHOWN)).collect()
}

/// What follows the tag in each entry that has it.
fn entries<'m>(proof: &Proof<'m>, value: &'m str) -> impl Iterator<Item = &'m str> {
    let tag = proof.tag;
    split(proof.between, value).filter_map(move |entry| entry.strip_prefix(tag))
}

fn entry<'m>(proof: &Proof<'_>, value: &'m str, tag: &str) -> Option<&'m str> {
    split(proof.between, value).find_map(|entry| entry.strip_prefix(tag))
}

fn split(between: Option<char>, value: &str) -> impl Iterator<Item = &str> {
    let whole = between.is_none().then_some(value);
    let parts = between.map(|between| value.split(between).map(str::trim));
    whole.into_iter().chain(parts.into_iter().flatten()).take(ENTRIES)
}

/// The one value of a header, as text: none when it is missing or there twice, none inside when it is no text.
fn only<'m>(headers: &'m HeaderMap, name: &str) -> Option<Option<&'m str>> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    Some(value.to_str().ok())
}
