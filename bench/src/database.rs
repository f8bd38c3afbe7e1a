//! A private PostgreSQL as durable as it comes, and what a measurement costs it.

use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;
use testkit::Postgres;

use crate::process;
use crate::report::Conditions;

/// Enough memory, and no checkpoint of its own within a measurement; otherwise its defaults: every commit that says so is synced.
const SETTINGS: &[(&str, &str)] =
    &[("shared_buffers", "512MB"), ("max_wal_size", "4GB"), ("checkpoint_timeout", "30min")];

pub(crate) struct Server {
    postgres: Postgres,
    /// On its disk.
    probes: TempDir,
}

/// What a measurement cost the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Written to its log.
    pub(crate) wal_bytes: f64,
    /// Transactions that were committed.
    pub(crate) commits: f64,
    /// Syncs of its log.
    pub(crate) syncs: f64,
    /// Processor time of all its processes, seconds.
    pub(crate) cpu_s: f64,
}

impl Server {
    pub(crate) fn start(besides: &[(&str, &str)]) -> Result<Self> {
        let mut postgres = Postgres::start()?;
        postgres.settings(&[SETTINGS, besides].concat())?;
        Ok(Self { postgres, probes: tempfile::tempdir()? })
    }

    /// Its version and what differs from its defaults.
    pub(crate) fn words(&self) -> Result<String> {
        let settings =
            "SELECT string_agg(name || '=' || current_setting(name), ', ' ORDER BY name) FROM pg_settings WHERE name IN
             ('fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_wal_size', 'wal_sync_method')";
        Ok(format!("PostgreSQL {}: {}", self.postgres.sql("SHOW server_version")?, self.postgres.sql(settings)?))
    }

    /// A new and empty database of this name: its URL.
    pub(crate) fn database(&self, name: &str) -> Result<String> {
        self.remove(name)?;
        self.postgres.sql(&format!("CREATE DATABASE {name}"))?;
        Ok(self.url(name))
    }

    /// How a database is reached.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}{name}", self.postgres.url().trim_end_matches("postgres"))
    }

    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        self.postgres.sql(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        Ok(())
    }

    /// `psql` in one of the databases.
    pub(crate) fn psql(&self, database: &str) -> Command {
        let mut psql = self.postgres.psql();
        psql.arg(format!("--dbname={database}"));
        psql
    }

    /// Runs statements in one of the databases; the rows by line, their columns by `|`.
    pub(crate) fn sql(&self, database: &str, statements: &str) -> Result<String> {
        let ran = self.psql(database).args(["--command", statements]).output()?;
        anyhow::ensure!(ran.status.success(), "{statements}: {}", String::from_utf8_lossy(&ran.stderr));
        Ok(String::from_utf8_lossy(&ran.stdout).trim_end().to_owned())
    }

    /// Measures, and what that cost. Whoever was connected before has gone, and whoever connects in `measure` goes at its end:
    /// sessions give in their statistics then.
    pub(crate) async fn around<T>(&self, measure: impl Future<Output = Result<T>>) -> Result<(T, Cost, Conditions)> {
        self.postgres.sql("CHECKPOINT")?;
        let counted = async {
            let before = self.counters()?;
            let measured = measure.await?;
            let after = self.counters()?;
            let cost = Cost {
                wal_bytes: after.wal_bytes - before.wal_bytes,
                commits: after.commits - before.commits,
                syncs: after.syncs - before.syncs,
                cpu_s: after.cpu_s - before.cpu_s,
            };
            Ok((measured, cost))
        };
        let ((measured, cost), around) = Conditions::around(self.probes.path(), counted).await?;
        Ok((measured, cost, around))
    }

    fn counters(&self) -> Result<Cost> {
        let others =
            "SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        testkit::until("clients stay connected", || Ok((self.postgres.sql(others)? == "0").then_some(())))?;
        let counters = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn,
             (SELECT SUM(xact_commit) FROM pg_stat_database), (SELECT wal_sync FROM pg_stat_wal)";
        let row = self.postgres.sql(counters)?;
        let mut columns = row.split('|').map(str::parse);
        let mut next = || columns.next().context("a column is missing");
        let (wal_bytes, commits, syncs) = (next()??, next()??, next()??);
        Ok(Cost { wal_bytes, commits, syncs, cpu_s: process::family_cpu_s(self.pid()?)? })
    }

    fn pid(&self) -> Result<u32> {
        let file = std::fs::read_to_string(self.postgres.socket().join("data/postmaster.pid"))?;
        Ok(file.lines().next().context("the postmaster has no number")?.trim().parse()?)
    }
}
