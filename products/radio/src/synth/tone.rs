//! One note of the melody or of a chord, in one of the three synths. In each, the exact pitch is the strongest partial.

use super::envelope::{Curve, samples};
use super::osc::{Osc, sine};
use super::sound::{Fm, Operator, Poly};
use super::{BLOCK, Block, RATE};
use crate::model::{LowPass, Synth, Waveform};

/// Who sings the note.
enum Voice {
    Plain(Osc),
    Poly { first: Osc, second: Osc, of: Poly },
    Fm { carrier: Osc, hz: f32, of: Operator, modulation: Modulation },
}

/// The modulator's phase and how far it still bends.
struct Modulation {
    turns: f32,
    reach: f32,
    rest: f32,
    /// What a sample leaves of the way from the full reach to its rest.
    fall: f32,
}

/// A note that begins `start` samples after its phrase.
pub(super) struct Note {
    start: i64,
    end: i64,
    voice: Voice,
    curve: Curve,
    gain: f32,
    left: f32,
    right: f32,
}

/// What a note is, beside its synth.
pub(super) struct Tone {
    pub(super) hz: f32,
    pub(super) at_s: f64,
    pub(super) gain: f32,
    /// −1 left to 1 right.
    pub(super) pan: f32,
    pub(super) curve: Curve,
}

/// Gains of the two sides, at constant power.
pub(super) fn pan(pan: f32) -> (f32, f32) {
    let x = f32::midpoint(pan.clamp(-1.0, 1.0), 1.0) * std::f32::consts::FRAC_PI_2;
    (x.cos(), x.sin())
}

/// How much a low-pass filter takes from a tone, as linear gain.
fn lowpass_gain(filter: &LowPass, hz: f32) -> f32 {
    let ratio2 = (hz / filter.frequency_hz as f32).powi(2);
    let q = 10f32.powf(filter.q as f32 / 20.0);
    1.0 / ((1.0 - ratio2).powi(2) + ratio2 / (q * q)).sqrt()
}

/// A high note under a closed filter would vanish; most of its loss is given back, at most 12 dB.
pub(super) fn make_up(filter: &LowPass, hz: f32) -> f32 {
    lowpass_gain(filter, hz).powf(-0.75).clamp(1.0, 4.0)
}

impl Note {
    pub(super) fn new(tone: Tone, synth: Synth, waveform: Waveform, poly: Poly, fm: &Fm) -> Self {
        let hz = tone.hz;
        let voice = match synth {
            Synth::Plain => Voice::Plain(Osc::new(waveform, hz)),
            Synth::Poly => {
                let second = Osc::new(waveform, hz * (poly.detune_cents / 1200.0).exp2());
                Voice::Poly { first: Osc::new(waveform, hz), second, of: poly }
            }
            Synth::Fm => {
                let of = fm.of(waveform);
                let fall = (-1.0 / (fm.fall_s * RATE as f32)).exp();
                let modulation = Modulation { turns: 0.0, reach: 1.0, rest: fm.rest, fall };
                Voice::Fm { carrier: Osc::new(waveform, hz), hz, of, modulation }
            }
        };
        let start = samples(tone.at_s as f32).into();
        let (left, right) = pan(tone.pan);
        let end = start + i64::from(tone.curve.length());
        Self { start, end, voice, curve: tone.curve, gain: tone.gain, left, right }
    }

    /// When it is silent, samples after its phrase began.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Adds its part of a block that begins `from` samples after the phrase.
    pub(super) fn add(&mut self, from: i64, block: &mut Block) {
        let span = |at: i64| (at - from).clamp(0, BLOCK as i64) as usize;
        let (begin, end) = (span(self.start), span(self.end));
        if begin >= end {
            return;
        }
        let mut scratch = [0.0; BLOCK];
        let part = &mut scratch[..end - begin];
        self.voice.add(part, self.gain);
        self.curve.apply(part);
        mix(part, &mut block.left[begin..end], self.left);
        mix(part, &mut block.right[begin..end], self.right);
    }
}

/// Adds `gain` times `from`.
pub(super) fn mix(from: &[f32], to: &mut [f32], gain: f32) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += gain * from);
}

impl Voice {
    fn add(&mut self, out: &mut [f32], gain: f32) {
        match self {
            Self::Plain(osc) => osc.add(out, gain),
            Self::Poly { first, second, of } => {
                first.add(out, gain * of.strong);
                second.add(out, gain * of.soft);
            }
            Self::Fm { carrier, hz, of, modulation } => {
                let (turn, full) = (*hz * of.ratio / RATE as f32, of.index * *hz * of.ratio);
                for sample in out {
                    let reach = full * (modulation.rest + (1.0 - modulation.rest) * modulation.reach);
                    *sample += gain * carrier.next_at(*hz + reach * sine(modulation.turns));
                    modulation.reach *= modulation.fall;
                    modulation.turns = (modulation.turns + turn).fract();
                }
            }
        }
    }
}
