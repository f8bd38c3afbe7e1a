//! Objects as files. What is being written lies in a folder of its own until it is whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use kernel::{Clock, Entropy};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};

use crate::{Error, Name};

/// Where objects lie that are not whole yet, on the same file system. It is there for as long as the place is: where it is missing, as when a
/// volume is not mounted, nobody knows what objects there are.
const COMING: &str = ".coming";
/// What has come for longer than this comes no more: its process is gone. Others may write into the same directory.
const LOST_MS: u128 = 3_600_000;
/// Shared by every process that serves the directory: who replaces what is in it takes it alone.
const LOCK: &str = ".lock";
const TOKEN_BYTES: usize = 12;

pub(crate) struct Directory {
    root: PathBuf,
    entropy: Entropy,
    /// Read by what removes, written by who holds that back.
    removals: Arc<RwLock<()>>,
    _lock: File,
}

impl Directory {
    pub(crate) fn open(root: &Path, clock: &Clock, entropy: &Entropy) -> io::Result<Self> {
        let coming = root.join(COMING);
        make(&coming)?;
        let lock = share(root)?;
        let now_ms = u128::try_from(clock.now_ms()).unwrap_or_default();
        for entry in fs::read_dir(&coming)? {
            let entry = entry?;
            let since = entry.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            if since.as_millis() + LOST_MS < now_ms {
                gone(fs::remove_file(entry.path()))?;
            }
        }
        Ok(Self { root: root.to_owned(), entropy: entropy.clone(), removals: Arc::default(), _lock: lock })
    }

    /// The folder, and the file in it.
    fn place(&self, name: &Name) -> (PathBuf, PathBuf) {
        let (part, folder, id) = name.folders();
        let folder = self.root.join(part).join(folder);
        let file = folder.join(id);
        (folder, file)
    }

    pub(crate) async fn put(&self, name: &Name, bytes: Bytes) -> Result<(), Error> {
        let (root, (folder, file)) = (self.root.clone(), self.place(name));
        let coming = self.root.join(COMING).join(self.entropy.token(TOKEN_BYTES));
        blocking(move || {
            let written = write(&root, (&folder, &file), &coming, &bytes);
            if written.is_err() {
                gone(fs::remove_file(&coming))?;
            }
            written
        })
        .await
    }

    pub(crate) async fn get(&self, name: &Name, range: Range<u64>) -> Result<Option<Bytes>, Error> {
        let (root, (_, file)) = (self.root.clone(), self.place(name));
        blocking(move || {
            let mut file = match File::open(file) {
                Err(error) if error.kind() == ErrorKind::NotFound => return there(&root).map(|()| None),
                opened => opened?,
            };
            file.seek(SeekFrom::Start(range.start))?;
            let mut bytes = Vec::new();
            file.take(range.end - range.start).read_to_end(&mut bytes)?;
            Ok(Some(bytes.into()))
        })
        .await
    }

    pub(crate) async fn delete(&self, name: &Name) -> Result<(), Error> {
        let (root, (folder, file)) = (self.root.clone(), self.place(name));
        // Until the file is gone, whoever asked for that may be gone before.
        let turn = self.removals.clone().read_owned().await;
        blocking(move || {
            let _turn = turn;
            match fs::remove_file(file) {
                Err(error) if error.kind() == ErrorKind::NotFound => there(&root),
                // Else a power cut would bring it back when its row is gone.
                removed => removed.and_then(|()| sync(&folder)),
            }
        })
        .await
    }

    pub(crate) async fn hold(&self) -> Result<Held, Error> {
        let held = self.removals.clone().write_owned().await;
        there(&self.root)?;
        Ok(Held { root: self.root.clone(), _removals: held })
    }
}

/// Nothing is removed from a directory while this lives.
pub struct Held {
    root: PathBuf,
    _removals: OwnedRwLockWriteGuard<()>,
}

impl Held {
    /// The directory: an object lies at `<part>/<folder>/<id>`.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
}

async fn blocking<T: Send + 'static>(act: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(act).await;
    Ok(done.map_err(|error| Error::Away(error.to_string()))??)
}

fn share(root: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let lock = options.open(root.join(LOCK))?;
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Err(io::Error::other("a restore is at work in it")),
        // Some shares of a network have no locks.
        Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => Err(error),
        _ => Ok(lock),
    }
}

/// The bytes are on the disk before the name is, and the name is before anybody hears of it.
fn write(root: &Path, (folder, file): (&Path, &Path), coming: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(coming)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    if !folder.exists() {
        make(folder)?;
        folder.parent().map_or(Ok(()), sync)?;
        sync(root)?;
    }
    fs::rename(coming, file)?;
    sync(folder)
}

/// Whether the place is there, of which something is not.
pub(crate) fn there(root: &Path) -> io::Result<()> {
    fs::metadata(root.join(COMING)).map(drop)
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes the names in a folder last, where a folder can be opened at all.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// What is gone already is gone.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
