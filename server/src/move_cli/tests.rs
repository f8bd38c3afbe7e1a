use std::path::Path;

use jobs::state::State;
use jobs::{Jobs, Kind, Life, NewJob};
use store::{Durability, FromRow, FromValue, Migration, Row, Store, StoreError, Tx, Value};
use tokio::sync::mpsc;

use super::*;
use crate::products;

const NOW_MS: i64 = 1_800_000_000_000;
/// Rows that are tried for each table; those that a unique index refuses are left out.
const ROWS: i64 = 150;
const LONG: Duration = Duration::from_secs(60);

/// A server of this test alone, where PostgreSQL is installed.
fn server() -> Option<testkit::Postgres> {
    if !testkit::Postgres::is_there() {
        eprintln!("not run: PostgreSQL is not installed");
        return None;
    }
    Some(testkit::Postgres::fast().expect("a server"))
}

fn migrations() -> Vec<Migration> {
    wiring::migrations(&products::all())
}

fn embedded(dir: &Path, clock: &Clock) -> Store {
    Store::embedded(dir, Durability::Normal, &migrations(), clock, &Entropy::system()).expect("opened")
}

async fn shared(url: &str, clock: &Clock) -> Store {
    let (at, migrations, entropy) = (Secret::new(url), migrations(), Entropy::system());
    Store::postgres(&at, Durability::Full, &migrations, clock, &entropy).await.expect("opened")
}

async fn moved(dir: &Path, url: &str, clock: &Clock) -> Moved {
    let (to, migrations) = (Secret::new(url), migrations());
    transfer::run(dir, &to, &migrations, (clock, &Entropy::system()), |_| true).await.expect("moved")
}

/// A row as it prints.
struct Shown(Vec<String>);

struct Cell(String);

impl FromValue for Cell {
    fn from_value(value: Value<'_>) -> Option<Self> {
        Some(Self(format!("{value:?}")))
    }
}

impl FromRow for Shown {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self((0..).map_while(|column| row.get::<Cell>(column).ok()).map(|cell| cell.0).collect()))
    }
}

async fn rows(store: &Store, table: &str, columns: &[String]) -> Vec<Vec<String>> {
    let sql = format!("SELECT {} FROM \"{table}\"", columns.join(", "));
    let read: Result<Vec<Shown>, StoreError> = store.read(async move |tx| tx.all(&sql, &[]).await).await;
    let mut rows: Vec<_> = read.expect("read").into_iter().map(|row| row.0).collect();
    rows.sort();
    rows
}

/// Name, declared type, whether NULL is refused, whether it is of the key.
type Column = (String, String, bool, bool);

async fn catalogue(store: &Store) -> Vec<(String, Vec<Column>)> {
    let read: Result<_, StoreError> = store
        .read(async |tx| {
            let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'
                 AND name <> 'migrations' AND name NOT IN
                     (SELECT name FROM pragma_table_list WHERE type IN ('virtual', 'shadow')) ORDER BY name";
            let mut tables = Vec::new();
            for (name,) in tx.all::<(String,)>(sql, &[]).await? {
                let sql = format!("SELECT name, type, \"notnull\", pk FROM pragma_table_info('{name}')");
                let columns = tx.all::<Column>(&sql, &[]).await?;
                tables.push((name, columns));
            }
            Ok(tables)
        })
        .await;
    read.expect("read")
}

/// Rows of a table as its columns want them: empty and long, least and greatest, and what is not there.
async fn fill(tx: &mut Tx, table: &str, columns: &[Column], dice: &Entropy) -> Result<u64, StoreError> {
    const PIECES: [&str; 6] = ["", "{}", "käse", "日本\n", "🎷", "'\"\\; --"];
    let mut filled = 0;
    for n in 0..ROWS {
        let texts: Vec<String> = columns
            .iter()
            .map(|(.., key)| {
                let words: String = (0..dice.below(4)).map(|_| PIECES[dice.below(6) as usize]).collect();
                if *key { format!("{words}{n}") } else { words }
            })
            .collect();
        let mut bytes = vec![0; 40];
        dice.fill(&mut bytes);
        let values: Vec<Value<'_>> = columns
            .iter()
            .zip(&texts)
            .map(|((_, kind, required, key), text)| match kind.as_str() {
                _ if !required && !key && dice.below(3) == 0 => Value::Null,
                "TEXT" => Value::Text(text),
                "BYTEA" => Value::Bytes(&bytes[..if *key { 40 } else { dice.below(41) as usize }]),
                "DOUBLE PRECISION" => Value::Real([0.0, -2.5, 1e300, f64::INFINITY, 0.1][dice.below(5) as usize]),
                _ if *key => Value::Int(n + 1),
                "SMALLINT" => Value::Int([i16::MIN, -1, 0, 7, i16::MAX][dice.below(5) as usize].into()),
                "INTEGER" => Value::Int([i32::MIN, -1, 0, 7, i32::MAX][dice.below(5) as usize].into()),
                "BIGINT" => Value::Int([i64::MIN, -1, 0, dice.below(1 << 40) as i64, i64::MAX][dice.below(5) as usize]),
                other => panic!("{table}: no value of the type {other} is known"),
            })
            .collect();
        let names: Vec<_> = columns.iter().map(|column| format!("\"{}\"", column.0)).collect();
        let places: Vec<_> = (1..=columns.len()).map(|place| format!("${place}")).collect();
        let sql = format!(
            "INSERT INTO \"{table}\" ({}) VALUES ({}) ON CONFLICT DO NOTHING",
            names.join(", "),
            places.join(", ")
        );
        filled += tx.execute(&sql, &values).await?;
    }
    Ok(filled)
}

#[tokio::test]
async fn every_table_of_every_part_arrives() {
    let Some(server) = server() else { return };
    let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(NOW_MS));
    let seed = Entropy::system().u64();
    println!("seed {seed}");
    let store = embedded(dir.path(), &clock);
    let tables = catalogue(&store).await;
    let to_fill = tables.clone();
    let filled: Result<(), StoreError> = store
        .write(async move |tx| {
            let dice = Entropy::seeded(seed);
            for (table, columns) in to_fill.iter().filter(|(name, _)| name != "identity") {
                let rows = fill(tx, table, columns, &dice).await?;
                assert!(rows > 0, "{table}");
            }
            Ok(())
        })
        .await;
    filled.expect("filled");
    let mut held = Vec::new();
    for (table, columns) in &tables {
        let names: Vec<_> = columns.iter().map(|column| format!("\"{}\"", column.0)).collect();
        held.push((table.clone(), names.clone(), rows(&store, table, &names).await));
    }
    store.close().await;
    drop(store);
    let moved = moved(dir.path(), &server.url(), &clock).await;
    assert_eq!(moved.tables, tables.len());
    assert!(moved.tables > 30, "{moved:?}");

    let there = shared(&server.url(), &clock).await;
    for (table, names, rows_here) in held {
        assert_eq!(rows(&there, &table, &names).await, rows_here, "{table}");
    }
    there.close().await;
}

const SLOW: Kind = Kind::new("slow");

/// An engine whose jobs say which attempt begins, and end if they may.
fn serve(jobs: &Jobs, ends: bool) -> mpsc::Receiver<u32> {
    let (say, heard) = mpsc::channel(10);
    let handler = jobs::handler(move |run: jobs::Run| {
        let say = say.clone();
        async move {
            // A test that has heard enough may have gone.
            let _ = say.send(run.attempt()).await;
            if !ends {
                std::future::pending::<()>().await;
            }
            Ok(())
        }
    });
    jobs.serve(vec![(SLOW, handler)], 1);
    heard
}

async fn engine(store: &Store, clock: &Clock, life: Life) -> Jobs {
    let made = Jobs::new(store.clone(), clock.clone(), Entropy::system(), "a test".to_owned(), life);
    made.await.expect("a lease")
}

/// A process that has a job in its hands when it is killed: the job.
async fn working(dir: &Path, clock: &Clock) -> i64 {
    let store = embedded(dir, clock);
    let jobs = engine(&store, clock, Life::Locked).await;
    let mut begun = serve(&jobs, false);
    let enqueued = jobs.enqueue_now(NewJob::new(SLOW, &"x")).await.expect("enqueued");
    let jobs::Enqueued::New(id) = enqueued else { panic!("there was none before") };
    assert_eq!(tokio::time::timeout(LONG, begun.recv()).await.expect("it begins"), Some(1));
    assert_eq!(jobs.find(id).await.expect("read").expect("there").state, State::Executing);
    store.close().await;
    id
}

#[test]
fn a_job_that_was_running_runs_again_where_it_moved_to() {
    let Some(server) = server() else { return };
    let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(NOW_MS));
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // All that the process did goes with its runtime.
    let killed = runtime();
    let id = killed.block_on(working(dir.path(), &clock));
    drop(killed);
    runtime().block_on(async {
        moved(dir.path(), &server.url(), &clock).await;
        // Its lease came along, and nobody renews it: the fleet waits for a sign of life as long as for that of any other.
        let there = shared(&server.url(), &clock).await;
        let jobs = engine(&there, &clock, Life::Renewed).await;
        let mut begun = serve(&jobs, true);
        assert_eq!(tokio::time::timeout(LONG, begun.recv()).await.expect("it begins again"), Some(2));
        let ended = async {
            loop {
                let seen = jobs.changes();
                if jobs.find(id).await.expect("read").expect("there").state == State::Completed {
                    return;
                }
                jobs.change_since(seen).await;
            }
        };
        tokio::time::timeout(LONG, ended).await.expect("it ends");
        jobs.stop(LONG).await;
        there.close().await;
    });
}

#[test]
fn a_line_says_how_far_it_is_how_fast_and_how_long_still() {
    let at = |rows, bytes| Progress { phase: Phase::Copy, rows, rows_total: 4_000_000, bytes };
    assert_eq!(
        line(at(1_000_000, 300 << 20), Duration::from_secs(10), 500_000),
        "copying   [######------------------]  25 %  1,000,000 of 4,000,000 rows, 300 MiB, 50,000/s, 1 min 00 s left"
    );
    assert_eq!(
        line(at(0, 0), Duration::ZERO, 0),
        "copying   [------------------------]   0 %  0 of 4,000,000 rows, 0 MiB"
    );
    let empty = Progress { phase: Phase::Verify, rows: 0, rows_total: 0, bytes: 0 };
    assert_eq!(line(empty, Duration::ZERO, 0), "comparing [########################] 100 %  0 of 0 rows, 0 MiB");
    assert_eq!((span(59), span(3_599), span(7_260)), ("59 s".into(), "59 min 59 s".into(), "2 h 01 min".into()));
    assert_eq!((grouped(0), grouped(999), grouped(1_000)), ("0".into(), "999".into(), "1,000".into()));
}

#[test]
fn the_address_is_nowhere_in_what_the_command_line_prints() {
    #[derive(clap::Parser, Debug)]
    struct Cli {
        #[command(flatten)]
        args: MoveArgs,
    }
    let cli: Cli = clap::Parser::parse_from(["mainspring", "--to", "postgres://u:hunter2@h/d"]);
    assert!(!format!("{cli:?}").contains("hunter2"), "{cli:?}");
    assert_eq!(cli.args.to.map(|to| to.expose().len()), Some(24));
}
