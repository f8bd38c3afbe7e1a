use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::Result;
use testkit::{Postgres, until};

use crate::{answers, is_gone, skipped};

#[test]
fn what_is_committed_survives_a_kill_and_nothing_survives_a_drop() -> Result<()> {
    if skipped(Postgres::is_there(), "PostgreSQL") {
        return Ok(());
    }
    let mut postgres = Postgres::start()?;
    assert_eq!(postgres.sql("SHOW fsync")?, "on");
    let (port, dir) = (postgres.port(), postgres.socket().to_owned());
    assert_eq!(postgres.url(), format!("postgres://postgres@127.0.0.1:{port}/postgres"));
    postgres.sql("CREATE TABLE kept (n INT); INSERT INTO kept VALUES (7)")?;

    // A statement that would go on without its postmaster.
    let long = "SELECT count(*) FROM generate_series(1, 1000000000000)";
    let asked = std::thread::spawn({
        let mut psql = postgres.psql();
        move || psql.args(["--command", long]).output()
    });
    let running = format!("SELECT count(*) FROM pg_stat_activity WHERE query = '{long}'");
    until("the statement does not run", || Ok((postgres.sql(&running)? == "1").then_some(())))?;
    postgres.kill()?;
    assert!(!asked.join().expect("no panic")?.status.success());
    assert!(!answers(port), "a killed one answers");
    assert!(postgres.sql("SELECT 1").is_err());
    postgres.start_again()?;
    assert!(postgres.start_again().is_err(), "it runs already");
    assert!(
        postgres.log().contains("was not properly shut down"),
        "it was not killed but stopped:\n{}",
        postgres.log()
    );
    assert_eq!(postgres.sql("SELECT n FROM kept")?, "7");

    postgres.settings(&[("max_connections", "17"), ("application_name", "it's")])?;
    assert_eq!(postgres.sql("SHOW max_connections")?, "17");
    assert!(postgres.settings(&[("no_such_setting", "1")]).is_err());

    drop(postgres);
    assert!(!answers(port), "a dropped one answers");
    assert!(is_gone(&dir), "something is left of {}", dir.display());
    Ok(())
}

#[test]
fn a_panic_ends_it_too() {
    if skipped(Postgres::is_there(), "PostgreSQL") {
        return;
    }
    let (send, receive) = sync_channel(1);
    let test = std::thread::spawn(move || {
        let postgres = Postgres::fast().expect("a PostgreSQL");
        assert_eq!(postgres.sql("SHOW fsync").expect("an answer"), "off");
        send.send(postgres.port()).expect("somebody listens");
        panic!("as a test that fails");
    });
    assert!(test.join().is_err());
    assert!(!answers(receive.recv().expect("it was started")));
}

#[test]
fn a_paused_one_keeps_its_connections_and_answers_later() -> Result<()> {
    if skipped(Postgres::is_there(), "PostgreSQL") {
        return Ok(());
    }
    let postgres = Postgres::fast()?;
    let (send, receive) = sync_channel(1);
    std::thread::scope(|scope| {
        postgres.pause()?;
        scope.spawn(|| send.send(postgres.sql("SELECT 1")));
        // The kernel accepts for it; nobody answers for as long as we like.
        let answer = receive.recv_timeout(Duration::from_millis(300));
        postgres.resume()?;
        assert_eq!(answer.map(|_| "an answer"), Err(RecvTimeoutError::Timeout));
        assert_eq!(receive.recv()??, "1");
        Ok(())
    })
}

#[test]
fn a_replica_follows_and_takes_over() -> Result<()> {
    if skipped(Postgres::is_there(), "PostgreSQL") {
        return Ok(());
    }
    let mut primary = Postgres::fast()?;
    let replica = primary.replica()?;
    primary.sql("CREATE TABLE moved (n INT); INSERT INTO moved VALUES (1)")?;
    replica.catch_up_with(&primary)?;
    assert_eq!(replica.sql("SELECT count(*) FROM moved")?, "1");
    assert!(replica.sql("INSERT INTO moved VALUES (2)").is_err(), "a replica took a write");

    // One that must have it before the commit is acknowledged, while the primary dies.
    primary.settings(&[("synchronous_standby_names", "*"), ("synchronous_commit", "on")])?;
    primary.sql("INSERT INTO moved VALUES (2)")?;
    primary.kill()?;
    replica.promote()?;
    assert_eq!(replica.sql("INSERT INTO moved VALUES (3); SELECT count(*) FROM moved")?, "3");
    assert!(replica.promote().is_err(), "it is a primary already");
    Ok(())
}
