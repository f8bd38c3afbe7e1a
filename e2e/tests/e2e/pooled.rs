//! Two processes through a pooler: PostgreSQL has few connections, and another one for each transaction.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::{Pgbouncer, Postgres, Redis, Server, Start};

use crate::kill;
use crate::sse::{Listener, push};

const REPOSITORY: &str = "octocat/pooled";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_stands_between_and_nothing_acknowledged_is_lost_when_it_dies() -> Result<()> {
    if !Postgres::is_there() || !Pgbouncer::is_there() || !Redis::is_there() {
        println!("not run: PostgreSQL, pgbouncer or Redis is not installed");
        return Ok(());
    }
    let started = tokio::task::spawn_blocking(|| {
        let postgres = Postgres::fast()?;
        let pooler = Pgbouncer::to(postgres.port(), 4)?;
        Ok::<_, anyhow::Error>((postgres, pooler, Redis::start()?))
    });
    let (postgres, mut pooler, redis) = started.await??;
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("key"), [7; 32])?;
    let start = async |roles: &str| {
        let start = Start::default().env("DATABASE_URL", &pooler.url()).env("REDIS_URL", &redis.url());
        let start = start.env("MAINSPRING__STORE__DIRECT_URL", &postgres.url());
        let key = dir.path().join("key").display().to_string();
        start.env("MAINSPRING__SERVER__KEY_FILE", &key).env("MAINSPRING__SERVER__ROLES", roles).start().await
    };
    // What one takes in, the other works on and carries to those who listen.
    let (door, back) = (start(r#"["ingress"]"#).await?, start(r#"["api","realtime","worker","scheduler"]"#).await?);
    let mut listener = Listener::open(&back, REPOSITORY, None).await?;
    for mark in 1..=10 {
        ensure!(send(&door, mark).await? == 200);
    }
    hears(&mut listener, 1..=10).await?;
    let mut mark = 10;
    for _ in 0..2 {
        pooler.kill()?;
        // Acknowledged only where it is kept on the disk until then.
        let status = send(&door, mark + 1).await?;
        ensure!([202, 503].contains(&status), "{status}");
        mark += u64::from(status == 202);
        pooler.start_again()?;
        for _ in 0..10 {
            mark += 1;
            let acknowledged = async {
                while ![200, 202].contains(&send(&door, mark).await?) {
                    tokio::task::yield_now().await;
                }
                Ok::<_, anyhow::Error>(())
            };
            tokio::time::timeout(Duration::from_secs(20), acknowledged).await.context("it does not go on")??;
        }
    }
    hears(&mut listener, 11..=mark).await?;
    let admin = back.admin().await?;
    assert_eq!(kill::composing(&admin, "completed").await?.len() as u64, mark);
    let connections = postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mainspring'")?;
    // Four of the pooler, and one that listens of each process.
    ensure!(connections.parse::<u32>()? <= 6, "{connections}");
    Ok(())
}

/// The same delivery, however often.
async fn send(door: &Server, mark: u64) -> Result<u16> {
    let body = push(REPOSITORY, "mona", mark).to_string().into_bytes();
    Ok(door.github().send_as(&format!("d-{mark}"), "push", body).await?.status)
}

/// A phrase a delivery, and none twice: they are numbered in the order in which they were made.
async fn hears(listener: &mut Listener, numbers: std::ops::RangeInclusive<u64>) -> Result<()> {
    for expected in numbers {
        assert_eq!(listener.phrase().await?["n"], expected);
    }
    Ok(())
}
