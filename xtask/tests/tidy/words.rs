//! What no source may say, and where what only one file may say is said.

use crate::scan::{block_end, line_of, places};
use crate::tree::{Broken, Tree};

pub(crate) const CLOCK: &str = "Nobody but kernel/src/clock.rs reads the wall clock: a `Clock` is passed in.";
pub(crate) const DICE: &str = "Nobody but kernel/src/entropy.rs rolls a die: an `Entropy` is passed in. \
    (A product may draw from a generator that it seeds by the event, so that the same event always sounds the same.)";
pub(crate) const BOUNDS: &str =
    "Every queue, cache, channel, body and retry has a bound, and the bound is in `limits.rs` or `mainspring.toml`.";
pub(crate) const LOOPS: &str = "Every loop runs on a signal and a timer, takes no input, and is safe to run twice.";
pub(crate) const STATICS: &str =
    "Two servers in one process stay two: nothing that they would share lives as long as the program.";
pub(crate) const SLEEPERS: &str = "A test waits for a signal; it never sleeps.";
pub(crate) const SECRET: &str = "A secret is a `Secret`: it has no `Display`, and its `Debug` prints `[secret]`.";
pub(crate) const DONE: &str =
    "What is committed is done: no to-do, no placeholder, no debugging, no test that is switched off.";
pub(crate) const DRAWERS: &str =
    "A file is named for what it holds, never for a drawer (util, helpers, common, types, manager).";

/// The folders of what ships.
pub(crate) const SHIPPED: &[&str] = &["kernel/", "platform/", "products/", "server/"];

const NOW: &[&str] = &[
    "SystemTime::now",
    "Utc::now",
    "Local::now",
    "Zoned::now",
    "Timestamp::now",
    "OffsetDateTime::now_utc",
    "OffsetDateTime::now_local",
    "UNIX_EPOCH.elapsed",
];
const DIE: &[&str] = &[
    "getrandom",
    "rand::rng",
    "rand::random",
    "thread_rng",
    "OsRng",
    "SysRng",
    "from_entropy",
    "from_os_rng",
    "fastrand",
    "rand_chacha",
    "Uuid::new_v4",
    "Uuid::now_v7",
    "Uuid::now_v6",
    "Uuid::now_v1",
];
/// ChaCha8 seeded by the SHA-256 of the delivery id: `docs/protocol/phrase.md`.
const SEEDED_BY_THE_EVENT: &str = "products/radio/src/model/dice.rs";

pub(crate) fn clock(tree: &Tree) -> Vec<Broken> {
    let files = tree.rust_in(SHIPPED).filter(|file| file.path != "kernel/src/clock.rs");
    files.flat_map(|file| file.found(&file.scan.code, NOW)).collect()
}

pub(crate) fn dice(tree: &Tree) -> Vec<Broken> {
    let allowed = ["kernel/src/entropy.rs", SEEDED_BY_THE_EVENT];
    let files = tree.rust_in(SHIPPED).filter(|file| !allowed.contains(&file.path.as_str()));
    let mut broken: Vec<_> = files.flat_map(|file| file.found(&file.scan.code, DIE)).collect();
    for file in tree.rust_in(&[SEEDED_BY_THE_EVENT]) {
        let dice = DIE.iter().copied().filter(|word| *word != "rand_chacha").collect::<Vec<_>>();
        broken.extend(file.says(&dice));
    }
    broken
}

pub(crate) fn bounds(tree: &Tree) -> Vec<Broken> {
    const UNBOUNDED: &[&str] = &["unbounded_channel", "unbounded(", "std::sync::mpsc", "DefaultBodyLimit::disable"];
    let mut broken = Vec::new();
    for file in tree.rust_in(SHIPPED) {
        broken.extend(file.says(UNBOUNDED));
        if file.test {
            continue;
        }
        for at in places(&file.shipped, "to_bytes(") {
            if first_statement(&file.shipped[at..]).contains("usize::MAX") {
                broken.push(file.at(line_of(&file.shipped, at), "reads a body without a bound"));
            }
        }
        for at in places(&file.shipped, "channel(") {
            let capacity = file.shipped[at + "channel(".len()..].trim_start();
            let digits: String = capacity.chars().take_while(|c| c.is_ascii_digit() || *c == '_').collect();
            // A channel for one thing needs no name for its bound; `watch::channel(0)` starts with a value.
            if !digits.is_empty() && digits != "0" && digits != "1" {
                broken
                    .push(file.at(line_of(&file.shipped, at), format!("the bound {digits} has no name in limits.rs")));
            }
        }
    }
    broken
}

fn first_statement(code: &str) -> &str {
    code.split(';').next().unwrap_or_default()
}

/// A task that goes on by itself (`spawn`ed, or a `loop` that sleeps) must be woken by something, and be told to end.
pub(crate) fn loops(tree: &Tree) -> Vec<Broken> {
    let signals = ["select!", "run_until_cancelled", "run_until_cancelled_owned", "cancelled(", "recv(", "notified("];
    let mut broken = Vec::new();
    for file in tree.rust_in(SHIPPED).filter(|file| !file.test) {
        broken.extend(file.says(&["thread::sleep", "std::thread::park"]));
        for at in places(&file.shipped, "loop") {
            let Some(open) = file.shipped[at..].find('{') else { continue };
            let inside = &file.shipped[at..block_end(&file.shipped, at + open)];
            let sleeps = !places(inside, "sleep(").is_empty() || !places(inside, ".tick(").is_empty();
            if sleeps && signals.iter().all(|signal| places(inside, signal).is_empty()) && !ends(inside) {
                broken.push(
                    file.at(line_of(&file.shipped, at), "a loop that only a timer drives, and that nothing ends"),
                );
            }
        }
    }
    broken
}

/// Whether the loop has a way out of its own.
fn ends(inside: &str) -> bool {
    !places(inside, "return").is_empty() || !places(inside, "break").is_empty()
}

pub(crate) fn statics(tree: &Tree) -> Vec<Broken> {
    let changing = ["LazyLock", "Mutex", "OnceLock", "RwLock"];
    let mut broken = Vec::new();
    for file in tree.rust_in(SHIPPED).filter(|file| !file.test) {
        broken.extend(file.says(&["static mut"]));
        for at in places(&file.shipped, "static").into_iter().filter(|at| !file.shipped[..*at].ends_with('\'')) {
            let kind = first_statement(&file.shipped[at..]).split('=').next().unwrap_or_default();
            let changes = changing.iter().any(|word| !places(kind, word).is_empty()) || kind.contains("Atomic");
            if kind.contains(':') && changes {
                broken.push(file.at(line_of(&file.shipped, at), kind.trim()));
            }
        }
    }
    broken
}

pub(crate) fn sleepers(tree: &Tree) -> Vec<Broken> {
    let mut broken: Vec<_> =
        tree.rust.iter().flat_map(|file| file.says_in_tests(&["sleep(", "sleep_until("])).collect();
    for (path, text) in tree.files.iter().filter(|(path, _)| is_script_of_tests(path)) {
        for word in ["waitForTimeout(", "setTimeout(resolve", "timers/promises"] {
            let lines = text.lines().enumerate().filter(|(_, line)| line.contains(word));
            broken.extend(lines.map(|(i, _)| Broken::new(format!("{path}:{}", i + 1), word)));
        }
    }
    broken
}

fn is_script_of_tests(path: &str) -> bool {
    path.ends_with(".test.ts")
        || path.starts_with("e2e/") && [".mjs", ".ts", ".js"].iter().any(|end| path.ends_with(end))
}

pub(crate) fn secret(tree: &Tree) -> Vec<Broken> {
    let mut broken = Vec::new();
    let log = ["trace!", "debug!", "info!", "warn!", "error!", "span!", "println!", "panic!", "Problem::"];
    for file in tree.rust_in(SHIPPED) {
        for name in ["Secret", "SealKey"] {
            let code = &file.scan.code;
            for at in places(code, "Display for") {
                let shown = first_statement(&code[at..]).split('{').next().unwrap_or_default();
                if !places(shown, name).is_empty() {
                    broken.push(file.at(line_of(code, at), format!("gives {name} a Display")));
                }
            }
            for at in places(code, &format!("struct {name}")) {
                let before = code[..at].rsplit(['}', ';']).next().unwrap_or_default();
                if !places(before, "Debug").is_empty() || !places(before, "Serialize").is_empty() {
                    broken.push(file.at(line_of(code, at), format!("{name} derives what shows it")));
                }
            }
        }
        for at in places(&file.shipped, ".expose()") {
            let statement = file.shipped[..at].rsplit([';', '{', '}']).next().unwrap_or_default();
            if log.iter().any(|log| !places(statement, log).is_empty()) {
                broken.push(file.at(line_of(&file.shipped, at), "an exposed secret in a log line or an error"));
            }
        }
    }
    broken
}

pub(crate) fn done(tree: &Tree) -> Vec<Broken> {
    let mut broken = Vec::new();
    for file in &tree.rust {
        broken.extend(file.found(&file.scan.code, &["todo!", "unimplemented!", "dbg!", "#[ignore"]));
        broken.extend(file.found(&file.scan.comments, &["TODO", "FIXME"]));
    }
    let others = [".ts", ".svelte", ".css", ".html", ".mjs", ".js", ".toml", ".sh", ".yml", ".yaml"];
    for (path, text) in tree.files.iter().filter(|(path, _)| others.iter().any(|end| path.ends_with(end))) {
        for word in ["TODO", "FIXME", "debugger;", "it.only(", "test.only(", "it.skip(", "test.skip("] {
            let found = places(text, word).into_iter();
            broken.extend(found.map(|at| Broken::new(format!("{path}:{}", line_of(text, at)), word)));
        }
    }
    broken
}

pub(crate) fn drawers(tree: &Tree) -> Vec<Broken> {
    const NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "types", "manager", "managers", "misc"];
    let mut broken = Vec::new();
    for path in tree.files.keys().filter(|path| path.contains('/')) {
        // The name of the file up to its first dot, and the folder it lies in.
        let mut parts = path.rsplit('/').take(2).map(|part| part.split('.').next().unwrap_or_default());
        if parts.any(|part| NAMES.contains(&part)) {
            broken.push(Broken::new(path, "say what it holds"));
        }
    }
    broken
}
