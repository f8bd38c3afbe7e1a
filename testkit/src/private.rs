//! A server from the system's packages as a process of our own: in a folder of its own, on a port of its own, gone when we are.
//!
//! Beside each folder waits a watcher, a shell at the end of a pipe whose other end we alone hold. However we end, by a return, a
//! panic or kill -9, the pipe ends with us: the watcher kills what still runs and removes the folder. (Linux's parent-death signal
//! would not do: it comes when the *thread* that started the server ends, has to be set in `unsafe` code between fork and exec, is
//! forgotten with a change of user, and does not reach the server's children.)

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::port::Port;

/// What takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it rests between two looks at a server.
const LOOK: Duration = Duration::from_millis(10);
/// Lines of the log that an error shows.
const LOG_LINES: usize = 40;
/// Whom a server runs as where we are root: PostgreSQL refuses root.
const USERS: &[&str] = &["postgres", "nobody"];

/// `$1` is the folder. A server that is killed leaves its children, and PostgreSQL a small piece of shared memory, which it names
/// in the seventh line of its file (key, id). What was just killed may still write: the folder is removed until it is gone.
const WATCHER: &str = r#"
cd "$1" || exit
read -r _
if [ -s pid ]; then
  leader=$(cat pid)
  kill -s STOP "$leader"
  for status in $(grep -ls "^PPid:[[:space:]]*$leader\$" /proc/[0-9]*/status); do
    child=${status#/proc/}
    kill -s KILL "${child%/status}"
  done
  kill -s KILL "$leader"
fi
if [ -s data/postmaster.pid ]; then
  ipcrm -m "$(sed -n '7s/.* //p' data/postmaster.pid)"
fi
cd /
for attempt in 1 2 3 4 5; do
  rm -rf "$1" && exit
  sleep 1
done
"#;

/// The folder, the port, and the process while it runs.
pub(crate) struct Private {
    name: &'static str,
    dir: PathBuf,
    port: Port,
    /// Who runs it where we are root: user and group.
    owner: Option<(u32, u32)>,
    child: Option<Child>,
    watcher: Child,
}

impl Private {
    /// A new folder and a free port; nothing runs yet.
    ///
    /// # Errors
    /// When there is no place for it.
    pub(crate) fn new(name: &'static str) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix(&format!("mainspring-{name}-")).tempdir().context("a folder")?;
        let uid = fs::metadata(dir.path())?.uid();
        let owner = if uid == 0 { Some(owner()?) } else { None };
        if let Some((user, group)) = owner {
            chown(dir.path(), Some(user), Some(group))?;
        }
        let port = Port::ours()?;
        let mut watcher = Command::new("sh");
        watcher.args(["-c", WATCHER, "watcher"]).arg(dir.path());
        watcher.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // In a group of its own, as every server: Ctrl-C, or the end of a test that took too long, means us.
        let watcher = watcher.process_group(0).spawn().context("a shell that cleans up")?;
        Ok(Self { name, dir: dir.keep(), port, owner, child: None, watcher })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.number()
    }

    /// A file in the folder that the server may read and write.
    pub(crate) fn write(&self, file: &str, text: &str) -> Result<()> {
        let path = self.dir.join(file);
        fs::write(&path, text)?;
        if let Some((user, group)) = self.owner {
            chown(path, Some(user), Some(group))?;
        }
        Ok(())
    }

    /// A command run in the folder as the server's user, without settings of whoever runs the tests.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.dir).stdin(Stdio::null()).env_clear().env("LC_ALL", "C").env("TZ", "UTC");
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    /// Starts the server, and waits until it is ready.
    ///
    /// # Errors
    /// When it is not ready in time, or ends; with the end of its log.
    pub(crate) fn launch(&mut self, mut command: Command, ready: impl Fn(&Self) -> bool) -> Result<()> {
        if self.child.is_some() {
            bail!("{} runs already", self.name);
        }
        let log = File::options().create(true).append(true).open(self.dir.join("log"))?;
        command.stdout(log.try_clone()?).stderr(log).process_group(0);
        let child = command.spawn().with_context(|| format!("{} cannot be started", self.name))?;
        let pid = child.id();
        self.child = Some(child);
        fs::write(self.dir.join("pid"), pid.to_string())?;
        let up = until("it is not ready", || {
            if let Some(status) = self.ended()? {
                bail!("it ended with {status}");
            }
            Ok(ready(self).then_some(()))
        });
        up.inspect_err(|_| drop(self.kill())).with_context(|| format!("{}, whose log ends:\n{}", self.name, self.log()))
    }

    /// How it ended, if it has: told once, from then on there is no process.
    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let Some(child) = &mut self.child else { return Ok(None) };
        let ended = child.try_wait()?;
        if ended.is_some() {
            fs::remove_file(self.dir.join("pid"))?;
            self.child = None;
        }
        Ok(ended)
    }

    /// The process of the server; none while it does not run.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Ends it as a power switch would: SIGKILL to it and to its children. They are gone when this returns.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let leader = child.id();
        // Stopped first: it starts no further children, and does not see one die.
        signal("STOP", &[leader])?;
        let mut all = children(leader);
        all.push(leader);
        signal("KILL", &all)?;
        // While the process is not waited for, nobody else is given its number.
        fs::remove_file(self.dir.join("pid"))?;
        child.wait()?;
        until("its children do not die", || Ok(all.iter().all(|pid| parent(*pid).is_none()).then_some(())))
    }

    /// Asks it to stop by this signal, and waits for its end.
    ///
    /// # Errors
    /// When it does not stop in time.
    pub(crate) fn stop(&mut self, name: &str) -> Result<()> {
        self.resume()?;
        let Some(pid) = self.pid() else { return Ok(()) };
        signal(name, &[pid])?;
        until(&format!("{} does not stop", self.name), || self.ended())?;
        Ok(())
    }

    /// Stops the time for it and its children: connections stay open, and nobody answers.
    pub(crate) fn pause(&self) -> Result<()> {
        let leader = self.pid().context("it does not run")?;
        signal("STOP", &[leader])?;
        signal("STOP", &children(leader))
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) -> Result<()> {
        let Some(leader) = self.pid() else { return Ok(()) };
        let mut all = children(leader);
        all.push(leader);
        signal("CONT", &all)
    }

    /// The end of what it said.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.dir.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = self.kill();
        // Ends the pipe first. Waited for, so that nothing is left when the test ends; it kills whatever this could not.
        let _ = self.watcher.wait();
    }
}

/// Runs a command to its end: what it printed.
///
/// # Errors
/// When it fails; with what it complained about.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{} cannot be started", command.get_program().display()))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("{} ended with {}:\n{}", command.get_program().display(), output.status, complaint.trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Looks again and again until there is something to see, and blocks meanwhile.
///
/// # Errors
/// With this complaint when there is nothing within 30 seconds; when looking fails.
#[expect(
    clippy::disallowed_methods,
    reason = "a server of somebody else's gives no signal; who calls this blocks anyway"
)]
pub fn until<T>(complaint: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        if begun.elapsed() > PATIENCE {
            bail!("{complaint} within {PATIENCE:?}");
        }
        std::thread::sleep(LOOK);
    }
}

/// Where on the path a program is.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    // Where servers are on Debian, and the path of a user does not lead.
    let places = std::env::split_paths(&paths).chain([PathBuf::from("/usr/sbin")]);
    places.map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// Sends a signal. Who is gone already is no error.
fn signal(name: &str, pids: &[u32]) -> Result<()> {
    if pids.is_empty() {
        return Ok(());
    }
    let mut kill = Command::new("sh");
    kill.args(["-c", r#"kill -s "$0" "$@""#, name]).args(pids.iter().map(u32::to_string));
    kill.stderr(Stdio::null()).status().context("a shell that sends a signal")?;
    Ok(())
}

/// The children of a process; none where there is no /proc (there, PostgreSQL's and nginx's end by themselves).
fn children(of: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent(*pid) == Some(of)).collect()
}

/// The parent of a process that lives (`proc_pid_stat(5)`: after the name in parentheses, the state and the parent).
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?;
    fields.next()?.parse().ok().filter(|_| state != "Z" && state != "X")
}

/// The user and the group of the first of [`USERS`] that there is.
fn owner() -> Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
    let ids = |name: &&str| {
        let mut fields = users.lines().map(|line| line.split(':')).find(|line| line.clone().next() == Some(*name))?;
        Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    USERS
        .iter()
        .find_map(ids)
        .with_context(|| format!("none of {USERS:?} is a user here, and root may not run servers"))
}
