//! Where a figure was measured, and what the disk and the neighbours cost at that moment.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use kernel::Clock;
use serde_json::{Value, json};

/// Syncs of one probe; their median is its answer.
const PROBES: usize = 15;
const BLOCK: [u8; 4096] = [7; 4096];

/// The machine, as far as it decides about figures.
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    memory: String,
    kernel: String,
    rustc: String,
    disk: String,
    at: String,
}

impl Machine {
    /// Of this moment; `data` is where data directories are made.
    pub(crate) fn here(data: &Path) -> Self {
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let rustc = Command::new("rustc").arg("--version").output().map(|out| out.stdout).unwrap_or_default();
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory: field(&read("/proc/meminfo"), "MemTotal"),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            rustc: String::from_utf8_lossy(&rustc).trim().to_owned(),
            disk: mount_of(data),
            at: kernel::clock::rfc3339(Clock::system().now_ms()),
        }
    }

    pub(crate) fn words(&self) -> String {
        let Self { cpu, cores, memory, kernel, rustc, disk, at } = self;
        format!("{at}; {cpu}, {cores} cores, {memory}; Linux {kernel}; {disk}; {rustc}")
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "cpu": self.cpu, "cores": self.cores, "memory": self.memory, "kernel": self.kernel, "rustc": self.rustc,
            "disk": self.disk, "at": self.at })
    }
}

/// Device and file system under a path.
fn mount_of(path: &Path) -> String {
    let mounts = read("/proc/mounts");
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let over = fields.filter(|fields| fields.len() > 2 && path.starts_with(fields[1]));
    let nearest = over.max_by_key(|fields| fields[1].len());
    nearest.map(|fields| format!("{} on {}", fields[2], fields[0])).unwrap_or_default()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// What one 4 KiB write with its sync costs on the disk of `dir` now, milliseconds: the median of fifteen.
pub(crate) fn sync_ms(dir: &Path) -> Result<f64> {
    let path = dir.join("sync-probe");
    let file = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    let mut took = Vec::with_capacity(PROBES);
    for turn in 0..=PROBES {
        let begun = Instant::now();
        file.write_all_at(&BLOCK, 0)?;
        file.sync_data()?;
        // The first one allocates the block.
        if turn > 0 {
            took.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
    }
    std::fs::remove_file(&path)?;
    took.sort_by(f64::total_cmp);
    Ok(took[PROBES / 2])
}

/// Waits until everything that was written and deleted on this machine is on its disks.
pub(crate) fn flush() -> Result<()> {
    // Twice: the first commits the deletions, and whatever that sets in motion is committed by the second.
    for _ in 0..2 {
        ensure!(Command::new("sync").status().context("`sync` cannot be run")?.success(), "`sync` failed");
    }
    Ok(())
}

/// The load average of the last minute.
pub(crate) fn load() -> f64 {
    read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default()
}
