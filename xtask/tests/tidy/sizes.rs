//! Ratchets: what is larger than it should be is listed with its present size, and may only shrink.

use crate::scan::functions;
use crate::tree::{Broken, Tree};

pub(crate) const FILE: &str = "A file has 400 lines at most: a longer one holds two things.";
pub(crate) const FUNCTION: &str = "A function has 70 lines at most: one is read at a glance.";
pub(crate) const FACE: &str = "A crate shows 20 public items at most in its lib.rs.";

const FILE_LINES: usize = 400;
/// What a program wrote, and a test holds against what it was made from: nobody reads it from end to end.
const MADE: &str = ".generated.ts";
const FUNCTION_LINES: usize = 70;
const FACE_ITEMS: usize = 20;

/// Tolerated, with the size they have: a path, `path::function`, or a crate's `lib.rs`.
type Tolerated = &'static [(&'static str, usize)];
const LONG_FILES: Tolerated = &[];
const LONG_FUNCTIONS: Tolerated = &[];
const WIDE_FACES: Tolerated = &[];

pub(crate) fn file(tree: &Tree) -> Vec<Broken> {
    let written = [".rs", ".ts", ".svelte", ".mjs"];
    let ours =
        tree.files.iter().filter(|(path, _)| written.iter().any(|end| path.ends_with(end)) && !path.ends_with(MADE));
    let sizes = ours.map(|(path, text)| Size { name: path.clone(), place: path.clone(), size: text.lines().count() });
    ratchet(sizes, FILE_LINES, LONG_FILES, "lines")
}

pub(crate) fn function(tree: &Tree) -> Vec<Broken> {
    let all = tree.rust.iter().flat_map(|file| functions(&file.scan.code).into_iter().map(move |it| (file, it)));
    let sizes = all.map(|(file, it)| Size {
        name: format!("{}::{}", file.path, it.name),
        place: format!("{}:{}", file.path, it.line),
        size: it.lines,
    });
    ratchet(sizes, FUNCTION_LINES, LONG_FUNCTIONS, "lines")
}

pub(crate) fn face(tree: &Tree) -> Vec<Broken> {
    let faces = tree.rust.iter().filter(|file| file.path.ends_with("src/lib.rs"));
    let sizes =
        faces.map(|file| Size { name: file.path.clone(), place: file.path.clone(), size: public_items(&file.shipped) });
    ratchet(sizes, FACE_ITEMS, WIDE_FACES, "public items")
}

struct Size {
    /// Its name in the list of what is tolerated.
    name: String,
    place: String,
    size: usize,
}

fn ratchet(sizes: impl Iterator<Item = Size>, bound: usize, tolerated: Tolerated, unit: &str) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut larger = Vec::new();
    for it in sizes.filter(|it| it.size > bound) {
        let known = tolerated.iter().find(|(name, _)| *name == it.name).map_or(bound, |(_, size)| *size);
        if it.size > known {
            broken.push(Broken::new(it.place, format!("{} {unit}, {known} are allowed", it.size)));
        }
        larger.push(it.name);
    }
    let cured = tolerated.iter().filter(|(name, _)| !larger.iter().any(|it| it == name));
    broken.extend(
        cured.map(|(name, _)| Broken::new(*name, "is cured: take it off the list in xtask/tests/tidy/sizes.rs")),
    );
    broken
}

/// The items that a crate's root shows: a `pub use` counts each name, a public module counts as one.
fn public_items(code: &str) -> usize {
    let mut items = 0;
    let mut depth = 0;
    let mut rest = code;
    while let Some(at) = rest.find(['{', '}', 'p']) {
        match rest.as_bytes()[at] {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ if depth == 0 && rest[at..].starts_with("pub ") && starts_line(&rest[..at]) => {
                let item = rest[at..].split(';').next().unwrap_or_default();
                items += if item.starts_with("pub use") { used_names(item) } else { 1 };
                if item.starts_with("pub use") {
                    rest = &rest[at + item.len()..];
                    continue;
                }
            }
            _ => {}
        }
        rest = &rest[at + 1..];
    }
    items
}

fn starts_line(before: &str) -> bool {
    before.rsplit('\n').next().unwrap_or_default().trim().is_empty()
}

/// Names in `pub use a::{b, c::{d, e}}`.
fn used_names(item: &str) -> usize {
    item.split([',', '{', '}']).filter(|name| !name.trim().is_empty() && !name.trim_end().ends_with("::")).count()
}
