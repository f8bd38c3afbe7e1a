//! PostgreSQL through a pooler that gives every transaction another connection: the same promises, whoever had it before.

use std::time::Duration;

use kernel::{Clock, Entropy, Secret};
use store::{Durability, Store, StoreError, params};
use testkit::{Pgbouncer, Postgres};

use crate::conformance::{self, MIGRATIONS, add, all};

/// Of the server, for all who come through the pooler: fewer than a single store would open by itself.
const CONNECTIONS: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(20);

/// A server of this test alone behind a pooler, where both are installed.
fn both() -> Option<(Postgres, Pgbouncer)> {
    if !Postgres::is_there() || !Pgbouncer::is_there() {
        eprintln!("not run: PostgreSQL or pgbouncer is not installed");
        return None;
    }
    let server = Postgres::fast().expect("a server");
    let pooler = Pgbouncer::to(server.port(), CONNECTIONS).expect("a pooler");
    Some((server, pooler))
}

async fn open(url: &str, direct: &str) -> Result<Store, StoreError> {
    let (url, direct, clock) = (Secret::new(url), Secret::new(direct), Clock::system());
    Store::pooled(&url, &direct, Durability::Full, MIGRATIONS, &clock, &Entropy::system()).await
}

/// Another database of a server.
fn database(url: &str, name: &str) -> String {
    let server = url.strip_suffix("postgres").expect("the database postgres");
    format!("{server}{name}")
}

#[tokio::test]
async fn the_engine_of_a_fleet_conforms_through_a_pooler() {
    let Some((server, pooler)) = both() else { return };
    let number = std::cell::Cell::new(0);
    conformance::suite(async || {
        // Another database each, since a schema would be a setting of the session.
        number.set(number.get() + 1);
        let name = format!("store_{}", number.get());
        server.sql(&format!("CREATE DATABASE {name}")).expect("made");
        open(&database(&pooler.url(), &name), &database(&server.url(), &name)).await.expect("opened")
    })
    .await;
}

#[tokio::test]
async fn stores_share_the_few_connections_of_a_pooler() {
    let Some((server, pooler)) = both() else { return };
    let (one, two) = (open(&pooler.url(), &server.url()).await, open(&pooler.url(), &server.url()).await);
    let stores = [one.expect("opened"), two.expect("opened")];
    let mut work = tokio::task::JoinSet::new();
    for n in 0..200 {
        let store = stores[n % 2].clone();
        work.spawn(async move {
            let again = store.clone();
            let write = store.write(async move |tx| {
                let (seen,): (i64,) = tx.one("SELECT COUNT(*) FROM notes", &[]).await?;
                tx.execute("INSERT INTO notes (words, weight) VALUES ($1, $2)", params![&seen.to_string(), n as f64])
                    .await?;
                // Every fifth breaks the unique index, and is undone to its savepoint in whoever's connection that is.
                match n % 5 {
                    0 => tx.execute("INSERT INTO notes (words) VALUES ($1)", params![&seen.to_string()]).await,
                    _ => Ok(1),
                }
            });
            let written: Result<u64, StoreError> = write.await;
            let read = again.read(async |tx| tx.one::<(i64,)>("SELECT COUNT(*) FROM notes", &[]).await);
            let _: (i64,) = read.await.unwrap_or_else(|error: StoreError| panic!("{n}: {error:?}"));
            let beside = again.write_beside(async move |tx| {
                let sql = "UPDATE notes SET bytes = $2 WHERE weight = $1";
                tx.execute(sql, params![n as f64, Option::<&[u8]>::None]).await
            });
            let beside: Result<u64, StoreError> = beside.await;
            (written.is_ok(), beside.is_ok())
        });
    }
    let outcomes = work.join_all().await;
    assert_eq!(outcomes.iter().filter(|(written, _)| *written).count(), 160);
    assert!(outcomes.iter().all(|(_, beside)| *beside));
    // Each check before a write was right, whichever store made it.
    assert_eq!(all(&stores[0]).await, (0..160).map(|n| n.to_string()).collect::<Vec<_>>());
    let clients: u64 = stores.iter().map(|store| store.stats().connections).sum();
    let used = pooler.connections().expect("asked");
    assert!(
        used as u64 + 2 < clients,
        "{clients} of the stores, two of which go past the pooler, on {used} of the server"
    );
}

#[tokio::test]
async fn hints_go_past_the_pooler() {
    let Some((server, pooler)) = both() else { return };
    let (one, two) = (open(&pooler.url(), &server.url()).await, open(&pooler.url(), &server.url()).await);
    let (one, two) = (one.expect("opened"), two.expect("opened"));
    let (mut here, mut there) = (one.told("notes"), two.told("notes"));
    // The doubt of the beginning is heard once a connection: what is heard after that was told.
    let told = async {
        for _ in 0..5 {
            while tokio::time::timeout(Duration::from_millis(100), there.changed()).await.is_err() {
                one.tell("notes");
            }
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("heard");
    here.borrow_and_update();
    one.tell("notes");
    tokio::time::timeout(PATIENCE, there.changed()).await.expect("heard").expect("open");
    assert!(!here.has_changed().expect("open"), "nobody hears himself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_either_being_killed_and_work_goes_on_by_itself() {
    if !Postgres::is_there() || !Pgbouncer::is_there() {
        eprintln!("not run: PostgreSQL or pgbouncer is not installed");
        return;
    }
    let mut server = Postgres::start().expect("a server");
    let mut pooler = Pgbouncer::to(server.port(), CONNECTIONS).expect("a pooler");
    let store = open(&pooler.url(), &server.url()).await.expect("opened");
    let mut kept = Vec::new();
    for server_dies in [false, true] {
        for n in 0..20 {
            let words = format!("{server_dies} {n}");
            add(&store, &words).await.expect("written");
            kept.push(words);
        }
        if server_dies { server.kill() } else { pooler.kill() }.expect("killed");
        let refused = add(&store, "while it is away").await.expect_err("refused");
        assert!(refused.is_temporary(), "{refused:?}");
        if server_dies { server.start_again() } else { pooler.start_again() }.expect("started");
        let words = format!("{server_dies}: it is back");
        let back = async {
            while add(&store, &words).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, back).await.expect("it goes on");
        kept.push(words);
        assert_eq!(all(&store).await, kept);
    }
}

#[tokio::test]
async fn addresses_of_different_databases_are_refused() {
    let Some((server, pooler)) = both() else { return };
    server.sql("CREATE DATABASE another").expect("made");
    let another = database(&server.url(), "another");
    let refused = |outcome: Result<Store, StoreError>| match outcome.err() {
        Some(StoreError::Address(why)) => assert!(why.contains("store.direct_url"), "{why}"),
        other => panic!("{other:?}"),
    };
    // First nobody's, then another deployment's.
    refused(open(&pooler.url(), &another).await);
    open(&pooler.url(), &server.url()).await.expect("opened").close().await;
    refused(open(&pooler.url(), &another).await);
}

#[tokio::test]
async fn a_pooler_that_nobody_told_of_is_named() {
    let Some((server, _pooler)) = both() else { return };
    let (url, clock) = (Secret::new(server.url()), Clock::system());
    let store = Store::postgres(&url, Durability::Full, MIGRATIONS, &clock, &Entropy::system()).await.expect("opened");
    let read: Result<(i64,), StoreError> = store
        .read(async |tx| {
            tx.one::<(i64,)>("SELECT CAST(1 AS BIGINT)", &[]).await?;
            // As when the next transaction is on another connection.
            tx.execute("DEALLOCATE ALL", &[]).await?;
            tx.one("SELECT CAST(1 AS BIGINT)", &[]).await
        })
        .await;
    assert!(matches!(&read, Err(StoreError::Address(why)) if why.contains("store.direct_url")), "{read:?}");
}
