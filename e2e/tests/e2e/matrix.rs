//! The official clients, `centrifuge` and `socket.io-client`, unmodified, in Node and in Chromium, over each of their transports, at a fleet on
//! PostgreSQL and Redis: they connect, subscribe, publish, look, show new tokens, and miss nothing through a cut, a kill, a restart.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Nginx, Proxy, Server};

use crate::fleet::Fleet;
use crate::given::{self, SECRET};
use crate::table::{Cell, Row, Table, no, yes};

const CHANNEL: &str = "talk:all";
const NAMESPACES: &str = r#"[{ name = "talk", history = 300, presence = true, publish = true, public = true },
    { name = "own", history = 10 }]"#;
/// Said while nobody can hear it.
const MISSED: usize = 5;

/// Streams are carried by `first` as long as it is there, and what clients of HTTP say goes to `second`: so the one has to forward what the
/// other's clients say.
fn nginx(port: u16, first: &Server, second: &Server) -> String {
    format!(
        r#"log_format words $upstream_addr;
map $http_upgrade $connection_ {{ default upgrade; "" ""; }}
upstream streams {{ server {first} max_fails=0; server {second} max_fails=0 backup; }}
upstream words {{ server {second} max_fails=0; server {first} max_fails=0 backup; }}
server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Connection $connection_;
    proxy_set_header Upgrade $http_upgrade;
    proxy_buffering off;
    proxy_next_upstream error timeout http_503;
    location = /emulation {{ access_log access.log words; proxy_pass http://words; }}
    location / {{ proxy_pass http://streams; }}
}}"#,
        first = first.address(),
        second = second.address(),
    )
}

struct Stage {
    first: Server,
    second: Server,
    key: String,
    table: Table,
    /// Publications so far, of everybody.
    said: usize,
}

impl Stage {
    /// Says something to everybody, by the second process.
    async fn say(&mut self, data: Value) -> Result<()> {
        given::ask(&self.second, &self.key, "publish", &json!({ "channel": CHANNEL, "data": data })).await?;
        self.said += 1;
        Ok(())
    }

    async fn say_what_is_missed(&mut self) -> Result<()> {
        for n in 0..MISSED {
            self.say(json!({ "missed": n })).await?;
        }
        Ok(())
    }

    /// Everybody publishes.
    async fn all_say(&mut self, round: usize) -> Result<()> {
        self.say(json!({ "do": "say", "round": round })).await?;
        self.said += self.table.rows().len();
        Ok(())
    }

    /// Everybody is back where it was, and has heard what it missed.
    async fn back(&mut self, step: &'static str, round: usize) -> Result<()> {
        self.all_say(round).await?;
        let said = self.said;
        let back = |row: &Row| row.heard().count() >= said && row.published(round) && row.recovered();
        self.table.step(step, |row| yes(back(row), "recovered")).await
    }

    /// Clients that this process has.
    async fn clients(&self, server: &Server) -> Result<Option<u64>> {
        let info = given::ask(server, &self.key, "info", &json!({})).await?;
        Ok(info["nodes"][0]["num_clients"].as_u64())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_clients_do_all_they_can_over_every_transport() -> Result<()> {
    let Some(fleet) = Fleet::new().await? else { return Ok(()) };
    if !Nginx::is_there() {
        println!("not run: nginx is not installed");
        return Ok(());
    }
    let issuer =
        format!(r#"[{{ issuer = "https://backend.example", audience = "mainspring", hmac_secret = "{SECRET}" }}]"#);
    let start = fleet.start().env("MAINSPRING__IDENTITY__ISSUERS", &issuer);
    let start = start.env("MAINSPRING__REALTIME__NAMESPACES", NAMESPACES);
    let data = tempfile::tempdir()?;
    let first = start.clone().data(data.path()).start().await?;
    let second = start.clone().start().await?;
    let key = given::key(&start.data(data.path())).await?;
    let nginx = Nginx::start(|port| nginx(port, &first, &second))?;
    let proxy = Proxy::to(nginx.port())?;
    let table = Table::of("matrix.mjs", &format!("127.0.0.1:{}", proxy.port()), SECRET)?;
    let mut stage = Stage { first, second, key, table, said: 0 };

    everything_once(&mut stage).await?;
    new_tokens(&mut stage).await?;
    let forwarded = std::fs::read_to_string(nginx.access_log())?;
    ensure!(!forwarded.is_empty() && forwarded.lines().all(|by| by == stage.second.address()), "{forwarded}");

    stage.table.turn();
    proxy.cut();
    stage.say_what_is_missed().await?;
    proxy.heal()?;
    stage.back("a cut", 2).await?;

    let here = stage.table.rows().len() as u64;
    ensure!(stage.clients(&stage.first).await? >= Some(here), "all are at the first");
    ensure!(stage.clients(&stage.second).await? == Some(0), "nobody is at the second");
    stage.table.turn();
    stage.first.kill().await?;
    stage.say_what_is_missed().await?;
    stage.back("a kill", 3).await?;
    ensure!(stage.clients(&stage.second).await? >= Some(here), "all are at the second now");

    stage.table.turn();
    stage.second.terminate().await?;
    proxy.cut();
    stage.first.start_again().await?;
    stage.second.start_again().await?;
    stage.say_what_is_missed().await?;
    proxy.heal()?;
    stage.back("a restart", 4).await?;

    println!("{}", stage.table);
    stage.table.all_heard_the_same(stage.said)?;
    stage.table.end().await
}

async fn everything_once(stage: &mut Stage) -> Result<()> {
    stage.table.step("connect", |row| yes(row.said("connected").next().is_some(), "by token")).await?;
    stage.table.step("subscribe", |row| yes(row.is_subscribed(), "yes")).await?;
    stage.table.step("upgrade", upgraded).await?;
    stage.all_say(1).await?;
    stage.table.step("publish", |row| yes(row.published(1), "yes")).await?;
    let said = stage.said;
    stage.table.step("hear", |row| yes(row.heard().count() == said, "all")).await?;
    stage.say(json!({ "do": "look" })).await?;
    let mut everybody: Vec<_> = stage.table.rows().iter().map(|row| row.name.clone()).collect();
    everybody.sort();
    let there = |row: &Row| {
        let mut users: Vec<_> = row.answer("presence")?.as_array()?.iter().filter_map(Value::as_str).collect();
        users.sort_unstable();
        (users == everybody && row.answer("presence_stats")?.as_u64()? == everybody.len() as u64).then_some("all")
    };
    stage.table.step("presence", there).await?;
    let kept = |row: &Row| {
        let kept = row.answer("history")?.as_array()?;
        let heard: Vec<_> = row.heard().take(kept.len()).collect();
        (kept.len() > said && heard == kept.iter().collect::<Vec<_>>()).then_some("all")
    };
    stage.table.step("history", kept).await
}

fn upgraded(row: &Row) -> Cell {
    if row.name.contains('+') { yes(row.said("upgraded").next().is_some(), "yes") } else { no() }
}

/// Tokens that end while their clients are there, twice each.
async fn new_tokens(stage: &mut Stage) -> Result<()> {
    stage.say(json!({ "do": "renew" })).await?;
    let third = |row: &Row, token: &str| row.said(token).any(|line| line["asked"] == 3);
    let token = |row: &Row| {
        if row.is_socketio() {
            // Its connection ends with its token; with the next it is the same again.
            let renewed: Vec<_> = row.said("renewed").collect();
            let same =
                renewed.iter().all(|one| one["id"] == renewed[0]["id"] && one["recovered"] == (one["asked"] != 1));
            return yes(third(row, "token") && renewed.len() == 3 && same, "the same");
        }
        // A third is asked for when the second was taken; never was the connection lost.
        yes(third(row, "token") && row.said("connected").count() == 1, "live")
    };
    stage.table.step("token", token).await?;
    let own = |row: &Row| match row.is_socketio() {
        true => no(),
        false => yes(third(row, "own token") && row.own_subscriptions() == 1, "live"),
    };
    stage.table.step("own token", own).await.context("tokens of subscriptions")
}
