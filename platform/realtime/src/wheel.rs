//! In which second each connection is looked at next.

/// Seconds that the wheel can look ahead; more than any interval in use.
const SLOTS: usize = 64;

pub(crate) struct Wheel {
    slots: Vec<Vec<u64>>,
    now: usize,
}

impl Default for Wheel {
    fn default() -> Self {
        Self { slots: vec![Vec::new(); SLOTS], now: 0 }
    }
}

impl Wheel {
    pub(crate) fn insert(&mut self, id: u64, in_s: usize) {
        let slot = (self.now + in_s.clamp(1, SLOTS - 1)) % SLOTS;
        self.slots[slot].push(id);
    }

    pub(crate) fn advance(&mut self) -> Vec<u64> {
        self.now = (self.now + 1) % SLOTS;
        std::mem::take(&mut self.slots[self.now])
    }
}
