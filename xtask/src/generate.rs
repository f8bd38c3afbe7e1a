//! `cargo xtask generate`: what is committed though it is made, written again by the binary that it is made from.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::cargo::{command, root};
use crate::step::say;

/// Each file, and the command of `mainspring` that prints it.
const FILES: [(&str, [&str; 2]); 2] = [
    ("deploy/prometheus/mainspring.rules.yml", ["ops", "rules"]),
    ("deploy/grafana/mainspring.json", ["ops", "dashboard"]),
];

/// Writes each file. A test of platform/slo fails while one is stale.
pub(crate) fn run() -> Result<()> {
    for (path, args) in FILES {
        let mut print = command(&["run", "--quiet", "-p", "mainspring", "--"]);
        let output = print.args(args).stderr(std::process::Stdio::inherit()).output().context("cannot start cargo")?;
        if !output.status.success() {
            bail!("`mainspring {}` failed", args.join(" "));
        }
        fs::write(root().join(path), output.stdout).with_context(|| format!("{path} cannot be written"))?;
        say(&format!("{path} is written"));
    }
    Ok(())
}
