//! This process as the system and the runtime see it.

use std::fmt::Write as _;

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

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The fields of `/proc/self/stat` behind the name, which may hold spaces: the first here is the third there.
fn stat() -> Vec<f64> {
    let stat = read("/proc/self/stat");
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.map(|field| field.parse().unwrap_or_default()).collect()
}

/// Zeros where there is no `/proc`.
pub(crate) fn now() -> Process {
    let pages: u64 = read("/proc/self/statm").split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    // utime and stime are the 14th and 15th.
    let ticks: f64 = stat().iter().skip(11).take(2).sum();
    Process { rss_bytes: pages * PAGE_BYTES, cpu_s: ticks / TICKS_PER_S }
}

/// The process and its runtime in Prometheus' text format, by the names that every client library uses. Written here,
/// because these are read and not counted, and seconds of processor time are no whole number.
pub(crate) fn render(into: &mut String, store: &store::Stats) {
    let (process, stat) = (now(), stat());
    let field = |number: usize| stat.get(number - 3).copied().unwrap_or_default();
    let proc_stat = read("/proc/stat");
    let booted_s = proc_stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok());
    let limits = read("/proc/self/limits");
    let most_fds =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
    let open_fds = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let runtime = tokio::runtime::Handle::current().metrics();
    let busy_s: f64 = (0..runtime.num_workers()).map(|i| runtime.worker_total_busy_duration(i).as_secs_f64()).sum();
    let lines: [(&str, &str, &str, f64); 21] = [
        ("process_cpu_seconds_total", "counter", "User and system time.", process.cpu_s),
        ("process_resident_memory_bytes", "gauge", "Resident memory.", process.rss_bytes as f64),
        ("process_virtual_memory_bytes", "gauge", "Virtual memory.", field(23)),
        ("process_threads", "gauge", "Threads of the system.", field(20)),
        ("process_open_fds", "gauge", "Open files and sockets.", open_fds as f64),
        ("process_max_fds", "gauge", "Files and sockets that may be open.", most_fds.unwrap_or_default()),
        (
            "process_start_time_seconds",
            "gauge",
            "When it started, Unix time.",
            booted_s.unwrap_or_default() + field(22) / TICKS_PER_S,
        ),
        ("tokio_workers", "gauge", "Threads that run tasks.", runtime.num_workers() as f64),
        ("tokio_alive_tasks", "gauge", "Tasks that have not ended.", runtime.num_alive_tasks() as f64),
        ("tokio_global_queue_depth", "gauge", "Tasks that wait for any thread.", runtime.global_queue_depth() as f64),
        ("tokio_busy_seconds_total", "counter", "Time that threads spent running tasks.", busy_s),
        ("store_size_bytes", "gauge", "The database file.", store.size_bytes as f64),
        ("store_wal_bytes", "gauge", "The write-ahead log.", store.wal_bytes as f64),
        ("store_commits_total", "counter", "Commits; many writes share one.", store.commits_total as f64),
        ("store_last_commit_seconds", "gauge", "The last commit, its sync included.", store.last_commit_ms / 1000.0),
        ("store_connections", "gauge", "Connections to the database server that are open.", store.connections as f64),
        ("store_connections_most", "gauge", "How many there may be.", store.connections_most as f64),
        ("store_connections_total", "counter", "Connections made since the start.", store.connections_total as f64),
        (
            "store_oldest_transaction_seconds",
            "gauge",
            "Of all that anybody has open on the database server.",
            store.oldest_transaction_s as f64,
        ),
        ("store_waiting_writes", "gauge", "Writes that wait for their turn.", store.waiting_writes as f64),
        ("store_waiting_reads", "gauge", "Reads that wait for their turn.", store.waiting_reads as f64),
    ];
    for (name, kind, help, value) in lines.into_iter().chain(store.replica.iter().flat_map(of_replica)) {
        // Writing to a String cannot fail.
        let _ = writeln!(into, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    }
}

fn of_replica(is: &store::lagging::Standing) -> [(&'static str, &'static str, &'static str, f64); 4] {
    [
        ("store_replica_up", "gauge", "Whether the replica answers reads that may lag.", is.up.into()),
        ("store_replica_lag_bytes", "gauge", "Log that the replica has not replayed.", is.lag_bytes as f64),
        (
            "store_replica_lag_seconds",
            "gauge",
            "Since when it has not replayed what there was.",
            is.lag_ms as f64 / 1e3,
        ),
        ("store_replica_reads_total", "counter", "Reads that the replica has answered.", is.reads_total as f64),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_process_has_used_some_of_everything() {
        let dir = tempfile::tempdir().expect("a directory");
        let (clock, entropy) = (kernel::Clock::system(), kernel::Entropy::system());
        let store =
            store::Store::embedded(dir.path(), store::Durability::Normal, &[], &clock, &entropy).expect("opened");
        let mut text = String::new();
        render(&mut text, &store.stats());
        let value = |name: &str| {
            let line = text.lines().find(|line| line.split(' ').next() == Some(name)).expect("a line");
            line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a number")
        };
        for name in
            ["process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_threads", "tokio_workers"]
        {
            assert!(value(name) > 0.0, "{name}");
        }
        let started_s = value("process_start_time_seconds");
        let age_s = clock.now_ms() as f64 / 1000.0 - started_s;
        assert!((-1.0..600.0).contains(&age_s), "{age_s}");
    }
}
