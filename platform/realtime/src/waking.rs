//! Writing what waits for many.

use std::time::Duration;

use tokio::runtime::Handle;

use crate::members::Member;

/// So few are woken: their tasks write.
const FEW: usize = 4;
/// Each costs some 5 µs, nearly all of it the kernel's: a millisecond and a half of a thread for whoever is behind them. A pause wakes another of
/// tokio's threads to look for work, which costs as much as ten of them: there is none where it is not needed.
const AT_ONCE: usize = 256;
/// For more than these another thread writes as well, while there is one.
const SHARE: usize = 512;

/// Writes to a crowd a few at a time: whatever else became ready meanwhile (a webhook) comes between two slices, not behind
/// everybody.
pub(crate) fn flush(mut waiting: Vec<Member>) {
    if waiting.len() <= FEW {
        return waiting.iter().for_each(Member::wake);
    }
    let threads = Handle::current().metrics().num_workers();
    let each = waiting.len().div_ceil(waiting.len().div_ceil(SHARE).min(threads));
    while !waiting.is_empty() {
        let share = waiting.split_off(waiting.len().saturating_sub(each));
        tokio::spawn(async move {
            for (nth, slice) in share.chunks(AT_ONCE).enumerate() {
                if nth > 0 {
                    tokio::task::yield_now().await;
                }
                slice.iter().for_each(Member::flush);
            }
        });
    }
}

/// The same, after the time that it may wait.
pub(crate) fn flush_later(waiting: Vec<Member>, delay_ms: u32) {
    if waiting.is_empty() {
        return;
    }
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(u64::from(delay_ms))).await;
        flush(waiting);
    });
}
