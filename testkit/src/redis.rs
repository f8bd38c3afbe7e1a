//! A private Redis.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::private::{Private, find};
use crate::resp;

/// A running Redis from the system's packages, on 127.0.0.1. It keeps nothing on disk: started again, it is empty. Dropping it kills
/// and removes it. Its methods block.
pub struct Redis {
    server: Private,
    program: PathBuf,
    arguments: Vec<String>,
}

impl Redis {
    /// Whether it is installed.
    pub fn is_there() -> bool {
        find("redis-server").is_some()
    }

    /// A new, empty one.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn start() -> Result<Self> {
        Self::with(&[])
    }

    /// A new one with further arguments of its command line, such as `--maxmemory 1mb`.
    ///
    /// # Errors
    /// When it is not installed, or does not start with them.
    pub fn with(arguments: &[&str]) -> Result<Self> {
        let server = Private::new("redis")?;
        let port = server.port().to_string();
        let ours = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        // A replica is fed at once, instead of after five seconds in which others might come.
        let ours = ours.iter().chain(&["--repl-diskless-sync-delay", "0"]);
        Self::launch(server, ours.chain(arguments).map(|word| (*word).to_owned()).collect())
    }

    /// One that has its folder and its port, started with these arguments alone.
    pub(crate) fn launch(server: Private, arguments: Vec<String>) -> Result<Self> {
        let missing = "Redis is not installed (Debian: sudo apt-get install redis-server)";
        let mut it = Self { server, program: find("redis-server").context(missing)?, arguments };
        it.start_again()?;
        Ok(it)
    }

    /// `redis://127.0.0.1:{port}/`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port())
    }

    /// Its port on 127.0.0.1: the same for all its life.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// Sends one command. The answer as `redis-cli` prints it into a pipe: a list by line, nothing for nil.
    ///
    /// # Errors
    /// When nobody answers within five seconds, or the answer is an error.
    pub fn command(&self, command: &[&str]) -> Result<String> {
        Ok(self.commands(&[command])?.concat())
    }

    /// Sends commands that belong to one connection, such as `MULTI`, or a write and the `WAIT` for its replicas: the answer of each.
    ///
    /// # Errors
    /// When one is not answered within five seconds, or with an error.
    pub fn commands(&self, commands: &[&[&str]]) -> Result<Vec<String>> {
        let answers = resp::ask_each(self.port(), commands)?;
        Ok(answers.into_iter().map(|answer| answer.join("\n")).collect())
    }

    /// Asks it to stop.
    ///
    /// # Errors
    /// When it does not.
    pub fn stop(&mut self) -> Result<()> {
        self.server.stop("TERM")
    }

    /// Ends it as a power switch would: SIGKILL.
    ///
    /// # Errors
    /// When it does not die.
    pub fn kill(&mut self) -> Result<()> {
        self.server.kill()
    }

    /// Starts it again on the same port, empty. It must have ended.
    ///
    /// # Errors
    /// When it runs, or does not become ready.
    pub fn start_again(&mut self) -> Result<()> {
        let mut redis = self.server.command(&self.program);
        redis.args(&self.arguments);
        let answers = |server: &Private| resp::ask(server.port(), &["PING"]).is_ok();
        self.server.launch(redis, answers)
    }

    /// Starts it again with further arguments, which outweigh those before.
    pub(crate) fn start_again_with(&mut self, arguments: &[&str]) -> Result<()> {
        self.arguments.extend(arguments.iter().map(|word| (*word).to_owned()));
        self.start_again()
    }

    /// Whether its process was started and not ended by us.
    pub(crate) fn runs(&self) -> bool {
        self.server.pid().is_some()
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
}
