//! This process as the system sees it.

/// Resident memory and CPU time.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Process {
    /// Resident set, bytes.
    pub(crate) rss_bytes: u64,
    /// User and system time since the start, seconds.
    pub(crate) cpu_s: f64,
}

/// Linux's page size and clock tick, as they are on every machine we build for.
const PAGE_BYTES: u64 = 4096;
const TICKS_PER_S: f64 = 100.0;

/// Zeros where there is no `/proc`.
pub(crate) fn now() -> Process {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let pages: u64 = read("/proc/self/statm").split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let stat = read("/proc/self/stat");
    // The name may hold spaces; fields are counted from behind it. utime and stime are the 14th and 15th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = fields.iter().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok()).sum();
    Process { rss_bytes: pages * PAGE_BYTES, cpu_s: ticks / TICKS_PER_S }
}
