//! The built binary as a process.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::GitHub;
use crate::port::Port;

/// The secret of the source `github` in every test: chosen by the environment, as an operator would.
pub(crate) const SECRET: &str = "a secret that only tests know";
/// A start that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// How to start it.
#[derive(Clone, Debug, Default)]
pub struct Start {
    binary: Option<PathBuf>,
    command: Option<&'static str>,
    environment: Vec<(String, String)>,
    data: Option<PathBuf>,
}

impl Start {
    /// Another binary than the one built beside this test.
    #[must_use]
    pub fn binary(self, path: impl Into<PathBuf>) -> Self {
        Self { binary: Some(path.into()), ..self }
    }

    /// Another command than `serve`.
    #[must_use]
    pub fn command(self, command: &'static str) -> Self {
        Self { command: Some(command), ..self }
    }

    /// A variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A data directory that the caller made, instead of a new one.
    #[must_use]
    pub fn data(self, dir: impl Into<PathBuf>) -> Self {
        Self { data: Some(dir.into()), ..self }
    }

    /// Runs another command of the binary over the data directory, such as `backup FILE`; whether it succeeded, and all that it
    /// said.
    ///
    /// # Errors
    /// When there is no binary, or no data directory was given.
    pub async fn command_once(&self, arguments: &[&str]) -> Result<(bool, String)> {
        let binary = self.binary.clone().map_or_else(built, Ok)?;
        let data = self.data.as_ref().context("a data directory")?;
        let mut command = Command::new(binary);
        command.args(arguments).arg("--data").arg(data).stdin(Stdio::null()).kill_on_drop(true);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = tokio::time::timeout(PATIENCE, command.output()).await.context("it did not end")??;
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Ok((output.status.success(), said))
    }

    /// Starts it over a new data directory, on a free port.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start(self) -> Result<Server> {
        let dir = tempfile::tempdir().context("a data directory")?;
        Server::launch(self, dir, Arc::new(Port::ours()?)).await
    }
}

/// A running Mainspring. Dropping it kills it by its own id.
pub struct Server {
    start: Start,
    child: Child,
    dir: Option<TempDir>,
    /// Until we are dropped, also while it is down: clients try again and again.
    port: Arc<Port>,
    admin_link: Option<String>,
    /// From the start of the process to its line that it is ready.
    pub ready_after: Duration,
}

impl Server {
    /// The usual start.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start() -> Result<Self> {
        Start::default().start().await
    }

    async fn launch(start: Start, dir: TempDir, port: Arc<Port>) -> Result<Self> {
        let binary = start.binary.clone().map_or_else(built, Ok)?;
        let log = std::fs::File::options().create(true).append(true).open(dir.path().join("log.jsonl"))?;
        let begun = Instant::now();
        let mut child = Command::new(&binary)
            .arg(start.command.unwrap_or("serve"))
            .args(["--listen", &format!("127.0.0.1:{}", port.number()), "--data"])
            .arg(start.data.clone().unwrap_or_else(|| dir.path().join("data")))
            .current_dir(dir.path())
            .env("GITHUB_WEBHOOK_SECRET", SECRET)
            .envs(start.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", binary.display()))?;
        let stderr = child.stderr.take().context("standard error")?;
        let greeting = tokio::time::timeout(PATIENCE, greeting(stderr)).await;
        let admin_link = greeting.context("it did not become ready")??;
        let ready_after = begun.elapsed();
        Ok(Self { start, child, dir: Some(dir), port, admin_link, ready_after })
    }

    /// `http://127.0.0.1:{port}`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// `127.0.0.1:{port}`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.number())
    }

    /// The process.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        let made = || self.dir.as_ref().map(|dir| dir.path().join("data"));
        self.start.data.clone().or_else(made).unwrap_or_default()
    }

    /// Everything it logged, over all its lives.
    pub fn log(&self) -> String {
        let path = self.dir.as_ref().map(|dir| dir.path().join("log.jsonl"));
        path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
    }

    /// A sender of deliveries to it.
    pub fn github(&self) -> GitHub {
        GitHub::new(&self.url(), SECRET)
    }

    /// Ends it as a power switch ends a process: SIGKILL.
    ///
    /// # Errors
    /// When there is no such process.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context("kill -9")
    }

    /// Asks it to stop (SIGTERM) and waits for its end.
    ///
    /// # Errors
    /// When it does not stop, or ends badly.
    pub async fn terminate(&mut self) -> Result<()> {
        let pid = self.pid().context("it has ended already")?;
        Command::new("kill").arg("-TERM").arg(pid.to_string()).status().await?;
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.context("it did not stop")??;
        if !status.success() {
            bail!("it ended with {status}");
        }
        Ok(())
    }

    /// Starts it again over the same data, on the same port. It must have ended.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start_again(&mut self) -> Result<()> {
        let dir = self.dir.take().context("a data directory")?;
        *self = Self::launch(self.start.clone(), dir, self.port.clone()).await?;
        Ok(())
    }

    /// The one-time link that the first start printed.
    pub fn admin_link(&self) -> Option<&str> {
        self.admin_link.as_deref()
    }

    /// An administrator, signed in by the one-time link of the first start.
    ///
    /// # Errors
    /// When the link was used, or was not printed.
    pub async fn admin(&self) -> Result<Admin> {
        let link = self.admin_link.as_ref().context("no link was printed")?;
        let client = client();
        let response = client.post(link).send().await?;
        let cookie = response.headers().get("set-cookie").context("no session")?.to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(Admin { client, url: self.url(), cookie })
    }
}

/// Reads what it says on standard error until it is ready; goes on reading, so that it never blocks.
async fn greeting(stderr: tokio::process::ChildStderr) -> Result<Option<String>> {
    let mut lines = BufReader::new(stderr).lines();
    let (mut ready, mut said) = (false, String::new());
    while let Some(line) = lines.next_line().await? {
        ready |= line.contains("is ready: ");
        let link = line.split_whitespace().find(|word| word.contains("/console/enter/")).map(str::to_owned);
        if ready && (line.starts_with("Console:") || line.starts_with("Roles:")) {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(link);
        }
        said.push_str(&line);
        said.push('\n');
    }
    bail!("it ended before it was ready:\n{said}")
}

/// The binary of the same build as this test: `target/{profile}/mainspring`.
fn built() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("MAINSPRING_BIN") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let found = test.ancestors().map(|dir| dir.join("mainspring")).find(|path| is_file(path));
    found.context("the binary is not built: run `cargo build -p mainspring` first, or `cargo xtask test`")
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file())
}

pub(crate) fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
    client.build().expect("a client without TLS needs nothing from the system")
}

/// A signed-in administrator.
#[derive(Clone)]
pub struct Admin {
    client: reqwest::Client,
    url: String,
    /// `name=value` of the session's cookie.
    pub cookie: String,
}

impl Admin {
    /// The same person at another process of the fleet.
    #[must_use]
    pub fn at(&self, server: &Server) -> Self {
        Self { url: server.url(), ..self.clone() }
    }

    /// Reads a JSON answer of the API.
    ///
    /// # Errors
    /// When the answer is no success.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let response = self.client.get(format!("{}{path}", self.url)).header("cookie", &self.cookie).send().await?;
        let (status, text) = (response.status(), response.text().await?);
        if !status.is_success() {
            bail!("GET {path}: {status} {text}");
        }
        Ok(serde_json::from_str(&text)?)
    }

    /// Changes something; the status and the JSON answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, path: &str) -> Result<(u16, Value)> {
        self.send("POST", path, None).await
    }

    /// Sends any request, with a JSON body where there is one; the status and the JSON answer, null where it is none.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        let request = self.client.request(method.parse()?, format!("{}{path}", self.url));
        let request = request.header("cookie", &self.cookie).header("x-mainspring-console", "1");
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await?;
        let status = response.status().as_u16();
        Ok((status, serde_json::from_str(&response.text().await?).unwrap_or_default()))
    }
}
