//! In which slot of time each connection is looked at next.

use std::time::Duration;

/// How far the wheel can look ahead, seconds; more than any interval in use.
const AHEAD_S: usize = 64;

pub(crate) struct Wheel {
    slots: Vec<Vec<u64>>,
    per_second: usize,
    now: usize,
}

impl Wheel {
    /// Its slots are of equal length, so many in a second.
    pub(crate) fn new(per_second: usize) -> Self {
        Self { slots: vec![Vec::new(); AHEAD_S * per_second], per_second, now: 0 }
    }

    /// What is no whole number of slots is rounded up.
    pub(crate) fn insert(&mut self, id: u64, after: Duration) {
        let slots = (after.as_millis() as usize * self.per_second).div_ceil(1_000);
        let slot = (self.now + slots.clamp(1, self.slots.len() - 1)) % self.slots.len();
        self.slots[slot].push(id);
    }

    /// A slot is over: who is looked at now.
    pub(crate) fn advance(&mut self) -> Vec<u64> {
        self.now = (self.now + 1) % self.slots.len();
        std::mem::take(&mut self.slots[self.now])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_put_in_comes_out_once_and_in_time() {
        for per_second in [1, 10] {
            for after_ms in [0, 1, 100, 300, 1_000, 25_000, 60_000] {
                let mut wheel = Wheel::new(per_second);
                wheel.advance();
                wheel.insert(7, Duration::from_millis(after_ms));
                let slots = AHEAD_S * per_second;
                let out: Vec<usize> = (1..=slots).filter(|_| wheel.advance() == [7]).collect();
                let due = (after_ms as usize * per_second).div_ceil(1_000).max(1);
                assert_eq!(out, [due], "{after_ms} ms, {per_second} slots a second");
            }
        }
    }
}
