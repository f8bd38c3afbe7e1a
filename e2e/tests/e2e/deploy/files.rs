//! The Dockerfile and the unit of systemd, as far as they can be judged without running them.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result};

use super::compose::longest_stop;
use super::{deploy, put, read};

/// The lines of a Dockerfile, those that go on put together: instruction and rest.
fn instructions(file: &str) -> Vec<(String, String)> {
    let lines = file.lines().filter(|line| !line.trim_start().starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let each = joined.lines().filter_map(|line| line.trim().split_once(' '));
    each.map(|(what, rest)| (what.to_owned(), rest.trim().to_owned())).collect()
}

#[test]
fn the_image_is_pinned_small_and_nobodys_root() -> Result<()> {
    let file = read("Dockerfile")?;
    let lines = instructions(&file);
    let of = |what: &str| lines.iter().filter(|(it, _)| it == what).map(|(_, rest)| rest.as_str()).collect::<Vec<_>>();
    let images = of("FROM");
    for image in &images {
        let image = image.split(' ').next().unwrap_or_default();
        let (name, tag) = image.split_once(':').with_context(|| format!("{image} has no version"))?;
        assert!(!name.contains('.'), "{image} names a host");
        assert!(tag.starts_with(|c: char| c.is_ascii_digit()) && tag.contains('.'), "{image} is not pinned");
    }
    // The compiler of the repository, the system of the tests.
    let channel: toml::Table = std::fs::read_to_string(deploy("../rust-toolchain.toml"))?.parse()?;
    let channel = channel["toolchain"]["channel"].as_str().context("a channel")?.to_owned();
    assert!(images.iter().any(|image| image.starts_with(&format!("rust:{channel}-"))), "{images:?}: not {channel}");
    assert!(of("ENV").contains(&&*format!("RUSTUP_TOOLCHAIN={channel}")));

    let last = lines.iter().rposition(|(what, _)| what == "FROM").context("an image")?;
    let after = |what: &str| lines[last..].iter().find(|(it, _)| it == what).map(|(_, rest)| rest.as_str());
    let user = after("USER").context("a user")?.split(':').next().unwrap_or_default().parse::<u32>()?;
    assert!(user > 0);
    assert_eq!((after("STOPSIGNAL"), after("ENTRYPOINT")), (Some("SIGTERM"), Some(r#"["mainspring"]"#)));
    assert_eq!(after("VOLUME"), Some("/var/lib/mainspring"));
    // Compose gives tmpfs to the same user.
    let roles = read("compose.roles.yaml")?;
    assert!(roles.contains(&format!("/var/lib/mainspring:uid={user},gid={user},mode=0700")));
    for word in ["password", "secret", "token", "_key"] {
        let set = of("ENV").into_iter().chain(of("ARG")).find(|line| line.to_lowercase().contains(word));
        assert_eq!(set, None, "an image is no place for {word}");
    }
    Ok(())
}

#[test]
fn what_the_image_is_built_from_is_there() -> Result<()> {
    let root = deploy("..");
    for (_, rest) in instructions(&read("Dockerfile")?).iter().filter(|(what, _)| what == "COPY") {
        let words: Vec<_> = rest.split(' ').collect();
        let [from @ .., _] = &words[..] else { panic!("{rest}") };
        for file in from.iter().filter(|_| !rest.starts_with("--from=")) {
            assert!(root.join(file).exists(), "COPY {rest}");
        }
    }
    let ignored = std::fs::read_to_string(root.join(".dockerignore"))?;
    let ignored: BTreeSet<_> = ignored.lines().filter(|line| !line.starts_with('#')).collect();
    // Cargo reads the manifest of every member, whichever is built.
    let manifest: toml::Table = std::fs::read_to_string(root.join("Cargo.toml"))?.parse()?;
    let members = manifest["workspace"]["members"].as_array().context("members")?.iter().filter_map(|it| it.as_str());
    for member in members {
        let folder = member.split('/').next().unwrap_or_default();
        assert!(!ignored.contains(folder) && !ignored.contains(member), "{member} is left out");
    }
    for needed in [".git", "target", "data", "deploy/.env", "deploy/secrets"] {
        assert!(ignored.contains(needed), "{needed} goes into the image's layers");
    }
    let version = manifest["workspace"]["package"]["version"].as_str().context("a version")?;
    for (file, says) in [
        ("compose.base.yaml", format!("mainspring:${{MAINSPRING_VERSION:-{version}}}")),
        ("Dockerfile", format!("mainspring:{version} ")),
        ("env.example", format!("MAINSPRING_VERSION={version}\n")),
    ] {
        assert!(read(file)?.contains(&says), "{file} is of another version than {version}");
    }
    Ok(())
}

#[test]
fn every_variable_of_the_compose_files_is_explained() -> Result<()> {
    let example = read("env.example")?;
    for file in ["compose.base.yaml", "compose.yaml", "compose.roles.yaml", "compose.dev.yaml", "compose.prod.yaml"] {
        for variable in read(file)?.split("${").skip(1) {
            let name: String = variable.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
            assert!(example.contains(&format!("{name}=")), "{file}: {name} is not in env.example");
        }
    }
    Ok(())
}

/// systemd judges its own files without running them.
#[test]
fn the_unit_is_valid_and_hardened() -> Result<()> {
    let text = read("mainspring.service")?;
    let patience = text.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).context("a time to stop")?;
    let defaults: toml::Table = std::fs::read_to_string(deploy("../mainspring.toml"))?.parse()?;
    assert!(patience.parse::<u64>()? > longest_stop(&defaults)?, "it is killed while it drains");
    let dir = tempfile::tempdir()?;
    let unit = dir.path().join("mainspring.service");
    // A program that is there.
    std::fs::write(&unit, put(&text, "/usr/local/bin/mainspring", "/bin/true"))?;
    let analyze = |arguments: &[&str]| Command::new("systemd-analyze").args(arguments).arg(&unit).output();
    let Ok(verified) = analyze(&["verify", "--man=no"]) else {
        println!("not run: systemd is not installed");
        return Ok(());
    };
    assert!(verified.status.success() && verified.stderr.is_empty(), "{verified:?}");
    // Of 100; what is left is that it talks to the network and writes to its folder.
    let judged = analyze(&["security", "--offline=true", "--threshold=15"])?;
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
    Ok(())
}
