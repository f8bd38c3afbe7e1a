//! What must be there: promises, order, settings, links; and nothing that leads nowhere.

use std::collections::BTreeSet;

use crate::manifest::{Place, beside};
use crate::scan::{block_end, line_of, places};
use crate::tree::{Broken, Tree};

pub(crate) const PROMISE: &str = "Each part has a README with its promise: a line that begins with `**Promise:**`.";
pub(crate) const SORTED: &str =
    "The list of all sources, or of all providers, is sorted: two branches that add to it rarely meet.";
pub(crate) const SETTINGS: &str = "Every setting is in mainspring.toml with its default, and is a field of server/src/config.rs or of a file in server/src/config/.";
pub(crate) const DEAD: &str = "Every source file is reached by a `mod`.";
pub(crate) const LINKS: &str = "A link in a document leads to a file that is there.";
pub(crate) const MAP: &str = "The root listing is the architecture: each folder is in the code map of ARCHITECTURE.md.";
pub(crate) const LOCKS: &str = "A package-lock.json names versions and checksums, not the place they came from.";

pub(crate) fn promise(tree: &Tree) -> Vec<Broken> {
    let parts = tree.crates.iter().filter(|it| matches!(it.place, Place::Kernel | Place::Platform | Place::Product));
    let mut broken = Vec::new();
    for part in parts {
        let readme = format!("{}/README.md", part.dir);
        match tree.files.get(&readme) {
            None => broken.push(Broken::new(readme, "is missing")),
            Some(text) if !text.lines().any(|line| line.starts_with("**Promise:**")) => {
                broken.push(Broken::new(readme, "has no line that begins with **Promise:**"));
            }
            Some(_) => {}
        }
    }
    broken
}

pub(crate) fn sorted(tree: &Tree) -> Vec<Broken> {
    let mut broken = Vec::new();
    let lists = ["/sources/mod.rs", "/providers/mod.rs"];
    for file in tree.rust.iter().filter(|file| lists.iter().any(|list| file.path.ends_with(list))) {
        for at in places(&file.scan.code, "const ALL") {
            let Some(equals) = file.scan.code[at..].find('=').map(|equals| at + equals) else { continue };
            let items = file.scan.code[equals..].split(';').next().unwrap_or_default();
            let items = items.trim_start_matches(['=', ' ', '\n', '&', '[']).trim_end().trim_end_matches(']');
            let items: Vec<_> = items.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
            if let Some(pair) = items.windows(2).find(|pair| pair[0] > pair[1]) {
                broken.push(file.at(line_of(&file.scan.code, at), format!("{} stands before {}", pair[0], pair[1])));
            }
        }
    }
    broken
}

pub(crate) fn settings(tree: &Tree) -> Vec<Broken> {
    const FILE: &str = "mainspring.toml";
    const CODE: &str = "server/src/config.rs";
    let Some(file) = tree.files.get(FILE).filter(|_| tree.has(CODE)) else { return Vec::new() };
    // A section that has much to say has a file of its own beside it.
    let code: String = tree.rust_in(&[CODE, "server/src/config/"]).map(|it| it.scan.code.as_str()).collect();
    let written: toml::Table = file.parse().unwrap_or_else(|error| panic!("{FILE}: {error}"));
    let mut in_file = BTreeSet::new();
    for (section, keys) in &written {
        let keys = keys.as_table().into_iter().flat_map(toml::Table::keys);
        in_file.extend(keys.map(|key| format!("{section}.{key}")));
    }
    let mut in_code = BTreeSet::new();
    for (section, kind) in fields(&code, "Config") {
        in_code.extend(fields(&code, &kind).into_iter().map(|(key, _)| format!("{section}.{key}")));
    }
    let only = |of: &BTreeSet<String>, not: &BTreeSet<String>, place: &str, what: &str| {
        of.difference(not).map(|key| Broken::new(place, format!("{key} {what}"))).collect::<Vec<_>>()
    };
    let mut broken = only(&in_file, &in_code, FILE, "is read nowhere");
    broken.extend(only(&in_code, &in_file, CODE, "has no line in mainspring.toml"));
    broken
}

/// The public fields of a struct, with their types.
fn fields(code: &str, name: &str) -> Vec<(String, String)> {
    let head = format!("struct {name} ");
    let Some(at) = code.find(&head) else { return Vec::new() };
    let Some(open) = code[at..].find('{').map(|open| at + open) else { return Vec::new() };
    let lines = code[open..block_end(code, open)].lines().map(str::trim);
    let field = |line: &str| {
        let rest = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub "))?;
        let (name, kind) = rest.split_once(':')?;
        Some((name.trim().to_owned(), kind.trim().trim_end_matches(',').to_owned()))
    };
    lines.filter_map(field).collect()
}

pub(crate) fn dead(tree: &Tree) -> Vec<Broken> {
    let unreached = tree.rust.iter().filter(|file| !file.reached);
    unreached.map(|file| Broken::new(&file.path, "no `mod` leads here")).collect()
}

pub(crate) fn links(tree: &Tree) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (path, text) in tree.files.iter().filter(|(path, _)| path.ends_with(".md")) {
        let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
        for (line, target) in local_links(text) {
            let target = target.split('#').next().unwrap_or_default();
            let meant = target.strip_prefix('/').map_or_else(|| beside(dir, target), |rooted| beside("", rooted));
            if !meant.is_empty() && !tree.has(&meant) {
                broken.push(Broken::new(format!("{path}:{line}"), format!("there is no {meant}")));
            }
        }
    }
    broken
}

/// The targets of `[text](target)` outside code, by line. Addresses, and names of Rust items, are not looked at.
fn local_links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    let mut fenced = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between backticks is code; a link may have code in its text, so the `](` decides.
        let starts = line.match_indices("](").filter(|(at, _)| line[..*at].matches('`').count() % 2 == 0);
        for (at, _) in starts {
            let rest = &line[at + 2..];
            let target = rest[..rest.find(')').unwrap_or(rest.len())].split(' ').next().unwrap_or_default();
            if !target.contains("::") && !target.contains(':') && !target.starts_with('#') {
                links.push((i + 1, target));
            }
        }
    }
    links
}

pub(crate) fn map(tree: &Tree) -> Vec<Broken> {
    let Some(architecture) = tree.files.get("ARCHITECTURE.md") else { return Vec::new() };
    let folders: BTreeSet<_> =
        tree.files.keys().filter_map(|path| path.split_once('/')).map(|(folder, _)| folder).collect();
    let unnamed = folders.into_iter().filter(|folder| !architecture.contains(&format!("{folder}/")));
    unnamed.map(|folder| Broken::new(format!("{folder}/"), "is not in the code map")).collect()
}

pub(crate) fn locks(tree: &Tree) -> Vec<Broken> {
    let locks = tree.files.iter().filter(|(path, _)| path.ends_with("package-lock.json"));
    let resolved = locks.filter_map(|(path, text)| {
        let lines: Vec<_> = text.lines().enumerate().filter(|(_, line)| line.contains("\"resolved\":")).collect();
        let (first, _) = lines.first()?;
        Some(Broken::new(format!("{path}:{}", first + 1), format!("{} addresses", lines.len())))
    });
    resolved.collect()
}
