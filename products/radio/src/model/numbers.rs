//! Numbers as the phrase carries them: few digits, so that a phrase is short and reads the same on every machine.

/// Rounded to `digits` decimals.
pub(super) fn round(value: f64, digits: u32) -> f64 {
    let scale = f64::from(10u32.pow(digits));
    (value * scale).round() / scale
}

/// A time in seconds, rounded down to a tenth of a millisecond: a note never leaves the place that was kept for it.
pub(super) fn time(seconds: f64) -> f64 {
    (seconds * 10_000.0 + 1e-6).floor() / 10_000.0
}

/// `value` within 0..1; what is not a number counts as 0.
pub(super) fn unit(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

/// The helper for loudness: 0.3 to 1.0 by intensity.
pub(super) fn velocity(intensity: f64) -> f64 {
    0.3 + 0.7 * unit(intensity)
}

/// The largest multiple of `grid` that is not above `value`.
pub(super) fn down_to(value: f64, grid: f64) -> f64 {
    ((value + 1e-9) / grid).floor() * grid
}
