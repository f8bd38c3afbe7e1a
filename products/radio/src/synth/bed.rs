//! The bed of a station: slow wind, a hollow chord on the tonic of the last phrase, and from time to time a purr. So
//! faint that it answers no event; so steady that the station is never dead air. All of it is a function of the time of
//! day, so that whoever renders a moment renders the same.

use super::biquad::{Filter, Shape};
use super::noise::{Noise, seed_of};
use super::osc::{shape, sine};
use super::{BLOCK, Block, RATE};
use crate::model::Waveform;

/// After so many samples everything here is where it was: frequencies are whole turns an hour.
const HOUR: i64 = 3_600 * RATE as i64;
/// From one tonic to the next.
const GLIDE_S: f32 = 3.0;
const WIND: f32 = 0.025;
const CHORD: f32 = 0.0035;
const PURR: f32 = 0.012;
/// Turns of each breath in an hour: 11, 13 and 17 seconds and more, never all low together.
const BREATHS: [i64; 3] = [327, 277, 211];
/// The purr comes and goes 150 times an hour.
const PURRS: i64 = 150;

pub(super) struct Bed {
    wind: [Filter; 2],
    softer: [Filter; 2],
    purr: Filter,
    seed: u32,
    now: f32,
    before: f32,
    changed: i64,
}

/// The turns of something that turns so often an hour, at this sample.
fn turns(an_hour: i64, at: i64) -> f32 {
    let place = i128::from(an_hour) * i128::from(at.rem_euclid(HOUR)) % i128::from(HOUR);
    (place as f64 / HOUR as f64) as f32
}

impl Bed {
    /// A bed on the tonic `hz`.
    pub(super) fn new(tonic_hz: f32) -> Self {
        Self {
            wind: <[Filter; 2]>::default(),
            softer: <[Filter; 2]>::default(),
            purr: Filter::default(),
            seed: seed_of("wind"),
            now: tonic_hz,
            before: tonic_hz,
            changed: 0,
        }
    }

    /// Glides to another tonic from the sample `at` on.
    pub(super) fn follow(&mut self, tonic_hz: f32, at: i64) {
        if (tonic_hz - self.now).abs() > 0.01 {
            (self.before, self.now, self.changed) = (self.now, tonic_hz, at);
        }
    }

    /// Adds the block that begins at the absolute sample `at`.
    pub(super) fn add(&mut self, at: i64, out: &mut Block) {
        let gusts = Shape::lowpass(340.0 + 150.0 * sine(turns(252, at)), 0.0);
        let soft = Shape::lowpass(600.0, 0.0);
        for (side, samples) in out.sides().into_iter().enumerate() {
            let seed = self.seed ^ side as u32;
            for (i, sample) in samples.iter_mut().enumerate() {
                let gust = self.wind[side].next(&gusts, Noise::at(seed, at + i as i64));
                *sample += WIND * self.softer[side].next(&soft, gust);
            }
        }
        let gone = ((at - self.changed) as f32 / (GLIDE_S * RATE as f32)).clamp(0.0, 1.0);
        self.chord(self.now, gone.sqrt(), at, out);
        if gone < 1.0 {
            self.chord(self.before, (1.0 - gone).sqrt(), at, out);
        }
        self.purr(at, out);
    }

    /// The tonic, its fifth and its octave, each with a breath of its own.
    fn chord(&self, hz: f32, gain: f32, at: i64, out: &mut Block) {
        for (i, ratio) in [1.0, 1.5, 2.0].into_iter().enumerate() {
            let an_hour = (f64::from(hz) * ratio * 3600.0).round() as i64;
            let loud = gain * CHORD * (1.0 + 0.6 * sine(turns(BREATHS[i], at))) * [1.0, 0.8, 0.35][i];
            let (mut phase, turn) = (turns(an_hour, at), an_hour as f32 / HOUR as f32);
            let side = [0.5, 0.62, 0.38][i];
            for n in 0..BLOCK {
                let value = loud * sine(phase);
                out.left[n] += 2.0 * (1.0 - side) * value;
                out.right[n] += 2.0 * side * value;
                phase += turn;
            }
        }
    }

    fn purr(&mut self, at: i64, out: &mut Block) {
        let swell = (sine(turns(PURRS, at)) - 0.2).max(0.0) / 0.8;
        let loud = PURR * swell * (0.72 + 0.28 * sine(turns(4 * 3600, at))) * (0.8 + 0.2 * sine(turns(23 * 3600, at)));
        let hz = self.now / 2.0;
        let an_hour = (f64::from(hz) * 3600.0).round() as i64;
        let (mut phase, dt) = (turns(an_hour, at), hz / RATE as f32);
        let blanket = Shape::lowpass(240.0, 0.0);
        for n in 0..BLOCK {
            let value = loud * self.purr.next(&blanket, shape(Waveform::Sawtooth, phase, dt));
            out.left[n] += value;
            out.right[n] += value;
            phase = (phase + dt).fract();
        }
    }
}

/// The key's tonic in the octave below middle C, as the browser has it.
pub(super) fn tonic_hz(key: &str) -> f32 {
    let mut letters = key.chars();
    let semitones = match letters.next() {
        Some('D') => 2,
        Some('E') => 4,
        Some('F') => 5,
        Some('G') => 7,
        Some('A') => 9,
        Some('B') => 11,
        _ => 0,
    };
    let accidental = match letters.next() {
        Some('#') => 1,
        Some('b') => -1,
        _ => 0,
    };
    440.0 * ((48 + semitones + accidental - 69) as f32 / 12.0).exp2()
}
