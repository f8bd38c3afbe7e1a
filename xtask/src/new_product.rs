//! `cargo xtask new-product NAME`: the example `bell` under a new name, plugged in.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// What a product begins as: the example that the tests run.
const EXAMPLE: &str = include_str!("../../examples/bell/src/lib.rs");
/// Every line that a product needs outside of its folder, as (file, the line before it, the line).
const LINES: [(&str, &str, &str); 3] = [
    ("Cargo.toml", "radio = { path", r#"NAME = { path = "products/NAME", package = "mainspring-NAME" }"#),
    ("server/Cargo.toml", "radio.workspace = true", "NAME.workspace = true"),
    ("server/src/products.rs", "        radio::product(),", "        NAME::product(),"),
];
const MANIFEST: &str = r#"[package]
name = "mainspring-NAME"
description = "NAME, a product of Mainspring."
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true

[lib]
name = "NAME"
doctest = false

[dependencies]
store.workspace = true
events.workspace = true
jobs.workspace = true
realtime.workspace = true
host.workspace = true
schemars.workspace = true
serde.workspace = true

[lints]
workspace = true
"#;
const README: &str = "# NAME

**Promise:** a push on GitHub reaches everybody who listens to `NAME:rings`, once.

It began as the example `bell`. Say here what it does for whom, what its limits are and what it never does.
";

/// Makes the folder and the lines; nothing is written when something is in the way.
pub(crate) fn run(root: &Path, name: &str) -> Result<()> {
    check(root, name)?;
    let mut changed = Vec::new();
    for (file, before, line) in LINES {
        let text = fs::read_to_string(root.join(file)).with_context(|| format!("{file} cannot be read"))?;
        changed.push((file, plug(&text, before, &line.replace("NAME", name)).with_context(|| file.to_owned())?));
    }
    let product = root.join("products").join(name);
    fs::create_dir_all(product.join("src"))?;
    fs::write(product.join("Cargo.toml"), MANIFEST.replace("NAME", name))?;
    fs::write(product.join("README.md"), README.replace("NAME", name))?;
    fs::write(product.join("src/lib.rs"), renamed(name))?;
    for (file, text) in changed {
        fs::write(root.join(file), text)?;
    }
    println!(
        "products/{name} is there, and plugged into the server.\n\n  cargo check -p mainspring-{name}\n  cargo xtask serve\n  \
         curl -N http://127.0.0.1:8080/api/v1/channels/{name}:rings/events\n\nThe guide: docs/guides/add-a-product.md"
    );
    Ok(())
}

fn check(root: &Path, name: &str) -> Result<()> {
    let word = name.len() >= 3
        && name.len() <= 30
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    ensure!(word, "{name:?} is no name for a product: 3 to 30 lower-case letters and digits, a letter first");
    for taken in ["kernel", "server", "products", "platform", "examples"].map(|place| place.to_owned()) {
        ensure!(name != taken, "{name} is a folder of the house");
    }
    for place in ["products", "platform", "examples"] {
        if root.join(place).join(name).exists() {
            bail!("{place}/{name} is there already");
        }
    }
    Ok(())
}

/// The example with its name replaced: in paths, types, channels and texts alike.
fn renamed(name: &str) -> String {
    EXAMPLE.replace("A whole product: a push", "A push").replace("bell", name)
}

/// The text with `line` after the last line that begins with `before`.
fn plug(text: &str, before: &str, line: &str) -> Result<String> {
    let mut lines: Vec<_> = text.lines().collect();
    let at = lines.iter().rposition(|it| it.starts_with(before));
    let at = at.with_context(|| format!("has no line that begins with {before:?}: add {line:?} by hand"))?;
    lines.insert(at + 1, line);
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn names_that_would_break_something_are_refused() {
        let root = crate::cargo::root();
        for name in ["", "Polls", "no-way", "a", "radio", "bell", "jobs", "kernel", "1st", "über", "x/y"] {
            assert!(run(root, name).is_err(), "{name:?}");
        }
    }

    /// The whole way on a copy of this tree: made, compiled with the server, and in order.
    #[test]
    fn a_new_product_compiles_and_is_tidy() -> Result<()> {
        let (root, copy) = (crate::cargo::root(), tempfile::tempdir()?);
        let tree = copy.path().join("main");
        let files = Command::new("git").args(["ls-files", "-co", "--exclude-standard"]).current_dir(root).output()?;
        for file in String::from_utf8(files.stdout)?.lines() {
            let to = tree.join(file);
            fs::create_dir_all(to.parent().context("a folder")?)?;
            // Another founder's editor may have removed it since.
            let _ = fs::copy(root.join(file), to);
        }
        run(&tree, "polls")?;
        ensure!(run(&tree, "polls").is_err(), "made twice");
        // Dependencies are compiled once for all runs of this test.
        let target = root.join("target/new-product");
        for args in [
            &["check", "--quiet", "--offline", "-p", "mainspring"][..],
            &["test", "--quiet", "--offline", "-p", "mainspring-xtask", "--test", "tidy"][..],
        ] {
            let mut cargo = Command::new(env!("CARGO"));
            let done = cargo.args(args).current_dir(&tree).env("CARGO_TARGET_DIR", &target).output()?;
            let said = [done.stderr, done.stdout].concat();
            ensure!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&said));
        }
        Ok(())
    }
}
