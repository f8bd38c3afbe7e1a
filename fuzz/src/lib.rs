//! What the targets share: how they take an input apart, and the memory that they grant.
//!
//! A target is a file in `src/bin/`; what it holds true is its first lines. Inputs are readable wherever that is possible, so
//! that a kept one tells what it tries.

use http::{HeaderMap, HeaderName, HeaderValue};
use peak_alloc::PeakAlloc;

/// Counts what Rust code allocates; the fuzzer itself has another allocator.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Does something that may hold so many bytes at a time, beside what is held already.
///
/// # Panics
/// When it holds more.
pub fn within<T>(most: usize, what: impl FnOnce() -> T) -> T {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let done = what();
    let held = HEAP.peak_usage().saturating_sub(before);
    assert!(held <= most, "{held} bytes were held, {most} are granted");
    done
}

/// An input, taken apart from its beginning.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// The next byte; 0 at the end.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// The next bytes; zeros after the end.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// One of these, by the next byte.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'b, T>(&mut self, from: &'b [T]) -> &'b T {
        &from[usize::from(self.byte()) % from.len()]
    }

    /// A number of two bytes, around zero.
    pub fn number(&mut self) -> i64 {
        i64::from(i16::from_be_bytes(self.bytes()))
    }

    /// Up to the next line break, which is taken too; all there is where there is none.
    pub fn line(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == b'\n').unwrap_or(self.0.len());
        let line = &self.0[..end];
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        line
    }

    /// A line as text; empty where it is none.
    pub fn text(&mut self) -> &'a str {
        std::str::from_utf8(self.line()).unwrap_or_default()
    }

    /// `name: value` a line up to an empty one. What cannot be a header is left out: no server would hand it on.
    pub fn headers(&mut self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        while !self.0.is_empty() {
            let line = self.line();
            if line.is_empty() {
                break;
            }
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let name = HeaderName::from_bytes(&line[..colon]);
            let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
            if let (Ok(name), Ok(value)) = (name, value) {
                headers.append(name, value);
            }
        }
        headers
    }
}
