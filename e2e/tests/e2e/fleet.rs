//! Several processes on one PostgreSQL and one Redis: the same product, whichever of them is asked, while any of them may die.

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use testkit::{Postgres, Redis, Server, Start};

use crate::kill;
use crate::sse::{Listener, push};

/// What a fleet shares.
pub(crate) struct Fleet {
    pub(crate) postgres: Postgres,
    pub(crate) redis: Redis,
    dir: TempDir,
    database: String,
}

impl Fleet {
    /// None where the servers are not installed, which is said. The database does not wait for the disk.
    pub(crate) async fn new() -> Result<Option<Self>> {
        Self::on(Postgres::fast).await
    }

    /// As [`Fleet::new`], with a database that may be killed.
    pub(crate) async fn durable() -> Result<Option<Self>> {
        Self::on(Postgres::start).await
    }

    async fn on(postgres: fn() -> Result<Postgres>) -> Result<Option<Self>> {
        if !Postgres::is_there() || !Redis::is_there() {
            println!("not run: PostgreSQL or Redis is not installed");
            return Ok(None);
        }
        let started = tokio::task::spawn_blocking(move || Ok::<_, anyhow::Error>((postgres()?, Redis::start()?)));
        let (postgres, redis) = started.await??;
        let dir = tempfile::tempdir()?;
        std::fs::write(dir.path().join("key"), [7; 32])?;
        let database = postgres.url();
        Ok(Some(Self { postgres, redis, dir, database }))
    }

    /// A second database that has whatever the first has acknowledged, and that processes look for when the first is gone.
    pub(crate) fn replica(&mut self) -> Result<Postgres> {
        let replica = self.postgres.replica()?;
        self.postgres.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")?;
        self.postgres.sql("SELECT pg_reload_conf()")?;
        let hosts = format!("127.0.0.1:{},127.0.0.1:{}", self.postgres.port(), replica.port());
        self.database = format!("postgres://postgres@{hosts}/postgres?target_session_attrs=read-write");
        Ok(replica)
    }

    /// How a process of it is started.
    pub(crate) fn start(&self) -> Start {
        Start::default()
            .env("DATABASE_URL", &self.database)
            .env("REDIS_URL", &self.redis.url())
            .env("MAINSPRING__SERVER__KEY_FILE", &self.dir.path().join("key").display().to_string())
    }

    /// A process that does these parts of the work.
    pub(crate) async fn process(&self, roles: &[&str]) -> Result<Server> {
        self.start().env("MAINSPRING__SERVER__ROLES", &format!("{roles:?}")).start().await
    }
}

async fn phrases(listener: &mut Listener, last: u64) -> Result<Vec<u64>> {
    let mut heard = Vec::new();
    while heard.last() != Some(&last) {
        heard.push(listener.phrase().await?["n"].as_u64().context("a number")?);
    }
    Ok(heard)
}

#[tokio::test]
async fn whoever_takes_a_webhook_everybody_hears_it() -> Result<()> {
    let Some(fleet) = Fleet::new().await? else { return Ok(()) };
    let (one, two, mut three) =
        (fleet.process(&["all"]).await?, fleet.process(&["all"]).await?, fleet.process(&["all"]).await?);
    let mut listeners = Vec::new();
    for server in [&one, &two, &three] {
        listeners.push(Listener::open(server, "octocat/fleet", None).await?);
    }
    for (mark, server) in (1..=30).zip([&one, &two, &three].into_iter().cycle()) {
        let body = push("octocat/fleet", "mona", mark).to_string().into_bytes();
        let sent = server.github().send_as(&format!("d-{mark}"), "push", body).await?;
        ensure!(sent.status == 200, "{sent:?}");
    }
    for listener in &mut listeners {
        assert_eq!(phrases(listener, 30).await?, (1..=30).collect::<Vec<_>>());
    }
    // The same delivery at another door is known there.
    let body = push("octocat/fleet", "mona", 7).to_string().into_bytes();
    let again = two.github().send_as("d-7", "push", body).await?;
    assert_eq!((again.status, again.body["status"].as_str()), (200, Some("duplicate")));
    three.kill().await?;
    let body = push("octocat/fleet", "mona", 31).to_string().into_bytes();
    assert_eq!(one.github().send_as("d-31", "push", body).await?.status, 200);
    assert_eq!(phrases(&mut listeners[1], 31).await?, [31]);
    Ok(())
}

#[tokio::test]
async fn each_role_does_its_part_and_no_other() -> Result<()> {
    let Some(fleet) = Fleet::new().await? else { return Ok(()) };
    let ingress = fleet.process(&["ingress"]).await?;
    let mut realtime = fleet.process(&["realtime"]).await?;
    let worker = fleet.process(&["worker"]).await?;
    let api = fleet.process(&["api", "scheduler"]).await?;
    let mut listener = Listener::open(&realtime, "octocat/roles", None).await?;
    let github = ingress.github();
    ensure!(github.send("push", &push("octocat/roles", "mona", 1)).await?.status == 200);
    assert_eq!(phrases(&mut listener, 1).await?, [1]);
    for server in [&realtime, &worker, &api] {
        assert_eq!(server.github().send("push", &push("octocat/roles", "mona", 2)).await?.status, 404);
    }
    let admin = api.admin().await?;
    let instances = admin.get("/api/v1/instances").await?;
    let items = instances["items"].as_array().context("items")?;
    assert_eq!(items.len(), 4, "{instances}");
    assert!(items.iter().any(|it| it["here"] == true && it["roles"] == serde_json::json!(["api", "scheduler"])));
    assert_eq!(kill::composing(&admin, "completed").await?.len(), 1);
    for server in [&ingress, &worker] {
        let answer = reqwest::get(format!("{}/radio/octocat/roles/events", server.url())).await?;
        assert_eq!(answer.status().as_u16(), 404);
        assert_eq!(reqwest::get(format!("{}/readyz", server.url())).await?.status().as_u16(), 200);
    }
    // Without the one that streams, deliveries are answered as before, and nothing of them is missing when it is back.
    realtime.kill().await?;
    for mark in 2..=20 {
        ensure!(github.send("push", &push("octocat/roles", "mona", mark)).await?.status == 200);
    }
    realtime.start_again().await?;
    let mut listener = Listener::open(&realtime, "octocat/roles", Some(1)).await?;
    assert_eq!(phrases(&mut listener, 20).await?, (2..=20).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn what_does_not_fit_together_does_not_start() -> Result<()> {
    let Some(fleet) = Fleet::new().await? else { return Ok(()) };
    let first = fleet.process(&["all"]).await?;
    let refused = async |start: Start| match start.start().await {
        Ok(_) => anyhow::bail!("it started"),
        Err(error) => Ok(format!("{error:#}")),
    };
    let other_key = first.data().join("other-key");
    std::fs::write(&other_key, [8; 32])?;
    let said = refused(fleet.start().env("MAINSPRING__SERVER__KEY_FILE", &other_key.display().to_string())).await?;
    assert!(said.contains("server.key_file"), "{said}");
    let said = refused(fleet.start().env("REDIS_URL", "")).await?;
    assert!(said.contains("runs on this database already") && said.contains("REDIS_URL"), "{said}");
    let said = refused(Start::default().env("REDIS_URL", &fleet.redis.url())).await?;
    assert!(said.contains("DATABASE_URL"), "{said}");
    let wrong = "postgres://nobody:hunter2@127.0.0.1:1/none";
    let said = refused(Start::default().env("DATABASE_URL", wrong)).await?;
    assert!(said.contains("DATABASE_URL") && !said.contains("hunter2"), "{said}");
    let said = refused(fleet.start().data(first.data())).await?;
    assert!(said.contains("another Mainspring runs on"), "{said}");
    Ok(())
}
