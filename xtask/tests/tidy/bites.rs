//! Every check refuses a tree that breaks its sentence, and takes the same tree once it is mended.

use std::collections::BTreeMap;

use crate::EVERY;
use crate::tree::Tree;

/// A check by its name, a file that breaks its sentence, where it says so, and the file mended.
struct Bite {
    check: &'static str,
    path: &'static str,
    bad: &'static str,
    line: usize,
    good: &'static str,
}

const fn bite(check: &'static str, path: &'static str, line: usize, bad: &'static str, good: &'static str) -> Bite {
    Bite { check, path, bad, line, good }
}

/// What the bad files stand in.
const AROUND: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        "[workspace.dependencies]\nkernel = { path = \"kernel\" }\nbus = { path = \"platform/bus\" }\nstore = { path = \"platform/store\" }\n\
         chat = { path = \"products/chat\" }\nradio = { path = \"products/radio\" }\ntestkit = { path = \"testkit\" }\n\
         hyper-util = { version = \"0.1\", features = [\"client-legacy\"] }",
    ),
    ("kernel/Cargo.toml", "[package]\nname = \"kernel\""),
    ("kernel/README.md", "**Promise:** little."),
    ("kernel/src/lib.rs", ""),
    ("platform/bus/Cargo.toml", "[package]\nname = \"bus\""),
    ("platform/bus/README.md", "**Promise:** carries."),
    ("platform/store/Cargo.toml", "[package]\nname = \"store\""),
    ("platform/store/README.md", "**Promise:** keeps."),
    ("products/chat/Cargo.toml", "[package]\nname = \"chat\""),
    ("products/chat/README.md", "**Promise:** talks."),
    ("products/radio/Cargo.toml", "[package]\nname = \"radio\""),
    ("products/radio/README.md", "**Promise:** plays."),
    ("testkit/Cargo.toml", "[package]\nname = \"testkit\""),
    ("server/Cargo.toml", "[package]\nname = \"server\""),
    ("server/src/main.rs", "mod products;"),
    ("server/src/products.rs", "fn all() { vec![chat::product(), radio::product()] }"),
    (
        "server/src/config.rs",
        "pub struct Config {\n    pub log: Log,\n}\npub struct Log {\n    pub level: String,\n}\n",
    ),
    ("mainspring.toml", "[log]\nlevel = \"info\""),
    ("ARCHITECTURE.md", "`kernel/` `platform/` `products/` `server/` `testkit/` `console/` `e2e/` `docs/`"),
];

const BUS: &str = "platform/bus/Cargo.toml";
const LIB: &str = "platform/bus/src/lib.rs";

#[rustfmt::skip]
const ARROWS: &[Bite] = &[
    bite("left", BUS, 0, "[package]\nname = \"bus\"\n[dev-dependencies]\nchat.workspace = true", "[package]\nname = \"bus\"\n[dev-dependencies]\ntestkit.workspace = true"),
    bite("left", BUS, 0, "[package]\nname = \"bus\"\n[dependencies]\ntestkit = { path = \"../../testkit\" }", "[package]\nname = \"bus\"\n[dependencies]\nkernel.workspace = true"),
    bite("platform", BUS, 0, "[package]\nname = \"bus\"\n[target.'cfg(unix)'.dependencies]\nstore.workspace = true", "[package]\nname = \"bus\"\n[dependencies]\nkernel.workspace = true"),
    bite("platform", "platform/novelty/Cargo.toml", 0, "[package]\nname = \"novelty\"", ""),
    bite("products", "products/chat/Cargo.toml", 0, "[package]\nname = \"chat\"\n[dev-dependencies]\nradio.workspace = true", "[package]\nname = \"chat\""),
    bite("products", "products/chat/web/main.ts", 1, "import { play } from \"../../radio/web/player\";", "import { ask } from \"@console/shared/api\";\nimport { a } from \"./a\";"),
    bite("server", "server/src/products.rs", 1, "fn all() { vec![chat::product(), radio::product(), chat::more()] }", "fn all() { vec![chat::product(), radio::product()] }"),
    bite("server", "server/src/products.rs", 0, "fn all() { vec![chat::product()] }", "fn all() { vec![chat::product(), radio::product()] }"),
    bite("server", "server/src/main.rs", 1, "use radio::model;", "use house::radio;"),
    bite("server", "server/src/main.rs", 1, "mod products; const PAGE: &str = \"/radio\";", "mod products; const PAGE: &str = \"/radios\";"),
    bite("server", "testkit/Cargo.toml", 0, "[package]\nname = \"testkit\"\n[dependencies]\nradio.workspace = true", "[package]\nname = \"testkit\""),
    bite("kernel", "kernel/Cargo.toml", 0, "[package]\nname = \"kernel\"\n[dependencies]\ntokio = \"1\"", "[package]\nname = \"kernel\"\n[dev-dependencies]\ntokio = \"1\""),
    bite("kernel", "kernel/src/lib.rs", 1, "use std::fs;", "use std::fmt;"),
    bite("client", BUS, 0, "[package]\nname = \"bus\"\n[dependencies]\nhyper-util.workspace = true", "[package]\nname = \"bus\"\n[dependencies]\nhyper-util = { version = \"0.1\", features = [\"server\"] }"),
    bite("client", LIB, 1, "fn f() { TcpStream::connect(a); }", "#[cfg(test)] mod tests { fn f() { TcpStream::connect(a); } }"),
    bite("engine", BUS, 0, "[package]\nname = \"bus\"\n[dependencies]\nlite = { package = \"rusqlite\", version = \"1\" }", "[package]\nname = \"bus\""),
    bite("engine", "platform/bus/src/store.rs", 2, "\nfn f() { store.write(async |tx| {}) }", "fn f(tx: &mut Tx) {}"),
];

#[rustfmt::skip]
const WORDS: &[Bite] = &[
    bite("clock", LIB, 1, "fn f() { SystemTime::now(); }", "fn f() { clock.now_ms(); } // SystemTime::now"),
    bite("dice", LIB, 1, "fn f() { rand::rng(); }", "fn f(entropy: &Entropy) { entropy.u64(); }"),
    bite("dice", "products/radio/src/model/dice.rs", 1, "fn f() { rand_chacha::x(); thread_rng(); }", "fn f() { rand_chacha::x(); }"),
    bite("bounds", LIB, 1, "fn f() { mpsc::unbounded_channel(); }", "#[cfg(test)] fn f() { mpsc::unbounded_channel(); }"),
    bite("bounds", LIB, 1, "#[cfg(not(fuzzing))] fn f() { mpsc::unbounded_channel(); }", "#[cfg(fuzzing)] fn f() { mpsc::unbounded_channel(); }"),
    bite("bounds", LIB, 1, "fn f() { mpsc::channel(64); }", "fn f() { mpsc::channel(limits::WAITING); oneshot::channel(); watch::channel(0); }"),
    bite("bounds", LIB, 1, "fn f() { to_bytes(body, usize::MAX); }", "fn f() { to_bytes(body, limits::BODY); }"),
    bite("loops", LIB, 2, "\nfn f() { loop { work(); sleep(EVERY).await; } }", "fn f() { loop { tokio::select! { () = stop.cancelled() => return, () = sleep(EVERY) => {} } } }"),
    bite("loops", LIB, 1, "fn f() { std::thread::sleep(A); }", ""),
    bite("statics", LIB, 1, "static SEEN: OnceLock<u8> = OnceLock::new();", "static NAME: &str = \"bus\";\nfn f(a: &'static Mutex<u8>) {}"),
    bite("sleepers", LIB, 3, "\n#[cfg(test)]\nmod tests { fn f() { tokio::time::sleep(A); } }", "fn f() { tokio::time::sleep(A); }"),
    bite("sleepers", "e2e/web/page.mjs", 1, "await page.waitForTimeout(500);", "await page.waitForSelector('h1');"),
    bite("secret", LIB, 1, "impl fmt::Display for kernel::Secret {}", "impl fmt::Display for SecretShown {}"),
    bite("secret", LIB, 2, "#[derive(Clone, Debug)]\npub struct Secret(String);", "#[derive(Debug)]\npub struct Known(u8);\n#[derive(Clone)]\npub struct Secret(String);"),
    bite("secret", LIB, 1, "fn f() { tracing::info!(\"{}\", secret.expose()); }", "fn f() { tracing::info!(\"x\"); mac(secret.expose()); }"),
    bite("done", LIB, 1, "fn f() { todo!() }", "fn f() { \"todo!()\" }"),
    bite("done", LIB, 1, "// FIXME: later", "// A fixme is not one."),
    bite("done", LIB, 1, "#[ignore = \"slow\"]", "#[expect(x)]"),
    bite("done", "console/src/a.test.ts", 1, "it.only(\"x\")", "it(\"x\")"),
    bite("drawers", "console/src/utils/money.ts", 0, "export {}", ""),
    bite("drawers", "console/src/helpers.test.ts", 0, "export {}", ""),
];

#[rustfmt::skip]
const REST: &[Bite] = &[
    bite("layers", "products/chat/src/http.rs", 1, "const A: &str = \"SELECT 1\";", "const A: &str = \"Select one.\";"),
    bite("layers", "products/chat/src/store.rs", 1, "use axum::Json;", "use store::Tx;"),
    bite("layers", "products/chat/src/model/rooms.rs", 1, "use store::Tx;", "use serde::Serialize;"),
    bite("states", "platform/bus/src/state.rs", 1, "async fn f() {}", "fn f(now_ms: i64) {}"),
    bite("portable", LIB, 1, "const A: &str = \"INSERT OR IGNORE INTO a\";", "const A: &str = \"INSERT INTO a VALUES ($1) ON CONFLICT DO NOTHING\";"),
    bite("portable", LIB, 1, "const A: &str = \"SELECT a FROM b WHERE c = ?1\";", "const A: &str = \"Is this a question?\";"),
    bite("requests", "products/chat/src/http.rs", 1, "fn f() { tokio::spawn(later()); }", "fn f() { jobs.enqueue(tx); }"),
    bite("promise", "products/chat/README.md", 0, "# chat\n\nIt promises nothing.", "**Promise:** talks."),
    bite("sorted", "platform/webhooks/src/sources/mod.rs", 1, "pub const ALL: &[Source] = &[slack::SOURCE, github::SOURCE];", "pub const ALL: &[Source] = &[\n    github::SOURCE,\n    slack::SOURCE,\n];"),
    bite("settings", "mainspring.toml", 0, "[log]\nlevel = \"info\"\nformat = \"text\"", "[log]\nlevel = \"info\""),
    bite("settings", "mainspring.toml", 0, "[log]", "[log]\nlevel = \"info\""),
    bite("dead", "kernel/src/lost.rs", 0, "fn f() {}", ""),
    bite("links", "docs/a.md", 3, "[a](../kernel/README.md#b)\n\n[gone](gone.md)", "[a](../kernel/README.md#b) [root](/server) [item](crate::Item) `[code](x.md)` [out](mailto:x)"),
    bite("map", "novelty/a.md", 0, "a", ""),
    bite("locks", "console/package-lock.json", 2, "{\n\"resolved\": \"somewhere\"}", "{\n\"version\": \"1\"}"),
];

#[test]
fn each_check_refuses_what_breaks_its_sentence() {
    for it in ARROWS.iter().chain(WORDS).chain(REST) {
        let found = broken(it.check, it.path, it.bad);
        let place = if it.line == 0 { String::new() } else { format!("{}:{}", it.path, it.line) };
        let bitten = found.iter().any(|at| if it.line == 0 { !at.is_empty() } else { *at == place });
        assert!(bitten, "{} must refuse {} at {place:?}; it found {found:?}\n{}", it.check, it.path, it.bad);
    }
}

#[test]
fn each_check_takes_the_mended_tree() {
    for it in ARROWS.iter().chain(WORDS).chain(REST) {
        let found = if it.good.is_empty() { Vec::new() } else { broken(it.check, it.path, it.good) };
        assert!(found.is_empty(), "{} must take {}; it found {found:?}\n{}", it.check, it.path, it.good);
    }
}

#[test]
fn each_check_takes_the_tree_around() {
    for (name, _, check) in EVERY {
        let found = check(&tree("docs/a.md", ""));
        let found: Vec<_> = found.into_iter().filter(|it| *name != "dead" || it.place.starts_with("kernel")).collect();
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn sizes_bite_and_are_ratchets() {
    let long = "// a line\n".repeat(401);
    assert_eq!(broken("file", LIB, &long), [LIB]);
    assert!(broken("file", LIB, &long[10..]).is_empty());
    assert_eq!(broken("file", "clients/typescript/src/api.ts", &long), ["clients/typescript/src/api.ts"]);
    assert!(broken("file", "clients/typescript/src/api.generated.ts", &long).is_empty());
    let function = |lines: usize| format!("\nfn f() {{\n{}}}\n", "    a();\n".repeat(lines - 2));
    assert_eq!(broken("function", LIB, &function(71)), [format!("{LIB}:2")]);
    assert!(broken("function", LIB, &function(70)).is_empty());
    let face = |names: usize| {
        format!("pub use a::{{b::{{{}}}, last}};\nfn private() {{ pub(crate) fn x() {{}} }}\n", "n, ".repeat(names - 1))
    };
    assert_eq!(broken("face", LIB, &face(21)), [LIB]);
    assert!(broken("face", LIB, &face(20)).is_empty());
}

#[test]
fn every_check_is_shown_to_bite() {
    let sizes = ["file", "function", "face"];
    let shown: Vec<_> = ARROWS.iter().chain(WORDS).chain(REST).map(|it| it.check).chain(sizes).collect();
    let toothless: Vec<_> = EVERY.iter().map(|(name, ..)| *name).filter(|name| !shown.contains(name)).collect();
    assert!(toothless.is_empty(), "{toothless:?}");
}

/// The tree around with this file in it.
fn tree(path: &str, text: &str) -> Tree {
    let around = AROUND.iter().copied().chain([(path, text)]);
    Tree::of(around.map(|(path, text)| (path.to_owned(), text.to_owned())).collect::<BTreeMap<_, _>>())
}

/// The places that a check finds broken.
fn broken(check: &str, path: &str, text: &str) -> Vec<String> {
    let found = EVERY.iter().find(|(name, ..)| *name == check);
    let (_, _, check) = found.unwrap_or_else(|| panic!("there is no {check}"));
    check(&tree(path, text)).into_iter().map(|it| it.place).collect()
}
