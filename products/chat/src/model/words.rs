//! What of a text is found by searching, and what a search asks for. The engines index the same words, since they are made here:
//! letters and digits, in lower case, and each sign of a script without spaces by itself. Nothing in a word means anything to an engine.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

/// A word longer than this is found by its beginning, characters.
const WORD_CHARS: usize = 64;
/// Words of a search, at most.
pub(crate) const ASKED: usize = 16;
/// A word that is only begun, characters: a single letter begins half of all words.
const BEGUN_CHARS: usize = 2;

/// Whose search is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// FTS5.
    Sqlite,
    /// `tsquery`.
    Postgres,
}

/// Scripts that put no spaces between words: Han, Hiragana, Katakana.
fn stands_alone(c: char) -> bool {
    c.is_alphanumeric()
        && matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

fn split(text: &str) -> Vec<String> {
    let (mut all, mut word) = (Vec::new(), String::new());
    // A letter and its accent are one sign, however they were typed.
    for c in text.nfc() {
        if stands_alone(c) || !c.is_alphanumeric() {
            all.push(std::mem::take(&mut word));
        }
        if stands_alone(c) {
            all.push(c.to_string());
        } else if c.is_alphanumeric() {
            // What a letter becomes in lower case may be more than a letter.
            word.extend(c.to_lowercase().filter(|c| c.is_alphanumeric()));
        }
    }
    all.push(word);
    all.into_iter().filter(|word| !word.is_empty()).map(|word| word.chars().take(WORD_CHARS).collect()).collect()
}

/// The words of a text, each once, with a space between.
pub(crate) fn words(text: &str) -> String {
    let words: BTreeSet<String> = split(text).into_iter().collect();
    words.into_iter().collect::<Vec<_>>().join(" ")
}

/// Whether a search has more words than one may have.
pub(crate) fn too_many(text: &str) -> bool {
    split(text).len() > ASKED
}

/// What is searched for, as an engine reads it: all of the words, the last one perhaps only begun. `None` when there is no word in it.
pub(crate) fn asked(text: &str, dialect: Dialect) -> Option<String> {
    let mut words = split(text);
    let last = words.pop()?;
    let begun = last.chars().count() >= BEGUN_CHARS;
    let (and, begun) = match dialect {
        Dialect::Sqlite => (" ", format!("\"{last}\"{}", if begun { "*" } else { "" })),
        Dialect::Postgres => (" & ", format!("'{last}'{}", if begun { ":*" } else { "" })),
    };
    let quote = if dialect == Dialect::Sqlite { '"' } else { '\'' };
    let whole = words.into_iter().map(|word| format!("{quote}{word}{quote}"));
    Some(whole.chain([begun]).collect::<Vec<_>>().join(and))
}
