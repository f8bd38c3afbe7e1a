//! Oscillators with little aliasing: steps and corners are rounded over two samples (polyBLEP, polyBLAMP).

use super::RATE;
use crate::model::Waveform;

/// Browsers scale saw and square so that their band-limited overshoot stays below 1 (Gibbs); so do we.
const OVERSHOOT: f32 = 1.0 / 1.179;

/// `sin(2π · turns)`, to 4 in a million.
pub(super) fn sine(turns: f32) -> f32 {
    let y = turns - turns.round();
    let fold = y.abs().min(0.5 - y.abs());
    let x = std::f32::consts::TAU * fold;
    let x2 = x * x;
    let value = x * (1.0 - x2 * (1.0 / 6.0 - x2 * (1.0 / 120.0 - x2 * (1.0 / 5040.0 - x2 / 362_880.0))));
    value.copysign(y)
}

/// A phase that never loses precision: a turn is 2³² steps.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Phase(u32);

impl Phase {
    /// In turns, 0 to 1.
    pub(super) fn turns(self) -> f32 {
        // 24 bits fit an f32 exactly.
        (self.0 >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    pub(super) fn advance(&mut self, step: u32) {
        self.0 = self.0.wrapping_add(step);
    }
}

/// Phase steps of one sample at this frequency. A modulated one may be negative for a moment: then time runs backwards.
pub(super) fn step(hz: f32) -> u32 {
    let most = RATE as f32 / 2.1;
    (f64::from(hz.clamp(-most, most)) * (4_294_967_296.0 / f64::from(RATE))) as i64 as u32
}

/// One sample of a waveform at `t` (turns) that moves by `dt` a sample.
pub(super) fn shape(waveform: Waveform, t: f32, dt: f32) -> f32 {
    match waveform {
        Waveform::Sine => sine(t),
        Waveform::Sawtooth => OVERSHOOT * (2.0 * t - 1.0 - step_residual(t, dt)),
        Waveform::Square => {
            let naive = if t < 0.5 { 1.0 } else { -1.0 };
            OVERSHOOT * (naive + step_residual(t, dt) - step_residual(half_on(t), dt))
        }
        Waveform::Triangle => {
            let naive = 1.0 - 4.0 * (t - 0.5).abs();
            naive + 4.0 * dt * (corner_residual(t, dt) - corner_residual(half_on(t), dt))
        }
    }
}

fn half_on(t: f32) -> f32 {
    if t < 0.5 { t + 0.5 } else { t - 0.5 }
}

/// What a step of height 2 at `t` = 0 lacks of being band-limited.
fn step_residual(t: f32, dt: f32) -> f32 {
    if t < dt {
        let x = t / dt;
        2.0 * x - x * x - 1.0
    } else if t > 1.0 - dt {
        let x = (t - 1.0) / dt;
        x * x + 2.0 * x + 1.0
    } else {
        0.0
    }
}

/// The same for a corner: the integral of the step's residual.
fn corner_residual(t: f32, dt: f32) -> f32 {
    let cubed = |x: f32| x * x * x / 3.0;
    if t < dt {
        cubed(1.0 - t / dt)
    } else if t > 1.0 - dt {
        cubed(1.0 + (t - 1.0) / dt)
    } else {
        0.0
    }
}

/// One steady oscillator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Osc {
    waveform: Waveform,
    phase: Phase,
    step: u32,
    dt: f32,
}

impl Osc {
    pub(super) fn new(waveform: Waveform, hz: f32) -> Self {
        Self { waveform, phase: Phase::default(), step: step(hz), dt: hz / RATE as f32 }
    }

    /// The next sample, at this frequency.
    pub(super) fn next_at(&mut self, hz: f32) -> f32 {
        let value = shape(self.waveform, self.phase.turns(), (hz.abs() / RATE as f32).clamp(1e-6, 0.45));
        self.phase.advance(step(hz));
        value
    }

    /// Adds `gain` times the next samples.
    pub(super) fn add(&mut self, out: &mut [f32], gain: f32) {
        match self.waveform {
            Waveform::Sine => self.run(out, gain, |t, dt| shape(Waveform::Sine, t, dt)),
            Waveform::Sawtooth => self.run(out, gain, |t, dt| shape(Waveform::Sawtooth, t, dt)),
            Waveform::Square => self.run(out, gain, |t, dt| shape(Waveform::Square, t, dt)),
            Waveform::Triangle => self.run(out, gain, |t, dt| shape(Waveform::Triangle, t, dt)),
        }
    }

    /// A loop of its own for each shape.
    fn run(&mut self, out: &mut [f32], gain: f32, shape: impl Fn(f32, f32) -> f32) {
        let (start, step, dt) = (self.phase, self.step, self.dt);
        for (i, sample) in out.iter_mut().enumerate() {
            let mut phase = start;
            phase.advance(step.wrapping_mul(i as u32));
            *sample += gain * shape(phase.turns(), dt);
        }
        self.phase.advance(step.wrapping_mul(out.len() as u32));
    }
}
