//! A room: eight delays that feed one another (Jot's feedback network with a Householder matrix), darker with each turn.
//!
//! The browser convolves with noise instead; here a room costs a hundredth of that, falls by the same 60 dB in the same
//! time and is as loud for the tones that the radio has.

use super::{Block, RATE};

const LINES: usize = 8;
/// Mutually prime lengths, samples at 48 kHz: 25 to 64 ms.
const LENGTHS: [usize; LINES] = [1213, 1429, 1637, 1873, 2129, 2411, 2699, 3067];
/// Before the first reflection.
const PRE_DELAY_S: f32 = 0.012;
/// Energy of the response, per second of decay, of the browser's room below 1 kHz.
const ENERGY_PER_S: f32 = 0.23;

/// A delay line that is read where it is written.
struct Line {
    samples: Vec<f32>,
    at: usize,
}

impl Line {
    fn new(length: usize) -> Self {
        Self { samples: vec![0.0; length.max(1)], at: 0 }
    }

    /// What went in a whole length ago.
    fn oldest(&self) -> f32 {
        self.samples[self.at]
    }

    fn push(&mut self, sample: f32) {
        self.samples[self.at] = sample;
        self.at = if self.at + 1 == self.samples.len() { 0 } else { self.at + 1 };
    }
}

pub(super) struct Room {
    before: [Line; 2],
    lines: [Line; LINES],
    gains: [f32; LINES],
    dark: [f32; LINES],
    level: f32,
}

impl Room {
    /// A room that falls by 60 dB in `decay_s`.
    pub(super) fn new(decay_s: f32) -> Self {
        let decay_s = decay_s.clamp(0.1, 8.0);
        let gain = |length: usize| 10f32.powf(-3.0 * length as f32 / (decay_s * RATE as f32));
        let gains = LENGTHS.map(gain);
        let turns = gains.iter().map(|gain| 1.0 / (1.0 - gain * gain)).sum::<f32>() / LINES as f32;
        let before = (PRE_DELAY_S * RATE as f32) as usize;
        Self {
            before: [Line::new(before), Line::new(before)],
            lines: LENGTHS.map(Line::new),
            gains,
            dark: [0.0; LINES],
            level: (ENERGY_PER_S * decay_s / turns).sqrt(),
        }
    }

    /// Replaces the block by what the room answers.
    pub(super) fn apply(&mut self, block: &mut Block) {
        for (left, right) in block.left.iter_mut().zip(&mut block.right) {
            let input = [self.before[0].oldest(), self.before[1].oldest()];
            self.before[0].push(*left);
            self.before[1].push(*right);
            let mut out = [0.0; LINES];
            for (i, out) in out.iter_mut().enumerate() {
                let fresh = self.lines[i].oldest() * self.gains[i];
                // The walls eat high tones first.
                self.dark[i] += 0.55 * (fresh - self.dark[i]);
                *out = self.dark[i];
            }
            let sum = out.iter().sum::<f32>() * (2.0 / LINES as f32);
            for (i, (line, out)) in self.lines.iter_mut().zip(out).enumerate() {
                line.push(out - sum + input[i % 2]);
            }
            let side = |first: usize| (0..LINES / 2).map(|i| out[2 * i + first] * [1.0, -1.0][i % 2]).sum::<f32>();
            *left = self.level * side(0);
            *right = self.level * side(1);
        }
    }
}
