//! Ports that stay ours.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Below the ports that the kernel gives to outgoing connections (from 32,768 on Linux): while a server is down, nobody is given
/// its port by chance, and a client that tries again and again does not end up connected to itself.
const RANGE: Range<u16> = 10_000..22_000;
/// A node of a Redis Cluster talks to the others on the port this far above its own.
const BUS: u16 = 10_000;

/// A port of 127.0.0.1, and the one [`BUS`] above it, that no other test is given until this is dropped.
pub(crate) struct Port {
    number: u16,
    /// Locked while we live, however we end.
    _lock: File,
}

impl Port {
    /// Finds one that no other process of this user has.
    ///
    /// # Errors
    /// When none is free.
    pub(crate) fn ours() -> Result<Self> {
        // A folder for each user: nobody may write in another's.
        let uid = tempfile::tempfile().context("a file")?.metadata()?.uid();
        Self::free(&std::env::temp_dir().join(format!("mainspring-ports-{uid}")))
    }

    /// Finds one, whose lock lies in this folder.
    ///
    /// # Errors
    /// When none is free.
    fn free(locks: &Path) -> Result<Self> {
        fs::create_dir_all(locks).with_context(|| format!("{} cannot be made", locks.display()))?;
        // From somewhere: tests that begin together rarely ask for the same.
        let chance = RandomState::new().hash_one(std::process::id());
        let from = usize::try_from(chance % RANGE.len() as u64)?;
        for number in RANGE.skip(from).chain(RANGE.take(from)) {
            let lock = File::options().create(true).append(true).open(locks.join(number.to_string()))?;
            if lock.try_lock().is_ok() && is_free(number) && is_free(number + BUS) {
                return Ok(Self { number, _lock: lock });
            }
        }
        bail!("no port of {RANGE:?} is free")
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

fn is_free(number: u16) -> bool {
    TcpListener::bind(("127.0.0.1", number)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_locked_until_it_is_dropped() -> Result<()> {
        let locks = tempfile::tempdir()?;
        let port = Port::free(locks.path())?;
        let lock = File::open(locks.path().join(port.number().to_string()))?;
        assert!(lock.try_lock().is_err(), "somebody else would be given it while its server is down");
        drop(port);
        lock.try_lock()?;
        Ok(())
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_not_free() -> Result<()> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        assert!(!is_free(listener.local_addr()?.port()));
        Ok(())
    }
}
