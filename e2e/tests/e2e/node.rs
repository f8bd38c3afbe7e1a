//! Scripts of `e2e/web`, which use clients that we did not write.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::sse::GUARD;

/// A running script that prints a JSON object a line.
pub(crate) struct Script {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Its standard input, for scripts that take commands.
    pub(crate) stdin: Option<ChildStdin>,
}

impl Script {
    /// Starts `e2e/web/{name}` with these arguments.
    pub(crate) fn start(name: &str, args: &[&str]) -> Result<Self> {
        Self::at(concat!(env!("CARGO_MANIFEST_DIR"), "/web"), name, args)
    }

    /// Starts a script of another folder with packages of its own.
    pub(crate) fn at(folder: &str, name: &str, args: &[&str]) -> Result<Self> {
        if !std::path::Path::new(folder).join("node_modules").exists() {
            bail!("its packages are not installed: run `npm ci` in {folder}, or `cargo xtask test`");
        }
        let mut child = Command::new("node")
            .arg(name)
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node cannot be started")?;
        let stdout = child.stdout.take().context("standard output")?;
        let stdin = child.stdin.take();
        Ok(Self { child, lines: BufReader::new(stdout).lines(), stdin })
    }

    /// The next line.
    pub(crate) async fn next(&mut self) -> Result<Value> {
        let line = tokio::time::timeout(GUARD, self.lines.next_line()).await.context("the script said nothing")??;
        let Some(line) = line else { bail!("the script ended: {:?}", self.child.wait().await?) };
        serde_json::from_str(&line).with_context(|| format!("no JSON: {line}"))
    }

    /// Lines until one fits, that one included.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Result<Vec<Value>> {
        let mut said = Vec::new();
        loop {
            let line = self.next().await?;
            let found = fits(&line);
            said.push(line);
            if found {
                return Ok(said);
            }
        }
    }

    /// Waits for its end, which must be a good one.
    pub(crate) async fn end(mut self) -> Result<()> {
        drop(self.stdin.take());
        let status = tokio::time::timeout(GUARD, self.child.wait()).await.context("the script does not end")??;
        if status.success() { Ok(()) } else { bail!("the script ended with {status}") }
    }
}
