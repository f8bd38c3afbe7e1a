//! The only source of randomness.

use std::sync::{Arc, Mutex, PoisonError};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Randomness from the operating system, or from a seed that a test prints.
#[derive(Clone)]
pub struct Entropy(Option<Arc<Mutex<ChaCha20Rng>>>);

impl Entropy {
    /// The operating system's generator.
    pub fn system() -> Self {
        Self(None)
    }

    /// A repeatable stream. Clones share it. For tests and simulations only.
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))))
    }

    /// Fills `bytes`.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing safe can be done then.
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            None => getrandom::fill(bytes).expect("the operating system gives no randomness"),
            Some(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes),
        }
    }

    /// 64 random bits.
    pub fn u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number in `0..bound` (0 when `bound` is 0). The bias of the remainder is under 2⁻³² for bounds up to 2³².
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.u64() % bound }
    }

    /// A number in `0.0..1.0`.
    pub fn unit(&self) -> f64 {
        (self.u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// `bytes` random bytes in hexadecimal: for secrets, tokens and keys.
    pub fn token(&self, bytes: usize) -> String {
        let mut buffer = vec![0; bytes];
        self.fill(&mut buffer);
        hex::encode(buffer)
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Entropy(seeded)" } else { "Entropy(system)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_repeats() {
        let draw = |seed| {
            let entropy = Entropy::seeded(seed);
            (entropy.u64(), entropy.token(8), entropy.below(10))
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn units_stay_in_range() {
        let entropy = Entropy::system();
        assert!((0..1000).all(|_| (0.0..1.0).contains(&entropy.unit())));
        assert_eq!(entropy.below(0), 0);
    }
}
