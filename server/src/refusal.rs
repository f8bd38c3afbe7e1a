//! What the framework refuses, in our words: which field it is, and what is expected there. Never what was sent.
//!
//! The framework's texts quote values, a password sent as a number among them. So nothing of a text is passed on but what cannot be
//! one: a name in a strict form, where a name stands; what was expected, which stands behind the last value; numbers of a place; and
//! sentences that are in the tables below. What is not known is left out.

use axum::http::StatusCode;
use kernel::Problem;

use self::words::{expected, syntax, unread};

mod words;

#[cfg(test)]
mod drawn;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod told;

const JSON: &str = "Failed to deserialize the JSON body into the target type: ";
const SYNTAX: &str = "Failed to parse the request body as JSON: ";
const QUERY: &str = "Failed to deserialize query string: ";
const FORMS: [&str; 2] = ["Failed to deserialize form: ", "Failed to deserialize form body: "];
const ADDRESS: &str = "Invalid URL: ";
const TOO_LONG: &str = "Failed to buffer the request body: length limit exceeded";
const CUT: &str = "Failed to buffer the request body";
const NO_UTF8: &str = "Request body didn't contain valid UTF-8";
const NO_JSON: &str = "Expected request with `Content-Type: application/json`";
const NO_FORM: &str = "Form requests must have `Content-Type: application/x-www-form-urlencoded`";

const DETAIL_CHARS: usize = 300;
/// The longest name that is repeated, and the longest way of names to a field.
const NAME_BYTES: usize = 40;
const WAY_BYTES: usize = 120;

/// A refusal with this text, on this route; `None` where the text is not one that is known.
pub(crate) fn problem(status: StatusCode, text: &str, route: &str) -> Option<Problem> {
    let (detail, wrong) = read(text, route)?;
    let detail = format!("{}. The reference is at /docs.", shortened(&detail, DETAIL_CHARS - 30));
    let problem = Problem::new(status, "bad_request", detail);
    Some(match wrong {
        Some(Wrong { at, says }) if !at.is_empty() => problem.field(at, shortened(&says, DETAIL_CHARS)),
        _ => problem,
    })
}

/// A field, as the client knows it, and what is wrong with it.
struct Wrong {
    at: String,
    says: String,
}

fn read(text: &str, route: &str) -> Option<(String, Option<Wrong>)> {
    if let Some(text) = text.strip_prefix(JSON) {
        let (text, place) = placed(text);
        let (detail, wrong) = unfit("body", field(text));
        let wrong = wrong.map(|wrong| Wrong { at: pointer(&wrong.at), ..wrong });
        return Some((format!("{detail}{}", at(place)), wrong));
    }
    if let Some(text) = text.strip_prefix(SYNTAX) {
        return Some((no_json(text), None));
    }
    if let Some(text) = text.strip_prefix(QUERY) {
        return Some(unfit("query", field(text)));
    }
    if let Some(text) = FORMS.iter().find_map(|form| text.strip_prefix(form)) {
        return Some(unfit("form", field(text)));
    }
    if let Some(text) = text.strip_prefix(ADDRESS) {
        return Some(unfit("address", parameter(text, route)));
    }
    let detail = match text {
        TOO_LONG => "The body is longer than this address takes",
        NO_JSON => "Send the body as `Content-Type: application/json`",
        NO_FORM => "Send the body as `Content-Type: application/x-www-form-urlencoded`",
        text if text.starts_with(CUT) => "The body did not arrive whole",
        text if text.starts_with(NO_UTF8) => "The body is not UTF-8",
        _ => return None,
    };
    Some((detail.to_owned(), None))
}

fn unfit(what: &str, wrong: Option<Wrong>) -> (String, Option<Wrong>) {
    let says = wrong.as_ref().map_or("it is not of the form that this address takes", |wrong| &wrong.says);
    (format!("The {what} does not fit: {says}"), wrong)
}

/// What is wrong with which field, from `way.to.field: message`, or from the message alone. A message is known from its first to its last
/// letter, or it is none: a name that somebody chose may read like the begin of one.
fn field(text: &str) -> Option<Wrong> {
    let (way, message) = way(text);
    let one = |begin: &str| below(way, message.strip_prefix(begin)?.strip_suffix('`')?);
    if let Some(at) = one("missing field `") {
        return Some(Wrong { says: format!("`{at}` is missing"), at });
    }
    if let Some(at) = one("duplicate field `") {
        return Some(Wrong { says: format!("`{at}` comes twice"), at });
    }
    if let Some((before, others)) = unknown(text) {
        let at = before.strip_prefix(way).and_then(|rest| rest.rsplit_once('`')).and_then(|(rest, name)| {
            let whole = rest == "unknown field " || (rest == ": unknown field " && !way.is_empty());
            if whole { below(way, name) } else { None }
        });
        let named = at.as_ref().map_or_else(|| "a field is unknown".to_owned(), |at| format!("`{at}` is unknown"));
        return Some(Wrong { at: at.unwrap_or_default(), says: format!("{named}: {others}") });
    }
    let it = if way.is_empty() { "it".to_owned() } else { format!("`{way}`") };
    Some(Wrong { at: way.to_owned(), says: format!("{it} {}", must(message)?) })
}

/// What a value must be, from what is said about the one that was there.
fn must(message: &str) -> Option<String> {
    let after = |begin: &str| message.strip_prefix(begin);
    if let Some(rest) = after("invalid type: ") {
        let (found, wanted) = words::found(rest)?;
        let not = found.map_or_else(String::new, |found| format!(", not {found}"));
        return Some(format!("must be {}{not}", expected(wanted)?));
    }
    let wanted = match (after("invalid value: "), after("invalid length "), after("unknown variant `")) {
        (Some(rest), ..) => expected(words::found(rest)?.1)?,
        (_, Some(rest), _) => {
            expected(rest.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(", expected ")?)?
        }
        (.., Some(rest)) => listed(rest.split_once('`')?.1.strip_prefix(", expected ")?)?,
        _ if after("data did not match any variant of untagged enum ").is_some_and(is_name) => {
            return Some("has none of the forms that it may have".to_owned());
        }
        _ => return unread(message).map(str::to_owned),
    };
    Some(format!("must be {wanted}"))
}

/// What stands before the end of a text that says of a field that there is none such, its name included, and which there are.
fn unknown(text: &str) -> Option<(&str, String)> {
    let none = text.strip_suffix("`, there are no fields").map(|before| (before, "there are no fields".to_owned()));
    let (before, others) = none.or_else(|| {
        let (before, names) = text.rsplit_once("`, expected ")?;
        Some((before, format!("expected {}", listed(names)?)))
    })?;
    (before.starts_with("unknown field `") || before.contains(": unknown field `")).then_some((before, others))
}

/// A part of the address, from what was found wrong with it. It is one of those that the route names, or it is not named.
fn parameter(text: &str, route: &str) -> Option<Wrong> {
    let parts = route.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let names: Vec<&str> = parts.map(|name| name.trim_start_matches('*')).collect();
    let quoted = |begin: &str| text.strip_prefix(begin)?.split_once('`').map(|(name, _)| name);
    let quoted = quoted("Invalid UTF-8 in `").or_else(|| quoted("Cannot parse `"));
    let known = quoted.and_then(|name| names.iter().copied().find(|known| *known == name));
    let index = || text.strip_prefix("Cannot parse value at index ")?.split_once(' ')?.0.parse::<usize>().ok();
    let only = || (names.len() == 1).then(|| names[0]);
    let name = known.or_else(|| names.get(index()?).copied()).or_else(only)?;
    let kind = text.strip_suffix('`').and_then(|text| text.rsplit_once("` to a `")).map(|(_, kind)| kind);
    let says = match kind.and_then(words::number) {
        Some(number) => format!("`{name}` must be {number}"),
        None if text.starts_with("Invalid UTF-8 in `") => format!("`{name}` is not UTF-8"),
        None => format!("`{name}` is not of its form"),
    };
    Some(Wrong { at: name.to_owned(), says })
}

fn no_json(text: &str) -> String {
    let (text, place) = placed(text);
    let Some((way, says)) = syntax(text) else { return format!("The body is not JSON{}", at(place)) };
    // The way is known where the message is its end.
    let (way, rest) = self::way(way);
    let there = if way.is_empty() || !rest.is_empty() { String::new() } else { format!(" at `{way}`") };
    match (says, place) {
        (words::EARLY, Some((1, 0))) => "The body is empty: JSON is expected".to_owned(),
        // JSON it may be: a number where one of several words is wanted reads like this, too.
        (words::ANOTHER, _) => format!("The body does not fit: {says}{there}{}", at(place)),
        _ => format!("The body is not JSON: {says}{there}{}", at(place)),
    }
}

/// The names that lead to a field, as far as all of them are short and plain, and the rest behind the colon.
fn way(text: &str) -> (&str, &str) {
    let plain = |way: &str| {
        way.len() <= WAY_BYTES
            && way.split('.').all(|part| {
                let (name, indices) = part.split_once('[').map_or((part, ""), |(name, rest)| (name, rest));
                let index = |index: &str| !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit() || b == b'?');
                let indices = indices.is_empty()
                    || indices.strip_suffix(']').is_some_and(|indices| indices.split("][").all(index));
                indices && (is_name(name) || (name.is_empty() && part.starts_with('[')))
            })
    };
    match text.split_once(": ") {
        Some((way, rest)) if plain(way) => (way, rest),
        _ => ("", text),
    }
}

/// A name that may be repeated, whoever chose it.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'?');
    (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(plain)
}

/// A field at the end of a way, which may name it already.
fn below(way: &str, name: &str) -> Option<String> {
    let there = way == name || way.strip_suffix(name).is_some_and(|way| way.ends_with('.'));
    match () {
        () if !is_name(name) => None,
        () if way.is_empty() || there => Some(if there { way } else { name }.to_owned()),
        () => Some(format!("{way}.{name}")),
    }
}

/// Names of ours in a row: `` `a` ``, `` `a` or `b` ``, ``one of `a`, `b`, `c` ``.
fn listed(names: &str) -> Option<&str> {
    let bare = names.strip_prefix("one of ").unwrap_or(names);
    let quoted = |it: &str| it.strip_prefix('`').and_then(|it| it.strip_suffix('`')).is_some_and(is_name);
    let ours = bare.split(", ").flat_map(|part| part.split(" or ")).all(quoted);
    ours.then_some(names)
}

/// RFC 6901 of `people[0].name`.
fn pointer(way: &str) -> String {
    let parts = way.split(['.', '[']).map(|part| part.trim_end_matches(']')).filter(|part| !part.is_empty());
    parts.flat_map(|part| ["/", part]).collect()
}

/// Line and column, which only a body has, and what stands before them.
fn placed(text: &str) -> (&str, Option<(u32, u32)>) {
    let place = || {
        let (before, place) = text.rsplit_once(" at line ")?;
        let (line, column) = place.split_once(" column ")?;
        Some((before, (line.parse().ok()?, column.parse().ok()?)))
    };
    place().map_or((text, None), |(before, place)| (before, Some(place)))
}

fn at(place: Option<(u32, u32)>) -> String {
    place.map_or_else(String::new, |(line, column)| format!(" (line {line}, column {column})"))
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 2).chain(" …".chars()).collect(),
        None => text.to_owned(),
    }
}
