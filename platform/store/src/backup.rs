//! Backups: one file, made while writers go on, checked before it gets its name.
//!
//! A backup is a SQLite database like the one it was made from, with three tables more: what it is (`backup_facts`), the rows
//! and the SHA-256 of every table (`backup_tables`), and what else a restore needs, such as the key that opens the sealed
//! secrets (`backup_files`). So it is as secret as the data directory. Where files lie beside the database, it is an [`archive`] of both.

pub(crate) mod archive;
mod packed;

use std::fs::File;
use std::path::{Path, PathBuf};

use kernel::limits;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::StoreError;
use crate::sqlite::connect;
pub(crate) use packed::{archived, put, take_database, untaken, unwritten};
use packed::{pack, unread};

const FORMAT: i64 = 1;
const MIB: u64 = 1024 * 1024;
/// Pages copied between two looks at the disk: half a megabyte.
const STEP_PAGES: i32 = 256;
/// Bytes after which what was copied is synced: one great sync at the end would hold up the writer's small ones.
const SYNC_BYTES: u64 = 8 * 1024 * 1024;

/// What to make.
#[derive(Clone, Debug)]
pub struct Order {
    /// The file; it must not exist. Until it is whole it is called `{to}.partial`.
    pub to: PathBuf,
    /// Files of the data directory that a restore needs beside the database; those that exist are taken into the backup, whole
    /// in memory.
    pub with: Vec<&'static str>,
    /// The folder of files that rows name, wherever it lies: `<part>/<folder>/<file>` below it, each written once. Whoever orders
    /// holds back deletions until the end; then whatever a row of the copy names is in it.
    pub along: Option<PathBuf>,
    /// Who makes it, such as a version.
    pub made_by: String,
    /// Unix milliseconds.
    pub made_at_ms: i64,
}

/// How far a backup is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Bytes copied.
    pub copied: u64,
    /// Bytes to copy.
    pub total: u64,
}

/// What a backup holds, found by reading all of it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Contents {
    /// The file, bytes.
    pub size_bytes: u64,
    /// Unix milliseconds.
    pub made_at_ms: i64,
    /// Who made it.
    pub made_by: String,
    /// The database it was made from: [`crate::Store::id`].
    pub database: String,
    /// Tables with their rows.
    pub tables: Vec<(String, u64)>,
    /// The files it carries beside the database.
    pub files: Vec<String>,
    /// How many files that rows name it carries.
    pub objects: u64,
}

impl Contents {
    /// The rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }
}

/// Makes a backup of a data directory that no process serves, without bringing its schema up to date: right before an upgrade.
///
/// # Errors
/// [`StoreError::Locked`] when a server runs on it: ask that one. Else as [`crate::Store::backup`].
pub fn of_directory(dir: &Path, order: &Order, progress: impl FnMut(Progress) -> bool) -> Result<Contents, StoreError> {
    let _lock = connect::lock(dir)?;
    // Opened for writing once, so that what a killed server left in the log is there to be read.
    let (_writer, _) = connect::writer(dir)?;
    make(dir, order, progress)
}

/// The copy, its manifest, its check, its name. Ends early when `progress` says `false`.
pub(crate) fn make(
    dir: &Path,
    order: &Order,
    mut progress: impl FnMut(Progress) -> bool,
) -> Result<Contents, StoreError> {
    let shown = order.to.display();
    if order.to.symlink_metadata().is_ok() {
        return Err(StoreError::Backup(format!("{shown} exists already; choose another name")));
    }
    let mut partial = Partial(with_suffix(&order.to, ".partial"));
    let cannot = |error: std::io::Error| StoreError::Backup(format!("{shown} cannot be written: {error}"));
    let _ = std::fs::remove_file(&partial.0);
    let file = connect::private_file(&partial.0).map_err(cannot)?;
    // Without files, a backup is the database alone.
    let along = || {
        let sized = order.along.as_deref().map(|root| Ok((root, archive::size(root)?))).transpose().map_err(cannot);
        Ok::<_, StoreError>(sized?.filter(|(_, (files, _))| *files > 0))
    };
    let before = along()?;
    enough(dir, &order.to, before.map(|(_, (_, bytes))| bytes))?;
    // Before the snapshot: what moves from a file into the database meanwhile is then in both, not in neither.
    let files = beside(dir, &order.with)?;
    let mut size = 0;
    copy(&dir.join(connect::FILE), &partial.0, &file, &mut |step: Progress| {
        size = step.total;
        progress(Progress { total: before.map_or(size, |(_, (_, bytes))| 2 * size + bytes), ..step })
    })?;
    describe(order, &files, &partial.0)?;
    file.sync_all().map_err(cannot)?;
    let mut contents = read(&partial.0)?;
    // Now: the first file may have come meanwhile, with the row that names it.
    if let Some((root, (_, bytes))) = along()? {
        let begun = Progress { copied: size, total: 2 * size + bytes };
        (partial, contents.objects) = pack(order, root, &partial.0, begun, &mut progress)?;
        contents.size_bytes = partial.0.metadata().map_err(cannot)?.len();
    }
    rustix::fs::renameat_with(
        rustix::fs::CWD,
        &partial.0,
        rustix::fs::CWD,
        &order.to,
        rustix::fs::RenameFlags::NOREPLACE,
    )
    .map_err(|error| cannot(error.into()))?;
    sync_parent(&order.to).map_err(cannot)?;
    Ok(contents)
}

/// Whether a backup fits, as far as that is known before: with files, the database is there twice until the end.
fn enough(dir: &Path, to: &Path, files: Option<u64>) -> Result<(), StoreError> {
    let cannot = |error: std::io::Error| StoreError::Backup(format!("{} cannot be written: {error}", to.display()));
    let database = dir.join(connect::FILE).metadata().map_or(0, |meta| meta.len());
    let needs = files.map_or(database, |bytes| 2 * database + bytes) + limits::BACKUP_LEAVES_BYTES;
    let free = connect::free_bytes(parent(to)).map_err(cannot)?;
    if free >= needs {
        return Ok(());
    }
    let (needs, free) = (needs.div_ceil(MIB), free / MIB);
    Err(StoreError::Backup(format!(
        "the backup was not begun: it would have filled its disk. It needs {needs} MiB beside {}, and {free} MiB are free",
        to.display()
    )))
}

/// Copies one snapshot, page by page. The writer goes on; its log cannot start over meanwhile.
fn copy(from: &Path, to: &Path, file: &File, progress: &mut impl FnMut(Progress) -> bool) -> Result<(), StoreError> {
    let source = connect::reader(from)?;
    source.execute_batch("BEGIN")?;
    let (tables, page_bytes): (i64, u32) = source.query_row(
        "SELECT (SELECT count(*) FROM sqlite_master), page_size FROM pragma_page_size",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if tables == 0 {
        return Err(StoreError::Backup("there is nothing to back up: the database has no table".into()));
    }
    let mut copy = connect::copy(to)?;
    let backup = Backup::new(&source, &mut copy)?;
    let mut synced = 0;
    loop {
        let step = backup.step(STEP_PAGES)?;
        let pages = backup.progress();
        let bytes = |pages: i32| u64::from(pages.unsigned_abs()) * u64::from(page_bytes);
        let (total, copied) = (bytes(pages.pagecount), bytes(pages.pagecount - pages.remaining));
        let cannot = |error: std::io::Error| StoreError::Backup(format!("the backup cannot be written: {error}"));
        if copied - synced >= SYNC_BYTES {
            file.sync_data().map_err(cannot)?;
            synced = copied;
        }
        let room = connect::free_bytes(to.parent().unwrap_or(to)).map_err(cannot)?;
        if room < limits::BACKUP_LEAVES_BYTES {
            return Err(StoreError::Backup("the backup was given up: it would have filled its disk".into()));
        }
        if !progress(Progress { copied, total }) {
            return Err(StoreError::Backup("the backup was stopped".into()));
        }
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => return Err(StoreError::Backup("the database was locked by another program".into())),
        }
    }
}

fn beside(dir: &Path, names: &[&'static str]) -> Result<Vec<(&'static str, Vec<u8>)>, StoreError> {
    let mut files = Vec::new();
    for name in names {
        match std::fs::read(dir.join(name)) {
            Ok(bytes) => files.push((*name, bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(connect::directory(dir, source)),
        }
    }
    Ok(files)
}

/// Writes the manifest into the copy.
fn describe(order: &Order, files: &[(&str, Vec<u8>)], file: &Path) -> Result<(), StoreError> {
    let mut copy = connect::copy(file)?;
    // The copy says that it has a log, as its source; a backup is one file.
    let _: String = copy.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    let tx = copy.transaction()?;
    let tables = digests(&tx)?;
    tx.execute_batch(
        "CREATE TABLE backup_facts (format INTEGER NOT NULL, made_at_ms BIGINT NOT NULL, made_by TEXT NOT NULL);
         CREATE TABLE backup_tables (name TEXT NOT NULL, rows BIGINT NOT NULL, digest BYTEA NOT NULL);
         CREATE TABLE backup_files (name TEXT NOT NULL, bytes BYTEA NOT NULL);",
    )?;
    tx.execute("INSERT INTO backup_facts VALUES (?1, ?2, ?3)", params![FORMAT, order.made_at_ms, order.made_by])?;
    for (name, rows, digest) in &tables {
        tx.execute("INSERT INTO backup_tables VALUES (?1, ?2, ?3)", params![name, *rows as i64, digest])?;
    }
    for (name, bytes) in files {
        tx.execute("INSERT INTO backup_files VALUES (?1, ?2)", params![name, bytes])?;
    }
    Ok(tx.commit()?)
}

/// Reads a whole backup and compares it with its manifest. The database of an archive is taken out of it beside it, meanwhile.
///
/// # Errors
/// [`StoreError::Backup`] when it is none, or is not as it was made.
pub fn read(file: &Path) -> Result<Contents, StoreError> {
    let Some(tally) = archived(file)? else { return open(file).map(|(_, contents)| contents) };
    let database = Partial(with_suffix(file, ".database.partial"));
    take_database(file, &database.0, tally)?;
    let contents = read(&database.0)?;
    let size_bytes = file.metadata().map_err(|error| unread(file, &error))?.len();
    Ok(Contents { objects: tally.files, size_bytes, ..contents })
}

/// A checked backup, opened for reading.
pub(crate) fn open(file: &Path) -> Result<(Connection, Contents), StoreError> {
    let shown = file.display();
    let none = |why: &dyn std::fmt::Display| StoreError::Backup(format!("{shown} is no backup of Mainspring: {why}"));
    let damaged =
        |what: &str| StoreError::Backup(format!("{shown} is damaged ({what}): it is not used; take an older backup"));
    let size_bytes = file.metadata().map_err(|error| none(&error))?.len();
    let connection = connect::reader(file).map_err(|error| none(&error))?;
    let known = "SELECT count(*) FROM sqlite_master WHERE name IN ('backup_facts', 'backup_tables', 'backup_files')";
    let found: i64 = connection.query_row(known, [], |row| row.get(0)).map_err(|error| none(&error))?;
    if found != 3 {
        return Err(none(&"it has no manifest"));
    }
    let look = || -> Result<Contents, StoreError> {
        if let Some(what) = connect::damage(&connection)? {
            return Err(damaged(&what));
        }
        let facts = connection
            .query_row("SELECT format, made_at_ms, made_by FROM backup_facts", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((FORMAT, made_at_ms, made_by)) = facts else {
            return Err(none(&"its manifest is of another version"));
        };
        let tables = digests(&connection)?;
        let promised: Vec<(String, u64, Vec<u8>)> = list(&connection, "SELECT name, rows, digest FROM backup_tables")?
            .into_iter()
            .map(|(name, rows, digest): (String, i64, Vec<u8>)| (name, rows.unsigned_abs(), digest))
            .collect();
        if let Some((name, ..)) = promised.iter().find(|table| !tables.contains(table)) {
            return Err(damaged(&format!("the table {name} is not as it was")));
        }
        if tables.len() != promised.len() {
            return Err(damaged("it has tables that it was not made with"));
        }
        let database = connection.query_row("SELECT id FROM identity", [], |row| row.get(0))?;
        let files = list(&connection, "SELECT name, 0, bytes FROM backup_files")?.into_iter().map(|file| file.0);
        let tables = tables.into_iter().map(|(name, rows, _)| (name, rows)).collect();
        Ok(Contents { size_bytes, made_at_ms, made_by, database, tables, files: files.collect(), objects: 0 })
    };
    let contents = look().map_err(|error| match error {
        StoreError::Damaged(what) => damaged(&what),
        error => error,
    })?;
    Ok((connection, contents))
}

pub(crate) fn list(connection: &Connection, sql: &str) -> Result<Vec<(String, i64, Vec<u8>)>, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Of a table: that it is neither a virtual one nor what a virtual one keeps, which is made from the others.
pub(crate) const OWN: &str =
    "name NOT IN (SELECT name FROM pragma_table_list WHERE type IN ('virtual', 'shadow') AND schema = 'main')";

/// Name, rows and SHA-256 of every table, in the order of their names.
fn digests(connection: &Connection) -> Result<Vec<(String, u64, Vec<u8>)>, StoreError> {
    let names: Vec<String> = {
        let mut statement = connection.prepare(
            &format!("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'backup\\_%' ESCAPE '\\' AND {OWN} ORDER BY name"),
        )?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    names.into_iter().map(|name| digest(connection, name)).collect()
}

fn digest(connection: &Connection, name: String) -> Result<(String, u64, Vec<u8>), StoreError> {
    let mut statement = connection.prepare(&format!("SELECT * FROM \"{name}\" ORDER BY rowid"))?;
    let columns = statement.column_count();
    let (mut hash, mut count) = (Sha256::new(), 0);
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        count += 1;
        for column in 0..columns {
            feed(&mut hash, row.get_ref(column)?);
        }
    }
    Ok((name, count, hash.finalize().to_vec()))
}

/// Counts a value into a digest.
pub(crate) fn feed(hash: &mut Sha256, value: ValueRef<'_>) {
    let (kind, bytes): (u8, &[u8]) = match value {
        ValueRef::Null => (0, &[]),
        ValueRef::Integer(value) => (1, &value.to_le_bytes()),
        ValueRef::Real(value) => (2, &value.to_le_bytes()),
        ValueRef::Text(value) => (3, value),
        ValueRef::Blob(value) => (4, value),
    };
    // Length first: two values never read as one.
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(crate) fn sync_parent(path: &Path) -> std::io::Result<()> {
    File::open(parent(path))?.sync_all()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A file that is not there any more when the work on it failed.
pub(crate) struct Partial(pub(crate) PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        // After the rename there is nothing under this name.
        let _ = std::fs::remove_file(&self.0);
    }
}
