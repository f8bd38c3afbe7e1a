//! Reads Rust source well enough: what is code, what is comment, what is text, where functions and test modules lie.

use std::ops::Range;

/// A string literal and the line it starts on.
pub(crate) struct Literal {
    pub(crate) line: usize,
    pub(crate) at: usize,
    pub(crate) text: String,
}

/// A source file taken apart. Both texts have the length and the lines of the original; what is left out is spaces.
pub(crate) struct Scan {
    /// Without comments and without what is inside quotes.
    pub(crate) code: String,
    /// The comments only.
    pub(crate) comments: String,
    pub(crate) strings: Vec<Literal>,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

/// A `mod name;`, and whether it is only there for tests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) test: bool,
}

pub(crate) fn scan(text: &str) -> Scan {
    let mut lexer = Lexer { text, at: 0, line: 1, code: Vec::new(), comments: Vec::new(), strings: Vec::new() };
    while lexer.at < text.len() {
        lexer.step();
    }
    let utf8 = |bytes| String::from_utf8(bytes).expect("whole characters were kept or replaced by spaces");
    Scan { code: utf8(lexer.code), comments: utf8(lexer.comments), strings: lexer.strings }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    code: Vec<u8>,
    comments: Vec<u8>,
    strings: Vec<Literal>,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = &self.text[self.at..];
        let after_word = self.at > 0 && is_word(self.text.as_bytes()[self.at - 1]);
        if rest.starts_with("//") {
            self.take(rest.find('\n').unwrap_or(rest.len()), Kind::Comment);
        } else if rest.starts_with("/*") {
            self.take(block_comment(rest), Kind::Comment);
        } else if let Some(inside) = rest.strip_prefix('"') {
            self.string(1, quoted(inside), 1);
        } else if let Some(hashes) = raw_start(rest).filter(|_| !after_word) {
            let open = rest.find('"').map_or(0, |quote| quote + 1);
            let close = format!("\"{}", "#".repeat(hashes));
            let inside = rest[open..].find(&close).unwrap_or(rest.len() - open);
            self.string(open, inside, close.len());
        } else if let Some(length) = char_literal(rest) {
            self.take(1, Kind::Code);
            self.take(length - 2, Kind::Text);
            self.take(1, Kind::Code);
        } else {
            // Up to where the next of these can begin.
            let next = rest.bytes().skip(1).position(|byte| matches!(byte, b'/' | b'"' | b'\'' | b'r' | b'b' | b'c'));
            self.take(next.map_or(rest.len(), |next| next + 1), Kind::Code);
        }
    }

    fn string(&mut self, open: usize, inside: usize, close: usize) {
        let text = self.text[self.at + open..self.at + open + inside].to_owned();
        self.strings.push(Literal { line: self.line, at: self.at, text });
        self.take(open, Kind::Code);
        self.take(inside, Kind::Text);
        self.take(close.min(self.text.len() - self.at), Kind::Code);
    }

    fn take(&mut self, bytes: usize, kind: Kind) {
        let taken = &self.text.as_bytes()[self.at..self.at + bytes];
        let blank = || taken.iter().map(|byte| if *byte == b'\n' { *byte } else { b' ' });
        match kind {
            Kind::Code => self.code.extend_from_slice(taken),
            Kind::Comment | Kind::Text => self.code.extend(blank()),
        }
        match kind {
            Kind::Comment => self.comments.extend_from_slice(taken),
            Kind::Code | Kind::Text => self.comments.extend(blank()),
        }
        self.line += taken.iter().filter(|byte| **byte == b'\n').count();
        self.at += bytes;
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Code,
    Comment,
    Text,
}

pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Bytes of a block comment, those nested in it included.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..rest.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Bytes before the quote that ends the string.
fn quoted(inside: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return at,
            _ => escaped = byte == b'\\' && !escaped,
        }
    }
    inside.len().saturating_sub(1)
}

/// The number of hashes when a raw string begins here.
fn raw_start(rest: &str) -> Option<usize> {
    let after = ["br", "cr", "r"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let quoted = after.trim_start_matches('#');
    quoted.starts_with('"').then_some(after.len() - quoted.len())
}

/// Bytes of a character literal, when it is one and no lifetime.
fn char_literal(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    if let Some(escaped) = inside.strip_prefix('\\') {
        let first = escaped.chars().next()?.len_utf8();
        return Some(2 + first + escaped[first..].find('\'')? + 1);
    }
    let first = inside.chars().next()?.len_utf8();
    inside[first..].starts_with('\'').then_some(1 + first + 1)
}

/// The line of a byte, from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Where `needle` stands as words of its own.
pub(crate) fn places(code: &str, needle: &str) -> Vec<usize> {
    let bytes = code.as_bytes();
    let edge = |inside: Option<&u8>, outside: Option<&u8>| {
        !(inside.is_some_and(|byte| is_word(*byte)) && outside.is_some_and(|byte| is_word(*byte)))
    };
    let found = code.match_indices(needle).map(|(at, _)| at);
    found
        .filter(|at| {
            let end = at + needle.len();
            edge(bytes.get(*at), at.checked_sub(1).and_then(|before| bytes.get(before)))
                && edge(bytes.get(end - 1), bytes.get(end))
        })
        .collect()
}

/// The end of the block whose `{` is at `open`, after its `}`.
pub(crate) fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// Where an item that starts at `at` has its `{`, or `None` when it ends with a `;`. Brackets in between are skipped.
fn body(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(at),
            b';' | b'}' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

pub(crate) fn functions(code: &str) -> Vec<Function> {
    let named = places(code, "fn").into_iter().filter_map(|at| {
        let name = word(code[at + 2..].trim_start());
        let open = body(code, at).filter(|_| !name.is_empty())?;
        let (line, last) = (line_of(code, at), line_of(code, block_end(code, open) - 1));
        Some(Function { name: name.to_owned(), line, lines: last - line + 1 })
    });
    named.collect()
}

fn word(text: &str) -> &str {
    let end = text.bytes().position(|byte| !is_word(byte)).unwrap_or(text.len());
    &text[..end]
}

/// The files that this one declares with `mod name;`.
pub(crate) fn modules(code: &str) -> Vec<Module> {
    let tests = test_parts(code);
    let declared = places(code, "mod").into_iter().filter_map(|at| {
        let rest = code[at + 3..].trim_start();
        let name = word(rest);
        let ends = rest[name.len()..].trim_start().starts_with(';');
        let test = tests.iter().any(|part| part.contains(&at));
        (ends && !name.is_empty()).then(|| Module { name: name.to_owned(), test })
    });
    declared.collect()
}

/// The items that only tests or fuzz targets compile, each from its `#[cfg(test)]` to its end.
pub(crate) fn test_parts(code: &str) -> Vec<Range<usize>> {
    let starts = code.match_indices("#[cfg(").filter(|(at, _)| {
        let line = code[*at..].lines().next().unwrap_or_default();
        ["test", "fuzzing"].iter().any(|of| !places(line, of).is_empty() && !line.contains(&format!("not({of}")))
    });
    let parts = starts.map(|(at, _)| {
        let end = match body(code, at + 1) {
            Some(open) => block_end(code, open),
            None => code[at..].find(';').map_or(code.len(), |length| at + length + 1),
        };
        at..end
    });
    parts.collect()
}
