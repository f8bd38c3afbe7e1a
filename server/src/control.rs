//! Commands beside a running server: a socket in the data directory, which only its owner can open. Whoever can read the
//! data directory is an administrator already; nothing here is reachable from the network.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bus::Bus;
use guard::Guard;
use identity::Identity;
use kernel::{Clock, Entropy};
use objects::Objects;
use serde::{Deserialize, Serialize};
use store::Store;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use webhooks::{Sources, Webhooks};

use crate::config::Config;
use crate::key_cli::KeyAsk;
use crate::products::Products;
use crate::telemetry::level::{LevelNow, LogLevel};
use crate::user_cli::UserAsk;
use crate::webhook_cli::{self, WebhookAsk};
use crate::wiring::{self, Machine};
use crate::{backup, floors, key_cli, keys, user_cli};

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// A one-time link to the console.
    AdminLink,
    /// Make a backup, and say how far it is.
    Backup {
        /// Where to, from the root.
        file: PathBuf,
    },
    /// About webhooks.
    Webhook(WebhookAsk),
    /// About API keys.
    Key(KeyAsk),
    /// About people.
    User(UserAsk),
    /// Change what is logged, for a while; or what is logged, when there is no filter.
    LogLevel {
        /// As tracing filters.
        filter: Option<String>,
        /// 0 returns to what the settings say.
        for_minutes: u32,
    },
}

impl Ask {
    /// The command as the audit log says it, and what it was about; none for what only looks.
    fn recorded(&self) -> Option<(&'static str, String)> {
        match self {
            Self::AdminLink => Some(("admin-link", String::new())),
            Self::Backup { file } => Some(("backup", file.display().to_string())),
            Self::Webhook(ask) => ask.recorded(),
            Self::Key(ask) => ask.recorded(),
            Self::User(ask) => ask.recorded(),
            Self::LogLevel { filter, .. } => filter.clone().map(|filter| ("log-level", filter)),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// Not yet the end: how far it is.
    Goes(String),
    Says(String),
    Refuses(String),
}

/// A question is one short line.
const LINE_BYTES: u64 = 4096;
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two words about something that takes its time.
const BEAT: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Answers {
    store: Store,
    /// Of a running server.
    objects: Option<Objects>,
    identity: Identity,
    guard: Guard,
    sources: Sources,
    /// Of a running server.
    webhooks: Option<Webhooks>,
    /// Of a running server.
    level: Option<LogLevel>,
    base: String,
}

/// Where people reach the server.
pub(crate) fn base_url(config: &Config, address: SocketAddr) -> String {
    config.base_url(&address.to_string())
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
        store: machine.ctx.store.clone(),
        objects: Some(machine.ctx.objects.clone()),
        identity: machine.identity.clone(),
        guard: machine.guard.clone(),
        sources: machine.sources.clone(),
        webhooks: Some(machine.webhooks.clone()),
        level: Some(machine.level.clone()),
        base: base_url(config, address),
    };
    Ok(async move {
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            if let Ok((stream, _)) = accepted {
                tokio::spawn(converse(stream, answers.clone()));
            }
        }
        let _ = std::fs::remove_file(&path);
    })
}

async fn converse(stream: UnixStream, answers: Answers) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let (mut read, mut line) = (BufReader::new(read.take(LINE_BYTES)), String::new());
    tokio::time::timeout(PATIENCE, read.read_line(&mut line)).await??;
    let answer = match serde_json::from_str(&line) {
        Ok(Ask::Backup { file }) => answers.backup(file, &mut write).await?,
        Ok(ask) => tokio::time::timeout(PATIENCE, answers.answer(ask)).await?,
        Err(_) => Answer::Refuses("this server does not know that question: it is of another version".into()),
    };
    tell(&mut write, &answer).await
}

async fn tell(write: &mut OwnedWriteHalf, answer: &Answer) -> std::io::Result<()> {
    write.write_all(format!("{}\n", serde_json::to_string(answer)?).as_bytes()).await
}

impl From<Result<String, String>> for Answer {
    fn from(said: Result<String, String>) -> Self {
        said.map_or_else(Self::Refuses, Self::Says)
    }
}

impl Answers {
    async fn answer(&self, ask: Ask) -> Answer {
        let recorded = ask.recorded();
        let answer = match ask {
            Ask::AdminLink => {
                let link = self.identity.make_link().await;
                let link = link.map(|link| format!("{}/console/enter/{}", self.base, link.expose()));
                link.map_err(|error| kernel::problem::chain(&error)).into()
            }
            Ask::Webhook(ask) => webhook_cli::answer(&self.sources, self.webhooks.as_ref(), ask).await.into(),
            Ask::Key(ask) => key_cli::answer(&self.identity, ask).await.into(),
            Ask::User(ask) => user_cli::answer(&self.identity, &self.base, ask).await.into(),
            Ask::LogLevel { filter, for_minutes } => self.log_level(filter, for_minutes),
            Ask::Backup { .. } => Answer::Refuses("a backup is not made in between".into()),
        };
        self.record(recorded, &answer).await;
        answer
    }

    /// What was done is in the audit log before whoever asked reads that it was.
    async fn record(&self, recorded: Option<(&'static str, String)>, answer: &Answer) {
        if let (Some((command, about)), Answer::Says(_)) = (recorded, answer) {
            self.guard.record_command(command, &about).await;
        }
    }

    /// Makes a backup and says every second how far it is. Whoever goes away ends it.
    async fn backup(&self, file: PathBuf, write: &mut OwnedWriteHalf) -> std::io::Result<Answer> {
        let (told, mut progress) = watch::channel(String::from("beginning"));
        let clock = Clock::system();
        let mut making = pin!(backup::of_store((&self.store, self.objects.as_ref()), &file, &clock, told));
        let mut beat = tokio::time::interval(BEAT);
        loop {
            tokio::select! {
                made = &mut making => {
                    let answer = made.map_err(|error| format!("{error:#}")).into();
                    self.record(Ask::Backup { file: file.clone() }.recorded(), &answer).await;
                    return Ok(answer);
                }
                _ = beat.tick() => {
                    let words = progress.borrow_and_update().clone();
                    tell(write, &Answer::Goes(words)).await?;
                }
            }
        }
    }

    fn log_level(&self, filter: Option<String>, for_minutes: u32) -> Answer {
        let Some(level) = &self.level else {
            return Answer::Refuses(
                "no server runs on this data directory; log.level is the setting of the next one".into(),
            );
        };
        let now = match filter {
            Some(filter) => level.change(&filter, for_minutes),
            None => Ok(level.now()),
        };
        match now {
            Ok(LevelNow { filter, until_ms: Some(until_ms), configured }) => {
                Answer::Says(format!("{filter} (until {}, then {configured})", kernel::clock::rfc3339(until_ms)))
            }
            Ok(LevelNow { filter, .. }) => Answer::Says(filter),
            Err(why) => Answer::Refuses(why.into()),
        }
    }
}

/// Asks the running server, or the data directory itself when no server runs on it.
pub(crate) async fn ask(config: Config, products: Products, ask: Ask) -> Result<ExitCode> {
    println!("{}", say(config, products, ask).await?);
    Ok(ExitCode::SUCCESS)
}

/// As [`ask`], for a caller who does something with the answer.
pub(crate) async fn say(config: Config, products: Products, ask: Ask) -> Result<String> {
    if let Some(said) = over(&config, &ask).await? {
        return said.last_word(|_| {}).await;
    }
    match offline(&config, products).await?.answer(ask).await {
        Answer::Says(text) | Answer::Goes(text) => Ok(text),
        Answer::Refuses(why) => bail!(why),
    }
}

/// Asks the running server for a backup; none when no server runs on the data directory.
pub(crate) async fn backup(config: &Config, file: &Path) -> Result<Option<Said>> {
    over(config, &Ask::Backup { file: file.to_owned() }).await
}

/// What a running server says to a question, line by line.
pub(crate) struct Said {
    lines: Lines<BufReader<OwnedReadHalf>>,
    /// The server takes a closed connection for somebody who has gone.
    _open: OwnedWriteHalf,
}

async fn over(config: &Config, ask: &Ask) -> Result<Option<Said>> {
    let Ok(stream) = UnixStream::connect(socket(config)).await else { return Ok(None) };
    let (read, mut write) = stream.into_split();
    let question = format!("{}\n", serde_json::to_string(ask)?);
    if question.len() as u64 > LINE_BYTES {
        bail!("that is more than a server reads from its command line: {LINE_BYTES} bytes, give shorter words");
    }
    write.write_all(question.as_bytes()).await?;
    Ok(Some(Said { lines: BufReader::new(read).lines(), _open: write }))
}

impl Said {
    /// The last word; what comes before it goes to `goes`.
    pub(crate) async fn last_word(mut self, goes: impl Fn(&str)) -> Result<String> {
        loop {
            let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
            let line = line.context("the running server does not answer")??;
            match serde_json::from_str(&line.context("the running server broke off")?)? {
                Answer::Goes(words) => goes(&words),
                Answer::Says(text) => return Ok(text),
                Answer::Refuses(why) => bail!(why),
            }
        }
    }
}

async fn offline(config: &Config, products: Products) -> Result<Answers> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let key = keys::open(config, &entropy)?;
    let store = floors::open_store(config, &products(), &clock, &entropy).await?;
    floors::check_key(&store, &key, &entropy).await?;
    let sources = Sources::open(&store, &key, &clock, &entropy, |name| std::env::var(name).ok()).await?;
    let base = base_url(config, config.server.listen.parse()?);
    let bus = Bus::memory(clock.clone(), &entropy);
    let identity = Identity::new(store.clone(), clock.clone(), entropy.clone(), key.clone());
    let events = wiring::open_log_alone(config, &products(), &store, (&clock, &entropy)).await?;
    host::people::tell(&identity, &events);
    Ok(Answers {
        guard: wiring::open_guard(config, &store, bus, (&clock, &entropy), &key)?,
        store,
        objects: None,
        identity,
        sources,
        webhooks: None,
        level: None,
        base,
    })
}
