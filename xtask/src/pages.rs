//! The web pages: `console/` and the products' own, built by npm into `console/dist`, which the binary embeds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::cargo::{here, root, target_dir};
use crate::step::{is_there, run, say};

/// Builds the pages when something they are made of is newer than the last build. Without npm, says so and goes on.
pub(crate) fn build() -> Result<()> {
    if !is_there("npm") {
        say(
            "no npm here: the pages stay as they are, the server works without them (get Node.js 20 or newer for them)",
        );
        return Ok(());
    }
    install("console")?;
    let stamp = target_dir()?.join("xtask").join("pages");
    if fs::exists(root().join("console/dist/console/index.html"))? && changed(&stamp) >= newest(sources()?)? {
        return Ok(());
    }
    // The build's beginning counts: what is edited while it runs belongs to the next one.
    let begun = stamp.with_extension("begun");
    fs::create_dir_all(stamp.parent().unwrap_or(Path::new(".")))?;
    fs::write(&begun, "")?;
    run(npm("console", &["run", "build"]))?;
    fs::rename(&begun, &stamp).context("the stamp of the built pages cannot be kept")
}

/// `npm ci` when what is installed is older than the lock file.
pub(crate) fn install(folder: &str) -> Result<()> {
    let dir = root().join(folder);
    if changed(&dir.join("node_modules/.package-lock.json")) >= changed(&dir.join("package-lock.json")) {
        return Ok(());
    }
    run(npm(folder, &["ci", "--no-audit", "--no-fund"]))
}

/// An npm command in a folder of the repository.
pub(crate) fn npm(folder: &str, args: &[&str]) -> Command {
    let mut command = here("npm");
    command.args(args).current_dir(root().join(folder));
    command
}

/// What the pages are made of.
fn sources() -> Result<Vec<PathBuf>> {
    let console = root().join("console");
    let mut sources = vec![console.join("src"), console.join("build")];
    for entry in fs::read_dir(&console)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| ["ts", "json", "html"].iter().any(|one| end == *one)) {
            sources.push(path);
        }
    }
    for product in fs::read_dir(root().join("products"))? {
        sources.push(product?.path().join("web"));
    }
    sources.retain(|path| path.exists());
    Ok(sources)
}

/// When the newest of these files and folders changed. A folder counts too: removing a file changes it.
fn newest(mut paths: Vec<PathBuf>) -> Result<Option<SystemTime>> {
    let mut newest = None;
    while let Some(path) = paths.pop() {
        newest = newest.max(changed(&path));
        if path.is_dir() {
            for entry in fs::read_dir(&path).with_context(|| format!("{} cannot be read", path.display()))? {
                paths.push(entry?.path());
            }
        }
    }
    Ok(newest)
}

/// When a file was last written; `None`, which is older than everything, when there is none.
fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}
