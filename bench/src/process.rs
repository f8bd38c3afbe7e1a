//! A process as the system accounts for it.

use anyhow::{Context, Result};

/// Linux's clock tick, as it is on every machine we build for.
const TICKS_PER_S: f64 = 100.0;

/// User and system time of a process since its start, seconds.
pub(crate) fn cpu_s(pid: u32) -> Result<f64> {
    Ok(fields(pid)?[0..2].iter().sum::<f64>() / TICKS_PER_S)
}

/// As [`cpu_s`], with that of all its children, those that have ended as well.
pub(crate) fn family_cpu_s(pid: u32) -> Result<f64> {
    let own: f64 = fields(pid)?.iter().sum();
    let of_others = children(pid)?.into_iter().map(|child| fields(child).map_or(0.0, |fields| fields[0] + fields[1]));
    Ok((own + of_others.sum::<f64>()) / TICKS_PER_S)
}

/// The resident memory of a process and its children, with what they share counted once, KiB.
pub(crate) fn family_rss(pid: u32) -> Result<f64> {
    // One that ends meanwhile has none.
    let of_others = children(pid)?.into_iter().filter_map(|child| memory(child).ok());
    Ok(memory(pid)?.pss + of_others.map(|memory| memory.pss).sum::<f64>())
}

/// The resident memory of a process and its children, with what they share counted for each, KiB.
pub(crate) fn family_whole_rss(pid: u32) -> Result<f64> {
    let of_others = children(pid)?.into_iter().filter_map(|child| memory(child).ok());
    Ok(memory(pid)?.rss + of_others.map(|memory| memory.rss).sum::<f64>())
}

/// The children of a process. One that ends meanwhile is its parent's.
fn children(pid: u32) -> Result<Vec<u32>> {
    let processes = std::fs::read_dir("/proc").context("there is no /proc")?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(pids.filter(|other| stat(*other).is_ok_and(|stat| stat.get(1) == Some(&pid.to_string()))).collect())
}

/// User and system time, then those of children that have ended and were waited for, clock ticks.
fn fields(pid: u32) -> Result<[f64; 4]> {
    // The 14th to 17th of all, of which the first two are the number and the name.
    let stat = stat(pid)?;
    let mut ticks = stat.iter().skip(11).filter_map(|ticks| ticks.parse().ok());
    let mut next = || ticks.next().context("stat has another form");
    Ok([next()?, next()?, next()?, next()?])
}

/// What the system says of a process, from its state on.
fn stat(pid: u32) -> Result<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the process is gone")?;
    // The name may hold spaces; fields are counted from behind it.
    Ok(stat.rsplit(')').next().unwrap_or_default().split_whitespace().map(str::to_owned).collect())
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
