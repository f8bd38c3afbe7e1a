//! The source tree in memory: what a check looks at. A bad example is a tree of a few lines.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use crate::manifest::{Crate, crates};
use crate::scan::{Literal, Scan, line_of, modules, places, scan, test_parts};

/// Folders of what is built or installed, wherever they are.
const BUILT: &[&str] = &["target", "node_modules", "dist", "data"];

/// A place where a sentence is broken.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Broken {
    pub(crate) place: String,
    pub(crate) what: String,
}

impl Broken {
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

pub(crate) struct Tree {
    /// Every file by its path from the root; what is no text is empty.
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) crates: Vec<Crate>,
    pub(crate) rust: Vec<Rust>,
}

/// A Rust file taken apart.
pub(crate) struct Rust {
    pub(crate) path: String,
    pub(crate) scan: Scan,
    /// The code that ships: without comments, texts and test modules.
    pub(crate) shipped: String,
    /// Whether all of it is for tests.
    pub(crate) test: bool,
    /// Whether a `mod` leads to it.
    pub(crate) reached: bool,
}

impl Tree {
    /// The repository that this test lies in.
    pub(crate) fn here() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root");
        let mut files = BTreeMap::new();
        read(root, "", &mut files);
        Self::of(files)
    }

    /// A tree of these files.
    pub(crate) fn of(files: BTreeMap<String, String>) -> Self {
        let crates = crates(&files);
        let mut rust: Vec<_> = files.iter().filter(|(path, _)| path.ends_with(".rs")).map(Rust::new).collect();
        reach(&files, &mut rust);
        Self { files, crates, rust }
    }

    /// The Rust files below one of these folders.
    pub(crate) fn rust_in<'a>(&'a self, folders: &'a [&str]) -> impl Iterator<Item = &'a Rust> {
        self.rust.iter().filter(|file| folders.iter().any(|folder| file.path.starts_with(folder)))
    }

    /// Whether this is a file or a folder of the tree.
    pub(crate) fn has(&self, path: &str) -> bool {
        let below = format!("{path}/");
        self.files.contains_key(path)
            || self.files.range(below.clone()..).next().is_some_and(|(at, _)| at.starts_with(&below))
    }
}

impl Rust {
    fn new((path, text): (&String, &String)) -> Self {
        let scan = scan(text);
        let shipped = without(&scan.code, false);
        // A suite that every engine of a seam must pass lies beside the seam.
        let test = path.contains("/tests/") || path.contains("/benches/") || path.ends_with("/conformance.rs");
        Self { path: path.clone(), scan, shipped, test, reached: false }
    }

    /// The name of the file without its folder.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Where the shipped code says one of `words`.
    pub(crate) fn says(&self, words: &[&str]) -> Vec<Broken> {
        if self.test { Vec::new() } else { self.found(&self.shipped, words) }
    }

    /// Where code that only tests run says one of `words`.
    pub(crate) fn says_in_tests(&self, words: &[&str]) -> Vec<Broken> {
        if self.test { self.found(&self.scan.code, words) } else { self.found(&without(&self.scan.code, true), words) }
    }

    /// Where `text`, one of this file's, says one of `words`.
    pub(crate) fn found(&self, text: &str, words: &[&str]) -> Vec<Broken> {
        let all = words.iter().flat_map(|word| places(text, word).into_iter().map(move |at| (at, word)));
        all.map(|(at, word)| self.at(line_of(text, at), *word)).collect()
    }

    /// The texts that ship.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Literal> {
        let tests = test_parts(&self.scan.code);
        let ships = move |text: &&Literal| !self.test && !tests.iter().any(|part| part.contains(&text.at));
        self.scan.strings.iter().filter(ships)
    }

    /// A broken sentence on a line of this file.
    pub(crate) fn at(&self, line: usize, what: impl Into<String>) -> Broken {
        Broken::new(format!("{}:{line}", self.path), what)
    }
}

/// The code without its test modules, or nothing but them.
fn without(code: &str, only_tests: bool) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut push = |part: &str, keep: bool| match keep {
        true => kept.push_str(part),
        false => kept.extend(part.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' })),
    };
    let mut at = 0;
    for part in test_parts(code).into_iter().filter(|part| part.start < part.end) {
        // A test item inside a test module was kept, or left out, with it.
        if part.start >= at {
            push(&code[at..part.start], !only_tests);
            push(&code[part.clone()], only_tests);
            at = part.end;
        }
    }
    push(&code[at..], !only_tests);
    kept
}

/// Reads the folder. Hidden ones hold nothing that a sentence speaks of.
fn read(root: &Path, folder: &str, files: &mut BTreeMap<String, String>) {
    let listed = fs::read_dir(root.join(folder)).expect("a folder of the repository can be listed");
    for entry in listed {
        let entry = entry.expect("a folder of the repository can be listed");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type().expect("the kind of a file is known");
        if kind.is_dir() && !name.starts_with('.') && !BUILT.contains(&name.as_str()) {
            read(root, &path, files);
        } else if kind.is_file() {
            // Another founder's editor may have removed it since.
            let bytes = fs::read(entry.path()).unwrap_or_default();
            files.insert(path, String::from_utf8(bytes).unwrap_or_default());
        }
    }
}

/// Follows `mod` from the roots of each crate, and takes note of what only tests lead to.
fn reach(files: &BTreeMap<String, String>, rust: &mut [Rust]) {
    let number: HashMap<String, usize> = rust.iter().enumerate().map(|(i, file)| (file.path.clone(), i)).collect();
    let mut open: Vec<(usize, bool)> = Vec::new();
    for (i, file) in rust.iter().enumerate() {
        if is_root(&file.path, files) {
            open.push((i, file.test));
        }
    }
    let mut seen = BTreeSet::new();
    while let Some((i, test)) = open.pop() {
        if !seen.insert(i) {
            continue;
        }
        rust[i].reached = true;
        rust[i].test |= test;
        let dir = children(&rust[i].path, is_root(&rust[i].path, files));
        for module in modules(&rust[i].scan.code) {
            let names = [format!("{dir}/{}.rs", module.name), format!("{dir}/{}/mod.rs", module.name)];
            open.extend(names.iter().filter_map(|name| number.get(name)).map(|child| (*child, test || module.test)));
        }
    }
}

/// Whether cargo starts a crate at this file.
fn is_root(path: &str, files: &BTreeMap<String, String>) -> bool {
    let parts: Vec<_> = path.split('/').collect();
    let starts = |depth: usize| {
        parts.len() > depth && files.contains_key(&format!("{}/Cargo.toml", parts[..parts.len() - depth].join("/")))
    };
    match parts[..] {
        [.., "build.rs"] => starts(1),
        [.., "src", "lib.rs" | "main.rs"] | [.., "tests" | "benches" | "examples", _] => starts(2),
        [.., "src", "bin", _] | [.., "tests" | "benches" | "examples", _, "main.rs"] => starts(3),
        _ => false,
    }
}

/// The folder in which the modules of this file lie.
fn children(path: &str, root: bool) -> &str {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    if root || path.ends_with("/mod.rs") { dir } else { path.trim_end_matches(".rs") }
}
