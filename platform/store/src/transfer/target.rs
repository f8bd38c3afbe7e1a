//! The PostgreSQL side: what it holds already, batches with their progress, and the end.

use std::collections::HashMap;
use std::pin::pin;

use futures_util::TryStreamExt;
use kernel::{Clock, Entropy, Secret};
use rusqlite::types::ValueRef;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::config::Host;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, Transaction};

use super::source::{Batch, Source};
use super::tally::{Tally, fits};
use super::{Column, Table, TransferError};
use crate::migrate::Applied;
use crate::postgres::{Address, failed, prepare};
use crate::{Migration, StoreError, Value};

/// A step that no binary knows: while it is among the database's, every server refuses to start there.
const UNFINISHED: &str = "unfinished-move";
/// Rows between two words about a comparison.
const BEAT: u64 = 1_000;
/// A batch takes as long as it takes, and waits for no sync: what a crash takes of it, it takes with its progress.
const UNHURRIED: &str = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
    SET LOCAL synchronous_commit = off";

/// What was found in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// Tables as the migrations made them.
    Nothing,
    /// A move of this source that did not end.
    Part,
    /// A move of this source that did.
    Finished,
}

pub(super) struct Target {
    /// Host, port and database.
    pub(super) name: String,
    pub(super) holds: Holds,
    client: Client,
}

/// Refuses a database that is not complete, with words that say so.
pub(crate) fn refuse_unfinished(applied: &Applied) -> Result<(), StoreError> {
    if applied.iter().any(|(part, _)| part == UNFINISHED) {
        let why = "a deployment is being moved into it: let `mainspring move` come to its end, or run it again";
        return Err(StoreError::Address(why.to_owned()));
    }
    Ok(())
}

/// A database as people write it, without user and password.
pub(super) fn name(url: &Secret) -> Option<String> {
    let config: Config = url.expose().parse().ok()?;
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => config.get_hostaddrs().first()?.to_string(),
    };
    let port = config.get_ports().first().unwrap_or(&5432);
    let database = config.get_dbname().or_else(|| config.get_user()).unwrap_or_default();
    Some(format!("{host}:{port}/{database}"))
}

impl Target {
    /// Connects, makes the tables where there are none, and looks what is there.
    pub(super) async fn open(
        url: &Secret,
        source: &Source,
        migrations: &[Migration],
        (clock, entropy): (&Clock, &Entropy),
    ) -> Result<Self, TransferError> {
        let address = Address::parse(url)?;
        let name = name(url).unwrap_or_default();
        let mut client = address.connect().await?;
        let holds = match begun(&client).await? {
            None => Holds::Nothing,
            Some((id, _)) if id != source.id => {
                return Err(TransferError::Refused(format!(
                    "{name} holds a move of another deployment ({id}; this one is {}): choose an empty database",
                    source.id
                )));
            }
            Some((_, false)) => Holds::Part,
            Some((_, true)) => return Ok(Self { name, holds: Holds::Finished, client }),
        };
        let found = applied(&client).await?;
        // Tables of another version are not brought up to date here: they may be somebody's, who is at work on them.
        if found.is_empty() && holds == Holds::Nothing {
            let made = prepare(&mut client, migrations, clock, entropy).await;
            made.map_err(|error| match error {
                StoreError::Migration(..) => TransferError::Refused(format!(
                    "{name} is not empty, or its user may not make tables ({}): choose an empty database of its own",
                    kernel::problem::chain(&error)
                )),
                error => error.into(),
            })?;
        } else if found != migrations.iter().flat_map(|step| step.notes().map(|part| (part, step.version))).collect() {
            return Err(TransferError::Refused(format!(
                "{name} has tables of another version of Mainspring: go on with that one, or choose an empty database"
            )));
        }
        Ok(Self { name, holds, client })
    }

    /// The source's tables with their columns, as the target has them.
    pub(super) async fn describe(&self, names: Vec<String>) -> Result<Vec<Table>, TransferError> {
        let mut tables = Vec::new();
        for name in names {
            let statement = self.client.prepare(&format!("SELECT * FROM \"{name}\"")).await.map_err(failed)?;
            let column =
                |it: &tokio_postgres::Column| Column { name: it.name().to_owned(), wanted: it.type_().clone() };
            tables.push(Table {
                name,
                columns: statement.columns().iter().map(column).collect(),
                tally: Tally::default(),
            });
        }
        Ok(tables)
    }

    /// Takes the database for this move, if its tables are as the migrations made them.
    pub(super) async fn begin(
        &mut self,
        tables: &[Table],
        fresh: &[Tally],
        source: &str,
        now_ms: i64,
    ) -> Result<(), TransferError> {
        let tx = unhurried(&mut self.client).await?;
        // A server that starts now looks at the steps after this, and finds one that it does not know.
        tx.batch_execute("LOCK TABLE migrations IN ACCESS EXCLUSIVE MODE").await.map_err(failed)?;
        for (table, fresh) in tables.iter().zip(fresh) {
            if !is_fresh(&tx, table, fresh).await? {
                return Err(TransferError::Refused(format!(
                    "{} is not empty: a server has written to its table {}. Choose an empty database, or drop what is there",
                    self.name, table.name
                )));
            }
        }
        tx.batch_execute(
            "CREATE TABLE moved_from (source TEXT NOT NULL, began_at_ms BIGINT NOT NULL, ended_at_ms BIGINT);
             CREATE TABLE moved_tables (name TEXT NOT NULL PRIMARY KEY, rows BIGINT NOT NULL, digest BYTEA NOT NULL,
                 copied BIGINT NOT NULL)",
        )
        .await
        .map_err(failed)?;
        let sql = "INSERT INTO moved_from (source, began_at_ms) VALUES ($1, $2)";
        tx.execute(sql, &[&source, &now_ms]).await.map_err(failed)?;
        let sql = "INSERT INTO migrations (part, version, applied_at_ms) VALUES ($1, 1, $2)";
        tx.execute(sql, &[&UNFINISHED, &now_ms]).await.map_err(failed)?;
        for table in tables {
            empty(&tx, table).await?;
        }
        Ok(tx.commit().await.map_err(failed)?)
    }

    /// How many rows of each table are here. A table that has changed in the source since it was begun is begun anew.
    pub(super) async fn resume(&mut self, tables: &[Table]) -> Result<HashMap<String, u64>, StoreError> {
        let mut had = HashMap::new();
        let tx = unhurried(&mut self.client).await?;
        let rows = tx.query("SELECT name, digest, copied FROM moved_tables", &[]).await.map_err(failed)?;
        let known: HashMap<String, (Vec<u8>, i64)> =
            rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
        for table in tables {
            match known.get(&table.name) {
                Some((digest, copied)) if *digest == table.tally.digest() => {
                    had.insert(table.name.clone(), copied.unsigned_abs());
                }
                _ => empty(&tx, table).await?,
            }
        }
        tx.commit().await.map_err(failed)?;
        Ok(had)
    }

    /// Adds a batch to a table that has `had` rows of it, together with that number.
    pub(super) async fn append(&mut self, table: &Table, had: u64, batch: &Batch) -> Result<(), StoreError> {
        let tx = unhurried(&mut self.client).await?;
        let sql = "UPDATE moved_tables SET copied = copied + $3 WHERE name = $1 AND copied = $2";
        let added = batch.rows.len() as i64;
        if tx.execute(sql, &[&table.name, &(had as i64), &added]).await.map_err(failed)? != 1 {
            return Err(StoreError::Address("another move is at work on it".to_owned()));
        }
        let sql = format!("COPY \"{}\" ({}) FROM STDIN (FORMAT binary)", table.name, table.columns());
        let types: Vec<Type> = table.columns.iter().map(|column| column.wanted.clone()).collect();
        let mut writer = pin!(BinaryCopyInWriter::new(tx.copy_in(&sql).await.map_err(failed)?, &types));
        for row in &batch.rows {
            let value = |(value, wanted)| {
                fits(ValueRef::from(value), wanted)
                    .map_err(|why| StoreError::Statement(std::sync::Arc::from(Box::from(why))))
            };
            let values = row.iter().zip(&types).map(value).collect::<Result<Vec<Value<'_>>, _>>()?;
            writer.as_mut().write_raw(values).await.map_err(failed)?;
        }
        writer.as_mut().finish().await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// Reads a table: what it holds.
    pub(super) async fn tally(
        &self,
        table: &Table,
        mut tell: impl FnMut(&Tally) -> Result<(), TransferError>,
    ) -> Result<Tally, TransferError> {
        let sql = format!("SELECT {} FROM \"{}\"", table.columns(), table.name);
        let interrupted = |source| TransferError::Interrupted { table: table.name.clone(), source };
        let mut tally = Tally::default();
        read(&self.client, &sql, &mut tally, &mut tell).await.map_err(|error| match error {
            TransferError::Store(source) => interrupted(source),
            error => error,
        })?;
        Ok(tally)
    }

    /// A table that was found to differ is copied anew by the next run.
    pub(super) async fn distrust(&self, table: &Table) -> Result<(), StoreError> {
        let sql = "UPDATE moved_tables SET digest = '' WHERE name = $1";
        self.client.execute(sql, &[&table.name]).await.map_err(failed).map(drop)
    }

    /// A move that ended: the source must still be as it was then.
    pub(super) async fn was_of(&self, tables: &[Table]) -> Result<(), TransferError> {
        let sql = "SELECT count(*) FROM moved_tables WHERE name = $1 AND rows = $2 AND digest = $3";
        for table in tables {
            let params: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
                [&table.name, &(table.tally.rows as i64), &table.tally.digest()];
            let same: i64 = self.client.query_one(sql, &params).await.map_err(failed)?.get(0);
            if same == 0 {
                return Err(TransferError::Refused(format!(
                    "this deployment has moved to {} already, and went on here since (its table {} has changed): to move it once \
                     more, choose an empty database",
                    self.name, table.name
                )));
            }
        }
        Ok(())
    }

    /// Numbers go on past every one that was ever given out, and servers may start.
    pub(super) async fn finish(
        &mut self,
        tables: &[Table],
        used: &HashMap<String, i64>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let tx = unhurried(&mut self.client).await?;
        let sql =
            "SELECT table_name::text, column_name::text, pg_get_serial_sequence(quote_ident(table_name), column_name)
             FROM information_schema.columns WHERE table_schema = current_schema() AND column_default LIKE 'nextval(%'";
        for row in tx.query(sql, &[]).await.map_err(failed)? {
            let (table, column, sequence): (String, String, Option<String>) = (row.get(0), row.get(1), row.get(2));
            let (Some(sequence), true) = (sequence, tables.iter().any(|it| it.name == table)) else { continue };
            let sql = format!("SELECT CAST(COALESCE(MAX(\"{column}\"), 0) AS BIGINT) FROM \"{table}\"");
            let highest: i64 = tx.query_one(&sql, &[]).await.map_err(failed)?.get(0);
            let last = highest.max(used.get(&table).copied().unwrap_or(0));
            let sql = "SELECT setval($1::text::regclass, $2, $3)";
            tx.execute(sql, &[&sequence, &last.max(1), &(last > 0)]).await.map_err(failed)?;
        }
        for table in tables {
            // The first questions are planned by what is there.
            tx.batch_execute(&format!("ANALYZE \"{}\"", table.name)).await.map_err(failed)?;
        }
        tx.execute("DELETE FROM migrations WHERE part = $1", &[&UNFINISHED]).await.map_err(failed)?;
        tx.execute("UPDATE moved_from SET ended_at_ms = $1", &[&now_ms]).await.map_err(failed)?;
        // With this one, all that went before is on the disk.
        tx.batch_execute("SET LOCAL synchronous_commit = on").await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}

async fn unhurried(client: &mut Client) -> Result<Transaction<'_>, StoreError> {
    let tx = client.transaction().await.map_err(failed)?;
    tx.batch_execute(UNHURRIED).await.map_err(failed)?;
    Ok(tx)
}

/// Which deployment was moved here, and whether to its end.
async fn begun(client: &Client) -> Result<Option<(String, bool)>, StoreError> {
    if !exists(client, "moved_from").await? {
        return Ok(None);
    }
    let sql = "SELECT source, ended_at_ms IS NOT NULL FROM moved_from";
    Ok(client.query_opt(sql, &[]).await.map_err(failed)?.map(|row| (row.get(0), row.get(1))))
}

/// The steps of the schema that are here.
async fn applied(client: &Client) -> Result<Applied, StoreError> {
    if !exists(client, "migrations").await? {
        return Ok(Applied::new());
    }
    let sql = "SELECT part, version FROM migrations WHERE part <> $1";
    let rows = client.query(sql, &[&UNFINISHED]).await.map_err(failed)?;
    Ok(rows.iter().map(|row| (row.get(0), row.get::<_, i64>(1).try_into().unwrap_or(u32::MAX))).collect())
}

async fn exists(client: &Client, table: &str) -> Result<bool, StoreError> {
    let sql = "SELECT to_regclass(format('%I.%I', current_schema(), $1::text)) IS NOT NULL";
    Ok(client.query_one(sql, &[&table]).await.map_err(failed)?.get(0))
}

/// Whether a table holds what the migrations left there. One that is full is not read.
async fn is_fresh(tx: &Transaction<'_>, table: &Table, fresh: &Tally) -> Result<bool, TransferError> {
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM \"{}\" LIMIT $1) AS beginning", table.name);
    let rows: i64 = tx.query_one(&sql, &[&(fresh.rows as i64 + 1)]).await.map_err(failed)?.get(0);
    if rows.unsigned_abs() != fresh.rows {
        return Ok(false);
    }
    let sql = format!("SELECT {} FROM \"{}\"", table.columns(), table.name);
    let mut found = Tally::default();
    read(tx.client(), &sql, &mut found, &mut |_| Ok(())).await?;
    // A name of its own is given to every database.
    Ok(table.name == "identity" || found == *fresh)
}

/// Removes all rows of a table, and notes what it will hold.
async fn empty(tx: &Transaction<'_>, table: &Table) -> Result<(), StoreError> {
    tx.batch_execute(&format!("TRUNCATE \"{}\"", table.name)).await.map_err(failed)?;
    let sql = "INSERT INTO moved_tables (name, rows, digest, copied) VALUES ($1, $2, $3, 0)
         ON CONFLICT (name) DO UPDATE SET rows = $2, digest = $3, copied = 0";
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
        [&table.name, &(table.tally.rows as i64), &table.tally.digest()];
    tx.execute(sql, &params).await.map_err(failed).map(drop)
}

/// Counts the rows of an answer in, as they come.
async fn read(
    client: &Client,
    sql: &str,
    tally: &mut Tally,
    tell: &mut impl FnMut(&Tally) -> Result<(), TransferError>,
) -> Result<(), TransferError> {
    let none: [Value<'_>; 0] = [];
    let mut rows = pin!(client.query_raw(sql, none).await.map_err(failed)?);
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        let values = (0..row.len()).map(|column| row.try_get(column)).collect::<Result<Vec<Value<'_>>, _>>();
        tally.add(values.map_err(failed)?);
        if tally.rows.is_multiple_of(BEAT) {
            tell(tally)?;
        }
    }
    tell(tally)
}
