//! Which part of a file somebody asks for (RFC 9110, 14.2).

use std::ops::Range;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All of it; also where the question is not understood, or is for many parts.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that there are not.
    Nowhere,
}

/// What the value of `Range` asks for of so many bytes.
pub(crate) fn asked_range(value: Option<&str>, bytes: u64) -> Asked {
    let Some((first, last)) = value.and_then(|it| it.trim().strip_prefix("bytes=")).and_then(|it| it.split_once('-'))
    else {
        return Asked::Whole;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // Digits that are too many for a number are far behind every end.
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let (first, last) = (first.trim(), last.trim());
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(bytes),
        (Some(first), None) if last.is_empty() => first..bytes,
        (None, Some(last)) if first.is_empty() => bytes.saturating_sub(last)..bytes,
        _ => return Asked::Whole,
    };
    if range.is_empty() { Asked::Nowhere } else { Asked::Part(range) }
}
