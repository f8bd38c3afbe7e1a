//! Many databases on one server, one for each test: schemas, which cost next to nothing.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Names a PostgreSQL server whose suites run on it instead of the embedded engine.
const SERVER: &str = "MAINSPRING_TEST_DATABASE_URL";

/// Whether the suite runs on PostgreSQL. For what is of one engine alone: how a test breaks it, its files, its plans.
pub fn on_postgres() -> bool {
    std::env::var_os(SERVER).is_some()
}

/// The URL of a database of its own for this data directory, where the suite runs on PostgreSQL: the same for the same directory.
/// `None` where it runs on the embedded engine.
///
/// # Panics
/// When the server that the environment names cannot be used: a suite must not fall back to another engine in silence.
pub fn database(dir: &Path) -> Option<String> {
    let server = std::env::var(SERVER).ok()?;
    Some(schema(&server, dir).unwrap_or_else(|error| panic!("{SERVER}: {error:#}")))
}

/// As [`database`], on the server of this URL.
///
/// # Errors
/// When the server does not answer.
pub fn schema(server: &str, dir: &Path) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    dir.hash(&mut hasher);
    let name = format!("test_{:016x}", hasher.finish());
    let mut psql = Command::new("psql");
    psql.env("PGOPTIONS", "-c client_min_messages=warning");
    let made = psql.args([server, "-qXc", &format!("CREATE SCHEMA IF NOT EXISTS {name}")]).output();
    let made = made.context("psql is not installed (Debian: sudo apt-get install postgresql-client)")?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Ok(format!("{server}?options=-csearch_path%3D{name}"))
}
