//! Backups and restores: by command, beside a running server or without one, and by the clock.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use kernel::{Clock, Entropy};
use objects::Objects;
use store::backup::{Contents, Order, Progress};
use store::{Store, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cli::ServeArgs;
use crate::config::{self, Config};
use crate::products::Products;
use crate::{control, keys, wiring};

/// Without the key, the secrets in the database cannot be read; without the spool, deliveries that were acknowledged while the
/// store could not take them would be missing.
pub(crate) const BESIDE: [&str; 2] = [keys::FILE, "webhooks.spool"];
const MIB: u64 = 1024 * 1024;
const HOUR_MS: i64 = 3_600_000;
/// Between two looks whether a backup is due.
const EVERY: Duration = Duration::from_secs(30);
const PREFIX: &str = "mainspring-";
const SUFFIX: &str = ".backup";

/// `mainspring backup`.
#[derive(Args, Debug)]
pub(crate) struct BackupArgs {
    /// The file to make. It holds the key as well: whoever can read it can read every secret.
    file: PathBuf,
    #[command(flatten)]
    serve: ServeArgs,
}

/// `mainspring restore`.
#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    /// A file that `mainspring backup` made.
    file: PathBuf,
    /// Replace the database that is there. It is kept, under a dated name in the data directory.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    serve: ServeArgs,
}

fn order(to: PathBuf, along: Option<PathBuf>, clock: &Clock) -> Order {
    let made_by = concat!("mainspring ", env!("CARGO_PKG_VERSION")).to_owned();
    Order { to, with: BESIDE.to_vec(), along, made_by, made_at_ms: clock.now_ms() }
}

/// Asks the running server for a backup, or makes it from the data directory when no server runs on it.
pub(crate) async fn make(args: BackupArgs) -> Result<ExitCode> {
    let config = args.serve.load()?;
    let file = std::path::absolute(&args.file).context("the file's place is unknown")?;
    let (line, said) = (Line::new(), control::backup(&config, &file));
    if let Some(said) = said.await? {
        println!("{}", said.last_word(|progress| line.show(progress)).await?);
        return Ok(ExitCode::SUCCESS);
    }
    // Of what a restore decided and did not complete, each half lies elsewhere.
    Store::complete_restore(&config.server.data, &Clock::system())?;
    if !config.server.data.join(store::FILE).exists() {
        bail!("{} holds no database", config.server.data.display());
    }
    // Nobody serves the data directory, and its lock is held meanwhile: nothing is removed.
    let (along, bucket) = (files_of(&config)?, config.objects.bucket().is_some());
    let (dir, order) = (config.server.data.clone(), order(file.clone(), along, &Clock::system()));
    let made = tokio::task::spawn_blocking(move || {
        store::backup::of_directory(&dir, &order, |progress| {
            line.show(&words(progress));
            true
        })
    });
    println!("{}", summary(&file, &made.await??, bucket));
    Ok(ExitCode::SUCCESS)
}

/// Makes a backup of the store of this process. What is done goes to `told`; when nobody listens there any more, it ends.
pub(crate) async fn of_store(
    (store, objects): (&Store, Option<&Objects>),
    file: &Path,
    clock: &Clock,
    told: watch::Sender<String>,
) -> Result<String> {
    let held = match objects {
        Some(objects) => objects.hold().await?,
        None => None,
    };
    let bucket = objects.is_some() && held.is_none();
    let order = order(file.to_owned(), held.as_ref().map(|held| held.root().to_owned()), clock);
    let contents = store.backup(order, move |progress| {
        // What makes the backup holds removals back, also when whoever asked for it has gone.
        let _held = &held;
        told.send(words(progress)).is_ok()
    });
    let contents = contents.await?;
    let (rows, objects) = (contents.rows(), contents.objects);
    tracing::info!(file = %file.display(), size_bytes = contents.size_bytes, rows, objects, "backup");
    Ok(summary(file, &contents, bucket))
}

/// The directory of files, for a backup of a data directory that nobody serves. One that ought to be there and is not, such as a volume that is
/// not mounted, is no empty one.
fn files_of(config: &Config) -> Result<Option<PathBuf>> {
    let dir = config.objects.directory(&config.server.data);
    if config.objects.bucket().is_some() || (config.objects.dir.as_os_str().is_empty() && !dir.exists()) {
        return Ok(None);
    }
    objects::look(&dir).with_context(|| format!("the directory of files {} is not there", dir.display()))?;
    Ok(Some(dir))
}

/// Puts a backup into the data directory. No server may run on it.
pub(crate) async fn restore(args: RestoreArgs, products: Products) -> Result<ExitCode> {
    let config = args.serve.load()?;
    if config.store.is_shared() {
        bail!(
            "the database is PostgreSQL (store.url, DATABASE_URL), which its own tools restore; a backup of ours is restored into a data \
             directory, without that setting, and `mainspring move` takes it from there"
        );
    }
    let dir = config.server.data.clone();
    let along = config.objects.bucket().is_none().then(|| config.objects.directory(&dir));
    let bucket = along.is_none();
    let restored = tokio::task::spawn_blocking(move || {
        let (clock, entropy) = (Clock::system(), Entropy::system());
        let migrations = wiring::migrations(&products());
        Store::restore(&args.file, &dir, args.replace, &BESIDE, along.as_deref(), &migrations, (&clock, &entropy))
    });
    let restored = restored.await??;
    let made = kernel::clock::rfc3339(restored.contents.made_at_ms);
    println!(
        "Restored {} rows{}, as they were at {made}, into {}.",
        restored.contents.rows(),
        if bucket { String::new() } else { and_files(&restored.contents) },
        config.server.data.display()
    );
    if bucket && restored.contents.objects > 0 {
        println!(
            "The {} files that it carries are not put into the bucket: take them out with `tar -xf FILE objects`.",
            restored.contents.objects
        );
    }
    for aside in restored.aside {
        println!("What was there before is kept in {}.", aside.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn words(progress: Progress) -> String {
    if progress.copied == progress.total {
        return "copied; reading it again".into();
    }
    format!("copied {} of {} MiB", progress.copied / MIB, progress.total.div_ceil(MIB))
}

fn and_files(contents: &Contents) -> String {
    if contents.objects == 0 { String::new() } else { format!(", {} files", contents.objects) }
}

fn summary(file: &Path, contents: &Contents, bucket: bool) -> String {
    format!(
        "{}: {} tables, {} rows{}, {} KiB, read again and whole. It holds the key: keep it as secret as the data directory.{}",
        file.display(),
        contents.tables.len(),
        contents.rows(),
        and_files(contents),
        contents.size_bytes / 1024,
        if bucket { " Files that people sent are in the bucket and not in it: copy that after it." } else { "" }
    )
}

/// One line of a terminal that says how far it is; nothing where nobody looks.
struct Line(bool);

impl Line {
    fn new() -> Self {
        Self(std::io::stderr().is_terminal())
    }

    fn show(&self, words: &str) {
        if self.0 {
            // A terminal that is gone does not matter to the backup.
            let _ = write!(std::io::stderr(), "\r\x1b[K{words}\r");
        }
    }
}

/// Where scheduled backups lie.
pub(crate) fn directory(config: &Config) -> PathBuf {
    match config.backup.directory.as_str() {
        "" => config.server.data.join("backups"),
        directory => directory.into(),
    }
}

/// Scheduled backups that are there, oldest first.
fn kept(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    ours(directory, SUFFIX)
}

fn ours(directory: &Path, suffix: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(PREFIX) && name.ends_with(suffix) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The newest scheduled backup.
pub(crate) fn newest(config: &Config) -> Option<PathBuf> {
    kept(&directory(config)).ok()?.pop()
}

/// A damaged database, and where the newest backup lies.
pub(crate) fn advise(config: &Config, error: StoreError) -> anyhow::Error {
    match (matches!(error, StoreError::Damaged(_)), newest(config)) {
        (true, Some(newest)) => anyhow::anyhow!("{error}; the newest scheduled backup is {}", newest.display()),
        _ => error.into(),
    }
}

/// Makes a backup whenever one is due, and removes those that are too many, until told to stop. What is due is read from the
/// files: a restart makes none twice and misses none.
pub(crate) async fn run(
    (store, objects): (Store, Objects),
    directory: PathBuf,
    settings: config::Backup,
    clock: Clock,
    stop: CancellationToken,
) {
    let every_ms = i64::from(settings.every_hours) * HOUR_MS;
    if every_ms == 0 {
        return;
    }
    let mut wait = EVERY;
    loop {
        let due = keep((&store, Some(&objects)), &directory, every_ms, settings.keep, &clock);
        let made = stop.run_until_cancelled(due).await;
        wait = after(wait, every_ms, matches!(made, Some(Err(_))));
        if let Some(Err(error)) = made {
            metrics::counter!("backup_failures_total").increment(1);
            tracing::error!("a scheduled backup failed, it is tried again in {} s: {error:#}", wait.as_secs());
        }
        if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
            return;
        }
    }
}

/// How long to wait next: each one that fails reads and writes everything, so the next is later, by a quarter of the interval at most.
fn after(wait: Duration, every_ms: i64, failed: bool) -> Duration {
    let most = Duration::from_millis(every_ms.unsigned_abs() / 4).max(EVERY);
    if failed { (wait * 2).min(most) } else { EVERY }
}

async fn keep(
    from: (&Store, Option<&Objects>),
    directory: &Path,
    every_ms: i64,
    keep: usize,
    clock: &Clock,
) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let dir = directory.display();
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("{dir} cannot be made"))?;
    let name = |at_ms: i64| format!("{PREFIX}{}{SUFFIX}", kernel::clock::rfc3339(at_ms).replace(':', "-"));
    let (now_ms, mut files) = (clock.now_ms(), kept(directory).with_context(|| format!("{dir} cannot be read"))?);
    // Names are times: one that is younger than this says that none is due. A clock that was ahead must not end backups.
    let (since, until) = (name(now_ms - every_ms), name(now_ms));
    let recent = |file: &PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        *name > *since && *name <= *until
    };
    if files.iter().any(recent) {
        return Ok(());
    }
    // What a server that was killed in the middle left.
    ours(directory, ".partial")?.iter().try_for_each(std::fs::remove_file)?;
    let file = directory.join(name(now_ms));
    let (told, _listening) = watch::channel(String::new());
    of_store(from, &file, clock, told).await?;
    metrics::gauge!("backup_last_success_seconds").set(now_ms as f64 / 1000.0);
    files.push(file);
    files.sort();
    let too_many = files.len().saturating_sub(keep);
    for old in files.drain(..too_many) {
        std::fs::remove_file(&old).with_context(|| format!("{} cannot be removed", old.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use store::{Durability, Migration};

    use super::*;

    #[tokio::test]
    async fn scheduled_backups_are_made_when_due_and_the_oldest_goes() -> Result<()> {
        let (dir, clock) = (tempfile::tempdir()?, Clock::manual(1_767_225_600_000));
        let table = Migration { part: "test", version: 1, sql: "CREATE TABLE notes (words TEXT NOT NULL)" };
        let store =
            Store::embedded(&dir.path().join("data"), Durability::Normal, &[table], &clock, &Entropy::system())?;
        let backups = dir.path().join("backups");
        let count = || kept(&backups).map(|files| files.len());
        for (hours, expected) in [(0, 1), (1, 1), (22, 1), (2, 2), (24, 3), (25, 3), (80, 3)] {
            clock.advance(hours * HOUR_MS);
            keep((&store, None), &backups, 24 * HOUR_MS, 3, &clock).await?;
            assert_eq!(count()?, expected, "after {hours} hours more");
        }
        let newest = kept(&backups)?.pop().context("one")?;
        assert!(newest.ends_with("mainspring-2026-01-07T10-00-00.000Z.backup"), "{newest:?}");
        assert_eq!(store::backup::read(&newest)?.made_at_ms, clock.now_ms());
        // A clock that was set back makes the next one at once, and then goes on.
        clock.advance(-300 * HOUR_MS);
        keep((&store, None), &backups, 24 * HOUR_MS, 9, &clock).await?;
        keep((&store, None), &backups, 24 * HOUR_MS, 9, &clock).await?;
        assert_eq!(count()?, 4);
        std::fs::write(backups.join("a file of somebody else"), "x")?;
        store.close().await;
        Ok(())
    }

    #[test]
    fn a_backup_that_fails_again_and_again_is_tried_less_often() {
        let (mut wait, mut waits) = (EVERY, Vec::new());
        for _ in 0..7 {
            wait = after(wait, HOUR_MS, true);
            waits.push(wait.as_secs());
        }
        assert_eq!(waits, [60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(after(wait, HOUR_MS, false), EVERY);
    }

    #[tokio::test]
    async fn what_is_removed_while_a_backup_is_made_is_in_it_and_goes_afterwards() -> Result<()> {
        let (dir, clock, entropy) = (tempfile::tempdir()?, Clock::system(), Entropy::system());
        let (data, root) = (dir.path().join("data"), dir.path().join("objects"));
        let store = Store::embedded(&data, Durability::Normal, &[], &clock, &entropy)?;
        let objects = Objects::in_directory(&root, &clock, &entropy)?;
        let names = ["fil_aa", "fil_bb"].map(|id| objects::Name::new("chat", id).expect("a name"));
        for name in &names {
            objects.put(name, bytes::Bytes::from_static(b"a photograph")).await?;
        }
        let (told, mut heard) = watch::channel(String::new());
        let file = dir.path().join("backup");
        let made = of_store((&store, Some(&objects)), &file, &clock, told);
        let removed = async {
            // The copy of the database has begun: its rows name both.
            heard.changed().await?;
            Ok::<_, anyhow::Error>(objects.delete(&names[0]).await?)
        };
        let (said, ()) = tokio::try_join!(made, removed)?;
        assert!(said.contains("2 files") && !said.contains("bucket"), "{said}");
        assert_eq!(store::backup::read(&file)?.objects, 2);
        assert_eq!(objects.get(&names[0], 0..1).await?, None, "it was only held back");
        store.close().await;

        // A volume that is away is no empty one: neither beside a server nor without one.
        std::fs::remove_dir_all(root.join(".coming"))?;
        let (told, _heard) = watch::channel(String::new());
        assert!(of_store((&store, Some(&objects)), &dir.path().join("other"), &clock, told).await.is_err());
        let settings = config::Overrides { data: Some(data.display().to_string()), ..config::Overrides::default() };
        let mut config = config::load(&settings)?;
        assert_eq!(files_of(&config)?, None, "nothing was ever put there");
        config.objects.dir = root;
        assert!(files_of(&config).is_err());
        Ok(())
    }
}
