//! `mainspring webhook …`: what an operator does beside a running server.

use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use http::Method;
use kernel::{Clock, Entropy};
use outbound::{Outbound, Policy, Request};
use serde::{Deserialize, Serialize};
use webhooks::{Draft, Selection, Sources, Stand, Verdict, Webhooks};

use crate::cli::{ServeArgs, span};
use crate::control::{self, Ask};
use crate::products::Products;

const BODY_BYTES: u64 = 25 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Subcommand, Debug)]
pub(crate) enum WebhookCommand {
    /// Print the secret of a source, to give it to the sender.
    Secret {
        /// The source, such as github.
        source: String,
        #[command(flatten)]
        serve: ServeArgs,
    },
    /// List the sources: address, sender, whether it is on, what came.
    Sources {
        #[command(flatten)]
        serve: ServeArgs,
    },
    /// Verify the test vectors of every sender.
    Selftest,
    /// Send a delivery as the source's sender would sign it.
    Send {
        /// The source, such as github.
        source: String,
        /// The sender's name of the event.
        #[arg(long = "type", value_name = "TYPE", default_value = "ping")]
        kind: String,
        /// The body; `-` reads it from standard input. Without it a small one is made.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Where the server is; the address in the settings unless said.
        #[arg(long, value_name = "ADDRESS")]
        url: Option<String>,
        #[command(flatten)]
        serve: ServeArgs,
    },
    /// Put deliveries into the log once more: one by its id, or a range.
    Replay {
        /// The delivery.
        #[arg(required_unless_present = "since", conflicts_with_all = ["since", "until", "source", "kind", "rejected", "dry_run"])]
        id: Option<String>,
        /// From so long ago on, such as 30m, 6h or 2d.
        #[arg(long, value_name = "TIME", value_parser = span)]
        since: Option<i64>,
        /// Until so long ago.
        #[arg(long, value_name = "TIME", value_parser = span)]
        until: Option<i64>,
        /// Of this source alone.
        #[arg(long)]
        source: Option<String>,
        /// Of this event type alone, such as github.push.
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        /// Those that were refused: they are verified with the secrets of now.
        #[arg(long)]
        rejected: bool,
        /// Count, and do nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        serve: ServeArgs,
    },
}

/// What is asked of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WebhookAsk {
    /// A source's secret.
    Secret(String),
    /// The list.
    Sources,
    /// What it takes to deliver to a source.
    StandIn(String),
    /// One delivery once more.
    Replay(String),
    /// Many deliveries once more.
    ReplayRange {
        /// Which.
        selection: Selection,
        /// Whether to count alone.
        dry_run: bool,
    },
}

impl WebhookAsk {
    /// As the audit log says it; none for what only looks.
    pub(crate) fn recorded(&self) -> Option<(&'static str, String)> {
        Some(match self {
            Self::Secret(source) => ("webhook secret", source.clone()),
            // It signs with the secret.
            Self::StandIn(source) => ("webhook send", source.clone()),
            Self::Replay(id) => ("webhook replay", id.clone()),
            Self::ReplayRange { selection, dry_run: false } => {
                ("webhook replay", serde_json::to_string(selection).unwrap_or_default())
            }
            Self::Sources | Self::ReplayRange { dry_run: true, .. } => return None,
        })
    }
}

/// Does what the command says.
pub(crate) async fn run(command: WebhookCommand, products: Products) -> Result<ExitCode> {
    let ask = |serve: ServeArgs, ask| async move { control::ask(serve.load()?, products, Ask::Webhook(ask)).await };
    match command {
        WebhookCommand::Secret { source, serve } => ask(serve, WebhookAsk::Secret(source)).await,
        WebhookCommand::Sources { serve } => ask(serve, WebhookAsk::Sources).await,
        WebhookCommand::Selftest => Ok(selftest()),
        WebhookCommand::Send { source, kind, file, url, serve } => {
            let config = serve.load()?;
            let url = url.map_or_else(|| here(&config.server.listen), Ok)?;
            let stand = control::say(config, products, Ask::Webhook(WebhookAsk::StandIn(source))).await?;
            send(&serde_json::from_str(&stand)?, &kind, file.as_deref(), &url).await
        }
        WebhookCommand::Replay { id: Some(id), serve, .. } => ask(serve, WebhookAsk::Replay(id)).await,
        WebhookCommand::Replay { since, until, source, kind, rejected, dry_run, serve, .. } => {
            let now_ms = Clock::system().now_ms();
            let verdict = rejected.then_some(Verdict::Rejected);
            let (since_ms, until_ms) = (since.map(|ago| now_ms - ago), until.map(|ago| now_ms - ago));
            let selection = Selection { source, event_type: kind, since_ms, until_ms, verdict };
            ask(serve, WebhookAsk::ReplayRange { selection, dry_run }).await
        }
    }
}

/// Answers beside a running server, which has `webhooks`, or over a data directory alone.
pub(crate) async fn answer(sources: &Sources, webhooks: Option<&Webhooks>, ask: WebhookAsk) -> Result<String, String> {
    let running = || webhooks.ok_or("no server runs on this data directory: start it first");
    match ask {
        WebhookAsk::Secret(source) => match sources.secret(&source) {
            Some(secret) => Ok(secret.expose().to_owned()),
            None => Err(format!("there is no source {source:?} with a secret")),
        },
        WebhookAsk::StandIn(source) => {
            let stand = sources.stand_in(&source).ok_or(format!("there is no source {source:?}"))?;
            serde_json::to_string(&stand).map_err(|error| error.to_string())
        }
        WebhookAsk::Sources => {
            let rows = running()?.sources().await.map_err(|error| kernel::problem::chain(&error))?;
            Ok(rows.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        WebhookAsk::Replay(id) => {
            let replayed = running()?.replay(&id).await.map_err(|problem| problem.detail().to_owned())?;
            Ok(format!("delivery {} is event {}", replayed.delivery, replayed.event_position))
        }
        WebhookAsk::ReplayRange { selection, dry_run: true } => {
            let plan = running()?.plan(selection).await.map_err(|problem| problem.detail().to_owned())?;
            Ok(format!("{} deliveries would be replayed", plan.count))
        }
        WebhookAsk::ReplayRange { selection, dry_run: false } => {
            let replay = running()?.replay_range(selection).await.map_err(|problem| problem.detail().to_owned())?;
            Ok(format!("replay {} of {} deliveries has begun", replay.id, replay.total))
        }
    }
}

fn line(source: &webhooks::SourceRow) -> String {
    let state = if source.enabled { "on" } else { "off" };
    let (accepted, rejected) = (source.accepted_24h, source.rejected_24h);
    format!(
        "{:<20} {:<16} {state:<4} {accepted:>7} accepted {rejected:>6} rejected  {}",
        source.name, source.sender, source.path
    )
}

fn selftest() -> ExitCode {
    let mut all = ExitCode::SUCCESS;
    for tried in webhooks::selftest() {
        let verdict = match tried.failed {
            None => "ok".to_owned(),
            Some(why) => {
                all = ExitCode::FAILURE;
                format!("FAILED: {why}")
            }
        };
        println!("{:<16} {:<34} {verdict}", tried.sender, tried.from);
    }
    all
}

async fn send(stand: &Stand, kind: &str, file: Option<&Path>, url: &str) -> Result<ExitCode> {
    let (id, now_ms) = (Entropy::system().token(16), Clock::system().now_ms());
    let body = match file {
        Some(path) => read(path)?,
        None => stand.body(&id, kind, now_ms).context("this build does not know the source's sender")?.into_bytes(),
    };
    let draft = Draft { id: &id, kind, now_ms, body: &body };
    let headers = stand.sign(&draft).context("this sender signs with a key of its own: nobody else can sign for it")?;
    let address = format!("{}{}", url.trim_end_matches('/'), stand.path);
    let request = Request::new("webhook send", Policy::Operator, Method::POST, address).body(body.clone());
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name.clone(), value.clone()));
    let sent = Outbound::new(outbound::Settings::default()).send(request.timeout(PATIENCE)).await;
    let answer = sent.with_context(|| format!("nobody answers at {url}"))?;
    println!("{}", answer.status);
    if !answer.body.is_empty() {
        println!("{}", String::from_utf8_lossy(&answer.body));
    }
    Ok(if answer.status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The server on this machine that listens so: whoever listens on every address listens on loopback.
fn here(listen: &str) -> Result<String> {
    let mut address: SocketAddr = listen.parse()?;
    if address.ip().is_unspecified() {
        let loopback = if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        address.set_ip(loopback);
    }
    Ok(format!("http://{address}"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(BODY_BYTES + 1).read_to_end(&mut body)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(BODY_BYTES + 1).read_to_end(&mut body))
    };
    read.with_context(|| format!("{} cannot be read", path.display()))?;
    if body.len() as u64 > BODY_BYTES {
        bail!("a body has {BODY_BYTES} bytes at most");
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_every_address_is_here() {
        for (listen, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:9000", "http://127.0.0.1:9000"),
            ("[::]:9000", "http://[::1]:9000"),
            ("192.0.2.7:80", "http://192.0.2.7:80"),
        ] {
            assert_eq!(here(listen).expect("an address"), url);
        }
    }
}
