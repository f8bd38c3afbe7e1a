//! Chance that can be repeated: the delivery id decides every throw.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// A stream of chance for one part of a phrase.
pub(super) struct Dice(ChaCha8Rng);

/// Each part has a stream of its own, so that a longer melody moves no cat.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Melody = 1,
    Cats = 2,
}

impl Dice {
    /// The generator is ChaCha8, seeded by the SHA-256 of the delivery id.
    pub(super) fn of(delivery_id: &str, part: Part) -> Self {
        let mut rng = ChaCha8Rng::from_seed(Sha256::digest(delivery_id.as_bytes()).into());
        rng.set_stream(part as u64);
        Self(rng)
    }

    /// A number in `0..100`.
    pub(super) fn percent(&mut self) -> u32 {
        self.0.next_u32() % 100
    }
}
