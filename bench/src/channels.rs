//! What a publication costs as the channels become more: carried over Redis to the listener of another process's bus, or heard in this
//! process's memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bus::{Bus, Keep, Publication, RedisSettings, Sink};
use bytes::Bytes;
use kernel::{Clock, Entropy, Secret};
use testkit::Redis;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::process;
use crate::report::{Conditions, Report};

const CHANNELS: [usize; 2] = [100, 10_000];
const PUBLICATIONS: usize = 40_000;
const IN_FLIGHT: usize = 64;
const KEEP: Keep = Keep { size: 10, ttl_ms: 60_000 };
const BYTES: Bytes = Bytes::from_static(&[b'x'; 100]);
const PATIENCE: Duration = Duration::from_secs(120);

/// Counts what it hears until it was so much.
#[derive(Default)]
struct Ear {
    heard: AtomicUsize,
    all: Notify,
}

impl Sink for Ear {
    fn publication(&self, _: &str, _: &Arc<Publication>) {
        if self.heard.fetch_add(1, Ordering::Relaxed) + 1 == PUBLICATIONS {
            self.all.notify_one();
        }
    }
}

pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir()?;
    for channels in CHANNELS {
        let memory = Bus::memory(Clock::system(), &Entropy::system());
        let (rates, around) = Conditions::around(dir.path(), publish(&memory, &memory, channels)).await?;
        add(report, &format!("{channels} channels, in memory"), rates, around);
        let redis = Redis::start()?;
        let (own, other) = (over(&redis).await?, over(&redis).await?);
        let (rates, around) = Conditions::around(dir.path(), publish(&own, &other, channels)).await?;
        add(report, &format!("{channels} channels, over Redis"), rates, around);
    }
    Ok(())
}

async fn over(redis: &Redis) -> Result<Bus> {
    let settings = RedisSettings::parse(&Secret::new(redis.url()))?;
    Ok(Bus::redis(settings, Clock::system(), Entropy::system()).await)
}

fn add(report: &mut Report, words: &str, (per_s, cpu_us): (f64, f64), around: Conditions) {
    report.add(format!("{words}: publications"), "/s", per_s, around);
    report.add(format!("{words}: CPU of a publication, ours"), "µs", cpu_us, around);
}

/// Publications a second until the last was heard, and what one costs. Every channel has been published on before.
async fn publish(from: &Bus, to: &Bus, channels: usize) -> Result<(f64, f64)> {
    let names: Arc<Vec<String>> = Arc::new((0..channels).map(|n| format!("channel/{n}")).collect());
    for name in names.iter() {
        from.publish(name, BYTES, KEEP).await?;
    }
    let ear = Arc::new(Ear::default());
    to.listen(ear.clone());
    let (begun, cpu_s) = (Instant::now(), process::cpu_s(std::process::id())?);
    let next = Arc::new(AtomicUsize::new(0));
    let mut publishers = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (bus, names, next) = (from.clone(), names.clone(), next.clone());
        publishers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= PUBLICATIONS {
                    return Ok::<_, bus::BusError>(());
                }
                bus.publish(&names[number % names.len()], BYTES, KEEP).await?;
            }
        });
    }
    publishers.join_all().await.into_iter().collect::<Result<(), _>>()?;
    tokio::time::timeout(PATIENCE, ear.all.notified()).await.context("publications are missing")?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu_s = process::cpu_s(std::process::id())? - cpu_s;
    Ok((PUBLICATIONS as f64 / seconds, cpu_s * 1e6 / PUBLICATIONS as f64))
}
