//! Looks whether everything is in order, and says what to do where it is not.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use kernel::{Clock, Entropy};

use crate::config::Config;
use crate::{keys, products, wiring};

/// How a look ended.
enum Found {
    Good(String),
    Note(String),
    Bad(String),
}

/// Prints a line a look; fails when one of them is bad.
pub(crate) async fn examine(config: Config) -> Result<ExitCode> {
    let dir = config.server.data.clone();
    let looks = [
        ("settings", Found::Good("in order".into())),
        ("data directory", writable(&dir)),
        ("disk", sync_time(&dir)),
        ("key and database", database(&config).await),
        ("address", address(&config).await),
        ("clock", clock()),
        ("pages", pages()),
    ];
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

fn writable(dir: &Path) -> Found {
    let probe = dir.join(".doctor");
    let tried = std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&probe, b"probe"))
        .and_then(|()| std::fs::remove_file(&probe));
    match tried {
        Ok(()) => Found::Good(format!("{} can be written", dir.display())),
        Err(error) => Found::Bad(format!("{} cannot be written: {error}; choose another with --data", dir.display())),
    }
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
        std::fs::remove_file(&path)
    })();
    if let Err(error) = measured {
        return Found::Bad(format!("a sync failed: {error}"));
    }
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    if median < 0.02 {
        return Found::Note(format!(
            "a sync takes {median:.3} ms: memory, or a disk that does not really sync; power loss may lose writes"
        ));
    }
    Found::Good(format!("a sync takes {median:.2} ms: a lone durable write waits that long"))
}

async fn database(config: &Config) -> Found {
    if !config.server.data.join(store::FILE).exists() {
        return Found::Note("none yet: the first start makes both".into());
    }
    let look = async {
        let (clock, entropy) = (Clock::system(), Entropy::system());
        let key = keys::open(&config.server.data, &entropy)?;
        let store = wiring::open_store(config, &products::all(), &clock, &entropy)?;
        webhooks::Secrets::open(&store, &key, &clock, &entropy, |name| std::env::var(name).ok()).await?;
        let damage = store.check().await?;
        let size = store.stats().size_bytes;
        store.close().await;
        anyhow::Ok((damage, size))
    };
    match look.await {
        Ok((None, size)) => Found::Good(format!("open, whole, {} KiB", size / 1024)),
        Ok((Some(damage), _)) => Found::Bad(format!("the database is damaged ({damage}): restore a backup")),
        Err(error) if error.to_string().contains("another Mainspring") => {
            Found::Note("a server runs on this data directory; ask its /healthz".into())
        }
        Err(error) => Found::Bad(format!("{error:#}")),
    }
}

async fn address(config: &Config) -> Found {
    let listen = &config.server.listen;
    match tokio::net::TcpListener::bind(listen).await.with_context(|| format!("{listen} cannot be listened on")) {
        Ok(_) => Found::Good(format!("{listen} is free")),
        Err(error) => Found::Note(format!("{error:#}; a running server, perhaps this one, has it")),
    }
}

fn clock() -> Found {
    let now = Clock::system().now_ms();
    // The year in which this was written.
    if now < 1_767_225_600_000 {
        return Found::Bad(format!("it is {}: the clock is behind; set it", kernel::clock::rfc3339(now)));
    }
    Found::Good(kernel::clock::rfc3339(now))
}

fn pages() -> Found {
    if crate::pages::are_built() {
        Found::Good("in the binary".into())
    } else {
        Found::Note("not in this binary: build with `cargo xtask serve` where npm is".into())
    }
}
