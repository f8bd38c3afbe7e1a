//! `cargo xtask test`: everything that is checked by running it.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::step::{self, is_there, say};
use crate::{cargo, pages};

/// Where the browser tests look for it, unless the environment names another (`e2e/web/chromium.mjs`).
const CHROMIUM: &str = "/usr/bin/chromium";

/// Gets what is missing, tests the pages, builds the binary that the end-to-end tests start, and runs every Rust test.
pub(crate) fn run(args: &[String]) -> Result<()> {
    browser()?;
    if is_there("npm") {
        pages::build()?;
        step::run(pages::npm("console", &["run", "check"]))?;
        step::run(pages::npm("console", &["test"]))?;
        if cargo::root().join("e2e/web/package.json").exists() {
            pages::install("e2e/web")?;
        }
    } else {
        say(
            "no npm here: the pages are not tested, and the tests with clients in JavaScript cannot pass (Node.js 20 or newer)",
        );
    }
    step::run(cargo::command(&["build", "-p", "mainspring"]))?;
    let mut tests = if cargo::has("nextest") {
        cargo::command(&["nextest", "run", "--workspace"])
    } else {
        say("no cargo-nextest here: cargo test runs the same tests, slower");
        cargo::command(&["test", "--workspace"])
    };
    tests.args(args);
    step::run(tests)
}

/// A browser for the tests of the pages: installed where that needs no question, asked for elsewhere.
fn browser() -> Result<()> {
    if std::env::var_os("CHROMIUM").is_some() || Path::new(CHROMIUM).exists() {
        return Ok(());
    }
    if is_root() && is_there("apt-get") {
        let mut update = cargo::here("apt-get");
        update.args(["update", "-qq"]);
        step::run(update)?;
        let mut install = cargo::here("apt-get");
        install.args(["install", "-y", "-qq", "--no-install-recommends", "chromium"]);
        install.env("DEBIAN_FRONTEND", "noninteractive");
        return step::run(install);
    }
    say(
        "no /usr/bin/chromium: the browser tests cannot pass (Debian: sudo apt-get install chromium; or set CHROMIUM to yours)",
    );
    Ok(())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
