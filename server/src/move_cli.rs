//! `mainspring move`: the data directory's database into PostgreSQL, with a bar that says how far it is.

use std::convert::Infallible;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use kernel::{Clock, Entropy, Secret};
use store::transfer::{self, Moved, Phase, Progress};

use crate::backup::BESIDE;
use crate::cli::ServeArgs;
use crate::config::Config;
use crate::products::Products;
use crate::{keys, wiring};

/// Between two words on a terminal, and where lines are kept.
const BEATS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(10)];
/// The bar, characters.
const BAR: u64 = 24;

/// `mainspring move`.
#[derive(Args, Debug)]
pub(crate) struct MoveArgs {
    /// The empty database to move into: postgres://user:password@host:5432/database. Other users of this machine can read command
    /// lines; DATABASE_URL, or store.url in the settings file, says the same in private. Where there is a
    /// pooler, store.direct_url is taken instead.
    #[arg(long, value_name = "URL", value_parser = secret)]
    to: Option<Secret>,
    #[command(flatten)]
    serve: ServeArgs,
}

fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

/// Moves, and says what comes next. No server may run on the data directory.
pub(crate) async fn run(args: MoveArgs, products: Products) -> Result<ExitCode> {
    let config = args.serve.load()?;
    let to = args.to.unwrap_or_else(|| config.store.direct().clone());
    if to.expose().is_empty() {
        bail!("say where to: --to postgres://user:password@host:5432/database, or set DATABASE_URL");
    }
    let (mut shown, migrations) = (Shown::new(), wiring::migrations(&products()));
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let show = move |progress| {
        shown.show(progress);
        true
    };
    let moved = transfer::run(&config.server.data, &to, &migrations, (&clock, &entropy), show).await;
    if moved.is_err() && std::io::stderr().is_terminal() {
        // Below the bar.
        eprintln!();
    }
    println!("{}", summary(&config, &moved?));
    Ok(ExitCode::SUCCESS)
}

/// What was done, what lies beside the database, and the next step.
fn summary(config: &Config, moved: &Moved) -> String {
    let dir = &config.server.data;
    let mut lines = vec![format!(
        "Moved to {}: {} rows of {} tables, {} MiB. The counts and checksums of both sides agree.",
        moved.to,
        grouped(moved.rows),
        moved.tables,
        mebibytes(moved.bytes)
    )];
    if moved.copied < moved.rows {
        lines.push(format!("{} of them were there from an earlier run.", grouped(moved.rows - moved.copied)));
    }
    lines.push(String::new());
    lines.push(
        "Next: start every process with DATABASE_URL set to that database (and REDIS_URL, when there are several)."
            .into(),
    );
    lines.push(key(config));
    let spool = dir.join(BESIDE[1]);
    if let Ok(meta) = spool.metadata()
        && meta.len() > 0
    {
        lines.push(format!(
            "{} holds deliveries that were accepted and are in no database yet ({} bytes): start one process with --data {}, which \
             takes them in.",
            spool.display(),
            meta.len(),
            dir.display()
        ));
    }
    lines.push(
        "From now on the database is backed up by PostgreSQL's own tools; backups that were made before stay where they are.".into(),
    );
    lines.push(format!(
        "{0} is as it was. Without DATABASE_URL nothing starts on it any more, for as long as {0}/moved-to is there.",
        dir.display()
    ));
    lines.join("\n")
}

/// Where the key is, which every process needs.
fn key(config: &Config) -> String {
    let file = &config.server.key_file;
    let file = if file.as_os_str().is_empty() { config.server.data.join(keys::FILE) } else { file.clone() };
    if !file.exists() {
        return format!("{} is missing: without it the secrets in the database cannot be read.", file.display());
    }
    format!(
        "Each needs the same key: copy {} to its data directory, or name a copy as server.key_file. It opens every secret in the \
         database: keep it as private as now.",
        absolute(&file)
    )
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Says how far it is: one line that changes on a terminal, a line now and then elsewhere.
struct Shown {
    terminal: bool,
    phase: Option<Phase>,
    /// Its last row was told; tables without rows may follow.
    ended: bool,
    /// When this phase began, and how many rows were done then.
    began: (Instant, u64),
    said: Instant,
}

impl Shown {
    fn new() -> Self {
        let now = Instant::now();
        Self { terminal: std::io::stderr().is_terminal(), phase: None, ended: false, began: (now, 0), said: now }
    }

    fn show(&mut self, progress: Progress) {
        let (now, ends) = (Instant::now(), progress.rows == progress.rows_total);
        if self.phase != Some(progress.phase) {
            (self.phase, self.began) = (Some(progress.phase), (now, progress.rows));
        } else if self.ended || !ends && now - self.said < BEATS[usize::from(!self.terminal)] {
            return;
        }
        (self.said, self.ended) = (now, ends);
        let line = line(progress, now - self.began.0, self.began.1);
        // Where nobody can read any more, the move still goes on.
        let _ = match self.terminal {
            true => write!(std::io::stderr(), "\r\x1b[K{line}{}", if ends { "\n" } else { "" }),
            false => writeln!(std::io::stderr(), "{line}"),
        };
    }
}

/// How far a phase is that began `took` ago with `before` rows done.
fn line(progress: Progress, took: Duration, before: u64) -> String {
    let Progress { phase, rows, rows_total, bytes } = progress;
    let phase = match phase {
        Phase::Check => "checking ",
        Phase::Copy => "copying  ",
        Phase::Verify => "comparing",
    };
    let full = (rows * BAR).checked_div(rows_total).unwrap_or(BAR).min(BAR) as usize;
    let percent = (rows * 100).checked_div(rows_total).unwrap_or(100);
    let per_s = (rows - before) as f64 / took.as_secs_f64().max(0.001);
    let mut line = format!(
        "{phase} [{}{}] {percent:3} %  {} of {} rows, {} MiB",
        "#".repeat(full),
        "-".repeat(BAR as usize - full),
        grouped(rows),
        grouped(rows_total),
        mebibytes(bytes)
    );
    if per_s >= 1.0 {
        let left = (rows_total - rows.min(rows_total)) as f64 / per_s;
        line.push_str(&format!(", {}/s, {} left", grouped(per_s as u64), span(left.ceil() as u64)));
    }
    line
}

/// Seconds as people say them.
fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
    }
}

fn mebibytes(bytes: u64) -> String {
    grouped(bytes.div_ceil(1024 * 1024))
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
