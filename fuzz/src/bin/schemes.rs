//! Nobody gets in who does not have the secret.
//!
//! - A request made of anything at all is believed only if every part that counts is that of the one delivery which was ever
//!   signed with this secret, and its time is near.
//! - What we sign as a sender is believed within the sender's tolerance and not outside of it, whichever of several secrets it
//!   was; with one byte changed in anything that is signed it is not, and with one changed in anything else it still is.
//! - Memory is in proportion to what came.
//!
//! Input: sender, vector and kind, a byte each; then for a forgery (kind even) the clock's seconds off in two bytes, headers
//! and, after an empty line, the body; for a signature (odd) see `Signed`.
#![no_main]

use fuzz::{Input, within};
use http::{HeaderMap, HeaderValue};
use kernel::Secret;
use libfuzzer_sys::fuzz_target;
use webhooks::scheme::{Algorithm, Encoding, Place, Proof, Sender, Unit, Vector};
use webhooks::{Draft, Message, sign, sources, verify};

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let sender = input.pick(sources::ALL);
    match (input.byte(), sender.vectors) {
        (_, []) => unsigned(sender, input),
        (which, vectors) if which % 2 == 0 => {
            let vector = &vectors[usize::from(which / 2) % vectors.len()];
            forged(sender, vector, input);
        }
        (key, _) => signed(sender, key, input),
    }
});

/// Verifies in bounded memory; which secret, and how.
fn believed<'a>(
    sender: &Sender<'a>,
    secrets: &[&Secret],
    message: Message<'_>,
    now_ms: i64,
) -> Option<(usize, Option<Proof<'a>>)> {
    let sent: usize = message.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let granted = 16 * 1024 + 8 * (sent + message.body.len());
    let verified = within(granted, || verify(sender, secrets, message, now_ms));
    verified.ok().map(|verified| (verified.secret, verified.proof))
}

/// A sender without signatures is let through here, and marked as such.
fn unsigned(sender: &Sender<'_>, mut input: Input<'_>) {
    let headers = input.headers();
    let verified = believed(sender, &[], Message { headers: &headers, body: input.0 }, 0);
    assert!(verified.is_some_and(|(_, proof)| proof.is_none()), "{}", sender.name);
}

fn forged(sender: &Sender<'_>, vector: &Vector<'_>, mut input: Input<'_>) {
    let off_ms = input.number() * 1000;
    let (headers, body) = (input.headers(), input.0);
    let (secret, message) = (Secret::new(vector.secret), Message { headers: &headers, body });
    let Some((_, proof)) = believed(sender, &[&secret], message, vector.now_ms + off_ms) else { return };
    let proof = proof.expect("a sender with vectors signs");
    let sent = parts(&proof, &headers, body);
    if proof.algorithm == Algorithm::SharedToken {
        assert_eq!(header(&headers, proof.header), Some(vector.secret), "{} by its token", sender.name);
        return;
    }
    let known: HeaderMap =
        vector.headers.iter().map(|(name, value)| (name.parse().expect("a name"), text(value))).collect();
    let original = sender
        .proofs
        .iter()
        .find(|proof| header(&known, proof.header).is_some_and(|value| entries(proof, value).next().is_some()));
    let original = original.expect("a vector is proved by one of the proofs");
    let signature = entries(original, header(&known, original.header).expect("signed")).next().expect("a signature");
    assert_eq!(sent, parts(original, &known, vector.body.as_bytes()), "{}: bytes moved", sender.name);
    let came = header(&headers, proof.header).expect("a signature");
    let same = |came: &str| match proof.encoding {
        Encoding::Hex => came.eq_ignore_ascii_case(signature),
        _ => came == signature,
    };
    assert!(entries(&proof, came).any(same), "{}: {came:?} was never signed", sender.name);
    let timed = sender.timestamp.filter(|rule| rule.places.iter().any(|place| covers(&proof, place)));
    assert!(
        timed.is_none_or(|rule| (-rule.future_ms..=rule.past_ms + 999).contains(&off_ms)),
        "{}: too late",
        sender.name
    );
}

/// A delivery that we sign: the clock's seconds off at the sender and here, two bytes each; what is changed, where and how, a
/// byte each; the id, a line; the kind, a line; the body.
fn signed(sender: &Sender<'_>, key: u8, mut input: Input<'_>) {
    const START_MS: i64 = 1_700_000_000_000;
    let now_ms = START_MS + input.number() * 1000 + i64::from(key);
    let seen_ms = now_ms + input.number() * 100;
    let (part, at, flip) = (usize::from(input.byte()), usize::from(input.byte()), input.byte());
    let (id, kind, body) = (input.text(), input.text(), input.0);
    let secrets = [key, key ^ 0x10].map(|key| {
        let digit = char::from(b'A' + key % 26).to_string();
        Secret::new(format!("whsec_{}A=", digit.repeat(42)))
    });
    let [secret, other] = &secrets;
    let Some(mut headers) = sign(sender, secret, &Draft { id, kind, now_ms, body }) else { return };

    let message = Message { headers: &headers, body };
    let (_, proof) = believed(sender, &[secret], message, now_ms).expect("what is signed is believed");
    let proof = proof.expect("it was signed");
    assert_eq!(believed(sender, &[other, secret], message, now_ms).map(|(which, _)| which), Some(1));
    assert!(believed(sender, &[other], message, now_ms).is_none(), "{}: by another secret", sender.name);
    let timed = sender.timestamp.filter(|rule| rule.places.iter().any(|place| covers(&proof, place)));
    let near = timed.is_none_or(|rule| {
        let sent_ms = if rule.unit == Unit::Seconds { now_ms / 1000 * 1000 } else { now_ms };
        (-rule.future_ms..=rule.past_ms).contains(&(seen_ms - sent_ms))
    });
    assert_eq!(believed(sender, &[secret], message, seen_ms).is_some(), near, "{} at {seen_ms}", sender.name);

    if flip == 0 {
        return;
    }
    let mut body = body.to_vec();
    let names: Vec<_> = headers.keys().cloned().collect();
    let counts = if part % (names.len() + 1) == names.len() {
        let Some(byte) = at.checked_rem(body.len()).map(|at| &mut body[at]) else { return };
        *byte ^= flip;
        true
    } else {
        let name = &names[part % (names.len() + 1)];
        let mut value = headers[name].as_bytes().to_vec();
        let Some(byte) = at.checked_rem(value.len()).map(|at| &mut value[at]) else { return };
        *byte ^= flip;
        let Ok(value) = HeaderValue::from_bytes(&value) else { return };
        headers.insert(name, value);
        name == proof.header || holes(&proof).any(|hole| hole == name.as_str())
    };
    let message = Message { headers: &headers, body: &body };
    assert_eq!(believed(sender, &[secret], message, now_ms).is_none(), counts, "{}: part {part}, {at}", sender.name);
}

/// The values that a proof signs, one after the other.
fn parts(proof: &Proof<'_>, headers: &HeaderMap, body: &[u8]) -> Vec<Vec<u8>> {
    let value = |hole: &str| match hole {
        "body" => body.to_vec(),
        entry if entry.ends_with('=') => {
            let own = header(headers, proof.header).unwrap_or_default();
            let tagged = Proof { tag: entry, ..*proof };
            entries(&tagged, own).next().unwrap_or_default().into()
        }
        name => header(headers, name).unwrap_or_default().into(),
    };
    holes(proof).map(value).collect()
}

/// The names in braces of what a proof signs.
fn holes<'a>(proof: &Proof<'a>) -> impl Iterator<Item = &'a str> {
    proof.signed.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(hole, _)| hole)
}

fn covers(proof: &Proof<'_>, place: &Place<'_>) -> bool {
    matches!(place, Place::Header(name) | Place::Entry(name) if holes(proof).any(|hole| hole == *name))
}

/// What follows the tag in the entries of a signature's header.
fn entries<'m>(proof: &Proof<'m>, value: &'m str) -> impl Iterator<Item = &'m str> {
    let (tag, between) = (proof.tag, proof.between);
    value.split(move |c| Some(c) == between).filter_map(move |entry| match between {
        Some(_) => entry.trim().strip_prefix(tag),
        None => entry.strip_prefix(tag),
    })
}

fn header<'m>(headers: &'m HeaderMap, name: &str) -> Option<&'m str> {
    headers.get(name)?.to_str().ok()
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("a header")
}
