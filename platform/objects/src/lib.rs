#![doc = include_str!("../README.md")]

mod directory;
mod name;
mod s3;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use kernel::{Clock, Entropy, limits};
use outbound::Outbound;

use directory::Directory;
pub use directory::Held;
pub use name::{BadName, Name};
pub use s3::{S3, Unfit};

use s3::Bucket;

/// Whether a directory of objects is there, for who has none open: one that is not mounted holds nothing that could be told from none.
///
/// # Errors
/// What the file system says.
pub fn look(root: &Path) -> std::io::Result<()> {
    directory::there(root)
}

/// Where objects are. Clones are handles to the same place.
#[derive(Clone)]
pub struct Objects(Arc<Place>);

enum Place {
    Directory(Directory),
    Bucket(Bucket),
}

/// Why an object was not put, read or deleted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More than is put or read at once: nothing was done, and nothing changes by trying again.
    #[error("{0} bytes at once are the bound")]
    TooLarge(usize),
    /// The place is away, full, or refuses us: it may work later.
    #[error("objects cannot be reached: {0}")]
    Away(String),
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Away(kernel::problem::chain(&error))
    }
}

impl Objects {
    /// In a directory, which is made where it is not there, for its owner alone.
    ///
    /// # Errors
    /// What the file system says.
    pub fn in_directory(root: &Path, clock: &Clock, entropy: &Entropy) -> std::io::Result<Self> {
        Directory::open(root, clock, entropy).map(|it| Self(Arc::new(Place::Directory(it))))
    }

    /// In a bucket.
    ///
    /// # Errors
    /// [`Unfit`] settings.
    pub fn in_bucket(settings: S3, outbound: Outbound, clock: Clock) -> Result<Self, Unfit> {
        Bucket::new(settings, outbound, clock).map(|it| Self(Arc::new(Place::Bucket(it))))
    }

    /// Keeps bytes under a name, at most [`limits::OBJECT_BYTES`]. When it has answered they survive a power cut; when it has not,
    /// they may be there or not, and may be put again.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn put(&self, name: &Name, bytes: Bytes) -> Result<(), Error> {
        if bytes.len() > limits::OBJECT_BYTES {
            return Err(Error::TooLarge(limits::OBJECT_BYTES));
        }
        match &*self.0 {
            Place::Directory(it) => it.put(name, bytes).await,
            Place::Bucket(it) => it.put(name, bytes).await,
        }
    }

    /// What there is of a range of an object, at most [`limits::OBJECT_READ_BYTES`]: fewer bytes where the object ends within it.
    /// `None` when there is no such object.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn get(&self, name: &Name, range: Range<u64>) -> Result<Option<Bytes>, Error> {
        if range.end.saturating_sub(range.start) > limits::OBJECT_READ_BYTES as u64 {
            return Err(Error::TooLarge(limits::OBJECT_READ_BYTES));
        }
        if range.is_empty() {
            return Ok(Some(Bytes::new()));
        }
        match &*self.0 {
            Place::Directory(it) => it.get(name, range).await,
            Place::Bucket(it) => it.get(name, range).await,
        }
    }

    /// Removes an object. One that is not there is removed already. Waits while removals are held back.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub async fn delete(&self, name: &Name) -> Result<(), Error> {
        match &*self.0 {
            Place::Directory(it) => it.delete(name).await,
            Place::Bucket(it) => it.delete(name).await,
        }
    }

    /// Holds back removals from the directory, once those at work are done: for who copies it. `None` for a bucket.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub async fn hold(&self) -> Result<Option<Held>, Error> {
        match &*self.0 {
            Place::Directory(it) => it.hold().await.map(Some),
            Place::Bucket(_) => Ok(None),
        }
    }
}
