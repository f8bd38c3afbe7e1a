//! `cargo xtask suites`: what the authors of the protocols test servers with, fetched at a fixed commit and run against ours.
//!
//! Nothing of theirs is kept here. A commit's name is the digest of what it holds, so what is run is what was looked at. Their files
//! say where the server is, and how channels are called: those words are replaced by ours (`docs/protocol/suites.md` says which).

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::step::{self, is_there, say};
use crate::{cargo, pages};

/// Words of a file, and ours in their place; `PORT` is the server's.
type Replaced = &'static [(&'static str, &'static str)];

const PORT_8000: (&str, &str) = ("localhost:8000", "localhost:PORT");

struct Suite {
    name: &'static str,
    repository: &'static str,
    commit: &'static str,
    /// The folder with its manifest.
    folder: &'static str,
    install: &'static [&'static str],
    files: &'static [(&'static str, Replaced)],
    run: &'static [&'static str],
}

const SUITES: [Suite; 2] = [
    Suite {
        name: "socket.io",
        repository: "https://github.com/socketio/socket.io",
        commit: "d2d753fed4435015c2d83fe62e676b44e07fa3f7",
        folder: "docs/socket.io-protocol/v5-test-suite",
        install: &["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        files: &[("test-suite.js", &[("localhost:3000", "localhost:PORT")])],
        run: &["test"],
    },
    Suite {
        name: "centrifuge-js",
        repository: "https://github.com/centrifugal/centrifuge-js",
        commit: "c9e867858f703ef7e0b4c68e77004b36b3490214",
        folder: ".",
        install: &["install", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund"],
        files: &[
            (
                "src/centrifuge.test.ts",
                &[
                    PORT_8000,
                    ("'test'", "'test:all'"),
                    ("'test1'", "'token:1'"),
                    ("'test2'", "'token:2'"),
                    ("'test3'", "'token:3'"),
                    ("'test4'", "'token:4'"),
                    ("'test5'", "'token:5'"),
                ],
            ),
            ("src/centrifuge.protobuf.test.ts", &[PORT_8000, ("'test'", "'test:all'")]),
            ("src/recovery.test.ts", &[PORT_8000]),
            ("src/delta.test.ts", &[PORT_8000]),
            (
                "src/getstate.test.ts",
                &[
                    PORT_8000,
                    ("'test_getstate_", "'recovery:getstate_"),
                    ("'test_no_getstate_", "'recovery:no_getstate_"),
                ],
            ),
        ],
        // Map subscriptions are not spoken here.
        run: &[
            "exec",
            "--",
            "jest",
            "centrifuge.test.ts",
            "centrifuge.protobuf.test.ts",
            "recovery.test.ts",
            "delta.test.ts",
            "getstate.test.ts",
            "-t",
            "^(?!map)",
        ],
    },
];

/// Runs the suites, or the one of this name.
pub(crate) fn run(only: Option<&str>) -> Result<()> {
    if let Some(only) = only.filter(|only| SUITES.iter().all(|suite| suite.name != *only)) {
        bail!("there is no suite {only:?}, but {}", SUITES.map(|suite| suite.name).join(", "));
    }
    if !(is_there("git") && is_there("npm")) {
        bail!("the suites need git and npm (Node.js 20 or newer)");
    }
    step::run(cargo::command(&["build", "-p", "mainspring-realtime", "--example", "suites"]))?;
    let mut failed = Vec::new();
    for suite in SUITES.iter().filter(|suite| only.is_none_or(|only| only == suite.name)) {
        match suite.fetch() {
            Ok(place) => failed.extend(suite.run_in(&place).err()),
            Err(error) => say(&format!("SKIPPED: {} is not within reach: {error:#}", suite.name)),
        }
    }
    for error in &failed {
        say(&format!("{error:#}"));
    }
    if failed.is_empty() { Ok(()) } else { bail!("{} of the suites failed", failed.len()) }
}

impl Suite {
    /// The suite's folder, as it is at its commit: whatever was replaced before is as it was.
    fn fetch(&self) -> Result<PathBuf> {
        let place = cargo::target_dir()?.join("suites").join(self.name);
        fs::create_dir_all(&place)?;
        let git = |args: &[&str]| {
            let mut git = Command::new("git");
            git.arg("-C").arg(&place).args(args).stdin(Stdio::null());
            git
        };
        step::run(git(&["init", "--quiet"]))?;
        let known = git(&["cat-file", "-e", self.commit]).stderr(Stdio::null()).status()?.success();
        if !known {
            let _ = git(&["remote", "add", "origin", self.repository]).stderr(Stdio::null()).status()?;
            step::run(git(&["fetch", "--quiet", "--depth", "1", "--filter=blob:none", "origin", self.commit]))?;
        }
        let part = if self.folder == "." { "/*".to_owned() } else { format!("/{}/", self.folder) };
        step::run(git(&["sparse-checkout", "set", "--no-cone", &part]))?;
        step::run(git(&["checkout", "--quiet", "--force", "--detach", self.commit]))?;
        Ok(place.join(self.folder))
    }

    /// Installs what it needs, says where the server is, and runs it.
    fn run_in(&self, place: &Path) -> Result<()> {
        if !place.join("node_modules").exists() {
            step::run(npm(place, self.install))?;
        }
        let server = Server::start()?;
        for (file, words) in self.files {
            let file = place.join(file);
            let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            fs::write(&file, replaced(&text, words, &server.port)?)?;
        }
        step::run(npm(place, self.run)).with_context(|| format!("the suite {}", self.name))
    }
}

/// The text with our words in the place of theirs. One that is not there any more says that the suite is another.
fn replaced(text: &str, words: Replaced, port: &str) -> Result<String> {
    let mut text = text.to_owned();
    for (theirs, ours) in words {
        if !text.contains(theirs) {
            bail!("the suite does not say {theirs:?}");
        }
        text = text.replace(theirs, &ours.replace("PORT", port));
    }
    Ok(text)
}

fn npm(place: &Path, args: &[&str]) -> Command {
    let mut npm = pages::npm("", args);
    npm.current_dir(place);
    npm
}

/// `platform/realtime/examples/suites.rs`. It ends when its standard input does: with us.
struct Server {
    child: Child,
    port: String,
}

impl Server {
    fn start() -> Result<Self> {
        let program = cargo::target_dir()?.join("debug/examples/suites");
        let mut command = Command::new(program);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("the server of the suites")?;
        let mut port = String::new();
        BufReader::new(child.stdout.take().context("its output")?).read_line(&mut port)?;
        Ok(Self { child, port: port.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It has nothing to keep: however it ended.
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_was_there() {
        let words: Replaced = &[("localhost:1", "localhost:PORT"), ("'test'", "'test:all'")];
        let text = replaced("const URL = 'localhost:1'; join('test'); // localhost:1", words, "77").expect("replaced");
        assert_eq!(text, "const URL = 'localhost:77'; join('test:all'); // localhost:77");
        assert!(replaced("const URL = 'localhost:1'; join('other');", words, "77").is_err());
    }

    #[test]
    fn a_suite_has_a_name() {
        assert!(run(Some("nothing")).expect_err("refused").to_string().contains("centrifuge-js"));
    }
}
