//! Where all phrases meet: a small common room, a slow compressor that keeps a crowd as gentle as one, a limiter, and a
//! last soft knee that makes clipping impossible.

use super::biquad::{Filter, Shape};
use super::reverb::Room;
use super::sound::{self, Dynamics};
use super::{BLOCK, Block, RATE, decibels};

/// Samples between two looks at the loudness.
const CONTROL: usize = 16;

pub(super) struct Master {
    drive: f32,
    send: f32,
    room: Room,
    rumble: Shape,
    through: [Filter; 2],
    together: Compressor,
    limiter: Compressor,
    knee: f32,
    ceiling: f32,
}

/// A compressor as the Web Audio specification shapes it: a soft knee, and most of what it takes given back.
struct Compressor {
    of: Dynamics,
    attack: f32,
    release: f32,
    make_up: f32,
    /// What it takes now, decibels, at most 0.
    gain_db: f32,
}

impl Compressor {
    fn new(of: Dynamics) -> Self {
        let step = |seconds: f32| 1.0 - (-(CONTROL as f32) / (seconds * RATE as f32)).exp();
        let make_up = decibels(-curve_db(of, 0.0) * 0.6);
        Self { of, attack: step(of.attack_s), release: step(of.release_s), make_up, gain_db: 0.0 }
    }

    fn apply(&mut self, block: &mut Block) {
        let mut from = decibels(self.gain_db) * self.make_up;
        for begin in (0..BLOCK).step_by(CONTROL) {
            let span = begin..begin + CONTROL;
            let loudest = |side: &[f32]| side.iter().fold(0f32, |most, sample| most.max(sample.abs()));
            let level = loudest(&block.left[span.clone()]).max(loudest(&block.right[span.clone()]));
            let wanted = if level > 1e-5 { curve_db(self.of, 20.0 * level.log10()) } else { 0.0 };
            let share = if wanted < self.gain_db { self.attack } else { self.release };
            self.gain_db += share * (wanted - self.gain_db);
            let to = decibels(self.gain_db) * self.make_up;
            let slope = (to - from) / CONTROL as f32;
            for side in block.sides() {
                side[span.clone()].iter_mut().enumerate().for_each(|(i, sample)| *sample *= from + slope * i as f32);
            }
            from = to;
        }
    }
}

/// What is taken from a level, decibels: a parabola within the knee, the ratio above it.
fn curve_db(of: Dynamics, level_db: f32) -> f32 {
    let over = level_db - of.threshold_db;
    let slope = 1.0 / of.ratio - 1.0;
    if over <= 0.0 {
        0.0
    } else if over < of.knee_db {
        slope * over * over / (2.0 * of.knee_db)
    } else {
        slope * (of.knee_db / 2.0 + over - of.knee_db)
    }
}

impl Master {
    pub(super) fn new(of: &sound::Master) -> Self {
        Self {
            drive: of.drive,
            send: of.room_send,
            room: Room::new(of.room_s),
            rumble: Shape::highpass(of.rumble_hz, 0.0),
            through: <[Filter; 2]>::default(),
            together: Compressor::new(of.together),
            limiter: Compressor::new(of.limiter),
            knee: of.knee,
            ceiling: of.ceiling,
        }
    }

    pub(super) fn apply(&mut self, block: &mut Block) {
        let mut send = block.clone();
        block.sides().into_iter().flatten().for_each(|sample| *sample *= self.drive);
        send.sides().into_iter().flatten().for_each(|sample| *sample *= self.drive * self.send);
        self.room.apply(&mut send);
        for ((side, room), filter) in block.sides().into_iter().zip(send.sides()).zip(&mut self.through) {
            side.iter_mut().zip(room.iter()).for_each(|(sample, room)| *sample += room);
            filter.apply(&self.rumble, side);
        }
        self.together.apply(block);
        self.limiter.apply(block);
        block.sides().into_iter().flatten().for_each(|sample| *sample = self.soft_knee(*sample));
    }

    fn soft_knee(&self, x: f32) -> f32 {
        let size = x.abs();
        if size <= self.knee {
            return x;
        }
        let room = self.ceiling - self.knee;
        // What is no number is silence: nothing that went wrong reaches a loudspeaker.
        if size.is_nan() { 0.0 } else { x.signum() * (self.knee + room * ((size - self.knee) / room).tanh()) }
    }
}
