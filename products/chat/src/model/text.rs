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

/// One emoji, of which no words are made: a picture, with what modifies it, or some that are joined to one.
pub(crate) fn emoji(text: &str) -> Result<(), Wrong> {
    let fits = (1..=EMOJI_CHARS).contains(&text.chars().count());
    let one = || FLAGS.contains(&text) || sign(text) || text.split(JOINER).all(picture);
    if fits && one() { Ok(()) } else { Err(wrong("emoji", "one emoji")) }
}

/// Between pictures that are one.
const JOINER: char = '\u{200d}';
/// Of a sign that can be text too: as a picture.
const AS_PICTURE: char = '\u{fe0f}';
/// The flags that are spelt with invisible letters: England, Scotland, Wales.
const FLAGS: [&str; 3] = [
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
];

/// What is made of letters or digits, and stands alone: a flag of two letters, a key, a sign with letters in it.
fn sign(text: &str) -> bool {
    let signs: Vec<char> = text.chars().filter(|c| *c != AS_PICTURE).collect();
    match *signs.as_slice() {
        ['\u{1f1e6}'..='\u{1f1ff}', '\u{1f1e6}'..='\u{1f1ff}'] | ['0'..='9' | '#' | '*', '\u{20e3}'] => true,
        [c] => matches!(c,
            '\u{a9}' | '\u{ae}' | '\u{2122}' | '\u{2139}' | '\u{24c2}' | '\u{3297}' | '\u{3299}' | '\u{1f170}' | '\u{1f171}'
            | '\u{1f17e}' | '\u{1f17f}' | '\u{1f18e}' | '\u{1f191}'..='\u{1f19a}' | '\u{1f201}' | '\u{1f202}' | '\u{1f21a}'
            | '\u{1f22f}' | '\u{1f232}'..='\u{1f23a}' | '\u{1f250}' | '\u{1f251}'),
        _ => false,
    }
}

/// A picture, perhaps of a skin colour.
fn picture(text: &str) -> bool {
    let mut signs = text.chars();
    let drawn = |c: char| {
        matches!(c,
            '\u{203c}' | '\u{2049}' | '\u{2194}'..='\u{21aa}' | '\u{231a}'..='\u{231b}' | '\u{2328}' | '\u{23cf}'
            | '\u{23e9}'..='\u{23fa}' | '\u{25aa}'..='\u{25fe}' | '\u{2600}'..='\u{2775}' | '\u{2794}'..='\u{27bf}'
            | '\u{2934}'..='\u{2935}' | '\u{2b05}'..='\u{2b55}' | '\u{3030}' | '\u{303d}' | '\u{1f004}' | '\u{1f0cf}'
            | '\u{1f300}'..='\u{1f64f}' | '\u{1f680}'..='\u{1f6ff}' | '\u{1f7e0}'..='\u{1f7f0}' | '\u{1f900}'..='\u{1f9ff}'
            | '\u{1fa70}'..='\u{1faff}')
    };
    let modifies = |c: char| c == AS_PICTURE || matches!(c, '\u{1f3fb}'..='\u{1f3ff}');
    signs.next().is_some_and(drawn) && signs.clone().count() <= 2 && signs.all(modifies)
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
