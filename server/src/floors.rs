//! Opens what everything stands on: the store and the bus, in this process alone, or shared by a fleet.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bus::{Bus, Keep, Publication, RedisSettings, Sink};
use fleet::{Fleet, Instance};
use host::Product;
use kernel::{Clock, Entropy, SealKey, limits};
use objects::Objects;
use outbound::Outbound;
use store::{Migration, Store, StoreError, params};
use tokio::sync::mpsc;

use crate::config::Config;
use crate::{backup, wiring};

/// What this file keeps in the store.
pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    part: "server",
    version: 1,
    // Something sealed with the key that the deployment's secrets are sealed with.
    sql: "CREATE TABLE deployment (name TEXT NOT NULL PRIMARY KEY, sealed BYTEA NOT NULL);",
}];
/// The channel on which processes tell one another what is worth a look.
const HINTS: &str = "mainspring:hints";
/// Hints that wait for the bus; whoever misses one looks a little later by itself.
const HINTS_WAITING: usize = 16;

/// Opens the database, and refuses one that this process's clock does not agree with.
pub(crate) async fn open_store(
    config: &Config,
    products: &[Product],
    clock: &Clock,
    entropy: &Entropy,
) -> Result<Store> {
    let (dir, durability, migrations) = (&config.server.data, config.store.durability, wiring::migrations(products));
    if !config.store.is_shared() {
        let opened = Store::embedded(dir, durability, &migrations, clock, entropy);
        return opened.map_err(|error| backup::advise(config, error));
    }
    let url = &config.store.url;
    let opened = match config.store.past_the_pooler() {
        Some(direct) => Store::pooled(url, direct, durability, &migrations, clock, entropy).await,
        None => Store::postgres(url, durability, &migrations, clock, entropy).await,
    };
    let store = opened.context("the database of store.url (DATABASE_URL)")?;
    let off_ms = store.clock_off_ms(clock).await?;
    if off_ms.unsigned_abs() > limits::STORE_CLOCK_MS {
        bail!(StoreError::Clock(off_ms));
    }
    Ok(store)
}

/// Lets a replica answer what may lag, where there is one. It may be away: nothing waits for it.
pub(crate) async fn attach_replica(config: &Config, store: &Store) -> Result<()> {
    match config.store.replica() {
        Some(url) => store.attach_replica(url).await.context("the database of store.replica_url"),
        None => Ok(()),
    }
}

/// Enters the fleet. Without Redis its processes would not hear one another's messages: then there is one.
pub(crate) async fn join_fleet(
    config: &Config,
    store: &Store,
    clock: &Clock,
    entropy: &Entropy,
    holder: String,
) -> Result<Fleet> {
    let roles = config.server.roles.iter().map(|role| role.name()).collect();
    let fleet = Fleet::new(store.clone(), clock.clone(), entropy.clone(), holder, roles).await?;
    if config.store.is_shared() && config.bus.url.expose().is_empty() {
        alone(&fleet).await?;
    }
    Ok(fleet)
}

/// One that is still in the table may have died just now: one that lives renews its place.
async fn alone(fleet: &Fleet) -> Result<()> {
    let others = async || -> Result<Vec<Instance>> {
        Ok(fleet.instances().await?.into_iter().filter(|instance| !instance.here).collect())
    };
    let before = others().await?;
    if before.is_empty() {
        return Ok(());
    }
    tokio::time::sleep(Duration::from_millis(limits::FLEET_BEAT_MS * 2)).await;
    let lives = |now: &&Instance| before.iter().any(|it| it.id == now.id && it.renewed_at_ms != now.renewed_at_ms);
    if let Some(other) = others().await?.iter().find(lives) {
        bail!(
            "{} runs on this database already: processes that share one need Redis to hear one another; set bus.url (REDIS_URL) for \
             each, or stop the other",
            other.holder
        );
    }
    Ok(())
}

/// The key must be the one that the secrets in the store are sealed with: another process may have begun with another.
pub(crate) async fn check_key(store: &Store, key: &SealKey, entropy: &Entropy) -> Result<()> {
    let mine = key.seal(entropy, "deployment", &kernel::Secret::new("key"));
    let kept: (Vec<u8>,) = store
        .write(async move |tx| {
            let sql = "INSERT INTO deployment (name, sealed) VALUES ('key', $1) ON CONFLICT (name) DO NOTHING";
            tx.execute(sql, params![&mine[..]]).await?;
            tx.one("SELECT sealed FROM deployment WHERE name = 'key'", &[]).await as Result<_, StoreError>
        })
        .await?;
    if key.open("deployment", &kept.0).is_err() {
        bail!(
            "the key of this process is not the one that the database began with: give every process the same file, as \
             server.key_file (MAINSPRING__SERVER__KEY_FILE) or as mainspring.key in its data directory"
        );
    }
    Ok(())
}

/// Opens the place where files are. In a fleet nobody finds what lies in the data directory of another process: that is said.
pub(crate) fn open_objects(config: &Config, outbound: &Outbound, clock: &Clock, entropy: &Entropy) -> Result<Objects> {
    if let Some(bucket) = config.objects.bucket() {
        return Objects::in_bucket(bucket, outbound.clone(), clock.clone()).context("the settings of [objects]");
    }
    let dir = config.objects.directory(&config.server.data);
    if config.store.is_shared() && config.objects.dir.as_os_str().is_empty() {
        tracing::warn!(
            directory = %dir.display(),
            "files that people send lie in the data directory of this process alone: before a second one runs on this database, \
             set objects.dir to a directory that all of them have mounted, or objects.s3_endpoint to a bucket"
        );
    }
    Objects::in_directory(&dir, clock, entropy).with_context(|| format!("the directory of files {}", dir.display()))
}

/// Opens the bus, and lets it carry the store's hints where several processes share both.
pub(crate) async fn open_bus(config: &Config, store: &Store, clock: &Clock, entropy: &Entropy) -> Result<Bus> {
    let url = &config.bus.url;
    if url.expose().is_empty() {
        return Ok(Bus::memory(clock.clone(), entropy));
    }
    let settings = RedisSettings::parse(url).context("bus.url (REDIS_URL)")?;
    let bus = Bus::redis(settings, clock.clone(), entropy.clone()).await;
    let (origin, (told, mut waiting)) = (entropy.token(8), mpsc::channel::<Vec<&'static str>>(HINTS_WAITING));
    store.carried_by(Arc::new(move |topics| drop(told.try_send(topics.to_vec()))));
    bus.listen(Arc::new(Hearing { store: store.clone(), origin: origin.clone() }));
    let carrier = bus.clone();
    tokio::spawn(async move {
        while let Some(topics) = waiting.recv().await {
            let hint = serde_json::json!({ "from": origin, "topics": topics }).to_string();
            // Nothing is kept of it, so nothing can be refused.
            let _ = carrier.publish(HINTS, hint.into(), Keep::NOTHING).await;
        }
    });
    Ok(bus)
}

/// Hands the hints of other processes to the store.
struct Hearing {
    store: Store,
    origin: String,
}

#[derive(serde::Deserialize)]
struct Hint {
    from: String,
    topics: Vec<String>,
}

impl Sink for Hearing {
    fn publication(&self, channel: &str, publication: &Arc<Publication>) {
        if channel != HINTS {
            return;
        }
        if let Ok(hint) = serde_json::from_slice::<Hint>(&publication.data)
            && hint.from != self.origin
        {
            hint.topics.iter().for_each(|topic| self.store.hear(Some(topic)));
        }
    }

    fn interrupted(&self) {
        self.store.hear(None);
    }
}
