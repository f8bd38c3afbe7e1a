//! `cargo xtask fuzz`: the targets of `fuzz/`, each for a while, from the inputs that are kept.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::step::{self, is_there, say};
use crate::{cargo, test};

/// What to try, and for how long.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Seconds for each target, after the inputs that are kept.
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u32,
    /// Where the fuzzer's chances begin; another one each time unless said.
    #[arg(long)]
    seed: Option<u32>,
    /// Tries this one input of the target instead, and says what it breaks.
    #[arg(long, value_name = "FILE", requires = "target")]
    repeat: Option<PathBuf>,
    /// Keeps in fuzz/corpus the few inputs that together reach most of what was reached.
    #[arg(long)]
    keep: bool,
    /// The target; every one unless named.
    target: Option<String>,
}

impl Options {
    /// Every target for so many seconds.
    pub(crate) fn for_seconds(seconds: u32) -> Self {
        Self { seconds, seed: None, repeat: None, keep: false, target: None }
    }
}

/// An input that takes longer than this, or more memory, is a finding.
const LIMITS: [&str; 3] = ["-timeout=10", "-rss_limit_mb=1024", "-max_len=4096"];

/// Inputs of one target that are kept at most, beside those with names of their own, and the length of each, bytes.
const KEPT: usize = 24;
const KEPT_BYTES: usize = 1024;

/// Builds the targets, lets each run, and prints what it reached.
pub(crate) fn run(options: &Options) -> Result<()> {
    let targets = targets(options.target.as_deref())?;
    compiler()?;
    step::run(fuzz(&["build", "--bins"]))?;
    if let (Some(input), [target]) = (&options.repeat, &targets[..]) {
        let input = fs::canonicalize(input).with_context(|| format!("{} cannot be read", input.display()))?;
        let mut repeat = start(target);
        repeat.args(LIMITS).arg(input);
        return step::run(repeat);
    }
    for target in &targets {
        try_target(target, options)?;
        if options.keep {
            keep(target)?;
        }
    }
    Ok(())
}

/// The targets, or the one of this name: files of `fuzz/src/bin`.
fn targets(only: Option<&str>) -> Result<Vec<String>> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(folder().join("src/bin"))? {
        all.extend(entry?.path().file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    match only {
        Some(only) if !all.contains(only) => {
            bail!("there is no target {only:?}, but {}", all.into_iter().collect::<Vec<_>>().join(", "))
        }
        Some(only) => Ok(vec![only.to_owned()]),
        None => Ok(all.into_iter().collect()),
    }
}

fn folder() -> PathBuf {
    cargo::root().join("fuzz")
}

/// What the fuzzer writes: below the folder that everything is built into.
fn made(target: &str, what: &str) -> Result<PathBuf> {
    let dir = cargo::target_dir()?.join("fuzz").join(what).join(target);
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// A cargo command in the workspace of the targets. Its own configuration says how they are built, and nobody else's.
fn fuzz(args: &[&str]) -> Command {
    let mut command = cargo::command(args);
    command.current_dir(folder()).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
}

fn start(target: &str) -> Command {
    fuzz(&["run", "--quiet", "--bin", target, "--"])
}

/// The fuzzer itself is C++.
fn compiler() -> Result<()> {
    let found = || std::env::var_os("CXX").is_some() || ["c++", "g++", "clang++"].into_iter().any(is_there);
    if !found() {
        test::install("g++", "no C++ compiler: the fuzz targets cannot be built")?;
    }
    if found() { Ok(()) } else { bail!("no C++ compiler: the fuzz targets cannot be built") }
}

fn try_target(target: &str, options: &Options) -> Result<()> {
    let (found, broken) = (made(target, "found")?, made(target, "broken")?);
    let seed = options.seed.unwrap_or_else(std::process::id);
    let log = broken.with_extension("log");
    let mut run = start(target);
    run.args(LIMITS).args([format!("-seed={seed}"), format!("-max_total_time={}", options.seconds)]);
    run.arg(format!("-artifact_prefix={}/", broken.display())).arg(found).arg(folder().join("corpus").join(target));
    let status = run.stdout(Stdio::null()).stderr(File::create(&log)?).status().context("cannot start cargo")?;
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if !status.success() {
        let lines: Vec<_> = said.lines().collect();
        let why = lines.iter().position(|line| line.contains("panicked at") || line.contains("ERROR"));
        say(&lines[why.unwrap_or_default()..].iter().take(8).copied().collect::<Vec<_>>().join("\n"));
        let Some(input) = said.lines().find_map(|line| Some(line.split_once("Test unit written to ")?.1)) else {
            bail!("{target} ended with {status} and no input; all it said is in {}", log.display());
        };
        bail!("{target} broke, with the seed {seed}. To repeat it:\n  cargo xtask fuzz {target} --repeat {input}");
    }
    say(&format!("{target}: {}, seed {seed}", reached(&said).with_context(|| format!("see {}", log.display()))?));
    Ok(())
}

/// `61234 executions, coverage 812, 211 inputs` out of the fuzzer's last line: `#61234 DONE cov: 812 ft: 2345 corp: 211/12Kb …`.
fn reached(said: &str) -> Option<String> {
    let last = said.lines().rev().find(|line| line.starts_with('#') && line.contains(" cov: "))?;
    let words: Vec<_> = last.split_whitespace().collect();
    let after = |name: &str| words.iter().skip_while(|word| **word != name).nth(1);
    let inputs = after("corp:")?.split('/').next()?;
    Some(format!("{} executions, coverage {}, {inputs} inputs", words.first()?.trim_start_matches('#'), after("cov:")?))
}

/// Puts the few inputs that together reach most in the place of those that are kept. One with a name of its own, which says what it
/// once broke, stays.
fn keep(target: &str) -> Result<()> {
    let (found, fewest) = (made(target, "found")?, made(target, "fewest")?);
    let kept = folder().join("corpus").join(target);
    fs::create_dir_all(&kept)?;
    clear(&fewest)?;
    let mut merge = start(target);
    merge.args(LIMITS).args(["-set_cover_merge=1", "-use_counters=0", &format!("-max_len={KEPT_BYTES}")]);
    merge.args([&fewest, &kept, &found]);
    let status = merge.stdout(Stdio::null()).stderr(Stdio::null()).status().context("cannot start cargo")?;
    if !status.success() {
        bail!("the inputs of {target} could not be merged");
    }
    clear(&kept)?;
    // They were written in their order: each reaches more than any later one that those before it do not.
    let mut written = fs::read_dir(&fewest)?.collect::<Result<Vec<_>, _>>()?;
    written.sort_by_cached_key(|entry| entry.metadata().and_then(|file| file.modified()).ok());
    for entry in written.iter().take(KEPT) {
        fs::copy(entry.path(), kept.join(entry.file_name()))?;
    }
    say(&format!("{target}: {} inputs are kept", fs::read_dir(&kept)?.count()));
    Ok(())
}

/// Removes the files that are named by their hash.
fn clear(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_tells_what_was_reached() {
        let said = "#2\tINITED cov: 1 ft: 2 corp: 1/1b exec/s: 0 rss: 30Mb\n#61234\tDONE   cov: 812 ft: 2345 corp: 211/12Kb lim: 400 exec/s: 6123\nDone 61234 runs";
        assert_eq!(reached(said).as_deref(), Some("61234 executions, coverage 812, 211 inputs"));
        assert_eq!(reached("ERROR: no interesting inputs were found"), None);
    }

    #[test]
    fn every_target_has_inputs_that_are_few_and_small() {
        let (mut files, mut bytes) = (0, 0);
        for target in targets(None).expect("the targets") {
            let before = files;
            for entry in fs::read_dir(folder().join("corpus").join(&target)).expect("its inputs") {
                files += 1;
                bytes += entry.expect("an input").metadata().expect("its size").len();
            }
            assert!(files > before, "{target} begins with nothing");
        }
        assert!(files <= 200 && bytes <= 300_000, "{files} files of {bytes} bytes: cargo xtask fuzz --keep");
    }

    #[test]
    fn a_target_has_a_name() {
        assert!(targets(Some("nothing")).expect_err("refused").to_string().contains("websocket"));
    }
}
