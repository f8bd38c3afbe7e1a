//! `cargo xtask test`: everything that is checked by running it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::step::{self, is_there, say};
use crate::{cargo, engines, fuzz, pages};

/// Where the browser tests look for it, unless the environment names another (`e2e/web/chromium.mjs`).
const CHROMIUM: &str = "/usr/bin/chromium";
/// The client for TypeScript.
const CLIENT: &str = "clients/typescript";
/// Seconds for each fuzz target: the inputs that are kept, and a few more.
const FUZZ_S: u32 = 3;

/// Gets what is missing, tests the pages and the client, builds the binary that the end-to-end tests start, runs every Rust test, those of the
/// core once more on PostgreSQL, and every fuzz target for a moment.
pub(crate) fn run(args: &[String]) -> Result<()> {
    browser()?;
    ffmpeg()?;
    engines::servers();
    let promtool = promtool()?;
    schemathesis()?;
    if is_there("npm") {
        pages::build()?;
        step::run(pages::npm("console", &["run", "check"]))?;
        step::run(pages::npm("console", &["test"]))?;
        pages::install(CLIENT)?;
        for script in ["check", "test", "build"] {
            step::run(pages::npm(CLIENT, &["run", script]))?;
        }
        if cargo::root().join("e2e/web/package.json").exists() {
            pages::install("e2e/web")?;
        }
    } else {
        say(
            "no npm here: neither the pages nor the client are tested, and the tests with clients in JavaScript cannot pass (Node.js 20 or newer)",
        );
    }
    step::run(cargo::command(&["build", "-p", "mainspring"]))?;
    let nextest = cargo::has("nextest");
    if !nextest {
        say("no cargo-nextest here: cargo test runs the same tests, slower");
    }
    let mut tests = cargo::command(if nextest { &["nextest", "run"] } else { &["test"] });
    tests.arg("--workspace").args(args);
    if let Some(promtool) = promtool {
        tests.env("PROMTOOL", promtool);
    }
    step::run(tests)?;
    // Whoever picks some tests wants those.
    if !args.is_empty() {
        return Ok(());
    }
    engines::on_postgres(|packages| suite(nextest, packages))?;
    fuzz::run(&fuzz::Options::for_seconds(FUZZ_S))
}

/// The tests of these packages. With nextest as a choice among all: fewer packages would be built with fewer features, once more.
fn suite(nextest: bool, packages: &[&str]) -> Command {
    let mut tests = cargo::command(if nextest { &["nextest", "run", "--workspace"] } else { &["test"] });
    for package in packages {
        if nextest {
            tests.args(["-E", &format!("package({package})")]);
        } else {
            tests.args(["-p", package]);
        }
    }
    tests
}

/// A browser for the tests of the pages.
fn browser() -> Result<()> {
    if std::env::var_os("CHROMIUM").is_some() || Path::new(CHROMIUM).exists() {
        return Ok(());
    }
    install("chromium", "no /usr/bin/chromium: the browser tests cannot pass (or set CHROMIUM to yours)")
}

/// What decodes the radio's streams in the tests.
fn ffmpeg() -> Result<()> {
    if is_there("ffmpeg") {
        return Ok(());
    }
    install("ffmpeg", "no ffmpeg: the tests of the radio's streams cannot pass")
}

/// A package of the system's: installed where that needs no question, asked for elsewhere.
pub(crate) fn install(package: &str, missing: &str) -> Result<()> {
    if !(is_root() && is_there("apt-get")) {
        say(&format!("{missing} (Debian: sudo apt-get install {package})"));
        return Ok(());
    }
    let mut update = cargo::here("apt-get");
    update.args(["update", "-qq"]);
    step::run(update)?;
    let mut install = cargo::here("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends", package]);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    step::run(install)
}

/// Where `promtool` was unpacked to, when it is not on the path: it comes with Debian's `prometheus`, which is not installed for
/// it, because that would start a server.
fn promtool() -> Result<Option<PathBuf>> {
    if std::env::var_os("PROMTOOL").is_some() || is_there("promtool") {
        return Ok(None);
    }
    let dir = cargo::target_dir()?.join("xtask").join("prometheus");
    let program = dir.join("usr/bin/promtool");
    if program.exists() {
        return Ok(Some(program));
    }
    if !(is_there("apt-get") && is_there("dpkg-deb")) {
        say(
            "no promtool here: the tests of the rules for Prometheus cannot pass (it comes with Prometheus; or set PROMTOOL)",
        );
        return Ok(None);
    }
    fs::create_dir_all(&dir)?;
    if is_root() {
        let mut update = cargo::here("apt-get");
        update.args(["update", "-qq"]);
        step::run(update)?;
    }
    let mut download = cargo::here("apt-get");
    download.args(["download", "-qq", "prometheus"]).current_dir(&dir);
    step::run(download)?;
    for package in fs::read_dir(&dir)? {
        let package = package?.path();
        if package.extension().is_some_and(|end| end == "deb") {
            let mut unpack = cargo::here("dpkg-deb");
            unpack.arg("-x").arg(package).arg(&dir);
            step::run(unpack)?;
        }
    }
    Ok(Some(program))
}

/// The tester of the API's description, in a folder of its own below `target/`, where the test looks for it.
fn schemathesis() -> Result<()> {
    let dir = cargo::root().join("target/schemathesis");
    if is_there("schemathesis") || dir.join("bin/schemathesis").exists() {
        return Ok(());
    }
    if !is_there("python3") {
        say("no python3 here: the API cannot be tested against its description (Python 3.10 or newer with venv)");
        return Ok(());
    }
    let mut venv = cargo::here("python3");
    venv.args(["-m", "venv"]).arg(&dir);
    step::run(venv)?;
    let mut install = cargo::here(&dir.join("bin/pip").to_string_lossy());
    install.args(["install", "--quiet", "--disable-pip-version-check", "-r", "e2e/schemathesis/requirements.txt"]);
    step::run(install)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
