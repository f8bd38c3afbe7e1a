//! Deliveries of senders that do not come again, while the store cannot take them: a file that only grows, synced before the
//! answer, and emptied in order when the store is back.
//!
//! A record is its length (4 bytes), the first 8 bytes of its SHA-256, and JSON. After a crash the file is read up to the last
//! whole record: what is behind it was never acknowledged. A record that was kept just before a crash is kept once, since its
//! delivery's id is in the store.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use crate::ingest::Ready;
use crate::payload::Payload;
use crate::store::deliveries::Record;

/// In the data directory.
const FILE: &str = "webhooks.spool";
/// The file at most; what comes then is refused.
const BYTES: u64 = 256 * 1024 * 1024;
const HEAD: usize = 12;
/// Records that are read at once, and bytes, about.
const AT_ONCE: (usize, u64) = (32, 4 * 1024 * 1024);

/// A delivery that waits.
#[derive(Serialize, Deserialize)]
pub(crate) struct Spooled {
    pub(crate) record: Record,
    id: String,
    kind: String,
    text: String,
}

impl From<Ready> for Spooled {
    fn from(ready: Ready) -> Self {
        Self { record: ready.record, id: ready.id, kind: ready.kind, text: ready.payload.text }
    }
}

impl Spooled {
    /// As it was before it had to wait; none when its payload is no JSON any more.
    pub(crate) fn ready(self) -> Option<Ready> {
        let value = serde_json::from_str(&self.text).ok()?;
        let payload = Payload { text: self.text, value };
        Some(Ready { record: self.record, id: self.id, kind: self.kind, payload, waited: true })
    }
}

/// The file. Clones are handles to the same one.
#[derive(Clone)]
pub(crate) struct Spool(Arc<Inner>);

struct Inner {
    /// Held while bytes are written, read or removed.
    file: Mutex<File>,
    /// Held while it is synced: whoever waits for it finds that the sync before was for it too.
    sync: Mutex<()>,
    written: AtomicU64,
    synced: AtomicU64,
    taken: AtomicU64,
    most: u64,
    /// A sync failed: what is on disk is unknown until it is read again.
    broken: AtomicBool,
    pub(crate) came: Notify,
}

impl Spool {
    /// Opens the file of a data directory, and cuts off what a crash left half written.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        Self::bounded(dir, BYTES)
    }

    pub(crate) fn bounded(dir: &Path, most: u64) -> io::Result<Self> {
        let path = dir.join(FILE);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let whole = whole_records(&mut file)?;
        if whole < file.metadata()?.len() {
            tracing::warn!(bytes = whole, "the spool of deliveries ended within a record, which nobody was promised");
            file.set_len(whole)?;
            file.sync_all()?;
        }
        let inner = Inner {
            file: Mutex::new(file),
            sync: Mutex::new(()),
            written: AtomicU64::new(whole),
            synced: AtomicU64::new(whole),
            taken: AtomicU64::new(0),
            most,
            broken: AtomicBool::new(false),
            came: Notify::new(),
        };
        Ok(Self(Arc::new(inner)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.taken.load(Ordering::Acquire) == self.0.written.load(Ordering::Acquire)
    }

    /// Bytes that wait.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        self.0.written.load(Ordering::Acquire).saturating_sub(self.0.taken.load(Ordering::Acquire))
    }

    /// Returns when something was put in.
    pub(crate) async fn came(&self) {
        self.0.came.notified().await;
    }

    /// Puts a delivery at the end, and returns when it is on disk.
    pub(crate) async fn append(&self, delivery: Spooled) -> io::Result<()> {
        let inner = self.0.clone();
        let appended = tokio::task::spawn_blocking(move || inner.append(&delivery)).await;
        appended.map_err(io::Error::other)?
    }

    /// The first ones that wait ([`AT_ONCE`]), each with where the next one begins.
    pub(crate) async fn first(&self) -> io::Result<Vec<(Spooled, u64)>> {
        let inner = self.0.clone();
        tokio::task::spawn_blocking(move || inner.first()).await.map_err(io::Error::other)?
    }

    /// What is before `next` is kept: it waits no longer. When nothing waits, the file is emptied.
    pub(crate) async fn take(&self, next: u64) -> io::Result<()> {
        let inner = self.0.clone();
        tokio::task::spawn_blocking(move || inner.take(next)).await.map_err(io::Error::other)?
    }
}

impl Inner {
    fn append(&self, delivery: &Spooled) -> io::Result<()> {
        let json = serde_json::to_vec(delivery)?;
        let length = u32::try_from(json.len()).map_err(io::Error::other)?;
        let record = [&length.to_le_bytes()[..], &Sha256::digest(&json)[..8], &json].concat();
        let end = {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            if self.broken.load(Ordering::Acquire) {
                return Err(io::Error::other("an earlier sync of the spool failed"));
            }
            let start = self.written.load(Ordering::Acquire);
            let end = start + record.len() as u64;
            if end > self.most {
                return Err(io::Error::new(io::ErrorKind::StorageFull, "the spool is full"));
            }
            file.seek(SeekFrom::Start(start))?;
            if let Err(error) = file.write_all(&record) {
                // What was half written must not be taken for a record, nor stand before the next one.
                if file.set_len(start).is_err() {
                    self.broken.store(true, Ordering::Release);
                }
                return Err(error);
            }
            self.written.store(end, Ordering::Release);
            end
        };
        self.sync_to(end)?;
        self.came.notify_one();
        Ok(())
    }

    fn sync_to(&self, end: u64) -> io::Result<()> {
        let _one_at_a_time = self.sync.lock().unwrap_or_else(PoisonError::into_inner);
        if self.broken.load(Ordering::Acquire) {
            return Err(io::Error::other("an earlier sync of the spool failed"));
        }
        if self.synced.load(Ordering::Acquire) >= end {
            return Ok(());
        }
        let (file, written) = {
            let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            (file.try_clone()?, self.written.load(Ordering::Acquire))
        };
        if let Err(error) = file.sync_data() {
            self.broken.store(true, Ordering::Release);
            return Err(error);
        }
        self.synced.store(written, Ordering::Release);
        Ok(())
    }

    fn first(&self) -> io::Result<Vec<(Spooled, u64)>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, mut first) = (self.taken.load(Ordering::Acquire), Vec::new());
        let mut at = begun;
        // Only what was promised: a record that is not synced yet may still be refused.
        while at < self.synced.load(Ordering::Acquire) && first.len() < AT_ONCE.0 && at - begun < AT_ONCE.1 {
            file.seek(SeekFrom::Start(at))?;
            let Some(json) = next_record(&mut *file)? else {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a record of the spool is damaged"));
            };
            at += (HEAD + json.len()) as u64;
            first.push((serde_json::from_slice(&json)?, at));
        }
        Ok(first)
    }

    fn take(&self, next: u64) -> io::Result<()> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        self.taken.store(next, Ordering::Release);
        if next == self.written.load(Ordering::Acquire) {
            file.set_len(0)?;
            for place in [&self.synced, &self.taken, &self.written] {
                place.store(0, Ordering::Release);
            }
        }
        Ok(())
    }
}

/// Bytes up to the end of the last whole record.
fn whole_records(file: &mut File) -> io::Result<u64> {
    let mut reader = io::BufReader::new(file);
    let mut end = 0;
    while let Some(json) = next_record(&mut reader)? {
        end += (HEAD + json.len()) as u64;
    }
    Ok(end)
}

/// The record that begins here; none when there is no whole one.
fn next_record(reader: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; HEAD];
    let mut filled = 0;
    while filled < HEAD {
        match reader.read(&mut head[filled..])? {
            0 => return Ok(None),
            read => filled += read,
        }
    }
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    let mut json = Vec::new();
    reader.take(u64::from(length)).read_to_end(&mut json)?;
    let whole = json.len() == length as usize && Sha256::digest(&json)[..8] == head[4..];
    Ok(whole.then_some(json))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn delivery(n: usize) -> Spooled {
        let record = Record { id: format!("dlv_{n}"), ..Record::default() };
        Spooled { record, id: format!("id-{n}"), kind: "github.push".into(), text: format!("{{\"n\":{n}}}") }
    }

    async fn drained(spool: &Spool) -> Vec<String> {
        let mut ids = Vec::new();
        loop {
            let first = spool.first().await.expect("read");
            let Some((_, next)) = first.last() else { break };
            spool.take(*next).await.expect("taken");
            ids.extend(first.into_iter().map(|(delivery, _)| delivery.id));
        }
        ids
    }

    #[tokio::test]
    async fn what_goes_in_comes_out_in_order_and_survives_reopening() {
        let dir = tempfile::tempdir().expect("a directory");
        let spool = Spool::open(dir.path()).expect("opened");
        for n in 0..5 {
            spool.append(delivery(n)).await.expect("appended");
        }
        let (_, next) = spool.first().await.expect("read").remove(0);
        spool.take(next).await.expect("taken");
        drop(spool);
        let spool = Spool::open(dir.path()).expect("opened");
        assert!(!spool.is_empty());
        assert_eq!(
            drained(&spool).await,
            ["id-0", "id-1", "id-2", "id-3", "id-4"],
            "the first again: it is known by its id"
        );
        assert!(spool.is_empty());
        assert_eq!(std::fs::metadata(dir.path().join(FILE)).expect("there").len(), 0);
        spool.append(delivery(9)).await.expect("appended");
        assert_eq!(drained(&spool).await, ["id-9"]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_at_once_are_all_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let spool = Spool::open(dir.path()).expect("opened");
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..50 {
            let spool = spool.clone();
            tasks.spawn(async move { spool.append(delivery(n)).await.expect("appended") });
        }
        tasks.join_all().await;
        let mut ids = drained(&Spool::open(dir.path()).expect("opened")).await;
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 50);
    }

    #[tokio::test]
    async fn it_has_an_end() {
        let dir = tempfile::tempdir().expect("a directory");
        let spool = Spool::bounded(dir.path(), 2_000).expect("opened");
        let mut kept = 0;
        while spool.append(delivery(kept)).await.is_ok() {
            kept += 1;
        }
        assert!(kept > 0 && spool.waiting_bytes() <= 2_000);
        assert_eq!(drained(&spool).await.len(), kept);
        spool.append(delivery(1)).await.expect("there is room again");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
        /// Wherever a crash or a bad sector leaves the file: every whole record before that place is read, and nothing else is.
        #[test]
        fn a_damaged_end_costs_nothing_before_it(cut in 0..5_000_usize, flip: bool) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let dir = tempfile::tempdir().expect("a directory");
            let path = dir.path().join(FILE);
            let ends: Vec<u64> = runtime.block_on(async {
                let spool = Spool::open(dir.path()).expect("opened");
                let mut ends = Vec::new();
                for n in 0..5 {
                    spool.append(delivery(n)).await.expect("appended");
                    ends.push(std::fs::metadata(&path).expect("there").len());
                }
                ends
            });
            let mut bytes = std::fs::read(&path).expect("read");
            let cut = cut % bytes.len();
            if flip { bytes[cut] ^= 1 } else { bytes.truncate(cut) }
            std::fs::write(&path, &bytes).expect("written");
            let whole = ends.iter().filter(|end| **end <= cut as u64).count();
            let read = runtime.block_on(async { drained(&Spool::open(dir.path()).expect("opened")).await });
            prop_assert_eq!(read, (0..whole).map(|n| format!("id-{n}")).collect::<Vec<_>>());
        }
    }
}
