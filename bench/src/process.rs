//! A process as the system accounts for it.

use anyhow::{Context, Result};

/// Linux's clock tick, as it is on every machine we build for.
const TICKS_PER_S: f64 = 100.0;

/// User and system time of a process since its start, seconds.
pub(crate) fn cpu_s(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the process is gone")?;
    // The name may hold spaces; fields are counted from behind it. utime and stime are the 14th and 15th.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    Ok(fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_S)
}

/// Memory of a process, KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Resident.
    pub(crate) rss: f64,
    /// Resident, with pages that are shared counted in part.
    pub(crate) pss: f64,
    /// Of the heap and the stacks: what the binary's own pages do not blur.
    pub(crate) anonymous: f64,
}

pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).context("the process is gone")?;
    let field = |name: &str| {
        let line = rollup.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).context("smaps_rollup has another form")
    };
    Ok(Memory { rss: field("Rss:")?, pss: field("Pss:")?, anonymous: field("Anonymous:")? })
}

/// The size of the binary that a process runs, bytes.
pub(crate) fn binary_bytes(pid: u32) -> Result<f64> {
    Ok(std::fs::metadata(format!("/proc/{pid}/exe")).context("the process is gone")?.len() as f64)
}

/// Bytes that a process has caused to be written to disks since its start, rewritten pages counted each time.
pub(crate) fn written_bytes(pid: u32) -> Result<f64> {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).context("the process is gone")?;
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes:"));
    line.and_then(|bytes| bytes.trim().parse().ok()).context("io has another form")
}
