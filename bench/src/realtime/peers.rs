//! Who is measured: our hub by both of its protocols, and the servers that others run for the same.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use testkit::Nginx;
use tokio::process::Command;

use super::crowd::Guests;
use super::dialect::Dialect;
use super::order::{Inside, Publisher};
use super::token;
use crate::http::Connection;
use crate::{node, process};

/// A server and how it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Centrifuge,
    OursBySocketIo,
    SocketIo,
    Socketioxide,
    Nchan,
}

const SOCKETIOXIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/socketioxide/Cargo.toml");
const PEERS_TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers");
/// Where Debian's package libnginx-mod-nchan puts it.
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

const BODIES: &str = "/var/lib/nginx/body";

/// A server that runs.
pub(crate) struct Running {
    pub(crate) peer: Peer,
    address: String,
    pid: u32,
    pub(crate) publisher: Publisher,
    _nginx: Option<Nginx>,
}

impl Peer {
    pub(crate) const ALL: [Self; 5] =
        [Self::Centrifuge, Self::OursBySocketIo, Self::SocketIo, Self::Socketioxide, Self::Nchan];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Centrifuge => "Mainspring, Centrifuge",
            Self::OursBySocketIo => "Mainspring, Socket.IO",
            Self::SocketIo => "socket.io 4",
            Self::Socketioxide => "socketioxide",
            Self::Nchan => "nchan",
        }
    }

    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::Centrifuge => Dialect::Centrifuge,
            Self::OursBySocketIo | Self::SocketIo | Self::Socketioxide => Dialect::SocketIo,
            Self::Nchan => Dialect::Nchan,
        }
    }

    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Centrifuge | Self::OursBySocketIo)
    }

    /// Whether whoever comes back is told what it missed.
    pub(crate) fn recovers(self) -> bool {
        self != Self::Socketioxide
    }

    /// What it needs is there, or built now. Otherwise why not.
    pub(crate) async fn prepare(self) -> Result<()> {
        match self {
            Self::Centrifuge | Self::OursBySocketIo => Ok(()),
            Self::SocketIo => node::is_there(),
            Self::Socketioxide => build_socketioxide().await,
            Self::Nchan => {
                let there = Nginx::is_there() && Path::new(NCHAN).exists();
                ensure!(there, "nginx with nchan is not installed (Debian: sudo apt-get install libnginx-mod-nchan)");
                // With nchan it looks at the folder that it was built with, whatever its configuration says; root makes it.
                if !Path::new(BODIES).exists() {
                    let made = Command::new("nginx").arg("-t").output().await;
                    let made = made.is_ok_and(|output| output.status.success());
                    ensure!(made && Path::new(BODIES).exists(), "there is no {BODIES} (`sudo nginx -t` makes it)");
                }
                Ok(())
            }
        }
    }

    /// Starts it, with a history for its channels or without.
    pub(crate) async fn start(self, kept: bool) -> Result<Running> {
        let (publisher, address, pid, nginx) = match self {
            Self::Centrifuge | Self::OursBySocketIo => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("realtime-server");
                Inside::start(command).await.map(inside)?
            }
            Self::SocketIo => {
                let recovery = if kept { "kept" } else { "none" };
                let mut command = node::command("socketio.mjs");
                command.args([token::SECRET, recovery]);
                Inside::start(command).await.map(inside)?
            }
            Self::Socketioxide => {
                let mut command = Command::new(format!("{PEERS_TARGET}/{}/mainspring-bench-socketioxide", profile()));
                command.arg(token::SECRET);
                Inside::start(command).await.map(inside)?
            }
            Self::Nchan => {
                let nginx = tokio::task::spawn_blocking(move || Nginx::whole(|port| nchan(port, kept))).await??;
                let (address, pid) = (format!("127.0.0.1:{}", nginx.port()), nginx.pid().context("nginx is gone")?);
                (Publisher::Posts(Connection::open(&address).await?), address, pid, Some(nginx))
            }
        };
        Ok(Running { peer: self, address, pid, publisher, _nginx: nginx })
    }
}

fn inside((server, address, pid): (Inside, String, u32)) -> (Publisher, String, u32, Option<Nginx>) {
    (Publisher::Inside(Box::new(server)), address, pid, None)
}

impl Running {
    pub(crate) fn guests(&self, channels: &[&str]) -> Result<Guests> {
        let channels = channels.iter().map(|channel| (*channel).to_owned()).collect();
        Ok(Guests { server: self.address.parse()?, dialect: self.peer.dialect(), channels, window: None })
    }

    /// Processor time so far, seconds, of all its processes.
    pub(crate) fn cpu_s(&self) -> Result<f64> {
        process::family_cpu_s(self.pid)
    }

    /// Resident memory of all its processes, KiB: with what they share counted once, and with each counted whole.
    pub(crate) fn memory_kib(&self) -> Result<[f64; 2]> {
        Ok([process::family_rss(self.pid)?, process::family_whole_rss(self.pid)?])
    }

    pub(crate) async fn end(self) -> Result<()> {
        self.publisher.end().await
    }
}

fn profile() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}

async fn build_socketioxide() -> Result<()> {
    let mut build = Command::new("cargo");
    build.args(["build", "--quiet", "--locked", "--manifest-path", SOCKETIOXIDE]).env("CARGO_TARGET_DIR", PEERS_TARGET);
    if profile() == "release" {
        build.arg("--release");
    }
    let built = build.status().await.context("cargo cannot be started")?;
    ensure!(built.success(), "it does not build here");
    Ok(())
}

/// nchan as its README sets it up; whoever comes hears what comes from then on.
fn nchan(port: u16, kept: bool) -> String {
    let history = if kept { "nchan_message_buffer_length 64;" } else { "nchan_store_messages off;" };
    let mut paths = String::new();
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        paths.push_str(&format!("{kind}_temp_path {kind};"));
    }
    format!(
        "load_module {NCHAN};
worker_processes auto;
worker_rlimit_nofile 20000;
events {{ worker_connections 16000; }}
http {{
    access_log off;
    {paths}
    keepalive_requests 1000000000;
    nchan_max_reserved_memory 256M;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location ~ ^/pub/(.+)$ {{
            nchan_publisher;
            nchan_channel_id $1;
            {history}
            client_max_body_size 1m;
        }}
        location ~ ^/sub/(.+)$ {{
            nchan_subscriber websocket;
            nchan_channel_id $1;
            nchan_channel_id_split_delimiter ',';
            nchan_subscriber_first_message newest;
        }}
    }}
}}
"
    )
}
