//! The cats: small voices that are always in tune. Where one bends its pitch, it bends into it and stays there.

use super::biquad::{Filter, Shape};
use super::envelope::{Curve, samples};
use super::noise::{Noise, seed_of};
use super::osc::{Osc, sine};
use super::sound::{Breath, Cats};
use super::tone::{mix, pan};
use super::{BLOCK, Block, RATE};
use crate::model::{Cat, CatSound, Phrase, Waveform};

/// Samples between two looks at what moves slowly.
const CONTROL: usize = 16;
/// From −60 dB to silence.
const LAST_STEP_S: f32 = 0.01;

/// A cat that begins `start` samples after its phrase.
pub(super) struct CatVoice {
    sound: CatSound,
    start: i64,
    end: i64,
    hz: f32,
    length_s: f32,
    beat_s: f32,
    gain: f32,
    place: (f32, f32),
    /// Kneading has none: its paws are in `voice`.
    breath: Option<Curve>,
    oscs: [Osc; 2],
    filter: Filter,
    shape: Shape,
    noise: Noise,
    sung: usize,
}

impl CatVoice {
    pub(super) fn new(of: &Cats, cat: &Cat, index: usize, phrase: &Phrase) -> Self {
        let mut random = Noise::new(seed_of(&format!("{} cat {index}", phrase.id)));
        let place = pan(((random.unit() - 0.5) as f32) * of.spread);
        let noise = Noise::new((random.unit() * 4_294_967_296.0) as u32);
        let (length_s, breath) = breath_of(of, cat);
        let curve = breathing(breath, length_s);
        let start = samples(cat.at_s as f32).into();
        let kneads = cat.sound == CatSound::Kneading;
        let length = samples(length_s + breath.release_s + LAST_STEP_S);
        let hz = cat.hz.unwrap_or(0.0) as f32;
        Self {
            sound: cat.sound,
            start,
            end: start + i64::from(length),
            hz,
            length_s,
            beat_s: 60.0 / phrase.tempo.bpm.max(1) as f32,
            gain: cat.velocity as f32 * breath.level,
            place,
            breath: (!kneads).then_some(curve),
            oscs: waveforms(cat.sound).map(|waveform| Osc::new(waveform, hz)),
            filter: Filter::default(),
            shape: Shape::default(),
            noise,
            sung: 0,
        }
    }

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
        for piece in part.chunks_mut(CONTROL) {
            let at_s = self.sung as f32 / RATE as f32;
            self.sing(at_s, piece);
            self.sung += piece.len();
        }
        if let Some(curve) = &mut self.breath {
            curve.apply(part);
        }
        let (left, right) = self.sides();
        mix(part, &mut block.left[begin..end], self.gain * left);
        mix(part, &mut block.right[begin..end], self.gain * right);
    }

    /// The paws press from two sides in turn; everybody else keeps its place.
    fn sides(&self) -> (f32, f32) {
        if self.sound != CatSound::Kneading {
            return self.place;
        }
        let step = (self.sung as f32 / RATE as f32 / self.beat_s) as u32;
        let paw = pan(if step.is_multiple_of(2) { -0.25 } else { 0.25 });
        (self.place.0 * paw.0 * std::f32::consts::SQRT_2, self.place.1 * paw.1 * std::f32::consts::SQRT_2)
    }

    fn sing(&mut self, t: f32, out: &mut [f32]) {
        let (hz, length) = (self.hz, self.length_s);
        let cents = |cents: f32| (cents / 1200.0).exp2();
        match self.sound {
            CatSound::Purr => {
                self.shape = Shape::lowpass((hz * 4.0).clamp(260.0, 900.0), 0.0);
                let loud = (0.78 + 0.22 * sine(23.0 * t)) * (0.75 + 0.25 * sine(4.0 * t));
                self.filtered(out, hz * cents(12.0 * sine(4.0 * t)), loud);
            }
            CatSound::Meow => self.meow(t, out),
            CatSound::Chirp => {
                let octave = hz * bend(1.8, 2.0, t / 0.06);
                for sample in out {
                    *sample = 0.6 * self.oscs[0].next_at(hz) + 0.4 * self.oscs[1].next_at(octave);
                }
            }
            CatSound::Trill => {
                let (hz, loud) = (hz * cents(22.0 * sine(8.0 * t)), 0.85 + 0.15 * sine(8.0 * t));
                out.iter_mut().for_each(|sample| *sample = loud * self.oscs[0].next_at(hz));
            }
            CatSound::Mrrp => {
                self.shape = Shape::lowpass((hz * 2.2).max(420.0), 0.0);
                let roll = 0.2 * (1.0 - t / (length * 0.6)).max(0.0);
                self.filtered(out, hz * bend(0.8, 1.0, t / (length * 0.4)), 0.8 + roll * sine(19.0 * t));
            }
            CatSound::Hiss => {
                let end = self.end - self.start;
                let gone = t * RATE as f32 / end.max(1) as f32;
                self.shape = Shape::bandpass(3900.0 - 1300.0 * gone, 0.7);
                for sample in out {
                    *sample = self.filter.next(&self.shape, self.noise.white());
                }
            }
            CatSound::Sigh => {
                let gone = t * RATE as f32 / (self.end - self.start).max(1) as f32;
                self.shape = Shape::lowpass(hz * bend(5.0, 1.6, gone), 0.0);
                self.filtered(out, hz * bend(1.19, 1.0, t / (length * 0.45)), 1.0);
            }
            CatSound::PurrPad => {
                self.shape = Shape::lowpass((hz * 2.5).clamp(180.0, 520.0), 0.0);
                let (loud, above) = (0.85 + 0.15 * sine(4.0 * t), hz * cents(6.0));
                for sample in out {
                    let both = 0.55 * self.oscs[0].next_at(hz) + 0.45 * self.oscs[1].next_at(above);
                    *sample = loud * self.filter.next(&self.shape, both);
                }
            }
            CatSound::Kneading => {
                self.shape = Shape::lowpass((hz * 2.0).max(220.0), 0.0);
                let loud = self.press(t);
                self.filtered(out, hz, loud);
            }
        }
    }

    /// One oscillator through the filter.
    fn filtered(&mut self, out: &mut [f32], hz: f32, loud: f32) {
        for sample in out {
            *sample = loud * self.filter.next(&self.shape, self.oscs[0].next_at(hz));
        }
    }

    /// A formant that opens and closes as a mouth does; the droop comes with the release, after the note was in tune.
    fn meow(&mut self, t: f32, out: &mut [f32]) {
        let (length, all) = (self.length_s, (self.end - self.start) as f32 / RATE as f32);
        let droop = bend(1.0, 0.94, (t - length) / (all - length).max(0.01));
        let hz = self.hz * bend(0.84, 1.0, t / (length * 0.35)) * droop;
        let opening = t / (length * 0.4);
        let mouth = if opening < 1.0 {
            1.8 + 2.2 * opening
        } else {
            4.0 - 2.0 * ((t - length * 0.4) / (length * 0.6)).clamp(0.0, 1.0)
        };
        self.shape = Shape::bandpass(self.hz * mouth, 2.2);
        for sample in out {
            let bright = self.filter.next(&self.shape, self.oscs[1].next_at(hz));
            *sample = 0.85 * self.oscs[0].next_at(hz) + 0.3 * bright;
        }
    }

    /// How hard the paws press at `t`.
    fn press(&self, t: f32) -> f32 {
        let step = (t / self.beat_s).floor();
        if step * self.beat_s >= self.length_s - 0.05 {
            return 0.0;
        }
        let press = self.beat_s.min(1.0);
        let within = (t - step * self.beat_s) / press;
        match within {
            within if within < 0.18 => within / 0.18,
            within if within < 0.9 => 0.004f32.powf((within - 0.18) / 0.72) * 1.5,
            _ => 0.0,
        }
        .min(1.0)
    }
}

/// A share of the way from one ratio to another, as pitch moves; it stays at its end.
fn bend(from: f32, to: f32, gone: f32) -> f32 {
    from * (to / from).powf(gone.clamp(0.0, 1.0))
}

fn waveforms(sound: CatSound) -> [Waveform; 2] {
    match sound {
        CatSound::Purr => [Waveform::Sawtooth, Waveform::Sine],
        CatSound::Meow => [Waveform::Triangle, Waveform::Sawtooth],
        CatSound::Mrrp => [Waveform::Square, Waveform::Sine],
        CatSound::PurrPad => [Waveform::Sawtooth, Waveform::Triangle],
        CatSound::Sigh | CatSound::Kneading => [Waveform::Triangle, Waveform::Sine],
        CatSound::Chirp | CatSound::Trill | CatSound::Hiss => [Waveform::Sine, Waveform::Sine],
    }
}

/// How long a cat sings, and how it breathes.
fn breath_of(of: &Cats, cat: &Cat) -> (f32, Breath) {
    let mut breath = of.breath(cat.sound);
    let mut length_s = (cat.duration_s as f32).max(of.length_min_s);
    if cat.sound == CatSound::Chirp {
        length_s = length_s.min(0.22);
    }
    if cat.sound == CatSound::PurrPad {
        breath.attack_s = breath.attack_s.min(length_s * 0.45);
    }
    (length_s, breath)
}

/// Seconds from a cat's beginning to its silence.
pub(super) fn length_s(of: &Cats, cat: &Cat) -> f32 {
    let (length_s, breath) = breath_of(of, cat);
    length_s + breath.release_s + LAST_STEP_S
}

/// Rises, holds for the cat's length, and falls away.
fn breathing(of: Breath, length_s: f32) -> Curve {
    let rise = of.attack_s.min(length_s * 0.6);
    let curve = Curve::default().line(rise, 1.0).line(length_s, 1.0);
    curve.fall(length_s + of.release_s, 0.001).line(length_s + of.release_s + LAST_STEP_S, 0.0)
}
