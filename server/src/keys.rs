//! The deployment's key: 32 bytes in the data directory, made at the first run.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};
use kernel::{Clock, Entropy, SealKey};
use store::Store;

pub(crate) const FILE: &str = "mainspring.key";

/// Reads the key, or makes it where there is none and no database that an older one would belong to.
pub(crate) fn open(dir: &Path, entropy: &Entropy) -> Result<SealKey> {
    Store::complete_restore(dir, &Clock::system())?;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("the data directory {} cannot be made", dir.display()))?;
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
            let mut file = std::fs::File::open(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            let mut all = Vec::new();
            file.read_to_end(&mut all).with_context(|| format!("{} cannot be read", path.display()))?;
            bytes = all
                .try_into()
                .ok()
                .with_context(|| format!("{} is not a key: it must hold 32 bytes", path.display()))?;
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
        let sealed = open(dir.path(), &entropy).expect("made").seal(&entropy, "x", &kernel::Secret::new("s"));
        assert!(open(dir.path(), &entropy).expect("read").open("x", &sealed).is_ok());
        let mode = std::fs::metadata(dir.path().join(FILE)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(dir.path().join("mainspring.db"), "x").expect("written");
        std::fs::remove_file(dir.path().join(FILE)).expect("removed");
        assert!(open(dir.path(), &entropy).expect_err("refused").to_string().contains("restore the key"));
        std::fs::write(dir.path().join(FILE), "short").expect("written");
        assert!(open(dir.path(), &entropy).expect_err("refused").to_string().contains("32 bytes"));
    }
}
