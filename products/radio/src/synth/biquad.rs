//! Second-order filters with the coefficients of the Web Audio specification (its "cookbook"), so that they sound as in the
//! browser. There, Q of a low-pass and a high-pass counts in decibels.

use super::RATE;

/// Coefficients, normalised by a₀.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    b: [f32; 3],
    a: [f32; 2],
}

impl Shape {
    pub(super) fn lowpass(hz: f32, q_db: f32) -> Self {
        let (cos, alpha) = turn(hz, 10f32.powf(q_db / 20.0));
        let edge = (1.0 - cos) / 2.0;
        Self::new([edge, 1.0 - cos, edge], cos, alpha)
    }

    pub(super) fn highpass(hz: f32, q_db: f32) -> Self {
        let (cos, alpha) = turn(hz, 10f32.powf(q_db / 20.0));
        let edge = f32::midpoint(1.0, cos);
        Self::new([edge, -1.0 - cos, edge], cos, alpha)
    }

    pub(super) fn bandpass(hz: f32, q: f32) -> Self {
        let (cos, alpha) = turn(hz, q);
        Self::new([alpha, 0.0, -alpha], cos, alpha)
    }

    pub(super) fn allpass(hz: f32, q: f32) -> Self {
        let (cos, alpha) = turn(hz, q);
        Self::new([1.0 - alpha, -2.0 * cos, 1.0 + alpha], cos, alpha)
    }

    fn new(b: [f32; 3], cos: f32, alpha: f32) -> Self {
        let a0 = 1.0 + alpha;
        Self { b: b.map(|b| b / a0), a: [-2.0 * cos / a0, (1.0 - alpha) / a0] }
    }
}

fn turn(hz: f32, q: f32) -> (f32, f32) {
    let w = std::f32::consts::TAU * hz.clamp(5.0, RATE as f32 * 0.49) / RATE as f32;
    (w.cos(), w.sin() / (2.0 * q.max(0.01)))
}

/// The memory of one channel (transposed direct form II).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filter([f32; 2]);

impl Filter {
    pub(super) fn next(&mut self, shape: &Shape, x: f32) -> f32 {
        let y = shape.b[0] * x + self.0[0];
        self.0[0] = shape.b[1] * x - shape.a[0] * y + self.0[1];
        self.0[1] = shape.b[2] * x - shape.a[1] * y;
        y
    }

    pub(super) fn apply(&mut self, shape: &Shape, out: &mut [f32]) {
        out.iter_mut().for_each(|sample| *sample = self.next(shape, *sample));
    }
}
