//! The job engine in a process of its own: one of several on a database.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use jobs::{Handler, Kind, Run, handler};
use kernel::Clock;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use crate::jobs_bench::{self as ours, NOOP, Place};
use crate::process;

/// Its argument is the time when it was enqueued, by the machine's clock, Unix milliseconds.
pub(crate) const TIMED: Kind = Kind::new("bench.timed").on("bench");
/// How often an instance says what it ran.
const SAYS: Duration = Duration::from_millis(10);

/// Says when it is ready, serves from the first line on, says how many jobs it ran, and ends with its input.
pub(crate) async fn run(url: &str) -> Result<()> {
    let store = Place::Database(url.to_owned()).open().await?;
    let jobs = ours::engine(&store).await?;
    println!("{}", json!("ready"));
    let mut words = input();
    words.recv().await;
    let before = process::cpu_s(std::process::id())?;
    let (ran, waits_ms) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    jobs.serve(vec![(NOOP, counter(&ran)), (TIMED, timer(&ran, &waits_ms))], ours::SLOTS);
    tell(&mut words, &ran).await;
    jobs.stop(ours::GRACE).await;
    store.close().await;
    let cpu_s = process::cpu_s(std::process::id())? - before;
    let waits_ms = std::mem::take(&mut *waits_ms.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    println!("{}", json!({ "ran": ran.load(Ordering::Relaxed), "cpu_s": cpu_s, "waits_ms": waits_ms }));
    Ok(())
}

fn counter(ran: &Arc<AtomicUsize>) -> Handler {
    let ran = ran.clone();
    handler(move |_: Run| {
        ran.fetch_add(1, Ordering::Relaxed);
        async { Ok(()) }
    })
}

fn timer(ran: &Arc<AtomicUsize>, waits_ms: &Arc<Mutex<Vec<i64>>>) -> Handler {
    let (ran, waits_ms) = (ran.clone(), waits_ms.clone());
    handler(move |run: Run| {
        let now_ms = Clock::system().now_ms();
        ran.fetch_add(1, Ordering::Relaxed);
        let waits_ms = waits_ms.clone();
        async move {
            let called_ms: i64 = run.args()?;
            waits_ms.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(now_ms - called_ms);
            Ok(())
        }
    })
}

/// The lines of the input, read by a thread of their own.
fn input() -> mpsc::Receiver<String> {
    let (heard, words) = mpsc::channel(1);
    std::thread::spawn(move || {
        let lines = std::io::stdin().lines().map_while(Result::ok);
        lines.map_while(|line| heard.blocking_send(line).ok()).for_each(drop);
    });
    words
}

async fn tell(words: &mut mpsc::Receiver<String>, ran: &AtomicUsize) {
    let (mut tick, mut told) = (tokio::time::interval(SAYS), 0);
    loop {
        tokio::select! {
            word = words.recv() => if word.is_none() { return },
            _ = tick.tick() => {
                let now = ran.load(Ordering::Relaxed);
                if std::mem::replace(&mut told, now) != now {
                    println!("{now}");
                }
            }
        }
    }
}

/// One of them, as the process sees it that started it.
pub(crate) struct Instance {
    child: Child,
    input: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    ran: usize,
}

/// What one had done when it ended.
pub(crate) struct Ended {
    pub(crate) cpu_s: f64,
    /// From the enqueue of each timed job to its start, milliseconds.
    pub(crate) waits_ms: Vec<u64>,
}

impl Instance {
    /// It is ready when this answers.
    pub(crate) async fn start(url: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["instance", url]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let input = child.stdin.take().context("no input")?;
        let said = BufReader::new(child.stdout.take().context("no output")?).lines();
        let mut it = Self { child, input, said, ran: 0 };
        it.line().await?;
        Ok(it)
    }

    pub(crate) async fn serve(&mut self) -> Result<()> {
        Ok(self.input.write_all(b"serve\n").await?)
    }

    async fn line(&mut self) -> Result<Value> {
        let line = self.said.next_line().await?.context("an instance ended")?;
        Ok(serde_json::from_str(&line)?)
    }

    async fn more(&mut self) -> Result<()> {
        let ran = self.line().await?;
        self.ran = ran.as_u64().context("an instance says something else")? as usize;
        Ok(())
    }

    /// Ends it in order.
    pub(crate) async fn end(self) -> Result<Ended> {
        let Self { mut child, input, mut said, .. } = self;
        drop(input);
        let mut last = Value::Null;
        while let Some(line) = said.next_line().await? {
            last = serde_json::from_str(&line)?;
        }
        child.wait().await?;
        let cpu_s = last["cpu_s"].as_f64().context("an instance did not end in order")?;
        let waits_ms = last["waits_ms"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        Ok(Ended { cpu_s, waits_ms })
    }
}

/// Waits until they have run so many jobs together.
pub(crate) async fn ran(instances: &mut [Instance], jobs: usize) -> Result<()> {
    while instances.iter().map(|instance| instance.ran).sum::<usize>() < jobs {
        let mut next: Vec<_> = instances.iter_mut().map(|instance| Box::pin(instance.more())).collect();
        // A line that is read in part stays with its reader.
        std::future::poll_fn(|cx| {
            let ready = next.iter_mut().find_map(|more| match more.as_mut().poll(cx) {
                std::task::Poll::Ready(ready) => Some(ready),
                std::task::Poll::Pending => None,
            });
            ready.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
        })
        .await?;
    }
    Ok(())
}
