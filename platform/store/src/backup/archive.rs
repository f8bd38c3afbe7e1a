//! A backup that carries files: a tar, which any `tar` opens and `sha256sum --check SHA256SUMS` proves.
//!
//! In this order: `mainspring.db`, a backup as it is where there are no files; `objects/<part>/<folder>/<file>`, ascending; `SHA256SUMS`,
//! a line for each of them; `SHA256SUMS.sha256`, the line about that. Plain files alone, each name once, nothing after. Whatever is
//! not so is refused, so nothing that is read here leads out of a folder, and nothing is kept in memory but a line and a buffer.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use crate::sqlite::connect;

const SUMS: &str = "SHA256SUMS";
const SEAL: &str = "SHA256SUMS.sha256";
const FILES: &str = "objects";
/// A line about the sums: the digest, two spaces, the name, its end.
const SEAL_BYTES: u64 = 64 + 2 + SUMS.len() as u64 + 1;
const NAME_BYTES: usize = 100;
/// What a database begins with that is no tar.
const DATABASE: &[u8] = b"SQLite format 3\0";

/// What an archive holds beside the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) files: u64,
    /// Of all lines of its sums, so of all of it.
    pub(crate) digest: [u8; 32],
}

/// What an entry is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece<'a> {
    Database,
    /// A file, as `<part>/<folder>/<file>`.
    Object(&'a str),
}

fn other(why: impl Into<String>) -> io::Error {
    io::Error::other(why.into())
}

/// A name that leads nowhere: whatever else lies in the folder (what is being written, what was replaced) begins with a point.
pub(crate) fn sane(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.');
    (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(inside) && !name.starts_with(['.', '-'])
}

/// The names in a folder, ascending.
pub(crate) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string().ok().filter(|name| sane(name)));
    }
    names.sort_unstable();
    Ok(names)
}

/// Every file below a folder, ascending. Those of one folder are known at a time.
pub(crate) fn each(root: &Path, mut act: impl FnMut(&str, &Path) -> io::Result<()>) -> io::Result<()> {
    for part in names(root)?.iter().filter(|part| root.join(part).is_dir()) {
        for folder in names(&root.join(part))? {
            let at = root.join(part).join(&folder);
            // Not what an operator keeps there.
            if !at.is_dir() {
                continue;
            }
            for name in names(&at)? {
                act(&format!("{part}/{folder}/{name}"), &at.join(&name))?;
            }
        }
    }
    Ok(())
}

/// How many files there are, and their bytes.
pub(crate) fn size(root: &Path) -> io::Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    each(root, |_, path| {
        (files, bytes) = (files + 1, bytes + path.metadata()?.len());
        Ok(())
    })?;
    Ok((files, bytes))
}

/// Whether a backup is an archive.
pub(crate) fn is_archive(file: &Path) -> io::Result<bool> {
    let mut begins = Vec::new();
    File::open(file)?.take(512).read_to_end(&mut begins)?;
    // By what every tar says of itself: whatever else a file is, it is refused as no database.
    Ok(!begins.starts_with(DATABASE) && begins.get(257..262) == Some(b"ustar"))
}

/// Counts and hashes what is read through it.
struct Counted<R, F> {
    inner: R,
    hash: Sha256,
    read: u64,
    seen: F,
}

impl<R: Read, F: FnMut(u64) -> io::Result<()>> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.read += read as u64;
        (self.seen)(read as u64)?;
        Ok(read)
    }
}

fn line(digest: &[u8], name: &str) -> String {
    format!("{}  {name}\n", hex::encode(digest))
}

/// An archive that is being written.
struct Writing<'a> {
    tar: Builder<BufWriter<&'a File>>,
    made_at_s: u64,
    lines: BufWriter<&'a File>,
    whole: Sha256,
    going: &'a mut dyn FnMut(u64) -> io::Result<()>,
}

impl Writing<'_> {
    /// Appends a file; its digest.
    fn append(&mut self, name: &str, file: impl Read, bytes: u64) -> io::Result<Vec<u8>> {
        let mut header = Header::new_ustar();
        header.set_path(name)?;
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(self.made_at_s);
        header.set_cksum();
        let mut counted = Counted { inner: file, hash: Sha256::new(), read: 0, seen: &mut *self.going };
        self.tar.append(&header, &mut counted)?;
        if counted.read != bytes {
            return Err(other(format!("{name} is shorter than it was")));
        }
        Ok(counted.hash.finalize().to_vec())
    }

    fn add(&mut self, name: &str, path: &Path) -> io::Result<()> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let digest = self.append(name, file.take(bytes), bytes)?;
        let line = line(&digest, name);
        self.whole.update(&line);
        self.lines.write_all(line.as_bytes())
    }
}

/// Writes an archive of a database and of what is below `root`. `lines` is an empty file that is nobody's; `going` hears of each
/// share of bytes, and ends it.
pub(super) fn write(
    (database, root): (&Path, &Path),
    (to, lines): (&File, &Path),
    made_at_ms: i64,
    going: &mut dyn FnMut(u64) -> io::Result<()>,
) -> io::Result<Tally> {
    let sums = connect::private_file(lines)?;
    let made_at_s = made_at_ms.unsigned_abs() / 1000;
    let mut writing = Writing {
        tar: Builder::new(BufWriter::new(to)),
        made_at_s,
        lines: BufWriter::new(&sums),
        whole: Sha256::new(),
        going,
    };
    writing.add(connect::FILE, database)?;
    let mut files = 0;
    each(root, |name, path| {
        files += 1;
        writing.add(&format!("{FILES}/{name}"), path)
    })?;
    writing.lines.flush()?;
    let bytes = sums.metadata()?.len();
    let digest = writing.append(SUMS, File::open(lines)?.take(bytes), bytes)?;
    let seal = line(&digest, SUMS);
    writing.append(SEAL, seal.as_bytes(), SEAL_BYTES)?;
    writing.tar.into_inner()?.flush()?;
    let whole: [u8; 32] = writing.whole.finalize().into();
    if whole[..] != digest[..] {
        return Err(other("the sums were changed while they were written"));
    }
    Ok(Tally { files, digest: whole })
}

/// Reads an archive to its end and holds it to what it says. Each piece goes to `take` before it is known to be whole: what was made
/// of them counts only when this answers.
pub(crate) fn read(file: &Path, take: &mut dyn FnMut(Piece<'_>, &mut dyn Read) -> io::Result<()>) -> io::Result<Tally> {
    let mut tar = tar::Archive::new(BufReader::new(File::open(file)?));
    let (mut whole, mut files, mut last, mut sums, mut sealed) = (Sha256::new(), 0, None::<String>, None, false);
    // Raw: names and sizes stand in the header alone, and no entry says them for another.
    for entry in tar.entries()?.raw(true) {
        let mut entry = entry?;
        let header = entry.header();
        if header.as_ustar().is_none() || header.entry_type() != EntryType::Regular {
            return Err(other("it holds something that is no plain file"));
        }
        let (bytes, name) = (entry.size(), String::from_utf8_lossy(&entry.header().path_bytes()).into_owned());
        let mut counted = Counted { inner: &mut entry, hash: Sha256::new(), read: 0, seen: |_| Ok(()) };
        let expected = match (&last, sums, sealed) {
            (None, None, _) => name == connect::FILE,
            (Some(_), None, _) if name == SUMS => true,
            (Some(last), None, _) => object(&name).is_some() && last.split('/').lt(name.split('/')),
            (_, Some(_), false) => name == SEAL && bytes == SEAL_BYTES,
            _ => false,
        };
        if !expected {
            return Err(other(format!("it holds {name:?} where that cannot be")));
        }
        let mut said = String::new();
        match (object(&name), name.as_str()) {
            (_, connect::FILE) => take(Piece::Database, &mut counted)?,
            (_, SEAL) => drop(counted.read_to_string(&mut said)?),
            (Some(object), _) => take(Piece::Object(object), &mut counted)?,
            (None, _) => {}
        }
        io::copy(&mut counted, &mut io::sink())?;
        if counted.read != bytes {
            return Err(other("it ends too early"));
        }
        let digest: [u8; 32] = counted.hash.finalize().into();
        match (name.as_str(), sums) {
            (SUMS, _) => sums = Some(digest),
            (_, Some(sums)) => sealed = said == line(&sums, SUMS),
            _ => {
                files += u64::from(last.is_some());
                whole.update(line(&digest, &name));
                last = Some(name);
            }
        }
    }
    let digest: [u8; 32] = whole.finalize().into();
    if !sealed || sums != Some(digest) {
        return Err(other("what it holds is not what its sums say"));
    }
    Ok(Tally { files, digest })
}

/// A file's place, below the folder of files.
fn object(name: &str) -> Option<&str> {
    let place = name.strip_prefix(FILES)?.strip_prefix('/')?;
    (place.split('/').count() == 3 && place.split('/').all(sane)).then_some(place)
}
