//! `cargo xtask serve`: the pages, the binary, then nothing but the binary.

use anyhow::Result;

use crate::{cargo, pages, step};

/// Builds everything and becomes the server. The binary is started itself, not through cargo, so that Ctrl-C reaches it
/// alone and its graceful stop is all that happens.
pub(crate) fn run(release: bool, args: &[String]) -> Result<()> {
    pages::build()?;
    let mut build = cargo::command(&["build", "-p", "mainspring"]);
    if release {
        build.arg("--release");
    }
    step::run(build)?;
    let profile = if release { "release" } else { "debug" };
    let binary = cargo::target_dir()?.join(profile).join(format!("mainspring{}", std::env::consts::EXE_SUFFIX));
    let mut server = cargo::here(&binary.to_string_lossy());
    // Where the caller stands, so that a relative path in an option means what it says.
    server.current_dir(std::env::current_dir()?).args(args);
    step::become_it(server)
}
