//! A private pgbouncer.

use std::net::TcpStream;

use anyhow::{Context, Result};

use crate::private::{Private, find, output};

/// A running pgbouncer from the system's packages, on 127.0.0.1, in transaction mode: each transaction may have another connection
/// to the server. Whoever has a role there is let in without a password. Dropping it kills and removes it. Its methods block.
pub struct Pgbouncer {
    server: Private,
}

impl Pgbouncer {
    /// Whether it is installed.
    pub fn is_there() -> bool {
        find("pgbouncer").is_some()
    }

    /// Starts one in front of the PostgreSQL on this port of 127.0.0.1, which lets `postgres` in; each role has so many connections to
    /// it, in each database.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn to(port: u16, connections: u32) -> Result<Self> {
        let server = Private::new("pgbouncer")?;
        server.write("roles", "\"postgres\" \"\"\n")?;
        // It asks the server for those that are not in its file.
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
             unix_socket_dir =\npool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = 800\n\
             server_login_retry = 1\nquery_wait_timeout = 3\nauth_type = trust\nauth_file = {}\nauth_user = postgres\n\
             auth_query = SELECT rolname, '' FROM pg_roles WHERE rolname = $1\nadmin_users = postgres\n",
            server.port(),
            server.dir().join("roles").display(),
        );
        server.write("pgbouncer.ini", &settings)?;
        let mut it = Self { server };
        it.start_again()?;
        Ok(it)
    }

    /// `postgres://postgres@127.0.0.1:{port}/postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.server.port())
    }

    /// How many connections to the server it has.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn connections(&self) -> Result<usize> {
        let mut psql = self.server.command(find("psql").context("psql is not installed")?);
        psql.args(["--no-psqlrc", "--no-align", "--tuples-only", "--command=SHOW SERVERS"]);
        psql.arg(format!("postgres://postgres@127.0.0.1:{}/pgbouncer", self.server.port()));
        Ok(output(&mut psql)?.lines().count())
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// Ends it as a power switch would: SIGKILL.
    ///
    /// # Errors
    /// When it does not die.
    pub fn kill(&mut self) -> Result<()> {
        self.server.kill()
    }

    /// Starts it with the same settings, on the same port. It must have ended.
    ///
    /// # Errors
    /// When it runs, or does not become ready.
    pub fn start_again(&mut self) -> Result<()> {
        let mut pgbouncer = self
            .server
            .command(find("pgbouncer").context("pgbouncer is not installed (Debian: sudo apt-get install pgbouncer)")?);
        pgbouncer.arg("pgbouncer.ini");
        self.server.launch(pgbouncer, |server| TcpStream::connect(("127.0.0.1", server.port())).is_ok())
    }
}
