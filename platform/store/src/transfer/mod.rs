//! Moves a deployment from SQLite into PostgreSQL.
//!
//! The source is read and never changed. Its tables are copied in batches, each in one transaction with the number of rows that
//! were copied so far, so that a move which ends at any moment goes on where it stopped. Until it is complete, no server starts on
//! the target; from just before that, none starts on the source. So there is no moment at which both would serve.
//!
//! What the target keeps of it: `moved_from` (which deployment, when) and `moved_tables` (rows, digest and progress of each table).

mod marker;
mod source;
mod tally;
mod target;

use std::path::Path;

use kernel::{Clock, Entropy, Secret};
use tokio::runtime::Handle;

use self::source::Source;
use self::tally::Tally;
use self::target::{Holds, Target};
use crate::{Migration, StoreError};

pub use self::marker::moved;
pub(crate) use self::marker::refuse_moved;
pub(crate) use self::target::refuse_unfinished;

/// A batch has at most so many rows …
const BATCH_ROWS: usize = 1_000;
/// … and ends with the row that brings it to so many bytes.
const BATCH_BYTES: u64 = 4 * 1024 * 1024;
/// Values that PostgreSQL cannot hold are listed up to this number; the others are counted.
const LISTED: usize = 20;

/// Why nothing, or not everything, was moved. No text holds the password.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TransferError {
    /// These two do not go together; nothing was changed. The text says why and what to do.
    #[error("{0}")]
    Refused(String),
    /// The source has values that PostgreSQL cannot hold; nothing was copied. The text lists them.
    #[error(
        "PostgreSQL cannot hold what is in the data directory; nothing was copied. Mend these, then run it again:\n{0}"
    )]
    Unfit(String),
    /// A table of the target is not as in the source.
    #[error(
        "the table {0} is not the same in the source and the target; run the same command again: it is copied anew"
    )]
    Differs(String),
    /// The caller's `progress` said so.
    #[error("the move was stopped; run the same command again, and it goes on where it stopped")]
    Stopped,
    /// The target went away, or refused a row.
    #[error(
        "the copy of the table {table} was interrupted; run the same command again, and it goes on where it stopped"
    )]
    Interrupted {
        /// The table.
        table: String,
        /// What the target said.
        #[source]
        source: StoreError,
    },
    /// The source or the target cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a move does at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reads the source, and looks whether PostgreSQL can hold it.
    Check,
    /// Copies.
    Copy,
    /// Reads the target, and compares.
    Verify,
}

/// How far a phase is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The phase.
    pub phase: Phase,
    /// Rows that are done, those of an earlier run included.
    pub rows: u64,
    /// All rows.
    pub rows_total: u64,
    /// Bytes of values that are done; 0 where only rows are counted.
    pub bytes: u64,
}

/// A completed move.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Host, port and name of the target.
    pub to: String,
    /// The deployment's name, which it keeps: [`crate::Store::id`].
    pub id: String,
    /// Tables that were compared.
    pub tables: usize,
    /// Their rows.
    pub rows: u64,
    /// The bytes of their values.
    pub bytes: u64,
    /// Rows that this run copied: fewer than `rows` when an earlier one had begun.
    pub copied: u64,
}

/// A table, as both sides have it.
#[derive(Clone, Debug)]
struct Table {
    name: String,
    columns: Vec<Column>,
    /// What the source holds.
    tally: Tally,
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    wanted: tokio_postgres::types::Type,
}

impl Table {
    /// Its columns as a list in SQL.
    fn columns(&self) -> String {
        self.columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
    }
}

/// Copies the database of a data directory that no server runs on into an empty PostgreSQL database, compares both, and leaves a
/// marker in the directory. A move that was interrupted goes on; one that was completed is answered as such. `progress` is told
/// after every batch, on a thread of its own, and ends the move by answering `false`.
///
/// # Errors
/// [`TransferError`]; [`StoreError::Locked`] in it while a server runs on the directory.
pub async fn run(
    dir: &Path,
    to: &Secret,
    migrations: &[Migration],
    (clock, entropy): (&Clock, &Entropy),
    progress: impl FnMut(Progress) -> bool + Send + 'static,
) -> Result<Moved, TransferError> {
    let (dir, to, migrations) = (dir.to_owned(), to.clone(), migrations.to_vec());
    let (clock, entropy, on) = (clock.clone(), entropy.clone(), Handle::current());
    let moving = tokio::task::spawn_blocking(move || {
        let source = Source::open(&dir, &migrations, &clock)?;
        if let Some(other) = marker::moved(&dir).filter(|other| Some(other) != target::name(&to).as_ref()) {
            return Err(marker::refused(&dir, &other));
        }
        let target = on.block_on(Target::open(&to, &source, &migrations, (&clock, &entropy)))?;
        let told = Told { progress: Box::new(progress), total: 0 };
        Transfer { source, target, on, clock, entropy, told }.run(&dir)
    });
    moving.await.unwrap_or(Err(StoreError::Panicked.into()))
}

struct Transfer {
    source: Source,
    target: Target,
    on: Handle,
    clock: Clock,
    entropy: Entropy,
    told: Told,
}

/// Whom the progress is told.
struct Told {
    progress: Box<dyn FnMut(Progress) -> bool + Send>,
    total: u64,
}

impl Told {
    fn tell(&mut self, phase: Phase, rows: u64, bytes: u64) -> Result<(), TransferError> {
        let goes_on = (self.progress)(Progress { phase, rows, rows_total: self.total, bytes });
        if goes_on { Ok(()) } else { Err(TransferError::Stopped) }
    }
}

impl Transfer {
    fn run(mut self, dir: &Path) -> Result<Moved, TransferError> {
        let mut tables = self.on.block_on(self.target.describe(self.source.tables()?))?;
        self.check(&mut tables)?;
        let copied = match self.target.holds {
            Holds::Finished => {
                self.on.block_on(self.target.was_of(&tables))?;
                0
            }
            Holds::Nothing | Holds::Part => {
                if self.target.holds == Holds::Nothing {
                    let fresh = self.source.fresh(&tables, &self.entropy)?;
                    self.on.block_on(self.target.begin(&tables, &fresh, &self.source.id, self.clock.now_ms()))?;
                }
                let copied = self.copy(&tables)?;
                self.verify(&tables)?;
                copied
            }
        };
        marker::write(dir, &self.target.name)?;
        if self.target.holds != Holds::Finished {
            let used = self.source.numbers()?;
            self.on.block_on(self.target.finish(&tables, &used, self.clock.now_ms()))?;
        }
        Ok(Moved {
            to: self.target.name.clone(),
            id: self.source.id.clone(),
            tables: tables.len(),
            rows: tables.iter().map(|table| table.tally.rows).sum(),
            bytes: tables.iter().map(|table| table.tally.bytes).sum(),
            copied,
        })
    }

    /// Reads every table of the source: what it holds, and what of it the target could not.
    fn check(&mut self, tables: &mut [Table]) -> Result<(), TransferError> {
        self.told.total = self.source.rows(tables)?;
        let (mut rows, mut bytes, mut unfit) = (0, 0, Vec::new());
        let (told, mut more) = (&mut self.told, 0_u64);
        for table in tables {
            table.tally = self.source.tally(
                table,
                |why| if unfit.len() < LISTED { unfit.push(why) } else { more += 1 },
                |tally| told.tell(Phase::Check, rows + tally.rows, bytes + tally.bytes),
            )?;
            rows += table.tally.rows;
            bytes += table.tally.bytes;
        }
        if more > 0 {
            unfit.push(format!("and {more} more"));
        }
        if unfit.is_empty() { Ok(()) } else { Err(TransferError::Unfit(unfit.join("\n"))) }
    }

    /// Copies what the target does not have yet; how many rows.
    fn copy(&mut self, tables: &[Table]) -> Result<u64, TransferError> {
        let mut had = self.on.block_on(self.target.resume(tables))?;
        let (mut rows, mut bytes, mut copied) = (had.values().sum(), 0, 0);
        for table in tables {
            let mut done = had.remove(&table.name).unwrap_or(0);
            let (on, target, told) = (&self.on, &mut self.target, &mut self.told);
            self.source.batches(table, done, |batch| {
                let interrupted = |source| TransferError::Interrupted { table: table.name.clone(), source };
                on.block_on(target.append(table, done, batch)).map_err(interrupted)?;
                let added = batch.rows.len() as u64;
                (done, rows, bytes, copied) = (done + added, rows + added, bytes + batch.bytes, copied + added);
                told.tell(Phase::Copy, rows, bytes)
            })?;
        }
        Ok(copied)
    }

    /// Reads every table of the target, and compares.
    fn verify(&mut self, tables: &[Table]) -> Result<(), TransferError> {
        let (mut rows, mut bytes) = (0, 0);
        for table in tables {
            let told = &mut self.told;
            let tell = |tally: &Tally| told.tell(Phase::Verify, rows + tally.rows, bytes + tally.bytes);
            let found = self.on.block_on(self.target.tally(table, tell))?;
            if found != table.tally {
                self.on.block_on(self.target.distrust(table))?;
                return Err(TransferError::Differs(table.name.clone()));
            }
            rows += found.rows;
            bytes += found.bytes;
        }
        Ok(())
    }
}
