//! Curves in time: points joined by lines and exponentials, walked sample by sample.

use super::RATE;
use super::sound::Tone;
use crate::model::Envelope;

/// How a curve reaches a point.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Line,
    Exponential,
}

/// Where a curve is to be, and by which way.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    at: u32,
    level: f32,
    way: Way,
}

/// A curve that begins at silence; it holds the last point's level.
#[derive(Clone, Debug, Default)]
pub(super) struct Curve {
    points: Vec<Point>,
    next: usize,
    now: u32,
    level: f32,
}

pub(super) fn samples(seconds: f32) -> u32 {
    (seconds.max(0.0) * RATE as f32).round() as u32
}

impl Curve {
    pub(super) fn line(mut self, at_s: f32, level: f32) -> Self {
        self.points.push(Point { at: samples(at_s), level, way: Way::Line });
        self
    }

    pub(super) fn fall(mut self, at_s: f32, level: f32) -> Self {
        self.points.push(Point { at: samples(at_s), level: level.max(1e-7), way: Way::Exponential });
        self
    }

    /// Its length in samples.
    pub(super) fn length(&self) -> u32 {
        self.points.last().map_or(0, |point| point.at)
    }

    /// Multiplies what is there with the curve's next samples.
    pub(super) fn apply(&mut self, out: &mut [f32]) {
        let mut rest = out;
        while !rest.is_empty() {
            let Some(point) = self.points.get(self.next) else {
                rest.iter_mut().for_each(|sample| *sample *= self.level);
                return;
            };
            let left = point.at.saturating_sub(self.now);
            if left == 0 {
                self.level = point.level;
                self.next += 1;
                continue;
            }
            let count = (left as usize).min(rest.len());
            let (part, later) = rest.split_at_mut(count);
            let (from, way, to) = (self.level, point.way, point.level);
            match way {
                Way::Line => {
                    let slope = (to - from) / left as f32;
                    part.iter_mut().enumerate().for_each(|(i, sample)| *sample *= from + slope * i as f32);
                    self.level = from + slope * count as f32;
                }
                Way::Exponential => {
                    let ratio = (to / from.max(1e-7)).powf(1.0 / left as f32);
                    let mut level = from.max(1e-7);
                    for sample in part.iter_mut() {
                        *sample *= level;
                        level *= ratio;
                    }
                    self.level = level;
                }
            }
            self.now += count as u32;
            rest = later;
        }
    }
}

/// ADSR as the browser has it: attack and decay are lines, the release falls to −60 dB and then to silence. A short note
/// releases from where it has come to.
pub(super) fn adsr(tone: &Tone, envelope: &Envelope, duration_s: f64) -> Curve {
    let attack = (envelope.attack_s as f32).max(tone.rise_min_s);
    let (decay, sustain) = (envelope.decay_s as f32, envelope.sustain as f32);
    let held = (duration_s as f32).max(tone.rise_min_s);
    let mut curve = Curve::default();
    if attack < held {
        curve = curve.line(attack, 1.0);
    }
    if decay > 0.0 && attack + decay < held {
        curve = curve.line(attack + decay, sustain);
    }
    let reached = match held {
        held if held < attack => held / attack,
        held if decay <= 0.0 || held >= attack + decay => sustain,
        held => 1.0 - (1.0 - sustain) * ((held - attack) / decay),
    };
    let released = reached.max(tone.silent);
    let silent = held + (envelope.release_s as f32).max(tone.release_min_s);
    curve = curve.line(held, released);
    if released > tone.silent {
        curve = curve.fall(silent, released * tone.silent);
    }
    curve.line(silent + tone.last_step_s, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::sound::Sound;

    #[test]
    fn a_note_rises_holds_and_falls_by_sixty_decibels() {
        let envelope = Envelope { attack_s: 0.1, decay_s: 0.2, sustain: 0.5, release_s: 0.8 };
        let mut curve = adsr(&Sound::standard().tone, &envelope, 1.0);
        assert_eq!(curve.length(), samples(1.812));
        let mut level = vec![1.0; samples(2.0) as usize];
        // In odd pieces: a block's edge is not heard.
        level.chunks_mut(97).for_each(|part| curve.apply(part));
        let at = |seconds: f32| level[samples(seconds) as usize];
        for (seconds, expected) in [(0.05, 0.5), (0.1, 1.0), (0.2, 0.75), (0.5, 0.5), (0.99, 0.5), (1.4, 0.0158)] {
            assert!((at(seconds) - expected).abs() < 0.01, "{seconds}: {}", at(seconds));
        }
        assert_eq!(at(1.9), 0.0);
    }
}
