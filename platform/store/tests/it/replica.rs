//! Reads that may lag: who has written sees it at once, others may not yet, and nothing depends on the replica.

use std::time::{Duration, Instant};

use kernel::{Clock, Entropy, Secret};
use store::lagging::{Position, on_behalf};
use store::{Durability, Store, StoreError, params};
use testkit::Postgres;

use crate::conformance::{MIGRATIONS, add};

const PATIENCE: Duration = Duration::from_secs(30);
const REFUSED: &str = "no more";

/// A server and its replica, where PostgreSQL is installed.
fn both() -> Option<(Postgres, Postgres)> {
    if !Postgres::is_there() {
        eprintln!("not run: PostgreSQL is not installed");
        return None;
    }
    let primary = Postgres::fast().expect("a server");
    let replica = primary.replica().expect("a replica");
    Some((primary, replica))
}

async fn open(url: &str) -> Store {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let store = Store::postgres(&Secret::new(url), Durability::Full, MIGRATIONS, &clock, &entropy).await;
    store.expect("opened")
}

async fn open_with(primary: &Postgres, replica: &Postgres) -> Store {
    let store = open(&primary.url()).await;
    store.attach_replica(&Secret::new(replica.url())).await.expect("attached");
    store
}

/// Looks again until it is so.
async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is().await {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::task::yield_now().await;
    }
}

async fn until_up(store: &Store) {
    until("the replica is not asked", async || store.stats().replica.is_some_and(|is| is.up)).await;
}

/// What a caller who has seen so much sees now, and whether the replica said so.
async fn seen(store: &Store, position: Position) -> (Vec<String>, bool) {
    let before = from_replica(store);
    let read = on_behalf(position, false, words(store)).await.expect("read");
    (read, from_replica(store) > before)
}

async fn words(store: &Store) -> Result<Vec<String>, StoreError> {
    let read: Result<Vec<(String,)>, StoreError> =
        store.read_lagging(async |tx| tx.all("SELECT words FROM notes ORDER BY id", &[]).await).await;
    Ok(read?.into_iter().map(|(words,)| words).collect())
}

fn from_replica(store: &Store) -> u64 {
    store.stats().replica.map_or(0, |is| is.reads_total)
}

fn position(store: &Store) -> Position {
    store.position().expect("there is a replica")
}

#[tokio::test]
async fn who_wrote_sees_it_at_once_and_others_when_it_has_come() {
    let Some((primary, replica)) = both() else { return };
    let store = open_with(&primary, &replica).await;
    add(&store, "one").await.expect("written");
    replica.catch_up_with(&primary).expect("caught up");
    until_up(&store).await;
    until("the first", async || seen(&store, position(&store)).await == (vec!["one".into()], true)).await;

    replica.sql("SELECT pg_wal_replay_pause()").expect("paused");
    add(&store, "two").await.expect("written");
    let (mine, both) = (position(&store), ["one".to_owned(), "two".to_owned()]);
    assert_eq!(seen(&store, mine).await, (both.to_vec(), false), "the writer reads from the primary");
    assert_eq!(seen(&store, Position::default()).await, (vec!["one".into()], true), "another from the replica");

    // The same caller, in one go: written by the statement, by another process, beside the others, and for nobody to wait for.
    for (n, pace) in ["three", "four", "five"].into_iter().enumerate() {
        let write =
            async move |tx: &mut store::Tx| tx.execute("INSERT INTO notes (words) VALUES ($1)", params![pace]).await;
        let work = async {
            let written: Result<u64, StoreError> = match n {
                0 => store.write_relaxed(write).await,
                1 => store.write_beside(write).await,
                // As work that callers share: on a task of nobody's.
                _ => {
                    let store = store.clone();
                    tokio::spawn(async move { store.write_lazy(write).await }).await.expect("ended")
                }
            };
            written.expect("written");
            words(&store).await.expect("read")
        };
        assert_eq!(on_behalf(Position::default(), true, work).await.len(), 3 + n, "{pace}");
        assert!(position(&store).to_string() > mine.to_string(), "{pace}");
    }
    let mine = position(&store);
    assert_eq!(seen(&store, mine).await.0.len(), 5);
    let elsewhere = open_with(&primary, &replica).await;
    until_up(&elsewhere).await;
    assert_eq!(seen(&elsewhere, mine).await.0.len(), 5, "the position says it to another process");

    replica.sql("SELECT pg_wal_replay_resume()").expect("resumed");
    until("the writer reads from the replica", async || {
        let (read, from_replica) = seen(&store, mine).await;
        assert_eq!(read.len(), 5);
        from_replica
    })
    .await;
}

#[tokio::test]
async fn a_writer_is_never_behind_itself() {
    let Some((primary, replica)) = both() else { return };
    let store = open_with(&primary, &replica).await;
    until_up(&store).await;
    // A replica that keeps up: mostly it has just come so far, or not quite.
    for n in 0..300 {
        add(&store, &n.to_string()).await.expect("written");
        assert_eq!(seen(&store, position(&store)).await.0.len(), n + 1);
    }
    until("the replica has its part", async || seen(&store, position(&store)).await.1).await;
}

/// Each connection leads to either: what one of them has replayed says nothing of the other.
#[tokio::test]
async fn replicas_behind_one_address_speak_for_themselves_alone() {
    let Some((primary, late)) = both() else { return };
    let current = primary.replica().expect("another");
    let store = open(&primary.url()).await;
    let addresses = format!("127.0.0.1:{},127.0.0.1:{}", late.port(), current.port());
    let url = format!("postgres://postgres@{addresses}/postgres?load_balance_hosts=random");
    store.attach_replica(&Secret::new(url)).await.expect("attached");
    add(&store, "one").await.expect("written");
    late.catch_up_with(&primary).expect("caught up");
    current.catch_up_with(&primary).expect("caught up");
    until_up(&store).await;
    late.sql("SELECT pg_wal_replay_pause()").expect("paused");
    add(&store, "two").await.expect("written");
    current.catch_up_with(&primary).expect("caught up");
    let mine = position(&store);
    for _ in 0..200 {
        // Of either: what it has replayed is then the last that is known.
        seen(&store, Position::default()).await;
        assert_eq!(seen(&store, mine).await.0.len(), 2);
    }
    assert!(from_replica(&store) > 0);
}

#[tokio::test]
async fn nobody_in_particular_reads_from_the_primary() {
    let Some((primary, replica)) = both() else { return };
    let store = open_with(&primary, &replica).await;
    until_up(&store).await;
    replica.sql("SELECT pg_wal_replay_pause()").expect("paused");
    add(&store, "one").await.expect("written");
    assert_eq!((words(&store).await.expect("read").len(), from_replica(&store)), (1, 0));
}

#[tokio::test]
async fn a_position_that_nobody_gave_out_leads_to_the_primary() {
    let Some((primary, replica)) = both() else { return };
    let store = open_with(&primary, &replica).await;
    add(&store, "one").await.expect("written");
    until_up(&store).await;
    for forged in ["ffffffff-ffffffffffffffff", "1-ffffffffffffffff", "ffffffff-1"] {
        let begun = Instant::now();
        assert_eq!(seen(&store, forged.parse().expect("a position")).await, (vec!["one".into()], false), "{forged}");
        assert!(begun.elapsed() < Duration::from_secs(5), "nobody waits for it");
    }
}

#[tokio::test]
async fn a_replica_that_is_away_or_comes_late_is_missed_by_nobody() {
    let Some((primary, mut replica)) = both() else { return };
    replica.kill().expect("killed");
    let store = open_with(&primary, &replica).await;
    add(&store, "one").await.expect("written");
    assert_eq!(seen(&store, Position::default()).await, (vec!["one".into()], false));
    replica.start_again().expect("started");
    until_up(&store).await;
    until("it has its part", async || seen(&store, Position::default()).await.1).await;

    replica.kill().expect("killed");
    for _ in 0..50 {
        assert_eq!(seen(&store, Position::default()).await, (vec!["one".into()], false));
    }
    until("it is known to be away", async || store.stats().replica.is_some_and(|is| !is.up)).await;
    replica.start_again().expect("started");
    until("it has its part again", async || seen(&store, Position::default()).await.1).await;

    // One that says nothing costs whoever asks first three seconds, and those who come later nothing.
    replica.pause().expect("paused");
    assert_eq!(seen(&store, Position::default()).await.0, ["one"]);
    until("it is known to be silent", async || store.stats().replica.is_some_and(|is| !is.up)).await;
    let begun = Instant::now();
    assert_eq!(seen(&store, Position::default()).await, (vec!["one".into()], false));
    assert!(begun.elapsed() < Duration::from_secs(2));
    replica.resume().expect("resumed");
    store.close().await;
}

#[tokio::test]
async fn a_read_that_the_replica_breaks_off_is_repeated_on_the_primary() {
    let Some((primary, replica)) = both() else { return };
    let store = open_with(&primary, &replica).await;
    add(&store, "one").await.expect("written");
    replica.catch_up_with(&primary).expect("caught up");
    until_up(&store).await;
    // In the middle of the read the replica must give up its snapshot, or says no for another reason.
    let read = async |tx: &mut store::Tx| -> Result<String, StoreError> {
        let (recovers,): (bool,) = tx.one("SELECT CAST(pg_is_in_recovery() AS BOOLEAN)", &[]).await?;
        if recovers {
            tx.execute("SELECT pg_terminate_backend(pg_backend_pid())", &[]).await?;
        }
        Ok(tx.one::<(String,)>("SELECT words FROM notes", &[]).await?.0)
    };
    for _ in 0..5 {
        assert_eq!(on_behalf(Position::default(), false, store.read_lagging(read)).await.expect("read"), "one");
    }
    // What is not there may only not be there yet.
    let missing = async |tx: &mut store::Tx| -> Result<(), StoreError> {
        tx.one::<(String,)>("SELECT words FROM notes WHERE NOT pg_is_in_recovery()", &[]).await.map(drop)
    };
    until_up(&store).await;
    on_behalf(Position::default(), false, store.read_lagging(missing)).await.expect("the primary has it");
}

#[tokio::test]
async fn only_a_replica_of_this_very_database_is_asked() {
    let Some((primary, replica)) = both() else { return };
    let store = open(&primary.url()).await;
    add(&store, "one").await.expect("written");
    let refused = async |url: &str, words: &str| {
        let store = open(&primary.url()).await;
        store.attach_replica(&Secret::new(url)).await.expect("a URL");
        until(words, async || store.stats().replica.and_then(|is| is.why).is_some_and(|why| why.contains(words))).await;
        assert_eq!(seen(&store, Position::default()).await, (vec!["one".into()], false), "{words}");
    };
    refused(&primary.url(), "it is no replica").await;
    // Another deployment, and a copy of this one that lives on by itself.
    let another = Postgres::fast().expect("a server");
    open(&another.url()).await.close().await;
    refused(&another.url(), "another cluster").await;
    let theirs = another.replica().expect("a replica");
    refused(&theirs.url(), "another cluster").await;
    primary.sql("CREATE DATABASE neighbour").expect("made");
    let neighbour =
        |server: &Postgres| server.url().replace("/postgres", "/neighbour").replace("//neighbour", "//postgres");
    open(&neighbour(&primary)).await.close().await;
    replica.catch_up_with(&primary).expect("caught up");
    refused(&neighbour(&replica), "another database").await;
    // It was one: from its promotion on it is asked no more, in the middle of everything.
    let store = open_with(&primary, &replica).await;
    until_up(&store).await;
    replica.promote().expect("promoted");
    replica.sql(&format!("UPDATE notes SET words = '{REFUSED}'")).expect("it goes its own way");
    for _ in 0..50 {
        assert_eq!(seen(&store, Position::default()).await, (vec!["one".into()], false));
    }
}

#[tokio::test]
async fn a_replica_of_a_history_that_was_left_is_asked_no_more() {
    let Some((mut primary, left)) = both() else { return };
    let mut heir = primary.replica().expect("another");
    let addresses = format!("127.0.0.1:{},127.0.0.1:{}", primary.port(), heir.port());
    let store = open(&format!("postgres://postgres@{addresses}/postgres?target_session_attrs=read-write")).await;
    store.attach_replica(&Secret::new(left.url())).await.expect("attached");
    add(&store, "one").await.expect("written");
    heir.catch_up_with(&primary).expect("caught up");
    heir.stop().expect("stopped");
    // The one that stays behind has more log than the heir begins with.
    primary.sql("CREATE TABLE lost AS SELECT generate_series(1, 100000) AS n").expect("written");
    left.catch_up_with(&primary).expect("caught up");
    until_up(&store).await;
    primary.kill().expect("killed");
    heir.start_again().expect("started");
    heir.promote().expect("promoted");
    until("the heir takes writes", async || add(&store, "two").await.is_ok()).await;
    let here: u64 = heir.sql("SELECT pg_current_wal_lsn() - '0/0'").expect("asked").parse().expect("a number");
    let there: u64 = left.sql("SELECT pg_last_wal_replay_lsn() - '0/0'").expect("asked").parse().expect("a number");
    assert!(here < there, "its bytes alone would do: {here}, {there}");
    assert_eq!(seen(&store, position(&store)).await, (vec!["one".into(), "two".into()], false));
    let is_known = async || store.stats().replica.and_then(|is| is.why).is_some_and(|why| why.contains("timeline"));
    until("it is known whom it follows", is_known).await;
    assert_eq!(seen(&store, Position::default()).await.0, ["one", "two"]);
}

#[tokio::test]
async fn embedded_nothing_changes() {
    let dir = tempfile::tempdir().expect("a directory");
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let store = Store::embedded(dir.path(), Durability::Normal, MIGRATIONS, &clock, &entropy).expect("opened");
    add(&store, "one").await.expect("written");
    assert_eq!(on_behalf(Position::default(), true, words(&store)).await.expect("read"), ["one"]);
    assert!(store.position().is_none() && store.stats().replica.is_none());
    let refused = store.attach_replica(&Secret::new("postgres://localhost/x")).await;
    assert!(matches!(&refused, Err(StoreError::Address(why)) if why.contains("SQLite")), "{refused:?}");
}
