//! Waking the tasks of those who have something to hear.

use std::task::Waker;
use std::time::Duration;

use crate::members::Member;

/// Each costs its task some 10 µs: a third of a millisecond for whoever is behind them.
const WOKEN_AT_ONCE: usize = 32;

/// Wakes a crowd a few at a time: whatever else became ready meanwhile (a webhook) comes between two slices, not behind
/// everybody.
pub(crate) fn wake(mut asleep: Vec<Waker>) {
    if asleep.len() <= WOKEN_AT_ONCE {
        return asleep.into_iter().for_each(Waker::wake);
    }
    tokio::spawn(async move {
        while !asleep.is_empty() {
            asleep.drain(asleep.len().saturating_sub(WOKEN_AT_ONCE)..).for_each(Waker::wake);
            tokio::task::yield_now().await;
        }
    });
}

/// Wakes those for whom something waits, after the time that it may.
pub(crate) fn wake_later(mut asleep: Vec<Member>, delay_ms: u32) {
    if asleep.is_empty() {
        return;
    }
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(u64::from(delay_ms))).await;
        while !asleep.is_empty() {
            asleep.drain(asleep.len().saturating_sub(WOKEN_AT_ONCE)..).for_each(|member| member.wake());
            tokio::task::yield_now().await;
        }
    });
}
