//! PostgreSQL beside the embedded engine: the same promises, and those of a server that may be away.

use kernel::{Clock, Entropy, Secret};
use store::{Durability, Store, StoreError, params};

use crate::conformance::{self, MIGRATIONS, add};

/// A server of this test alone, where PostgreSQL is installed.
fn server() -> Option<testkit::Postgres> {
    if !testkit::Postgres::is_there() {
        eprintln!("not run: PostgreSQL is not installed");
        return None;
    }
    Some(testkit::Postgres::fast().expect("a server"))
}

async fn open(url: &str) -> Result<Store, StoreError> {
    Store::postgres(&Secret::new(url), Durability::Full, MIGRATIONS, &Clock::system(), &Entropy::system()).await
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
    let (secret, clock, entropy) = (Secret::new(server.url()), Clock::system(), Entropy::system());
    let older = Store::postgres(&secret, Durability::Full, &[], &clock, &entropy).await;
    assert!(matches!(older.err(), Some(StoreError::Newer(step)) if step == "test/1"));
}

#[tokio::test]
async fn a_hint_reaches_the_others_and_not_whoever_told_it() {
    let Some((_server, one, two)) = two().await else { return };
    let (mut here, mut there) = (one.told("notes"), two.told("notes"));
    // The first change may be the doubt of the beginning.
    let told = async {
        loop {
            one.tell("notes");
            if tokio::time::timeout(std::time::Duration::from_millis(100), there.changed()).await.is_ok() {
                there.borrow_and_update();
                return;
            }
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
