//! What people may write where. It is kept as it was written: what shows it shows text.

use kernel::limits;

/// The name of a group, characters: at least, at most.
const NAME_CHARS: (usize, usize) = (2, 50);
/// The description of a group, characters.
const DESCRIPTION_CHARS: usize = 200;
/// An emoji, characters: one may be made of many.
const EMOJI_CHARS: usize = 10;
/// What a client calls a message before it has a number, bytes.
const CLIENT_ID_BYTES: usize = 64;
/// What a quick reply is called by, characters.
const SHORTCUT_CHARS: usize = 32;

/// Which field is not as it must be, and how it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {must}")]
pub(crate) struct Wrong {
    /// The field.
    pub(crate) field: &'static str,
    /// How it must be.
    pub(crate) must: String,
}

fn wrong(field: &'static str, must: impl Into<String>) -> Wrong {
    Wrong { field, must: must.into() }
}

/// The name of a group, without what surrounds it.
pub(crate) fn name(text: &str) -> Result<String, Wrong> {
    let (least, most) = NAME_CHARS;
    let text = text.trim();
    let fits = (least..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(wrong("name", format!("{least} to {most} characters in one line"))) }
}

/// The description of a group.
pub(crate) fn description(text: &str) -> Result<String, Wrong> {
    let text = text.trim();
    let strange = |c: char| c.is_control() && c != '\n';
    if text.chars().count() > DESCRIPTION_CHARS || text.chars().any(strange) {
        return Err(wrong("description", format!("at most {DESCRIPTION_CHARS} characters")));
    }
    Ok(text.to_owned())
}

/// The text of a message.
pub(crate) fn content(text: &str, most: usize) -> Result<(), Wrong> {
    let most = most.min(limits::CHAT_MESSAGE_CHARS);
    if text.trim().is_empty() || text.chars().count() > most {
        return Err(wrong("content", format!("1 to {most} characters")));
    }
    // Not every store can keep a NUL in a text.
    if text.contains('\0') { Err(wrong("content", "no NUL characters")) } else { Ok(()) }
}

/// One emoji.
pub(crate) fn emoji(text: &str) -> Result<(), Wrong> {
    let fits = (1..=EMOJI_CHARS).contains(&text.chars().count());
    if fits && !text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Ok(());
    }
    Err(wrong("emoji", format!("1 to {EMOJI_CHARS} characters without spaces")))
}

/// What a client calls a message.
pub(crate) fn client_id(text: &str) -> Result<(), Wrong> {
    if (1..=CLIENT_ID_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(wrong("client_id", format!("1 to {CLIENT_ID_BYTES} visible ASCII characters, such as a UUID")))
}

/// What a quick reply is called by.
pub(crate) fn shortcut(text: &str) -> Result<(), Wrong> {
    let sane = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=SHORTCUT_CHARS).contains(&text.len()) && text.bytes().all(sane) {
        return Ok(());
    }
    Err(wrong("shortcut", format!("1 to {SHORTCUT_CHARS} lower-case letters, digits or hyphens")))
}
