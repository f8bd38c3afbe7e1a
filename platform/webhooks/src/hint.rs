//! What probably went wrong when a hash does not match, for whoever set the webhook up. Looked for only in what is recorded, and
//! shown to administrators alone: a stranger learns nothing from it.

use kernel::Secret;
use serde_json::Value;

use crate::scheme::{Place, Sender, Unit};
use crate::source::Source;
use crate::time;
use crate::verify::{Message, Unverified, Verified, fresh, read, verify};

/// A body longer than this is not written in other ways: it is only a guess that is looked for.
const BODY_BYTES: usize = 256 * 1024;

/// A guess in a sentence.
pub(crate) fn hint(source: &Source, unverified: &Unverified, message: Message<'_>, now_ms: i64) -> Option<String> {
    let sender = source.sender();
    if unverified.stale {
        return unit(&sender, message, now_ms);
    }
    let ended: Vec<_> = source.keys.iter().filter(|key| !key.counts(now_ms)).map(|key| &key.secret).collect();
    let active = source.secrets(now_ms);
    // The question is about the bytes, not about the time.
    let holds = |secrets: &[&Secret], body: &[u8]| match verify(&sender, secrets, Message { body, ..message }, now_ms) {
        Ok(_) => true,
        Err(unverified) => unverified.stale,
    };
    if !ended.is_empty() && holds(&ended, message.body) {
        return Some("It is signed with a secret of this source that has ended: give the sender the new one.".into());
    }
    let spaced: Vec<Secret> = active
        .iter()
        .flat_map(|secret| {
            let text = secret.expose();
            [format!("{text}\n"), format!("{text} "), format!(" {text}"), text.trim().to_owned()].map(Secret::new)
        })
        .collect();
    if holds(&spaced.iter().collect::<Vec<_>>(), message.body) {
        return Some("The sender's secret has a space or a line break at its end: copy it again without.".into());
    }
    if message.body.len() > BODY_BYTES {
        return None;
    }
    other_bodies(message.body).into_iter().find_map(|(body, guess)| holds(&active, &body).then(|| guess.to_owned()))
}

/// The body as it may have been before something on the way changed it.
fn other_bodies(body: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    const REWRITTEN: &str = "The signature is right for the same JSON written in another way: something between the sender and here parses the body and writes it anew.";
    const ENDING: &str =
        "The signature is right without the line break at the end: something on the way added it, or took it away.";
    let mut others = Vec::new();
    match body.strip_suffix(b"\n") {
        Some(cut) => others.push((cut.strip_suffix(b"\r").unwrap_or(cut).to_vec(), ENDING)),
        None => others.push(([body, b"\n"].concat(), ENDING)),
    }
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        let written = [serde_json::to_vec(&value), serde_json::to_vec_pretty(&value)];
        others.extend(written.into_iter().flatten().map(|body| (body, REWRITTEN)));
    }
    others
}

/// Whether the time would do if it were in another unit.
fn unit(sender: &Sender<'_>, message: Message<'_>, now_ms: i64) -> Option<String> {
    let rule = sender.timestamp?;
    let payload = serde_json::from_slice::<Value>(message.body).ok();
    let sent = rule.places.iter().find_map(|place: &Place<'_>| {
        sender.proofs.iter().find_map(|proof| read(place, Some(proof), message, payload.as_ref()))
    })?;
    let (other, word) = match rule.unit {
        Unit::Seconds => (Unit::Millis, "milliseconds, where this sender's are in seconds"),
        Unit::Millis => (Unit::Seconds, "seconds, where this sender's are in milliseconds"),
        Unit::Rfc3339 => return None,
    };
    let sent_ms = time::parse(other, &sent)?;
    let near = (-rule.future_ms..=rule.past_ms).contains(&now_ms.saturating_sub(sent_ms));
    near.then(|| format!("The time of sending is in {word}."))
}

/// Whether a delivery that was refused then would be believed now, by the clock of when it came.
pub(crate) fn again<'a>(
    sender: &Sender<'a>,
    secrets: &[&Secret],
    message: Message<'_>,
    payload: Option<&Value>,
    received_at_ms: i64,
) -> Result<Verified<'a>, Unverified> {
    let verified = verify(sender, secrets, message, received_at_ms)?;
    fresh(sender, &verified, message, payload, received_at_ms).map(|()| verified)
}
