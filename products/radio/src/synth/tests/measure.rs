//! Listening: the energy at a pitch, the pitch that a stretch has, its peak and its loudness.

use crate::model::Phrase;
use crate::synth::{RATE, Renderer, Sound, lengths_ms, sample_at};

/// Where tests put their phrases: some Saturday.
pub(super) const MOMENT_MS: i64 = 1_795_230_245_120;

/// The mean of both channels and their highest sample.
pub(super) struct Heard {
    pub(super) samples: Vec<f32>,
    pub(super) peak: f32,
}

/// Renders phrases, each so many milliseconds after [`MOMENT_MS`], until the last is silent.
pub(super) fn listen(phrases: &[(&Phrase, i64)]) -> Heard {
    let sound = Sound::standard();
    let mut renderer = Renderer::new(sample_at(MOMENT_MS), None);
    let begin = renderer.at();
    for (phrase, at_ms) in phrases {
        renderer.play(phrase, sample_at(MOMENT_MS + at_ms));
    }
    let end = phrases.iter().map(|(phrase, at_ms)| at_ms + lengths_ms(&sound, phrase).1).max().unwrap_or(1_000);
    let mut heard = Heard { samples: Vec::new(), peak: 0.0 };
    while renderer.at() < sample_at(MOMENT_MS + end) {
        let block = renderer.next();
        for (left, right) in block.left.iter().zip(&block.right) {
            assert!(left.is_finite() && right.is_finite());
            heard.peak = heard.peak.max(left.abs()).max(right.abs());
            heard.samples.push(f32::midpoint(*left, *right));
        }
    }
    // Block-aligned: the first sample is up to one block before the moment.
    heard.samples.drain(..(sample_at(MOMENT_MS) - begin) as usize);
    heard
}

/// The left side of the first `seconds` of a phrase.
pub(super) fn begin(phrase: &Phrase, seconds: f64) -> Vec<f32> {
    let mut renderer = Renderer::new(sample_at(MOMENT_MS), None);
    renderer.play(phrase, renderer.at());
    let mut samples = Vec::new();
    while (samples.len() as f64) < seconds * f64::from(RATE) {
        samples.extend(renderer.next().left);
    }
    samples
}

impl Heard {
    pub(super) fn between(&self, from_s: f64, to_s: f64) -> &[f32] {
        let at = |seconds: f64| ((seconds * f64::from(RATE)) as usize).min(self.samples.len());
        &self.samples[at(from_s)..at(to_s)]
    }
}

/// Power of the sine at `hz`: Goertzel's recurrence under a Hann window.
pub(super) fn energy_at(samples: &[f32], hz: f64) -> f64 {
    let turn = std::f64::consts::TAU * hz / f64::from(RATE);
    let twice = 2.0 * turn.cos();
    let (mut one, mut two, mut weight) = (0.0, 0.0, 0.0);
    for (i, sample) in samples.iter().enumerate() {
        let hann = 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / (samples.len() - 1) as f64).cos();
        (one, two) = (f64::from(*sample) * hann + twice * one - two, one);
        weight += hann;
    }
    2.0 * (one * one + two * two - twice * one * two) / (weight * weight)
}

pub(super) fn rms(samples: &[f32]) -> f32 {
    (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}
