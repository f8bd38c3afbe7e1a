//! The crates of the workspace as their manifests tell.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// Where a crate stands; an arrow points to a place that is not further right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Kernel,
    Platform,
    Product,
    Server,
    /// What the others are built and tested with.
    Tool,
}

pub(crate) struct Crate {
    /// The folder, such as `platform/store`.
    pub(crate) dir: String,
    /// What other crates write in their code.
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) needs: Vec<Need>,
}

/// A dependency.
pub(crate) struct Need {
    /// The folder of a crate of this workspace, or the name of one from outside.
    pub(crate) on: String,
    pub(crate) here: bool,
    /// Whether only tests need it.
    pub(crate) dev: bool,
    pub(crate) features: Vec<String>,
}

impl Crate {
    pub(crate) fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.dir)
    }

    /// What the shipped crate needs.
    pub(crate) fn ships_with(&self) -> impl Iterator<Item = &Need> {
        self.needs.iter().filter(|need| !need.dev)
    }
}

/// The crates whose manifests are among the files.
pub(crate) fn crates(files: &BTreeMap<String, String>) -> Vec<Crate> {
    let parse = |path: &str, text: &str| text.parse::<Table>().unwrap_or_else(|error| panic!("{path}: {error}"));
    let root = files.get("Cargo.toml").map(|text| parse("Cargo.toml", text)).unwrap_or_default();
    let shared = table(&root, &["workspace", "dependencies"]);
    let manifests =
        files.iter().filter_map(|(path, text)| Some((path.strip_suffix("/Cargo.toml")?, parse(path, text))));
    manifests.filter(|(_, manifest)| manifest.contains_key("package")).map(|(dir, it)| one(dir, &it, &shared)).collect()
}

fn one(dir: &str, manifest: &Table, shared: &Table) -> Crate {
    let named =
        |section| table(manifest, &[section]).get("name").and_then(Value::as_str).map(|name| name.replace('-', "_"));
    let name = named("lib").or_else(|| named("package")).unwrap_or_default();
    let mut needs = needs_of(manifest, dir, shared);
    for target in table(manifest, &["target"]).values().filter_map(Value::as_table) {
        needs.extend(needs_of(target, dir, shared));
    }
    Crate { dir: dir.to_owned(), name, place: place(dir), needs }
}

fn place(dir: &str) -> Place {
    match dir.split('/').next().unwrap_or_default() {
        "kernel" => Place::Kernel,
        "platform" => Place::Platform,
        "products" => Place::Product,
        "server" => Place::Server,
        _ => Place::Tool,
    }
}

fn needs_of(manifest: &Table, dir: &str, shared: &Table) -> Vec<Need> {
    let mut needs = Vec::new();
    for (section, dev) in [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)] {
        for (key, own) in &table(manifest, &[section]) {
            let common = shared.get(key).filter(|_| own.get("workspace").is_some());
            let text = |field| common.and_then(|it| it.get(field)).or_else(|| own.get(field)).and_then(Value::as_str);
            let path = match common {
                Some(common) => common.get("path").and_then(Value::as_str).map(|path| beside("", path)),
                None => own.get("path").and_then(Value::as_str).map(|path| beside(dir, path)),
            };
            let features = [common, Some(own)].into_iter().flatten().filter_map(|it| it.get("features")?.as_array());
            let features = features.flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            let here = path.is_some();
            let on = path.unwrap_or_else(|| text("package").unwrap_or(key).to_owned());
            needs.push(Need { on, here, dev, features });
        }
    }
    needs
}

fn table(manifest: &Table, path: &[&str]) -> Table {
    let mut at = manifest;
    for name in path {
        match at.get(*name).and_then(Value::as_table) {
            Some(inner) => at = inner,
            None => return Table::new(),
        }
    }
    at.clone()
}

/// The path that `relative` means in the folder `dir`, with `.` and `..` resolved.
pub(crate) fn beside(dir: &str, relative: &str) -> String {
    let mut parts: Vec<_> = dir.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
