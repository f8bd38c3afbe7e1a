//! A private PostgreSQL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::private::{Private, find, output, until};

/// Where Debian's packages put each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Gives up durability for speed: for suites, which never crash it.
const FAST: &[(&str, &str)] = &[("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")];

/// A running PostgreSQL from the system's packages, with the superuser `postgres` and no password, reached over TCP on 127.0.0.1
/// and over a socket in its folder. Dropping it kills and removes it. Its methods block.
pub struct Postgres {
    server: Private,
    programs: PathBuf,
    settings: Vec<(String, String)>,
}

impl Postgres {
    /// Whether it is installed: on the path, or where Debian puts it.
    pub fn is_there() -> bool {
        programs().is_some()
    }

    /// A new one that is as durable as PostgreSQL comes: what is committed survives [`Postgres::kill`].
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn start() -> Result<Self> {
        Self::create(&[])
    }

    /// A new one that never waits for the disk. A suite shares it, each test in a database of its own.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn fast() -> Result<Self> {
        Self::create(FAST)
    }

    fn create(settings: &[(&str, &str)]) -> Result<Self> {
        let programs = programs().context("PostgreSQL is not installed (Debian: sudo apt-get install postgresql)")?;
        let server = Private::new("postgres")?;
        let mut initdb = server.command(programs.join("initdb"));
        initdb.args(["--pgdata=data", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        output(initdb.arg("--no-sync"))?;
        let mut it = Self { server, programs, settings: owned(settings) };
        it.start_again()?;
        Ok(it)
    }

    /// `postgres://postgres@127.0.0.1:{port}/postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port())
    }

    /// Its port on 127.0.0.1: the same for all its life.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The folder of its socket.
    pub fn socket(&self) -> &Path {
        self.server.dir()
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// Runs statements in the database `postgres`, several as one transaction; the rows by line, their columns by `|`.
    ///
    /// # Errors
    /// When one fails, or nobody answers.
    pub fn sql(&self, statements: &str) -> Result<String> {
        output(self.psql().args(["--command", statements]))
    }

    /// `psql` over the socket, connected to the database `postgres`; it prints rows as [`Postgres::sql`] returns them.
    pub fn psql(&self) -> Command {
        let mut psql = self.server.command(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--set=ON_ERROR_STOP=1"]);
        psql.args(["--username=postgres", "--dbname=postgres", &format!("--port={}", self.port())]);
        psql.arg("--host").arg(self.server.dir());
        psql
    }

    /// Starts it again with these settings as well, which outweigh its file and `ALTER SYSTEM`.
    ///
    /// # Errors
    /// When it does not stop, or does not start with them.
    pub fn settings(&mut self, settings: &[(&str, &str)]) -> Result<()> {
        self.settings.extend(owned(settings));
        self.stop()?;
        self.start_again()
    }

    /// Stops it at once and in order: open transactions are rolled back, connections closed (a "fast" shutdown).
    ///
    /// # Errors
    /// When it does not stop.
    pub fn stop(&mut self) -> Result<()> {
        self.server.stop("INT")
    }

    /// Ends it as a power switch would: SIGKILL to the postmaster and all its children.
    ///
    /// # Errors
    /// When they do not die.
    pub fn kill(&mut self) -> Result<()> {
        self.server.kill()
    }

    /// Starts it over the same data, on the same port. It must have ended.
    ///
    /// # Errors
    /// When it runs, or does not become ready.
    pub fn start_again(&mut self) -> Result<()> {
        let mut postgres = self.server.command(self.programs.join("postgres"));
        postgres.args(["-D", "data", "-p", &self.port().to_string(), "-k"]).arg(self.server.dir());
        let ours = [
            ("listen_addresses", "127.0.0.1"),
            ("max_connections", "200"),
            // In its folder, and gone with it.
            ("dynamic_shared_memory_type", "mmap"),
            // A replica looks for its primary again after this, instead of five seconds.
            ("wal_retrieve_retry_interval", "100ms"),
        ];
        for (name, value) in owned(&ours).iter().chain(&self.settings) {
            postgres.args(["-c", &format!("{name}={value}")]);
        }
        self.server.launch(postgres, is_ready)
    }

    /// Stops the time for it: connections stay open, and nobody answers.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> Result<()> {
        self.server.pause()
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When no signal can be sent.
    pub fn resume(&self) -> Result<()> {
        self.server.resume()
    }

    /// A streaming replica with the settings of this one: it follows through a slot of its own, answers reads, and outlives it.
    /// Asynchronous, unless `synchronous_standby_names` is set here.
    ///
    /// # Errors
    /// When it cannot be copied, or does not start.
    pub fn replica(&self) -> Result<Self> {
        let server = Private::new("postgres")?;
        let mut copy = server.command(self.programs.join("pg_basebackup"));
        copy.args(["--host=127.0.0.1", "--username=postgres", &format!("--port={}", self.port())]);
        copy.args(["--pgdata=data", "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]);
        copy.args(["--create-slot", &format!("--slot=replica_{}", server.port())]);
        output(&mut copy)?;
        let mut it = Self { server, programs: self.programs.clone(), settings: self.settings.clone() };
        it.start_again()?;
        Ok(it)
    }

    /// Waits until this replica has replayed all that its primary has committed by now.
    ///
    /// # Errors
    /// When it does not in time, or one of them does not answer.
    pub fn catch_up_with(&self, primary: &Self) -> Result<()> {
        // A mark after all that was committed, on the disk (and so on its way) whatever the settings say.
        let mark = "SET synchronous_commit = local; SELECT pg_logical_emit_message(true, 'testkit', 'mark')";
        let caught_up = format!("SELECT pg_last_wal_replay_lsn() >= '{}'::pg_lsn", primary.sql(mark)?);
        until("the replica does not catch up", || Ok((self.sql(&caught_up)? == "t").then_some(())))
    }

    /// Makes this replica a primary, and waits until it takes writes.
    ///
    /// # Errors
    /// When it is none, or does not become one.
    pub fn promote(&self) -> Result<()> {
        if self.sql("SELECT pg_promote()")? != "t" {
            bail!("the replica does not become a primary; its log ends:\n{}", self.log());
        }
        Ok(())
    }
}

fn owned(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// As `pg_ctl` sees it: in the eighth line of the postmaster's file, when the first has the number of this process. A replica is
/// ready when it answers reads.
fn is_ready(server: &Private) -> bool {
    let file = fs::read_to_string(server.dir().join("data/postmaster.pid")).unwrap_or_default();
    let mut lines = file.lines().map(str::trim);
    let ours = lines.next().and_then(|line| line.parse().ok()) == server.pid();
    ours && lines.nth(6) == Some("ready")
}

/// The folder of the newest installed version's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let versions = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let programs = versions.map(|version| (version, format!("{DEBIAN}/{version}/bin")));
    let newest = programs.filter(|(_, dir)| Path::new(dir).join("initdb").is_file()).max();
    newest.map(|(_, dir)| dir.into()).or_else(|| Some(find("initdb")?.parent()?.to_owned()))
}
