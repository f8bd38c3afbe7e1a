//! Phrases to samples: 48 kHz, two channels, faster than time. Pure: no clock, no I/O; the same phrases at the same places
//! are the same samples.
//!
//! Each part is the twin of a file of the browser's player (`web/player/`), and both take their numbers from `sound.json`:
//! the same notes, envelopes, filters, effects and cats. What differs is said where it does (`reverb.rs`, `bed.rs`).

mod bed;
mod biquad;
mod cats;
mod effects;
mod envelope;
mod master;
mod noise;
mod osc;
mod phrase;
mod reverb;
mod sound;
mod tone;

#[cfg(test)]
mod tests;

pub(crate) use phrase::lengths_ms;
pub(crate) use sound::{Air, Sound};

use crate::model::Phrase;
use bed::Bed;
use master::Master;
use phrase::Playing;

/// Samples a second.
pub(crate) const RATE: u32 = 48_000;
/// Samples that are made at once.
pub(crate) const BLOCK: usize = 256;
/// No phrase sounds longer than this with all its tails, milliseconds: whoever renders a moment starts so much earlier.
pub(crate) const LONGEST_MS: i64 = 18_000;

/// Some samples of both channels.
#[derive(Clone)]
pub(crate) struct Block {
    pub(crate) left: [f32; BLOCK],
    pub(crate) right: [f32; BLOCK],
}

impl Block {
    fn silent() -> Self {
        Self { left: [0.0; BLOCK], right: [0.0; BLOCK] }
    }

    fn sides(&mut self) -> [&mut [f32; BLOCK]; 2] {
        [&mut self.left, &mut self.right]
    }
}

fn decibels(db: f32) -> f32 {
    (db * 0.166_096_4).exp2()
}

/// The sample of a moment: samples are counted from 1970.
pub(crate) fn sample_at(ms: i64) -> i64 {
    ms * i64::from(RATE / 1000)
}

/// A station's sound, block by block.
pub(crate) struct Renderer {
    sound: Sound,
    /// The next sample; a multiple of [`BLOCK`], so that every renderer looks at the same moments.
    at: i64,
    playing: Vec<Playing>,
    bed: Bed,
    master: Master,
}

impl Renderer {
    /// From the block that holds the sample `at` on, in the key of what was played last.
    pub(crate) fn new(at: i64, key: Option<&str>) -> Self {
        let sound = Sound::standard();
        let master = Master::new(&sound.master);
        let at = at.div_euclid(BLOCK as i64) * BLOCK as i64;
        Self { at, playing: Vec::new(), bed: Bed::new(bed::tonic_hz(key.unwrap_or("C"))), master, sound }
    }

    /// The next sample to be made.
    pub(crate) fn at(&self) -> i64 {
        self.at
    }

    /// Plays a phrase from the sample `start` on. What began before the present begins now; answers where it begins.
    pub(crate) fn play(&mut self, phrase: &Phrase, start: i64) -> i64 {
        let start = start.max(self.at);
        self.playing.push(Playing::new(&self.sound, phrase, start));
        start
    }

    /// Makes the next block.
    pub(crate) fn next(&mut self) -> Block {
        let mut block = Block::silent();
        for (tonic_hz, start) in self.playing.iter().filter_map(|playing| playing.begins(self.at)) {
            self.bed.follow(tonic_hz, start);
        }
        self.bed.add(self.at, &mut block);
        self.playing.iter_mut().for_each(|playing| playing.add(self.at, &mut block));
        self.master.apply(&mut block);
        self.at += BLOCK as i64;
        self.playing.retain(|playing| !playing.is_over(self.at));
        block
    }
}
