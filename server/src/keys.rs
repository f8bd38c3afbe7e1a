//! The deployment's key: 32 bytes in a file that every process of a fleet has, or in the data directory, made at the first run.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};
use kernel::{Clock, Entropy, SealKey};
use store::Store;

use crate::config::Config;

pub(crate) const FILE: &str = "mainspring.key";

/// Reads the key: from its file, else from the data directory, where it is made if there is none and no database that an older
/// one would belong to.
pub(crate) fn open(config: &Config, entropy: &Entropy) -> Result<SealKey> {
    let file = &config.server.key_file;
    if file.as_os_str().is_empty() {
        return of_directory(&config.server.data, entropy);
    }
    private_directory(&config.server.data)?;
    read(file).context("server.key_file")
}

fn private_directory(dir: &Path) -> Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("the data directory {} cannot be made", dir.display()))
}

fn read(path: &Path) -> Result<SealKey> {
    let all = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let bytes = all.try_into().ok();
    bytes.map(SealKey::new).with_context(|| format!("{} is not a key: it must hold 32 bytes", path.display()))
}

fn of_directory(dir: &Path, entropy: &Entropy) -> Result<SealKey> {
    Store::complete_restore(dir, &Clock::system())?;
    private_directory(dir)?;
    let path = dir.join(FILE);
    let mut bytes = [0; 32];
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            if dir.join(store::FILE).exists() {
                std::fs::remove_file(&path).context("an unused key file cannot be removed")?;
                bail!(
                    "{} is missing, but there is a database: restore the key that belongs to it, its secrets cannot be read without",
                    path.display()
                );
            }
            entropy.fill(&mut bytes);
            file.write_all(&bytes)
                .and_then(|()| file.sync_all())
                .with_context(|| format!("{} cannot be written", path.display()))?;
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return read(&path);
        }
        Err(error) => return Err(error).with_context(|| format!("{} cannot be made", path.display())),
    }
    Ok(SealKey::new(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_kept_private_and_missed() {
        let dir = tempfile::tempdir().expect("a directory");
        let entropy = Entropy::system();
        let sealed = of_directory(dir.path(), &entropy).expect("made").seal(&entropy, "x", &kernel::Secret::new("s"));
        assert!(of_directory(dir.path(), &entropy).expect("read").open("x", &sealed).is_ok());
        let mode = std::fs::metadata(dir.path().join(FILE)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(dir.path().join("mainspring.db"), "x").expect("written");
        std::fs::remove_file(dir.path().join(FILE)).expect("removed");
        assert!(of_directory(dir.path(), &entropy).expect_err("refused").to_string().contains("restore the key"));
        std::fs::write(dir.path().join(FILE), "short").expect("written");
        assert!(of_directory(dir.path(), &entropy).expect_err("refused").to_string().contains("32 bytes"));
    }
}
