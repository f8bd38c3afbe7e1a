//! Many databases on one server, one for each test: schemas, which cost next to nothing.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Names a PostgreSQL server whose suites run on it instead of the embedded engine.
const SERVER: &str = "MAINSPRING_TEST_DATABASE_URL";
/// Names a pooler in front of that server, through which suites go then.
#[cfg(feature = "store")]
const POOLER: &str = "MAINSPRING_TEST_POOLER_URL";

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

/// The URL of the database of this data directory through a pooler, where the suite goes through one. The session's settings do not
/// pass it, so the schema belongs to a role of its own.
///
/// # Panics
/// As [`database`].
#[cfg(feature = "store")]
pub(crate) fn pooled(dir: &Path) -> Option<String> {
    let (server, pooler) = (std::env::var(SERVER).ok()?, std::env::var(POOLER).ok()?);
    Some(with_role(&server, &pooler, dir).unwrap_or_else(|error| panic!("{POOLER}: {error:#}")))
}

#[cfg(feature = "store")]
fn with_role(server: &str, pooler: &str, dir: &Path) -> Result<String> {
    schema(server, dir)?;
    let name = name(dir);
    let role = format!("DO $$ BEGIN CREATE ROLE {name} SUPERUSER LOGIN; EXCEPTION WHEN duplicate_object THEN END $$");
    psql(server, &format!("{role}; ALTER ROLE {name} SET search_path = {name}"))?;
    let (scheme, place) = pooler.split_once("://").context("no URL")?;
    let place = place.split_once('@').map_or(place, |(_, place)| place);
    Ok(format!("{scheme}://{name}@{place}"))
}

/// As [`database`], on the server of this URL.
///
/// # Errors
/// When the server does not answer.
pub fn schema(server: &str, dir: &Path) -> Result<String> {
    let name = name(dir);
    psql(server, &format!("CREATE SCHEMA IF NOT EXISTS {name}"))?;
    Ok(format!("{server}?options=-csearch_path%3D{name}"))
}

fn name(dir: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    dir.hash(&mut hasher);
    format!("test_{:016x}", hasher.finish())
}

fn psql(server: &str, statements: &str) -> Result<()> {
    let mut psql = Command::new("psql");
    psql.env("PGOPTIONS", "-c client_min_messages=warning").args([server, "-qXc", statements]);
    let said = psql.output().context("psql is not installed (Debian: sudo apt-get install postgresql-client)")?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    Ok(())
}
