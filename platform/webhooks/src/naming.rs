//! What a verified delivery is called: its type, its id, what it is about.

use axum::http::HeaderMap;
use kernel::limits;
use serde_json::Value;

use crate::scheme::{Place, Sender, TypeRule};
use crate::verify::{Message, Verified, read};

/// Bytes of a type's name at most, without its family.
const KIND_BYTES: usize = 64;

/// The event's type: the family, and the sender's name for it in our letters. `Orders/Create` becomes `orders.create`.
pub(crate) fn kind(
    sender: &Sender<'_>,
    verified: &Verified<'_>,
    message: Message<'_>,
    payload: &Value,
) -> Result<String, String> {
    let at = |place: &Place<'_>| read(place, verified.proof.as_ref(), message, Some(payload));
    let named = sender.types.iter().find_map(|rule| match rule {
        TypeRule::From(place) => at(place),
        TypeRule::When(place, is, name) => at(place).filter(|text| text == is).map(|_| (*name).to_owned()),
        TypeRule::Has(place, name) => at(place).map(|_| (*name).to_owned()),
        TypeRule::Always(name) => Some((*name).to_owned()),
    });
    let usable = named.and_then(|name| in_our_letters(&name));
    let family = sender.family.trim_end_matches('*');
    usable.map(|name| format!("{family}{name}")).ok_or_else(|| match sender.types.first() {
        Some(TypeRule::From(Place::Header(name))) => format!("There is no usable {name} header."),
        _ => "The delivery does not say what kind of event it is.".to_owned(),
    })
}

fn in_our_letters(name: &str) -> Option<String> {
    let letter = |c: char| match c {
        'a'..='z' | '0'..='9' | '_' | '.' => Some(c),
        'A'..='Z' => Some(c.to_ascii_lowercase()),
        '/' => Some('.'),
        ' ' | '-' | ':' => Some('_'),
        _ => None,
    };
    let ours: String = name.chars().map(letter).collect::<Option<_>>()?;
    let parts_are_words = ours.split('.').all(|part| !part.is_empty());
    ((1..=KIND_BYTES).contains(&ours.len()) && parts_are_words).then_some(ours)
}

/// The sender's id, by which a repetition is known, and whether its signature covers it.
pub(crate) fn id(
    sender: &Sender<'_>,
    verified: &Verified<'_>,
    message: Message<'_>,
    payload: &Value,
) -> Result<(String, bool), String> {
    let chosen = verified.choose(&sender.id, message, payload).filter(|(id, _)| is_id(id));
    chosen.ok_or_else(|| match sender.id.first() {
        Some(Place::Header(name)) => format!("There is no usable {name} header."),
        _ => "The delivery has no usable id.".to_owned(),
    })
}

/// The id that a delivery claims to have, before anything about it is believed.
pub(crate) fn announced_id(sender: &Sender<'_>, headers: &HeaderMap) -> Option<String> {
    let names = sender.id.iter().filter_map(|place| match place {
        Place::Header(name) => Some(*name),
        _ => None,
    });
    names.filter_map(|name| headers.get(name)?.to_str().ok()).find(|id| is_id(id)).map(str::to_owned)
}

fn is_id(id: &str) -> bool {
    (1..=limits::SENDER_ID_BYTES).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}

/// What the event is about, when that has a usable name.
pub(crate) fn subject(
    sender: &Sender<'_>,
    verified: &Verified<'_>,
    message: Message<'_>,
    payload: &Value,
) -> Option<String> {
    let (name, _) = verified.choose(&sender.subject, message, payload)?;
    let usable = (1..=limits::EVENT_ATTRIBUTE_BYTES).contains(&name.len()) && !name.contains(char::is_control);
    usable.then(|| if sender.subject_in_lower_case { name.to_ascii_lowercase() } else { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_in_our_letters() {
        for (theirs, ours) in [
            ("push", "push"),
            ("orders/create", "orders.create"),
            ("channel.follow", "channel.follow"),
            ("APPLICATION_AUTHORIZED", "application_authorized"),
            ("Deployment.failed", "deployment.failed"),
            ("Push Hook", "push_hook"),
        ] {
            assert_eq!(in_our_letters(theirs).as_deref(), Some(ours));
        }
        for bad in ["", "../push", "push*", "пуш", ".", "a..b", "a.", &"x".repeat(65)] {
            assert_eq!(in_our_letters(bad), None, "{bad}");
        }
    }
}
