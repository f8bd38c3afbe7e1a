//! What each kind of file knows: handlers, stores, models, states; and the SQL that every engine reads.

use crate::scan::places;
use crate::tree::{Broken, Rust, Tree};
use crate::words::SHIPPED;

pub(crate) const LAYERS: &str = "Handlers hold no SQL, stores hold no HTTP, models hold neither.";
pub(crate) const STATES: &str = "The state machine of a part is pure: no clock, no SQL, no async.";
pub(crate) const PORTABLE: &str = "One SQL text serves both engines: what only one of them reads is in platform/store (times and ids come from the caller).";
pub(crate) const REQUESTS: &str = "Nothing is done in reaction to a request that can be done in reaction to the log.";

const HTTP: &[&str] = &["axum", "http::", "hyper", "StatusCode", "HeaderMap", "IntoResponse", "Problem"];
const ENGINE: &[&str] = &["store::", "rusqlite", "Tx", "tokio"];

pub(crate) fn layers(tree: &Tree) -> Vec<Broken> {
    let mut broken = Vec::new();
    for file in tree.rust_in(SHIPPED).filter(|file| !file.path.starts_with("platform/store/")) {
        let is = |noun: &str| file.name() == format!("{noun}.rs") || file.path.contains(&format!("/src/{noun}/"));
        if is("http") {
            broken.extend(sql(file, "SQL in a handler"));
        }
        if is("store") {
            broken.extend(file.says(HTTP));
        }
        if is("model") {
            broken.extend(sql(file, "SQL in a model"));
            broken.extend(file.says(HTTP));
            broken.extend(file.says(ENGINE));
        }
    }
    broken
}

pub(crate) fn states(tree: &Tree) -> Vec<Broken> {
    let mut broken = Vec::new();
    for file in tree.rust_in(&["platform/", "products/"]).filter(|file| file.name() == "state.rs") {
        broken.extend(sql(file, "SQL in a state machine"));
        broken.extend(file.says(&["Clock", "Instant", "Entropy", "async", "await"]));
        broken.extend(file.says(HTTP));
        broken.extend(file.says(ENGINE));
    }
    broken
}

pub(crate) fn portable(tree: &Tree) -> Vec<Broken> {
    const DIALECT: &[&str] = &[
        "now()",
        "NOW()",
        "datetime(",
        "strftime",
        "julianday",
        "unixepoch",
        "CURRENT_TIMESTAMP",
        "INSERT OR",
        "REPLACE INTO",
        "AUTOINCREMENT",
        "IFNULL(",
        "GLOB",
        "PRAGMA",
        "sqlite_master",
        "WITHOUT ROWID",
        "random()",
    ];
    let mut broken = Vec::new();
    for file in tree.rust_in(SHIPPED).filter(|file| !file.path.starts_with("platform/store/")) {
        for text in file.texts() {
            let here = |what: &str| file.at(text.line, what);
            broken.extend(DIALECT.iter().filter(|word| !places(&text.text, word).is_empty()).map(|word| here(word)));
            if is_sql(&text.text) && text.text.contains("?") {
                broken.push(here("a parameter is `$1`, not `?`"));
            }
        }
    }
    broken
}

/// A handler answers; what must go on after the answer is a job.
pub(crate) fn requests(tree: &Tree) -> Vec<Broken> {
    let handlers = tree.rust_in(&["platform/", "products/"]).filter(|file| file.name() == "http.rs");
    handlers.flat_map(|file| file.says(&["spawn", "spawn_blocking", "sleep("])).collect()
}

fn sql(file: &Rust, what: &str) -> Vec<Broken> {
    file.texts().filter(|text| is_sql(&text.text)).map(|text| file.at(text.line, what)).collect()
}

/// Whether a text is a statement, or a part of one.
fn is_sql(text: &str) -> bool {
    let has = |word| !places(text, word).is_empty();
    has("SELECT")
        || has("INSERT INTO")
        || has("DELETE FROM")
        || has("CREATE TABLE")
        || has("UPDATE") && has("SET")
        || text.trim_start().starts_with("FROM ")
        || has("ORDER BY")
}
