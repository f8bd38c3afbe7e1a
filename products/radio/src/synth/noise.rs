//! Noise that is the same every time, from the same seeds and generator as in the browser.

/// A number from a text (FNV-1a, 32 bits, over UTF-16 units).
pub(super) fn seed_of(words: &str) -> u32 {
    words.encode_utf16().fold(0x811c_9dc5, |hash: u32, unit| (hash ^ u32::from(unit)).wrapping_mul(0x0100_0193))
}

/// mulberry32.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise(u32);

impl Noise {
    pub(super) fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// The next number in 0..1.
    pub(super) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x6d2b_79f5);
        f64::from(mix(self.0)) / 4_294_967_296.0
    }

    /// The next sample of white noise, −1 to 1.
    pub(super) fn white(&mut self) -> f32 {
        (self.unit() * 2.0 - 1.0) as f32
    }

    /// The noise of one moment of endless time, −1 to 1: whoever begins to listen there hears the same.
    pub(super) fn at(seed: u32, sample: i64) -> f32 {
        let place = (sample as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mix(seed ^ (place >> 32) as u32) as f32 * (1.0 / 2_147_483_648.0) - 1.0
    }
}

fn mix(state: u32) -> u32 {
    let mut t = (state ^ (state >> 15)).wrapping_mul(state | 1);
    t ^= t.wrapping_add((t ^ (t >> 7)).wrapping_mul(t | 61));
    t ^ (t >> 14)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of the browser's `seedOf("a delivery")` and `randomFrom`.
    #[test]
    fn the_generators_are_the_browsers() {
        assert_eq!(seed_of(""), 0x811c_9dc5);
        assert_eq!(seed_of("a"), 0xe40c_292c);
        let mut noise = Noise::new(7);
        let first: Vec<f64> = (0..3).map(|_| noise.unit()).collect();
        assert!(first.iter().all(|unit| (0.0..1.0).contains(unit)), "{first:?}");
    }
}
