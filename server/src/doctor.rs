//! Looks whether everything is in order, and says what to do where it is not. It changes nothing.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context, Result};
use kernel::{Clock, Entropy};
use store::{Durability, Store, StoreError};

use crate::config::Config;
use crate::products::Products;
use crate::{backup, floors, keys, wiring};

/// A sync that is faster than this does not reach a disk: flash takes as long.
const SUSPICIOUS_SYNC_MS: f64 = 0.06;
/// A clock may be off by so much before it matters to signatures and sessions.
const CLOCK_SLACK: Duration = Duration::from_secs(60);

/// How a look ended.
enum Found {
    Good(String),
    Note(String),
    Bad(String),
}

/// Prints a line a look; fails when one of them is bad.
pub(crate) async fn examine(config: Config, products: Products) -> Result<ExitCode> {
    let dir = &config.server.data;
    let mut looks = vec![
        ("settings", Found::Good("in order".into())),
        ("data directory", directory(dir)),
        ("room", room(&config)),
        ("durability", durability(&config)),
        ("address", address(&config).await),
        ("clock", clock(dir)),
        ("pages", pages()),
    ];
    match Store::restore_waits(dir) {
        // What looks further would complete it.
        Ok(true) => looks.push((
            "restore",
            Found::Note("one is at work, or was interrupted: the next start completes it; then look again".into()),
        )),
        Err(error) => looks.push(("restore", Found::Bad(format!("{error:#}")))),
        Ok(false) if config.store.is_shared() => {
            looks.push(("database", shared_database(&config, products).await));
            looks.push(("bus", shared_bus(&config).await));
        }
        Ok(false) => {
            looks.push(("sync", sync_time(dir)));
            looks.push(("database", database(&config, products).await));
            looks.push(("backups", backups(&config)));
        }
    }
    let mut bad = false;
    for (name, found) in looks {
        let (mark, words) = match found {
            Found::Good(words) => ("ok  ", words),
            Found::Note(words) => ("note", words),
            Found::Bad(words) => {
                bad = true;
                ("BAD ", words)
            }
        };
        println!("{mark}  {name}: {words}");
    }
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Writable, and nobody else's business.
fn directory(dir: &Path) -> Found {
    let shown = dir.display();
    let probe = dir.join(".doctor");
    let tried = std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&probe, b"probe"))
        .and_then(|()| std::fs::remove_file(&probe));
    if let Err(error) = tried {
        return Found::Bad(format!(
            "{shown} cannot be written: {error}; make it writable for this user, or choose another with --data"
        ));
    }
    let open_to_others = |path: &Path| path.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0);
    for name in [keys::FILE, store::FILE] {
        let path = dir.join(name);
        if open_to_others(&path) {
            return Found::Bad(format!("others may read {0}: run `chmod 600 {0}`", path.display()));
        }
    }
    if open_to_others(dir) {
        return Found::Note(format!("{shown} can be written; others may look into it: run `chmod 700 {shown}`"));
    }
    Found::Good(format!("{shown} can be written, by its owner alone"))
}

fn room(config: &Config) -> Found {
    const MIB: u64 = 1024 * 1024;
    let dir = &config.server.data;
    let free = match store::free_bytes(dir) {
        Ok(free) => free / MIB,
        Err(error) => return Found::Bad(format!("the disk of {} cannot be asked: {error}", dir.display())),
    };
    let wanted = config.store.min_free_mb;
    let size = dir.join(store::FILE).metadata().map_or(0, |meta| meta.len() / MIB);
    if free < wanted {
        return Found::Bad(format!(
            "{free} MiB free, less than store.min_free_mb = {wanted}: a server here is not ready; make room"
        ));
    }
    if free < 2 * size {
        return Found::Note(format!("{free} MiB free beside a database of {size} MiB: a backup fits once, if at all"));
    }
    Found::Good(format!("{free} MiB free"))
}

/// The median of some syncs. A disk that answers in no time probably keeps the bytes in a cache that power loss empties.
fn sync_time(dir: &Path) -> Found {
    let mut times = Vec::new();
    let path = dir.join(".doctor-sync");
    let measured = (|| -> std::io::Result<()> {
        let mut file = std::fs::File::create(&path)?;
        for _ in 0..15 {
            let begun = Instant::now();
            file.write_all(&[1; 4096])?;
            file.sync_data()?;
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(())
    })();
    // The measurement counts, its file does not.
    let _ = std::fs::remove_file(&path);
    if let Err(error) = measured {
        return Found::Bad(format!("a sync failed: {error}; look at the disk before you trust it"));
    }
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    if median < SUSPICIOUS_SYNC_MS {
        return Found::Note(format!(
            "{median:.3} ms: this disk probably caches, or is memory; power loss may take writes that it said it had"
        ));
    }
    Found::Good(format!("{median:.2} ms: a lone durable write waits that long, those that wait together share it"))
}

fn durability(config: &Config) -> Found {
    match config.store.durability {
        Durability::Full => Found::Good("full: an acknowledged write survives power loss".into()),
        Durability::Normal => Found::Note(
            "normal: an acknowledged write survives a killed process; a power cut takes the last second or so".into(),
        ),
    }
}

async fn shared_database(config: &Config, products: Products) -> Found {
    match Store::examine_postgres(config.store.direct(), &wiring::migrations(&products())).await {
        Ok(found) if !found.pending.is_empty() => Found::Note(format!(
            "PostgreSQL answers; the next start brings its schema up to date ({}): make a backup before",
            found.pending.join(", ")
        )),
        Ok(_) => match key(config, products).await {
            Ok(()) => Found::Good(format!(
                "PostgreSQL answers{}, its schema is this version's, its key and its clock fit",
                if config.store.past_the_pooler().is_some() { ", directly and through the pooler" } else { "" }
            )),
            Err(error) => Found::Bad(format!("{error:#}")),
        },
        Err(error) => Found::Bad(kernel::problem::chain(&error)),
    }
}

async fn shared_bus(config: &Config) -> Found {
    if config.bus.url.expose().is_empty() {
        return Found::Note("no bus.url (REDIS_URL): one process alone may use this database".into());
    }
    let settings = match bus::RedisSettings::parse(&config.bus.url) {
        Ok(settings) => settings,
        Err(error) => return Found::Bad(error.to_string()),
    };
    let health = bus::Bus::redis(settings, Clock::system(), Entropy::system()).await.health();
    if health.up {
        // Whoever looks is one of them.
        Found::Good(format!("Redis answers; processes on it: {}", health.processes.saturating_sub(1)))
    } else {
        Found::Bad("Redis does not answer: look at bus.url (REDIS_URL), its password and its server".into())
    }
}

async fn database(config: &Config, products: Products) -> Found {
    let path = config.server.data.join(store::FILE);
    let Ok(meta) = path.metadata() else {
        return Found::Note("none yet: the first start makes it and its key".into());
    };
    let migrations = wiring::migrations(&products());
    match Store::examine(&config.server.data, &migrations) {
        Ok(found) if found.damage.is_some() => {
            let error = StoreError::Damaged(found.damage.unwrap_or_default());
            Found::Bad(backup::advise(config, error).to_string())
        }
        Ok(found) if !found.pending.is_empty() => Found::Note(format!(
            "whole; the next start brings its schema up to date ({}): make a backup before",
            found.pending.join(", ")
        )),
        Ok(_) => match key(config, products).await {
            Ok(()) => {
                Found::Good(format!("whole, its schema is this version's, its key fits, {} KiB", meta.len() / 1024))
            }
            Err(error) => Found::Bad(format!("{error:#}")),
        },
        Err(StoreError::Locked(_)) => {
            Found::Note("a server runs on this data directory: its /healthz says how it is".into())
        }
        Err(error) => Found::Bad(format!("{:#}", backup::advise(config, error))),
    }
}

/// Opens everything that is sealed.
async fn key(config: &Config, products: Products) -> Result<()> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let key = keys::open(config, &entropy)?;
    let store = floors::open_store(config, &products(), &clock, &entropy).await?;
    floors::check_key(&store, &key, &entropy).await?;
    webhooks::Sources::open(&store, &key, &clock, &entropy, |name| std::env::var(name).ok()).await?;
    store.close().await;
    Ok(())
}

fn backups(config: &Config) -> Found {
    let directory = backup::directory(config);
    let newest = backup::newest(config).map(|path| path.display().to_string());
    match (config.backup.every_hours, newest) {
        (0, _) => Found::Note(
            "none are made by themselves: set backup.every_hours, or run `mainspring backup FILE` by the clock".into(),
        ),
        (hours, None) => Found::Note(format!("every {hours} h into {}; none is there yet", directory.display())),
        (hours, Some(newest)) => Found::Good(format!("every {hours} h; the newest is {newest}")),
    }
}

async fn address(config: &Config) -> Found {
    let listen = &config.server.listen;
    match tokio::net::TcpListener::bind(listen).await.with_context(|| format!("{listen} cannot be listened on")) {
        Ok(_) => Found::Good(format!("{listen} is free")),
        Err(error) => Found::Note(format!(
            "{error:#}; a running server, perhaps this one, has it: else choose another with --listen"
        )),
    }
}

/// Signatures, sessions and schedules need the time.
fn clock(dir: &Path) -> Found {
    let now = Clock::system().now_ms();
    let shown = kernel::clock::rfc3339(now);
    // The year in which this was written.
    if now < 1_767_225_600_000 {
        return Found::Bad(format!("it is {shown}: the clock is behind; set it"));
    }
    let changed = dir.join(store::FILE).metadata().and_then(|meta| meta.modified()).ok();
    let changed = changed.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let now = Duration::from_millis(now.unsigned_abs());
    if changed.is_some_and(|changed| changed > now + CLOCK_SLACK) {
        return Found::Bad(format!("it is {shown}, but the database was changed later than that: set the clock"));
    }
    Found::Good(shown)
}

fn pages() -> Found {
    if crate::pages::are_built() {
        Found::Good("in the binary".into())
    } else {
        Found::Note("not in this binary: build with `cargo xtask serve` where npm is".into())
    }
}
