//! The effects of a phrase, in its order. Each takes a block and gives one back.

use super::biquad::{Filter, Shape};
use super::osc::sine;
use super::reverb::Room;
use super::sound::Effects;
use super::{BLOCK, Block, RATE};
use crate::model::Effect;

/// Samples between two looks at what sweeps.
const CONTROL: usize = 32;

pub(super) enum Stage {
    Distortion { wet: f32, drive: f32, level: f32 },
    Delay { dry: f32, wet: f32, feedback: f32, darker: Shape, sides: [Echo; 2] },
    Reverb { dry: f32, wet: f32, room: Box<Room> },
    Chorus(Chorus),
    Phaser(Phaser),
    Filter { wet: f32, shape: Shape, sides: [Filter; 2] },
}

/// One side of an echo.
pub(super) struct Echo {
    line: Vec<f32>,
    at: usize,
    filter: Filter,
}

pub(super) struct Chorus {
    wet: f32,
    rate_hz: f32,
    reach: f32,
    centres: [f32; 2],
    line: Vec<f32>,
    at: usize,
}

pub(super) struct Phaser {
    wet: f32,
    rate_hz: f32,
    octaves: f32,
    centre_hz: f32,
    q: f32,
    stages: Vec<[Filter; 2]>,
}

/// A crossfade of two unlike signals at constant power.
fn equal_power(wet: f32) -> (f32, f32) {
    let angle = wet * std::f32::consts::FRAC_PI_2;
    (angle.cos(), angle.sin())
}

/// Seconds that an effect rings on after its input is silent.
pub(super) fn tail_s(of: &Effects, effect: &Effect) -> f32 {
    match *effect {
        Effect::Distortion { .. } => 0.0,
        Effect::Delay { time_s, feedback, .. } => {
            let (time, feedback) = (time_s as f32, feedback as f32);
            let echoes = if feedback <= 0.001 { 0.0 } else { 0.001f32.ln() / feedback.min(0.85).ln() };
            (time * (1.0 + echoes)).min(of.tail_max_s)
        }
        Effect::Reverb { decay_s, .. } => (decay_s as f32 + 0.012).min(of.tail_max_s),
        Effect::Chorus { .. } | Effect::Phaser { .. } | Effect::Filter { .. } => of.modulation_tail_s,
    }
}

/// Whether it is heard at all.
pub(super) fn is_heard(effect: &Effect) -> bool {
    let (Effect::Distortion { wet, .. }
    | Effect::Delay { wet, .. }
    | Effect::Reverb { wet, .. }
    | Effect::Chorus { wet, .. }
    | Effect::Phaser { wet, .. }
    | Effect::Filter { wet, .. }) = effect;
    *wet > 0.0
}

impl Stage {
    pub(super) fn new(of: &Effects, effect: &Effect) -> Self {
        match *effect {
            Effect::Distortion { wet, amount } => {
                let (nominal, drive) = (of.saturation.nominal, 1.0 + of.saturation.drive * amount as f32);
                Self::Distortion { wet: wet as f32, drive, level: nominal / (drive * nominal).tanh() }
            }
            Effect::Delay { wet, time_s, feedback } => {
                let (dry, wet) = equal_power(wet as f32);
                let length = ((time_s.clamp(0.001, 2.0)) * f64::from(RATE)) as usize;
                let side = || Echo { line: vec![0.0; length.max(1)], at: 0, filter: Filter::default() };
                let darker = Shape::lowpass(of.echo_top_hz, 0.0);
                Self::Delay { dry, wet, feedback: feedback.clamp(0.0, 0.85) as f32, darker, sides: [side(), side()] }
            }
            Effect::Reverb { wet, decay_s } => {
                let (dry, wet) = equal_power(wet as f32);
                Self::Reverb { dry, wet, room: Box::new(Room::new(decay_s as f32)) }
            }
            Effect::Chorus { wet, rate_hz, depth } => {
                let ms = |ms: f32| ms / 1000.0 * RATE as f32;
                let reach = of.chorus.sway_s.min(of.chorus.sway_per_hz / rate_hz as f32) * depth as f32 * RATE as f32;
                let centres = [ms(of.chorus.left_ms), ms(of.chorus.right_ms)];
                let line = vec![0.0; (centres[1] + reach) as usize + 4];
                Self::Chorus(Chorus { wet: wet as f32, rate_hz: rate_hz as f32, reach, centres, line, at: 0 })
            }
            Effect::Phaser { wet, rate_hz, octaves, base_hz } => Self::Phaser(Phaser {
                wet: wet as f32,
                rate_hz: rate_hz as f32,
                octaves: octaves as f32,
                centre_hz: (base_hz * (octaves / 2.0).exp2()).min(f64::from(of.phaser.top_hz)) as f32,
                q: of.phaser.q,
                stages: vec![<[Filter; 2]>::default(); of.phaser.stages],
            }),
            Effect::Filter { wet, frequency_hz, q } => {
                let shape = Shape::lowpass(frequency_hz as f32, q as f32);
                Self::Filter { wet: wet as f32, shape, sides: <[Filter; 2]>::default() }
            }
        }
    }

    /// `from` is the block's place in samples after the phrase began: what sways begins with the phrase.
    pub(super) fn apply(&mut self, from: i64, block: &mut Block) {
        match self {
            Self::Distortion { wet, drive, level } => {
                let (wet, drive, level) = (*wet, *drive, *level);
                let curve = |x: f32| (1.0 - wet) * x + wet * level * soft(drive * x);
                block.sides().into_iter().flatten().for_each(|x| *x = curve(x.clamp(-1.0, 1.0)));
            }
            Self::Delay { dry, wet, feedback, darker, sides } => {
                for (echo, side) in sides.iter_mut().zip(block.sides()) {
                    for sample in side {
                        let heard = echo.line[echo.at];
                        echo.line[echo.at] = *sample + *feedback * echo.filter.next(darker, heard);
                        echo.at = if echo.at + 1 == echo.line.len() { 0 } else { echo.at + 1 };
                        *sample = *dry * *sample + *wet * heard;
                    }
                }
            }
            Self::Reverb { dry, wet, room } => {
                let mut answer = block.clone();
                room.apply(&mut answer);
                for (side, answer) in block.sides().into_iter().zip([&answer.left, &answer.right]) {
                    side.iter_mut().zip(answer).for_each(|(sample, answer)| *sample = *dry * *sample + *wet * answer);
                }
            }
            Self::Chorus(chorus) => chorus.apply(from, block),
            Self::Phaser(phaser) => phaser.apply(from, block),
            Self::Filter { wet, shape, sides } => {
                for (filter, side) in sides.iter_mut().zip(block.sides()) {
                    for sample in side {
                        *sample = (1.0 - *wet) * *sample + *wet * filter.next(shape, *sample);
                    }
                }
            }
        }
    }
}

/// A rational tanh, right to a thousandth where the radio plays, and never above 1.
fn soft(x: f32) -> f32 {
    let x = x.clamp(-3.0, 3.0);
    let x2 = x * x;
    x * (27.0 + x2) / (27.0 + 9.0 * x2)
}

impl Chorus {
    fn apply(&mut self, from: i64, block: &mut Block) {
        let size = self.line.len();
        let turn = self.rate_hz / RATE as f32;
        for i in 0..BLOCK {
            self.line[self.at] = f32::midpoint(block.left[i], block.right[i]);
            let sway = self.reach * sine(((from + i as i64) as f32 * turn).fract());
            let wet = self.wet;
            let read = |delay: f32| {
                let place = self.at as f32 + size as f32 - delay;
                let (whole, part) = (place as usize, place.fract());
                let (early, late) = (self.line[whole % size], self.line[(whole + 1) % size]);
                early + part * (late - early)
            };
            let (left, right) = (read(self.centres[0] + sway), read(self.centres[1] - sway));
            block.left[i] = (1.0 - wet * 0.5) * block.left[i] + wet * left;
            block.right[i] = (1.0 - wet * 0.5) * block.right[i] + wet * right;
            self.at = if self.at + 1 == size { 0 } else { self.at + 1 };
        }
    }
}

impl Phaser {
    fn apply(&mut self, from: i64, block: &mut Block) {
        for begin in (0..BLOCK).step_by(CONTROL) {
            let turns = ((from + begin as i64) as f32 * self.rate_hz / RATE as f32).fract();
            let shape = Shape::allpass(self.centre_hz * (self.octaves / 2.0 * sine(turns)).exp2(), self.q);
            for (side, samples) in block.sides().into_iter().enumerate() {
                for sample in &mut samples[begin..begin + CONTROL] {
                    let glided = self.stages.iter_mut().fold(*sample, |x, stage| stage[side].next(&shape, x));
                    *sample = (1.0 - self.wet / 2.0) * *sample + self.wet / 2.0 * glided;
                }
            }
        }
    }
}
