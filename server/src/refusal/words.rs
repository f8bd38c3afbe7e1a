//! Their words and ours. What stands here is all that can be said beside names.

/// A body that ends before it is whole.
pub(super) const EARLY: &str = "it ends too early";
/// What stands there cannot.
pub(super) const ANOTHER: &str = "another value is expected";

/// What a reader of JSON says, always the end of its text.
const SYNTAX: &[(&str, &str)] = &[
    ("EOF while parsing a list", EARLY),
    ("EOF while parsing an object", EARLY),
    ("EOF while parsing a string", EARLY),
    ("EOF while parsing a value", EARLY),
    ("expected `:`", "`:` is expected"),
    ("expected `,` or `]`", "`,` or `]` is expected"),
    ("expected `,` or `}`", "`,` or `}` is expected"),
    ("expected ident", "`true`, `false` or `null` is expected"),
    ("expected value", ANOTHER),
    ("expected `\"`", "`\"` is expected"),
    ("invalid escape", "there is no such escape in a string"),
    ("invalid number", "a number is not written like this"),
    ("number out of range", "a number is out of range"),
    ("invalid unicode code point", "a string is not UTF-8, or escapes what is no character"),
    (
        "control character (\\u0000-\\u001F) found while parsing a string",
        "a control character in a string is not escaped",
    ),
    ("key must be a string", "a name is a string in quotes"),
    ("lone leading surrogate in hex escape", "an escape in a string is half a character"),
    ("unexpected end of hex escape", "an escape in a string is half a character"),
    ("trailing comma", "a comma is too much"),
    ("trailing characters", "something follows behind it"),
    ("recursion limit exceeded", "it is nested too deeply"),
];

/// What is said of a text that is read as a number or the like.
const UNREAD: &[(&str, &str)] = &[
    ("invalid digit found in string", "must be a whole number"),
    ("cannot parse integer from empty string", "must be a whole number, not empty"),
    ("number too large to fit in target type", "is too large a number"),
    ("number too small to fit in target type", "is too small a number"),
    ("provided string was not `true` or `false`", "must be `true` or `false`"),
    ("invalid float literal", "must be a number"),
    ("cannot parse float from empty string", "must be a number, not empty"),
    ("too many characters in string", "must be one character"),
    ("cannot parse char from empty string", "must be one character"),
];

/// How a value that was found begins in their text, what it is, and what ends it.
const FOUND: &[(&str, Option<&str>, &str)] = &[
    ("boolean `", Some("a boolean"), "`"),
    ("integer `", Some("a number"), "`"),
    ("floating point `", Some("a decimal number"), "`"),
    ("character `", Some("a string"), "`"),
    ("null", Some("null"), ""),
    ("unit value", Some("null"), ""),
    ("Option value", None, ""),
    ("sequence", Some("an array"), ""),
    ("map", Some("an object"), ""),
    ("enum", None, ""),
    ("newtype variant", None, ""),
];

/// What is expected, where it is said in the words of a programming language.
const EXPECTED: &[(&str, &str)] = &[
    ("str", "a string"),
    ("String", "a string"),
    ("a borrowed string", "a string"),
    ("bool", "a boolean"),
    ("a sequence", "an array"),
    ("a map", "an object"),
    ("string or map", "a string or an object"),
    ("option", "a value or null"),
    ("unit", "null"),
    ("any valid JSON value", "a value"),
    ("char", "one character"),
    ("a character", "one character"),
];

/// How the name of a type begins, and what the type is in JSON.
const TYPES: &[(&str, &str)] = &[
    ("struct ", "an object"),
    ("internally tagged enum ", "an object"),
    ("adjacently tagged enum ", "an object"),
    ("tuple ", "an array"),
    ("a tuple ", "an array"),
    ("unit struct ", "null"),
    ("enum ", "one of its words"),
    ("variant ", "one of its words"),
];

/// The longest that is expected in words of a type itself.
const OWN_WORDS_BYTES: usize = 120;

/// The message at the end of what a reader of JSON says, and what stands before it.
pub(super) fn syntax(text: &str) -> Option<(&str, &'static str)> {
    SYNTAX.iter().find_map(|(theirs, ours)| {
        let before = text.strip_suffix(theirs)?;
        (before.is_empty() || before.ends_with(": ")).then_some((before, *ours))
    })
}

pub(super) fn unread(message: &str) -> Option<&'static str> {
    UNREAD.iter().find(|(theirs, _)| message == *theirs).map(|(_, ours)| *ours)
}

/// What kind of value it was, never the value, and what was expected.
pub(super) fn found(text: &str) -> Option<(Option<&'static str>, &str)> {
    let string = || Some((Some("a string"), behind_string(text.strip_prefix("string \"")?)?));
    let other = |(begin, kind, end): &(&str, Option<&'static str>, &str)| {
        let rest = text.strip_prefix(begin)?;
        Some((*kind, if end.is_empty() { rest } else { rest.split_once(end)?.1 }))
    };
    let (kind, rest) = string().or_else(|| FOUND.iter().find_map(other))?;
    Some((kind, rest.strip_prefix(", expected ")?))
}

/// What stands behind a string in quotes, in which quotes are escaped.
fn behind_string(text: &str) -> Option<&str> {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    text.get(end + 1..)
}

pub(super) fn number(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "u128" | "usize" => "a whole number, 0 or more",
        "i8" => "a whole number from -128 to 127",
        "i16" => "a whole number from -32768 to 32767",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        _ => return None,
    })
}

/// What a type says that it expects: ours to show, but a name of the program's own.
pub(super) fn expected(wanted: &str) -> Option<&str> {
    if let Some(number) = number(wanted) {
        return Some(number);
    }
    if let Some((_, ours)) = EXPECTED.iter().find(|(theirs, _)| wanted == *theirs) {
        return Some(ours);
    }
    if let Some((_, ours)) = TYPES.iter().find(|(theirs, _)| wanted.starts_with(theirs)) {
        return Some(ours);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || " ,.`_()'-".contains(c);
    (wanted.len() <= OWN_WORDS_BYTES && wanted.chars().all(plain)).then_some(wanted)
}
