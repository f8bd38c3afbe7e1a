//! What the data directory says once its deployment lives elsewhere.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::TransferError;
use crate::StoreError;
use crate::sqlite::connect;

/// Where to, in the first line; the other lines are for people.
const FILE: &str = "moved-to";
const PARTIAL: &str = "moved-to.partial";

/// Where the deployment of a data directory has moved to, if it has: host, port and database.
pub fn moved(dir: &Path) -> Option<String> {
    let text = std::fs::read_to_string(dir.join(FILE)).ok()?;
    Some(text.lines().next().unwrap_or_default().to_owned())
}

/// Refuses a directory that a deployment has left: its database would begin a second life from the moment of the move.
pub(crate) fn refuse_moved(dir: &Path) -> Result<(), StoreError> {
    let Some(to) = moved(dir) else { return Ok(()) };
    Err(StoreError::Address(format!(
        "this deployment has moved to {to}: start it with DATABASE_URL, or remove {} to go on here without what happened there",
        dir.join(FILE).display()
    )))
}

/// Somebody wants to move what has moved elsewhere.
pub(super) fn refused(dir: &Path, to: &str) -> TransferError {
    TransferError::Refused(format!(
        "this deployment has moved to {to} already; if it has to move from here once more, remove {} first",
        dir.join(FILE).display()
    ))
}

/// Leaves the marker, on the disk before this returns.
pub(super) fn write(dir: &Path, to: &str) -> Result<(), StoreError> {
    let (file, partial) = (dir.join(FILE), dir.join(PARTIAL));
    let words = format!(
        "{to}\n\nThis deployment has moved there. Start it with DATABASE_URL. Should the move have been interrupted, run `mainspring\n\
         move` again. To go on with what is in this directory, without what happened there since: remove this file.\n"
    );
    let write = || {
        let _ = std::fs::remove_file(&partial);
        let mut made = connect::private_file(&partial)?;
        made.write_all(words.as_bytes())?;
        made.sync_all()?;
        std::fs::rename(&partial, &file)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(|source| connect::directory(dir, source))
}
