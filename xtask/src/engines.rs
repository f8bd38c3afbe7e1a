//! The servers that tests start for themselves, and the suites that run a second time on PostgreSQL.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::{self, say};
use crate::test::install;

/// The packages whose tests take their database from [`DATABASE`], each test one of its own.
const ON_POSTGRES: &[&str] = &[
    "mainspring-store",
    "mainspring-jobs",
    "mainspring-events",
    "mainspring-webhooks",
    "mainspring-endpoints",
    "mainspring-schedules",
    "mainspring-identity",
    "mainspring-guard",
    "mainspring-slo",
    "mainspring-host",
    "mainspring-fleet",
    "mainspring-chat",
    "mainspring-mail",
    "mainspring-attendance",
];
/// Where those tests find PostgreSQL; SQLite when it is not set.
const DATABASE: &str = "MAINSPRING_TEST_DATABASE_URL";

/// Installs the servers that are missing, where that needs no question. Whoever cannot have one goes on without: the tests that start
/// it say that they were skipped.
#[cfg(unix)]
pub(crate) fn servers() {
    let missing = [
        (testkit::Postgres::is_there(), "postgresql", "no PostgreSQL: nothing is tested on it"),
        (testkit::Redis::is_there(), "redis-server", "no redis-server: nothing is tested with it"),
        (testkit::Pgbouncer::is_there(), "pgbouncer", "no pgbouncer: nothing is tested through a pooler"),
        (testkit::Nginx::is_there(), "nginx-light", "no nginx: nothing is tested behind it"),
    ];
    for (_, package, means) in missing.into_iter().filter(|(is_there, ..)| !is_there) {
        if let Err(error) = install(package, means) {
            say(&format!("{means} ({error:#})"));
        }
    }
}

/// Runs the suites of [`ON_POSTGRES`] on one PostgreSQL of their own, which is gone afterwards. Without PostgreSQL they do not run,
/// which is said; in CI that is a failure.
#[cfg(unix)]
pub(crate) fn on_postgres(suite: impl FnOnce(&[&str]) -> Command) -> Result<()> {
    if ON_POSTGRES.is_empty() {
        return Ok(());
    }
    if !testkit::Postgres::is_there() {
        if std::env::var_os("CI").is_some() {
            bail!("no PostgreSQL in CI: {ON_POSTGRES:?} were tested on SQLite alone");
        }
        say(&format!("no PostgreSQL: {ON_POSTGRES:?} were tested on SQLite alone"));
        return Ok(());
    }
    say(&format!("once more on PostgreSQL: {ON_POSTGRES:?}"));
    with_database(suite(ON_POSTGRES))
}

/// Runs a command while there is a PostgreSQL for it.
#[cfg(unix)]
fn with_database(mut command: Command) -> Result<()> {
    let postgres = testkit::Postgres::fast().context("the PostgreSQL of the tests")?;
    command.env(DATABASE, postgres.url());
    step::run(command).with_context(|| format!("with {DATABASE}, the address of a PostgreSQL"))
}

#[cfg(not(unix))]
pub(crate) fn servers() {}

#[cfg(not(unix))]
pub(crate) fn on_postgres(_: impl FnOnce(&[&str]) -> Command) -> Result<()> {
    say("servers are started on Unix alone: nothing is tested on PostgreSQL");
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_suite_finds_postgres_by_its_variable() -> Result<()> {
        if !testkit::Postgres::is_there() {
            say("skipped: PostgreSQL is not installed");
            return Ok(());
        }
        let psql = |statement: &str| {
            let mut psql = Command::new("sh");
            psql.args(["-c", &format!("psql --quiet --command '{statement}' \"${DATABASE}\"")]);
            psql
        };
        with_database(psql("CREATE DATABASE one_of_its_own"))?;
        let failed = with_database(psql("no statement")).expect_err("the suite failed");
        assert!(format!("{failed:#}").contains(DATABASE), "{failed:#}");
        Ok(())
    }
}
