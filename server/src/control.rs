//! Commands beside a running server: a socket in the data directory, which only its owner can open. Whoever can read the
//! data directory is an administrator already; nothing here is reachable from the network.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use identity::Identity;
use kernel::{Clock, Entropy};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use webhooks::Secrets;

use crate::config::Config;
use crate::wiring::{self, Machine};
use crate::{keys, products};

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// A one-time link to the console.
    AdminLink,
    /// A source's secret.
    WebhookSecret {
        /// The source.
        source: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Says(String),
    Refuses(String),
}

/// A question is one short line.
const LINE_BYTES: u64 = 4096;
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Answers {
    identity: Identity,
    secrets: Secrets,
    base: String,
}

/// Where people reach the server.
pub(crate) fn base_url(config: &Config, address: SocketAddr) -> String {
    match config.server.public_url.trim_end_matches('/') {
        "" => format!("http://{address}"),
        url => url.to_owned(),
    }
}

fn socket(config: &Config) -> PathBuf {
    config.server.data.join("control.sock")
}

/// Binds the socket; the future serves it until `stop`.
pub(crate) fn listen(
    config: &Config,
    machine: &Machine,
    address: SocketAddr,
    stop: CancellationToken,
) -> Result<impl Future<Output = ()> + Send + use<>> {
    let path = socket(config);
    // A killed server leaves its socket; the lock on the data directory proves that nobody listens there.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
        .context("the control socket cannot be made private")?;
    let answers = Answers {
        identity: machine.identity.clone(),
        secrets: machine.secrets.clone(),
        base: base_url(config, address),
    };
    Ok(async move {
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            if let Ok((stream, _)) = accepted {
                tokio::spawn(tokio::time::timeout(PATIENCE, converse(stream, answers.clone())));
            }
        }
        let _ = std::fs::remove_file(&path);
    })
}

async fn converse(stream: UnixStream, answers: Answers) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(LINE_BYTES)).read_line(&mut line).await?;
    let answer = match serde_json::from_str(&line) {
        Ok(ask) => answers.answer(ask).await,
        Err(_) => Answer::Refuses("this server does not know that question: it is of another version".into()),
    };
    write.write_all(serde_json::to_string(&answer)?.as_bytes()).await
}

impl Answers {
    async fn answer(&self, ask: Ask) -> Answer {
        match ask {
            Ask::AdminLink => match self.identity.make_link().await {
                Ok(link) => Answer::Says(format!("{}/console/enter/{}", self.base, link.expose())),
                Err(error) => Answer::Refuses(kernel::problem::chain(&error)),
            },
            Ask::WebhookSecret { source } => match self.secrets.of(&source).first() {
                Some(secret) => Answer::Says(secret.expose().to_owned()),
                None => Answer::Refuses(format!("there is no source {source:?}")),
            },
        }
    }
}

/// Asks the running server, or the data directory itself when no server runs on it.
pub(crate) async fn ask(config: Config, ask: Ask) -> Result<ExitCode> {
    let answer = match UnixStream::connect(socket(&config)).await {
        Ok(stream) => over(stream, &ask).await.context("the running server did not answer")?,
        Err(_) => offline(&config).await?.answer(ask).await,
    };
    match answer {
        Answer::Says(text) => println!("{text}"),
        Answer::Refuses(why) => bail!(why),
    }
    Ok(ExitCode::SUCCESS)
}

async fn over(stream: UnixStream, ask: &Ask) -> Result<Answer> {
    let (mut read, mut write) = stream.into_split();
    write.write_all(format!("{}\n", serde_json::to_string(ask)?).as_bytes()).await?;
    let mut text = String::new();
    tokio::time::timeout(PATIENCE, read.read_to_string(&mut text)).await??;
    Ok(serde_json::from_str(&text)?)
}

async fn offline(config: &Config) -> Result<Answers> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let key = keys::open(&config.server.data, &entropy)?;
    let store = wiring::open_store(config, &products::all(), &clock, &entropy)?;
    let secrets = Secrets::open(&store, &key, &clock, &entropy, |name| std::env::var(name).ok()).await?;
    let base = base_url(config, config.server.listen.parse()?);
    Ok(Answers { identity: Identity::new(store, clock, entropy), secrets, base })
}
