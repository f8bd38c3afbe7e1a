//! PostgreSQL beside the embedded engine: the same promises, and those of a server that may be away.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use kernel::{Clock, Entropy, Secret};
use store::{Durability, Migration, Store, StoreError, params};

use crate::conformance::{self, MIGRATIONS, add};
use crate::embedded::{ADDS, CHANGES};

/// A server of this test alone, where PostgreSQL is installed.
fn server() -> Option<testkit::Postgres> {
    if !testkit::Postgres::is_there() {
        eprintln!("not run: PostgreSQL is not installed");
        return None;
    }
    Some(testkit::Postgres::fast().expect("a server"))
}

async fn open(url: &str) -> Result<Store, StoreError> {
    open_with(url, MIGRATIONS).await
}

async fn open_with(url: &str, migrations: &[Migration]) -> Result<Store, StoreError> {
    Store::postgres(&Secret::new(url), Durability::Full, migrations, &Clock::system(), &Entropy::system()).await
}

#[tokio::test]
async fn the_engine_of_a_fleet_conforms() {
    let Some(server) = server() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let number = std::cell::Cell::new(0);
    conformance::suite(async || {
        number.set(number.get() + 1);
        let url = testkit::schema(&server.url(), &dir.path().join(number.get().to_string())).expect("a schema");
        open(&url).await.expect("opened")
    })
    .await;
}

/// A server, and two processes on one database of it.
async fn two() -> Option<(testkit::Postgres, Store, Store)> {
    let server = server()?;
    let (one, two) = (open(&server.url()).await.expect("opened"), open(&server.url()).await.expect("opened"));
    Some((server, one, two))
}

async fn count(store: &Store) -> Result<i64, StoreError> {
    let (count,) = store.read(async |tx| tx.one("SELECT COUNT(*) FROM notes", &[]).await).await?;
    Ok(count)
}

#[tokio::test]
async fn a_check_before_a_write_is_right_whichever_process_writes() {
    let Some((_server, one, two)) = two().await else { return };
    let mut writes = tokio::task::JoinSet::new();
    for n in 0..200 {
        let store = if n % 2 == 0 { one.clone() } else { two.clone() };
        // Reads, decides, writes: beside another writer one of them would find its number taken.
        writes.spawn(async move {
            store
                .write(async move |tx| {
                    let (seen,): (i64,) = tx.one("SELECT COUNT(*) FROM notes", &[]).await?;
                    tx.execute("INSERT INTO notes (words) VALUES ($1)", params![&seen.to_string()]).await
                })
                .await as Result<u64, StoreError>
        });
    }
    assert!(writes.join_all().await.into_iter().all(|written| written.is_ok_and(|rows| rows == 1)));
    assert_eq!(count(&one).await.expect("read"), 200);
}

#[tokio::test]
async fn processes_that_begin_at_once_agree_on_the_schema() {
    let Some(server) = server() else { return };
    let mut opening = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = server.url();
        opening.spawn(async move { open(&url).await.expect("opened").id().to_owned() });
    }
    let ids: std::collections::HashSet<_> = opening.join_all().await.into_iter().collect();
    assert_eq!(ids.len(), 1);
    let older = open_with(&server.url(), &[]).await;
    assert!(matches!(older.err(), Some(StoreError::Newer(step)) if step == "test/1"));
}

#[tokio::test]
async fn a_fleet_is_renewed_process_by_process() {
    let Some((server, one, _two)) = two().await else { return };
    let newer = open_with(&server.url(), &[MIGRATIONS, &[ADDS]].concat()).await.expect("opened");
    add(&newer, "new").await.expect("written");
    add(&one, "old").await.expect("it goes on");
    let again = open(&server.url()).await.expect("and may start again");
    add(&again, "old again").await.expect("written");
    let sql = "SELECT colour FROM notes ORDER BY id";
    let colours: Result<Vec<(String,)>, StoreError> = newer.read(async |tx| tx.all(sql, &[]).await).await;
    assert_eq!(colours.expect("read").len(), 3);
    open_with(&server.url(), &[MIGRATIONS, &[ADDS, CHANGES]].concat()).await.expect("opened");
    let refused = open(&server.url()).await.err();
    assert!(matches!(&refused, Some(StoreError::Newer(step)) if step == "test/3"), "{refused:?}");
}

/// Tables that are large with history must not wait until a fifth of them is dead.
#[tokio::test]
async fn tables_are_vacuumed_soon_unless_somebody_said_otherwise() {
    let Some((server, _one, _two)) = two().await else { return };
    let options = || server.sql("SELECT array_to_string(reloptions, ' ') FROM pg_class WHERE relname = 'notes'");
    assert!(options().expect("asked").contains("autovacuum_vacuum_scale_factor=0.02"), "{:?}", options());
    server.sql("ALTER TABLE notes RESET (autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay)").expect("changed");
    let before = options().expect("asked");
    open(&server.url()).await.expect("opened");
    assert_eq!(options().expect("asked"), before);
}

/// A session that has run this in a transaction and keeps it open.
fn hold(server: &testkit::Postgres, sql: &str) -> std::process::Child {
    let mut psql = server.psql().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql");
    writeln!(psql.stdin.as_mut().expect("its input"), "BEGIN; {sql};\n\\echo held").expect("said");
    let lines = BufReader::new(psql.stdout.as_mut().expect("its output")).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "held"));
    psql
}

/// A dump, or a transaction that somebody left open, is in the way of a step: a start that waits for it without a bound holds up
/// everybody who comes to the table behind it, and says nothing.
#[tokio::test]
async fn a_start_says_who_is_in_the_way_of_its_migration() {
    let Some((server, one, _two)) = two().await else { return };
    let mut psql = hold(&server, "SELECT COUNT(*) FROM notes; SELECT pg_backend_pid()");
    let renewed = [MIGRATIONS, &[ADDS]].concat();
    let began = std::time::Instant::now();
    let refused = open_with(&server.url(), &renewed).await.err().expect("it cannot have the table");
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    let words = refused.to_string();
    let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'psql' AND state = 'idle in transaction'";
    let pid = server.sql(sql).expect("asked");
    let advice = format!("`psql`, process {0}, has held `notes`", pid.trim());
    assert!(words.starts_with("migration test/2 got no lock") && words.contains(&advice), "{words}");
    assert!(words.contains(&format!("pg_terminate_backend({})", pid.trim())), "{words}");
    add(&one, "meanwhile").await.expect("nothing of it is left, and nobody waits");
    psql.kill().expect("killed");
    psql.wait().expect("ended");
    let newer = open_with(&server.url(), &renewed).await.expect("opened");
    assert_eq!(count(&newer).await.expect("read"), 1);
}

/// As a process that the system has stopped in the middle of its step: the others must not wait for it for ever.
#[tokio::test]
async fn a_start_that_falls_silent_holds_no_other_up_for_long() {
    let Some((server, _one, _two)) = two().await else { return };
    let mut psql = hold(&server, "LOCK TABLE notes IN ACCESS EXCLUSIVE MODE");
    let (url, renewed) = (server.url(), [MIGRATIONS, &[ADDS]].concat());
    let mut silent = std::pin::pin!(open_with(&url, &renewed));
    let waiting =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ALTER TABLE notes%'";
    while server.sql(waiting).expect("asked").trim() != "1" {
        let moment = tokio::time::timeout(std::time::Duration::from_millis(20), &mut silent).await;
        assert!(moment.is_err(), "it waits for its table");
    }
    // It gets the table now, and says nothing any more.
    psql.kill().expect("killed");
    psql.wait().expect("ended");
    let other = tokio::time::timeout(std::time::Duration::from_secs(30), open_with(&url, &renewed)).await;
    add(&other.expect("the server has ended the silent one").expect("opened"), "new").await.expect("written");
    let refused = silent.await.err().expect("nothing of it is stored");
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
}

/// What is done for later, as the settings of autovacuum, is in nobody's way.
#[tokio::test]
async fn a_start_does_without_what_can_wait_for_a_lock() {
    let Some((server, _one, _two)) = two().await else { return };
    server.sql("CREATE TABLE theirs (id BIGINT)").expect("made");
    let mut psql = hold(&server, "LOCK TABLE theirs IN ACCESS EXCLUSIVE MODE");
    open(&server.url()).await.expect("opened");
    psql.kill().expect("killed");
    psql.wait().expect("ended");
    open(&server.url()).await.expect("opened");
    let options = server.sql("SELECT array_to_string(reloptions, ' ') FROM pg_class WHERE relname = 'theirs'");
    assert!(options.expect("asked").contains("autovacuum_vacuum_scale_factor=0.02"));
}

/// Beside a write that holds everything up, and beside each other's rows.
#[tokio::test]
async fn a_write_beside_waits_for_no_other_and_for_a_row_only_a_moment() {
    let Some((server, one, two)) = two().await else { return };
    add(&one, "first").await.expect("written");
    let mut psql = hold(&server, "UPDATE notes SET words = 'held' WHERE id = 1");
    let beside = |words: &'static str| {
        two.write_beside(async move |tx| tx.execute("INSERT INTO notes (words) VALUES ($1)", params![words]).await)
    };
    let written: Result<u64, StoreError> = beside("second").await;
    assert_eq!(written.expect("nobody is in its way"), 1);
    let sql = "UPDATE notes SET words = 'mine' WHERE id = 1";
    let busy: Result<u64, StoreError> = two.write_beside(async |tx| tx.execute(sql, &[]).await).await;
    assert!(matches!(busy, Err(StoreError::Busy)), "{busy:?}");
    let oldest = one.oldest_transaction().await.expect("asked").expect("that one");
    assert_eq!((oldest.program.as_str(), (0..60).contains(&oldest.age_s)), ("psql", true), "{oldest:?}");
    psql.kill().expect("killed");
    psql.wait().expect("gone");
    let refused: Result<u64, StoreError> = two.write_beside(async |tx| tx.execute("no SQL", &[]).await).await;
    assert!(matches!(refused, Err(StoreError::Statement(_))), "{refused:?}");
    let undone: Result<(), StoreError> = two
        .write_beside(async |tx| {
            tx.execute("INSERT INTO notes (words) VALUES ('undone')", &[]).await?;
            Err(StoreError::Missing)
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(count(&one).await.expect("read"), 2);
}

/// A write that is refused in the middle of a batch, or as its last, takes nothing of the others with it.
#[tokio::test]
async fn of_a_batch_only_what_failed_is_undone() {
    let Some((_server, one, _two)) = two().await else { return };
    let mut writes = tokio::task::JoinSet::new();
    // Every three of these after one another: kept, refused before they ask anything, with nothing to ask, undone, failed.
    let turns = (0..125).flat_map(|n| [n / 25, n / 5 % 5, n % 5]);
    for (n, what) in turns.enumerate() {
        let store = one.clone();
        writes.spawn(async move {
            let written: Result<(), StoreError> = store
                .write(async move |tx| {
                    if what == 1 {
                        return Err(StoreError::Missing);
                    } else if what == 2 {
                        return Ok(());
                    }
                    tx.execute("INSERT INTO notes (words) VALUES ($1)", params![&n.to_string()]).await?;
                    match what {
                        0 => Ok(()),
                        3 => Err(StoreError::Missing),
                        _ => tx.execute("INSERT INTO nowhere VALUES (1)", &[]).await.map(drop),
                    }
                })
                .await;
            assert_eq!(written.is_ok(), [0, 2].contains(&what), "{written:?}");
        });
    }
    assert_eq!(writes.join_all().await.len(), 375);
    assert_eq!(count(&one).await.expect("read"), 75);
}

#[tokio::test]
async fn a_hint_reaches_the_others_and_not_whoever_told_it() {
    let Some((_server, one, two)) = two().await else { return };
    let (mut here, mut there) = (one.told("notes"), two.told("notes"));
    // One change may be the doubt of the beginning; the second is told by the other, whose own beginning is over then.
    let told = async {
        while *there.borrow_and_update() < 2 {
            one.tell("notes");
            let _ = tokio::time::timeout(std::time::Duration::from_millis(100), there.changed()).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), told).await.expect("heard");
    here.borrow_and_update();
    one.tell("notes");
    tokio::time::timeout(std::time::Duration::from_secs(20), there.changed()).await.expect("heard").expect("open");
    assert!(!here.has_changed().expect("open"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_server_that_is_killed_and_work_goes_on_by_itself() {
    let Some(mut server) = server() else { return };
    let store = open(&server.url()).await.expect("opened");
    for n in 0..20 {
        add(&store, &n.to_string()).await.expect("written");
    }
    server.kill().expect("killed");
    let begun = std::time::Instant::now();
    for _ in 0..20 {
        let refused = add(&store, "while it is away").await.expect_err("refused");
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
        assert!(matches!(count(&store).await, Err(StoreError::Unavailable(_))));
    }
    assert!(begun.elapsed().as_secs() < 4, "who comes meanwhile is answered at once");
    server.start_again().expect("started");
    let back = async {
        while add(&store, "it is back").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), back).await.expect("it goes on");
    assert_eq!(count(&store).await.expect("read"), 21);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_process_that_falls_silent_holds_nobody_up_for_long() {
    let Some((_server, one, two)) = two().await else { return };
    let (silent, is_silent) = tokio::sync::oneshot::channel();
    let (speak, until_spoken) = std::sync::mpsc::sync_channel::<()>(1);
    let stuck = tokio::spawn(async move {
        one.write(async move |tx| {
            tx.execute("INSERT INTO notes (words) VALUES ('stuck')", &[]).await?;
            let _ = silent.send(());
            // As a process that the system has stopped: the transaction is open, and nothing comes.
            let _ = until_spoken.recv_timeout(std::time::Duration::from_secs(30));
            tx.execute("INSERT INTO notes (words) VALUES ('too late')", &[]).await
        })
        .await as Result<u64, StoreError>
    });
    is_silent.await.expect("it holds the lock");
    add(&two, "the others go on").await.expect("the server has ended the silent one");
    speak.send(()).expect("it waits");
    let refused = stuck.await.expect("ended").expect_err("nothing of it is stored");
    assert!(refused.is_temporary(), "{refused:?}");
    assert_eq!(crate::conformance::all(&two).await, ["the others go on"]);
}

#[tokio::test]
async fn a_clock_is_compared_with_the_databases() {
    let Some(server) = server() else { return };
    let store = open(&server.url()).await.expect("opened");
    let clock = Clock::system();
    assert!(store.clock_off_ms(&clock).await.expect("asked").abs() < 1_000);
    let early = Clock::manual(clock.now_ms() - 300_000);
    assert!((-301_000..-298_000).contains(&store.clock_off_ms(&early).await.expect("asked")));
}
