//! A deployment on SQLite moves into PostgreSQL: whole, once, and after every interruption.

mod rich;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::{Clock, Entropy, Secret};
use store::transfer::{self, Moved, Phase, Progress, TransferError};
use store::{Durability, Migration, Store, StoreError, params};
use tempfile::TempDir;
use testkit::Postgres;

use self::rich::{Dice, MIGRATIONS, TABLES, assert_same, contents, shut, source};
use crate::embedded::open;

async fn go(dir: &TempDir, url: &str) -> Result<Moved, TransferError> {
    go_while(dir, url, |_| true).await
}

async fn go_while(
    dir: &TempDir,
    url: &str,
    progress: impl FnMut(Progress) -> bool + Send + 'static,
) -> Result<Moved, TransferError> {
    go_with(dir, url, MIGRATIONS, progress).await
}

async fn go_with(
    dir: &TempDir,
    url: &str,
    migrations: &[Migration],
    progress: impl FnMut(Progress) -> bool + Send + 'static,
) -> Result<Moved, TransferError> {
    let ours = (&Clock::manual(1_767_225_600_000), &Entropy::system());
    transfer::run(dir.path(), &Secret::new(url), migrations, ours, progress).await
}

async fn opened(url: &str) -> Result<Store, StoreError> {
    Store::postgres(&Secret::new(url), Durability::Full, MIGRATIONS, &Clock::system(), &Entropy::system()).await
}

async fn number(store: &Store, table: &str) -> i64 {
    let sql = format!("INSERT INTO {table} (words) SELECT 'the next ' || count(*) FROM {table} RETURNING id");
    let row: Result<(i64,), StoreError> = store.write(async move |tx| tx.one(&sql, &[]).await).await;
    row.expect("written").0
}

/// A server, and a way to as many empty databases in it as a test likes.
struct Place {
    server: Postgres,
    dir: TempDir,
    made: AtomicU64,
}

impl Place {
    fn new() -> Option<Self> {
        if !Postgres::is_there() {
            eprintln!("not run: PostgreSQL is not installed");
            return None;
        }
        let dir = tempfile::tempdir().expect("a directory");
        Some(Self { server: Postgres::fast().expect("a server"), dir, made: AtomicU64::new(0) })
    }

    fn database(&self) -> String {
        let number = self.made.fetch_add(1, Ordering::Relaxed).to_string();
        testkit::schema(&self.server.url(), &self.dir.path().join(number)).expect("a schema")
    }

    /// Statements in one of its databases.
    fn sql(&self, url: &str, statements: &str) -> String {
        let schema = url.rsplit("%3D").next().expect("a schema");
        self.server.sql(&format!("SET search_path = {schema}; {statements}")).expect("done")
    }
}

#[tokio::test]
async fn everything_arrives_under_its_name_and_numbers_go_on() {
    let Some(place) = Place::new() else { return };
    let (dir, held, id) = source(2_500, 5_000_000, 1).await;
    let url = place.database();
    assert_eq!(transfer::moved(dir.path()), None);
    let phases = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let seen = phases.clone();
    let moved = go_while(&dir, &url, move |progress| {
        assert!(progress.rows <= progress.rows_total, "{progress:?}");
        seen.lock().push((progress.phase, progress.rows));
        true
    });
    let moved = moved.await.expect("moved");
    let rows: usize = held.iter().map(|(_, rows)| rows.len()).sum();
    assert_eq!((moved.rows, moved.copied, moved.tables, &moved.id), (rows as u64, rows as u64, TABLES.len(), &id));
    assert!(moved.bytes > 5_000_000, "{moved:?}");
    for phase in [Phase::Check, Phase::Copy, Phase::Verify] {
        let of: Vec<u64> = phases.lock().iter().filter(|(it, _)| *it == phase).map(|(_, rows)| *rows).collect();
        assert!(of.is_sorted() && of.last() == Some(&(rows as u64)), "{phase:?}: {of:?}");
    }

    let store = opened(&url).await.expect("opened");
    assert_same(&contents(&store).await, &held, "moved");
    assert_eq!(store.id(), id, "positions stay worth what they were");
    assert_eq!(number(&store, "notes").await, 2_501, "past the numbers that are gone");
    assert_eq!(number(&store, "unused").await, 6);
    shut(store).await;

    let to = transfer::moved(dir.path()).expect("the directory says so");
    assert_eq!(to, format!("127.0.0.1:{}/postgres", place.server.port()));
    let started = open(dir.path(), MIGRATIONS).err().expect("refused").to_string();
    assert!(started.contains("has moved to 127.0.0.1") && started.contains("moved-to"), "{started}");
    std::fs::remove_file(dir.path().join("moved-to")).expect("the way back");
    let store = open(dir.path(), MIGRATIONS).expect("opened");
    assert_same(&contents(&store).await, &held, "the source");
}

#[tokio::test]
async fn a_move_that_is_interrupted_anywhere_goes_on_without_loss_or_doubling() {
    let Some(place) = Place::new() else { return };
    let (dir, held, _) = source(1_100, 50_000, 2).await;
    let place = Arc::new(place);
    let (mut stops, mut cuts) = (0, 0);
    for seed in 0..50_u64 {
        let (url, dice, mut runs) = (place.database(), Dice(Entropy::seeded(seed)), 0);
        let moved = loop {
            runs += 1;
            assert!(runs < 200, "seed {seed}: no end");
            // Between two batches, or in the middle of whatever is under way when the connection is cut.
            let (mut left, cut, at) = (dice.roll(16), dice.roll(3) == 0, place.clone());
            let cutters = Arc::new(parking_lot::Mutex::new(Vec::new()));
            let sent = cutters.clone();
            let run = go_while(&dir, &url, move |progress| {
                if progress.phase == Phase::Check {
                    return true;
                }
                left = left.wrapping_sub(1);
                if left == u64::MAX && cut {
                    let cutting = at.clone();
                    sent.lock().push(std::thread::spawn(move || {
                        let ours = "application_name = 'mainspring' AND pid <> pg_backend_pid()";
                        let sql = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}");
                        cutting.server.sql(&sql).map(drop)
                    }));
                }
                cut || left != u64::MAX
            });
            let ended = run.await;
            for cutter in cutters.lock().drain(..) {
                cutter.join().expect("it ran").expect("it cut");
            }
            match ended {
                Ok(moved) => break moved,
                Err(TransferError::Stopped) => stops += 1,
                Err(TransferError::Interrupted { .. } | TransferError::Store(_)) => cuts += 1,
                Err(error) => panic!("seed {seed}: {error}"),
            }
            // It may have come to its end without knowing, or not even begun.
            if dice.roll(4) == 0
                && let Ok(store) = opened(&url).await
            {
                let found = contents(&store).await;
                if !found.iter().all(|(table, rows)| rows.is_empty() || ["identity", "top"].contains(table)) {
                    assert_same(&found, &held, &format!("seed {seed}: a server started before the end"));
                }
                shut(store).await;
            }
        };
        let store = opened(&url).await.expect("opened");
        assert_same(&contents(&store).await, &held, &format!("seed {seed}"));
        assert_eq!(number(&store, "notes").await, 1_101, "seed {seed}");
        assert!(moved.copied <= moved.rows, "seed {seed}: {moved:?}");
        shut(store).await;
        std::fs::remove_file(dir.path().join("moved-to")).expect("the marker");
    }
    println!("stopped {stops} times, cut {cuts} times");
    assert!(stops > 50 && cuts > 5, "stopped {stops} times, cut {cuts} times");
}

#[tokio::test]
async fn what_postgresql_cannot_hold_is_found_before_anything_is_copied() {
    let Some(place) = Place::new() else { return };
    let (dir, ..) = source(10, 50_000, 3).await;
    let store = open(dir.path(), MIGRATIONS).expect("opened");
    let spoiled: Result<(), StoreError> = store
        .write(async |tx| {
            tx.execute("INSERT INTO notes (id, words) VALUES (501, $1)", params!["a\0b"]).await?;
            tx.execute("INSERT INTO notes (id, words) VALUES (502, CAST(x'61ff' AS TEXT))", &[]).await?;
            tx.execute("INSERT INTO notes (id, words, middle) VALUES (503, 'long', 2147483648)", &[]).await?;
            tx.execute("INSERT INTO notes (id, words, big) VALUES (504, 'half', 0.5)", &[]).await?;
            tx.execute("UPDATE pairs SET payload = $1 WHERE b = -100", params!["\0"]).await?;
            for n in 0..30 {
                let sql = "INSERT INTO facts (number, fact) VALUES ($1, $2)";
                tx.execute(sql, params![1_000 + n, "\0"]).await?;
            }
            Ok(())
        })
        .await;
    spoiled.expect("spoiled");
    shut(store).await;
    let url = place.database();
    let found = go(&dir, &url).await.expect_err("refused").to_string();
    assert!(found.contains("table facts, rowid 1000, column fact: holds a NUL character"), "{found}");
    assert!(found.ends_with("and 15 more"), "{found}");
    assert_eq!(place.sql(&url, "SELECT count(*) FROM notes"), "0");
    assert_eq!(transfer::moved(dir.path()), None);

    let store = open(dir.path(), MIGRATIONS).expect("opened");
    let mended = store.write(async |tx| tx.execute("DELETE FROM facts WHERE number >= 1000", &[]).await).await;
    mended.map_err(|e: StoreError| e).expect("mended");
    shut(store).await;
    let found = go(&dir, &url).await.expect_err("refused").to_string();
    let named = [
        "table notes, rowid 501, column words: holds a NUL character",
        "table notes, rowid 502, column words: is no UTF-8 from byte 1 on",
        "table notes, rowid 503, column middle: holds the number 2147483648, which int4 does not",
        "table notes, rowid 504, column big: holds a value of the type Real, which int8 does not",
        "table pairs, rowid 1, column payload: holds a NUL character",
    ];
    for line in named {
        assert!(found.contains(line), "{found}");
    }
    let store = open(dir.path(), MIGRATIONS).expect("opened");
    let mended: Result<u64, StoreError> = store
        .write(async |tx| {
            tx.execute("UPDATE pairs SET payload = NULL WHERE b = -100", &[]).await?;
            tx.execute("DELETE FROM notes WHERE id > 500", &[]).await
        })
        .await;
    mended.expect("mended");
    shut(store).await;
    go(&dir, &url).await.expect("the same database will do");
}

#[tokio::test]
async fn a_target_that_is_not_ours_to_fill_is_refused_and_left_alone() {
    let Some(place) = Place::new() else { return };
    let (dir, ..) = source(10, 50_000, 4).await;
    let refused = async |dir: &TempDir, url: &str, words: &str| {
        let error = go(dir, url).await.expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    };
    let used = place.database();
    let store = opened(&used).await.expect("opened");
    number(&store, "notes").await;
    shut(store).await;
    refused(&dir, &used, "not empty: a server has written to its table notes").await;
    assert_eq!(place.sql(&used, "SELECT words FROM notes"), "the next 0");
    let old = place.database();
    let (at, clock, entropy) = (Secret::new(&old), Clock::system(), Entropy::system());
    let first = Store::postgres(&at, Durability::Full, &MIGRATIONS[..1], &clock, &entropy);
    first.await.expect("opened").close().await;
    refused(&dir, &old, "tables of another version").await;
    assert_eq!(place.sql(&old, "SELECT count(*) FROM migrations"), "1", "it is nobody's to bring up to date");
    let foreign = place.database();
    place.sql(&foreign, "CREATE TABLE facts (ours TEXT)");
    refused(&dir, &foreign, "is not empty").await;
    let changed = place.database();
    opened(&changed).await.expect("opened").close().await;
    place.sql(&changed, "UPDATE top SET position = 8");
    refused(&dir, &changed, "not empty: a server has written to its table top").await;

    let other = place.database();
    let (another, ..) = source(10, 50_000, 5).await;
    let stopped = go_while(&another, &other, |progress| progress.phase != Phase::Copy).await;
    assert!(matches!(stopped, Err(TransferError::Stopped)));
    refused(&dir, &other, "a move of another deployment").await;
    let started = opened(&other).await.err().expect("half a database serves nobody").to_string();
    assert!(started.contains("mainspring move"), "{started}");
    let newer = [MIGRATIONS, &[Migration { part: "test", version: 3, sql: "CREATE TABLE more (x BIGINT)" }]].concat();
    let error = go_with(&another, &other, &newer, |_| true).await.expect_err("older").to_string();
    assert!(error.contains("start this one on it once"), "{error}");
    open(another.path(), &newer).expect("brought up to date").close().await;
    let error = go_with(&another, &other, &newer, |_| true).await.expect_err("another list").to_string();
    assert!(error.contains("tables of another version"), "{error}");

    let nowhere = tempfile::tempdir().expect("a directory");
    refused(&nowhere, &place.database(), "holds no database").await;
    assert_eq!(std::fs::read_dir(nowhere.path()).expect("listed").count(), 0);
    let held = open(dir.path(), MIGRATIONS).expect("opened");
    refused(&dir, &place.database(), "another Mainspring runs").await;
    shut(held).await;
    for url in ["postgres://u:hunter2@127.0.0.1:1/x", "postgres://u:hunter2@[/x", "hunter2"] {
        let error = go(&dir, url).await.expect_err("nobody is there");
        let said = format!("{error} {error:?}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    go(&dir, &place.database()).await.expect("and an empty one will do");
    refused(&dir, "postgres://127.0.0.1:1/elsewhere", "has moved to 127.0.0.1").await;
}

#[tokio::test]
async fn a_source_that_went_on_and_a_target_that_was_changed_are_found() {
    let Some(place) = Place::new() else { return };
    let (dir, ..) = source(1_500, 50_000, 6).await;
    let url = place.database();
    let stopped = go_while(&dir, &url, |progress| progress.phase != Phase::Verify).await;
    assert!(matches!(stopped, Err(TransferError::Stopped)), "{stopped:?}");
    // Somebody changed his mind, used it, and changed it again.
    let store = open(dir.path(), MIGRATIONS).expect("opened");
    let went_on = store.write(async |tx| tx.execute("UPDATE notes SET big = 42 WHERE id = 1", &[]).await).await;
    went_on.map_err(|e: StoreError| e).expect("written");
    let held = contents(&store).await;
    shut(store).await;
    place.sql(&url, "UPDATE pairs SET payload = 'not ours' WHERE b = 5");
    let differs = go(&dir, &url).await.expect_err("found");
    assert!(matches!(&differs, TransferError::Differs(table) if table == "pairs"), "{differs}");
    assert_eq!(transfer::moved(dir.path()), None);
    let moved = go(&dir, &url).await.expect("copied anew");
    assert_eq!(moved.copied, 1_500, "that table alone: {moved:?}");

    // It ended before it could say so, after it had left its marker.
    place
        .sql(&url, "INSERT INTO migrations VALUES ('unfinished-move', 1, 0); UPDATE moved_from SET ended_at_ms = NULL");
    assert_eq!(go(&dir, &url).await.expect("completed").copied, 0);
    // After its end, before its marker.
    std::fs::remove_file(dir.path().join("moved-to")).expect("removed");
    let store = opened(&url).await.expect("opened");
    assert_same(&contents(&store).await, &held, "moved");
    number(&store, "notes").await;
    assert_eq!(go(&dir, &url).await.expect("known").copied, 0);
    assert!(transfer::moved(dir.path()).is_some());
    number(&store, "notes").await;
    shut(store).await;
    std::fs::remove_file(dir.path().join("moved-to")).expect("removed");
    let store = open(dir.path(), MIGRATIONS).expect("opened");
    number(&store, "notes").await;
    shut(store).await;
    let error = go(&dir, &url).await.expect_err("both went on").to_string();
    assert!(error.contains("went on here since") && error.contains("notes"), "{error}");
}

#[tokio::test]
async fn two_moves_into_one_database_do_not_mix() {
    let Some(place) = Place::new() else { return };
    let (dir, held, _) = source(3_000, 50_000, 7).await;
    let (url, place) = (place.database(), Arc::new(place));
    let (at, here) = (url.clone(), place.clone());
    let overtaken = go_while(&dir, &url, move |progress| {
        if progress.phase == Phase::Copy {
            here.sql(&at, "UPDATE moved_tables SET copied = copied + 1 WHERE copied = 1000");
        }
        true
    });
    let error = overtaken.await.expect_err("refused");
    assert!(format!("{error:?}").contains("another move"), "{error:?}");
    place.sql(&url, "UPDATE moved_tables SET copied = copied - 1 WHERE copied = 1001");
    go(&dir, &url).await.expect("goes on");
    assert_same(&contents(&opened(&url).await.expect("opened")).await, &held, "moved");
}
