//! A backup is put into an archive with the files that rows name, and its database is taken out of it again.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use kernel::limits;

use super::{Order, Partial, Progress, SYNC_BYTES, archive, with_suffix};
use crate::StoreError;
use crate::sqlite::connect;

/// Bytes of files between two looks at the disk.
const LOOK_BYTES: u64 = 512 * 1024;

/// Makes an archive of a backup and of the files below `root`, and reads it again: how many files there are in it.
pub(super) fn pack(
    order: &Order,
    root: &Path,
    database: &Path,
    begun: Progress,
    progress: &mut impl FnMut(Progress) -> bool,
) -> Result<(Partial, u64), StoreError> {
    let (to, lines) =
        (Partial(with_suffix(&order.to, ".tar.partial")), Partial(with_suffix(&order.to, ".sums.partial")));
    let failed = |error: io::Error| StoreError::Backup(format!("the backup cannot be written: {error}"));
    for left in [&to, &lines] {
        let _ = std::fs::remove_file(&left.0);
    }
    let file = connect::private_file(&to.0).map_err(failed)?;
    let (mut copied, mut synced, mut looked) = (begun.copied, begun.copied, begun.copied);
    let mut going = |bytes: u64| {
        copied += bytes;
        if copied - synced >= SYNC_BYTES {
            file.sync_data()?;
            synced = copied;
        }
        if copied - looked < LOOK_BYTES && bytes > 0 {
            return Ok(());
        }
        looked = copied;
        if connect::free_bytes(to.0.parent().unwrap_or(&to.0))? < limits::BACKUP_LEAVES_BYTES {
            return Err(io::Error::other("it would have filled its disk"));
        }
        // The whole is told at the end alone: files may have come meanwhile.
        let copied = copied.min(begun.total.saturating_sub(1));
        if progress(Progress { copied, ..begun }) { Ok(()) } else { Err(io::Error::other("it was stopped")) }
    };
    let tally = archive::write((database, root), (&file, &lines.0), order.made_at_ms, &mut going).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    // Whoever stopped it until now may have let deletions go on.
    if !progress(Progress { copied: begun.total, ..begun }) {
        return Err(StoreError::Backup("the backup was stopped".into()));
    }
    let again = archive::read(&to.0, &mut |_, _| Ok(())).map_err(failed)?;
    if again != tally {
        return Err(StoreError::Backup("the backup is not what was written: the disk is failing".into()));
    }
    Ok((to, tally.files))
}

pub(super) fn unread(file: &Path, error: &io::Error) -> StoreError {
    StoreError::Backup(format!("{} is damaged ({error}): it is not used; take an older backup", file.display()))
}

/// What an archive holds, when it is whole; `None` for a backup that is the database alone, or is none.
pub(crate) fn archived(file: &Path) -> Result<Option<archive::Tally>, StoreError> {
    if !archive::is_archive(file).unwrap_or(false) {
        return Ok(None);
    }
    archive::read(file, &mut |_, _| Ok(())).map(Some).map_err(|error| unread(file, &error))
}

/// Takes the database out of an archive.
pub(crate) fn take_database(file: &Path, to: &Path, expected: archive::Tally) -> Result<(), StoreError> {
    let _ = std::fs::remove_file(to);
    let found = archive::read(file, &mut |piece, bytes| match piece {
        archive::Piece::Database => put(bytes, to).map(drop),
        archive::Piece::Object(_) => Ok(()),
    });
    match found.map_err(|error| untaken(file, to, error))? {
        found if found == expected => Ok(()),
        _ => Err(unread(file, &io::Error::other("it was changed while it was read"))),
    }
}

/// That what was read could not be written: the backup is not to blame.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Unwritten(io::Error);

struct Out(File);

/// Marks an error as one of writing.
pub(crate) fn unwritten(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), Unwritten(error))
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(unwritten)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(unwritten)
    }
}

/// Writes what is read from a backup into a file.
pub(crate) fn put(bytes: &mut dyn Read, to: &Path) -> io::Result<File> {
    let mut out = Out(connect::private_file(to).map_err(unwritten)?);
    io::copy(bytes, &mut out)?;
    Ok(out.0)
}

/// Why something could not be taken out of a backup: the one cannot be read, or the other cannot be written.
pub(crate) fn untaken(file: &Path, to: &Path, error: io::Error) -> StoreError {
    match error.downcast::<Unwritten>() {
        Ok(Unwritten(error)) => StoreError::Backup(format!(
            "{} cannot be written ({error}): make room or make it writable; the backup is not to blame",
            to.display()
        )),
        Err(error) => unread(file, &error),
    }
}
