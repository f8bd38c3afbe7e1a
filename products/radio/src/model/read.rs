//! Reading payloads that strangers wrote: nothing here panics, and every text that comes out is plain and bounded.

use serde_json::Value;

/// The longest title of a phrase, in characters.
pub(super) const TITLE_MAX: usize = 200;
/// The longest name of a person, branch, language or the like.
pub(super) const NAME_MAX: usize = 60;
const URL_MAX: usize = 2000;
const OWNER_MAX: usize = 100;
const REPO_MAX: usize = 100;

/// The text at a JSON pointer, unless it is empty.
pub(super) fn text<'a>(payload: &'a Value, pointer: &str) -> Option<&'a str> {
    payload.pointer(pointer).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

/// The first of several texts.
pub(super) fn first<'a>(payload: &'a Value, pointers: &[&str]) -> Option<&'a str> {
    pointers.iter().find_map(|pointer| text(payload, pointer))
}

/// The first of several texts as a name: plain, at most [`NAME_MAX`] characters.
pub(super) fn name(payload: &Value, pointers: &[&str]) -> Option<String> {
    pointers
        .iter()
        .filter_map(|pointer| text(payload, pointer))
        .map(|text| clean(text, NAME_MAX))
        .find(|name| !name.is_empty())
}

/// A count at a JSON pointer: 0 when it is missing, negative or no number, and never above what a `u32` holds.
pub(super) fn count(payload: &Value, pointer: &str) -> u64 {
    let number = payload.pointer(pointer).and_then(Value::as_f64).unwrap_or(0.0);
    number.clamp(0.0, f64::from(u32::MAX)) as u64
}

/// Whether there is `true` at a JSON pointer.
pub(super) fn flag(payload: &Value, pointer: &str) -> bool {
    payload.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// The list at a JSON pointer; empty when there is none.
pub(super) fn list<'a>(payload: &'a Value, pointer: &str) -> &'a [Value] {
    payload.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Lines of text that are not blank.
pub(super) fn written(text: Option<&str>) -> u64 {
    text.map_or(0, |text| text.lines().filter(|line| !line.trim().is_empty()).count() as u64)
}

/// Plain text: no control characters and none that turn the writing direction, blanks run together, at most `max`
/// characters with an ellipsis for the rest.
pub(super) fn clean(text: &str, max: usize) -> String {
    let mut plain = String::new();
    let mut length = 0;
    let mut blank = false;
    for letter in text.chars().filter(|letter| letter.is_whitespace() || !hidden(*letter)) {
        if letter.is_whitespace() {
            blank = length > 0;
            continue;
        }
        let needed = 1 + usize::from(blank);
        if length + needed > max {
            if length == max {
                plain.pop();
            }
            plain.push('…');
            return plain;
        }
        if blank {
            plain.push(' ');
        }
        plain.push(letter);
        length += needed;
        blank = false;
    }
    plain
}

/// Control characters, and the invisible ones that reorder or hide text on a page.
fn hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The first of several addresses that is a plain `https://` one.
pub(super) fn https(payload: &Value, pointers: &[&str]) -> Option<String> {
    let plain = |url: &&str| {
        let odd =
            |letter: char| letter.is_whitespace() || hidden(letter) || matches!(letter, '"' | '<' | '>' | '\\' | '`');
        url.len() > "https://".len() && url.starts_with("https://") && url.len() <= URL_MAX && !url.contains(odd)
    };
    pointers.iter().filter_map(|pointer| text(payload, pointer)).find(plain).map(str::to_owned)
}

/// The station of a payload: `owner/repo` in lower case, and as GitHub writes it.
pub fn station_of(payload: &Value) -> Option<(String, String)> {
    let full_name = text(payload, "/repository/full_name")?;
    let (owner, repo) = full_name.split_once('/')?;
    valid_station(owner, repo).then(|| (full_name.to_ascii_lowercase(), full_name.to_owned()))
}

/// Whether `owner/repo` can be a repository: letters, digits, `_`, `.` and `-`, at most 100 characters each.
pub fn valid_station(owner: &str, repo: &str) -> bool {
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let fits = |text: &str, max: usize| (1..=max).contains(&text.len()) && letters(text) && text != "." && text != "..";
    fits(owner, OWNER_MAX) && fits(repo, REPO_MAX)
}
