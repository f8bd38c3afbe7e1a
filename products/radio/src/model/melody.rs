//! The melody: a random walk on the scale, on the beat grid, inside the phrase.

use super::dice::Dice;
use super::numbers::{down_to, round};
use super::phrase::MelodyNote;
use super::tempo::Grid;
use super::theory::Scale;

/// Note values in beats: eighth, eighth, sixteenth, quarter.
const VALUES: [f64; 4] = [0.5, 0.5, 0.25, 1.0];
const VALUES_BEATS: f64 = 2.25;
const NOTES_MIN: usize = 4;
const NOTES_MAX: usize = 64;

/// How many notes a phrase has: `floor(duration × density × 4)`, at least 4 and at most 64.
pub(super) fn notes(duration_s: f64, density: f64) -> usize {
    ((duration_s * density * 4.0 + 1e-9) as usize).clamp(NOTES_MIN, NOTES_MAX)
}

/// Start and length of each note, in beats.
///
/// The values come in groups of four. When the groups do not fit, all values are halved until they do (and doubled once
/// when there is room for it); then the groups stand evenly in the phrase, on the coarsest grid that keeps them apart.
pub(super) fn rhythm(count: usize, grid: Grid) -> Vec<(f64, f64)> {
    let span = grid.beats() / count.div_ceil(VALUES.len()) as f64;
    let mut unit = 2.0;
    while VALUES_BEATS * unit > span {
        unit /= 2.0;
    }
    let group = VALUES_BEATS * unit;
    let step = [1.0, 0.5, 0.25].into_iter().find(|step| down_to(span, *step) >= group).unwrap_or(0.25 * unit);
    (0..count)
        .map(|index| {
            let (group, within) = (index / VALUES.len(), index % VALUES.len());
            let start = down_to(span * group as f64, step) + VALUES[..within].iter().sum::<f64>() * unit;
            let value = if index + 1 == count { 1.0 } else { VALUES[within] };
            (start, value * unit)
        })
        .collect()
}

/// The walk: up one 30 %, down one 30 %, stay 20 %, up two 10 %, down two 10 %, held at both ends of the ladder.
fn walk(dice: &mut Dice, count: usize, steps: usize) -> Vec<usize> {
    let top = steps.saturating_sub(1) as i64;
    // It sets out from the first, third or fifth step.
    let mut at = i64::from(dice.percent() % 3) * 2;
    let mut path = Vec::with_capacity(count);
    for _ in 0..count {
        path.push(at.clamp(0, top) as usize);
        at = match dice.percent() {
            0..30 => at + 1,
            30..60 => at - 1,
            60..80 => at,
            80..90 => at + 2,
            _ => at - 2,
        }
        .clamp(0, top);
    }
    path
}

/// The melody of a phrase. Loudness swells from half to `velocity` in the middle and back.
pub(super) fn melody(
    dice: &mut Dice,
    scale: &Scale,
    octave: u8,
    density: f64,
    grid: Grid,
    velocity: f64,
) -> Vec<MelodyNote> {
    let count = notes(grid.duration_s, density);
    let ladder = scale.ladder(octave);
    let path = walk(dice, count, ladder.len());
    let last = (count - 1).max(1) as f64;
    let timed = rhythm(count, grid).into_iter().zip(path).enumerate();
    timed
        .map(|(index, ((at, beats), step))| {
            let (at_s, duration_s) = grid.seconds(at, beats);
            let swell = 1.0 - 0.5 * (2.0 * index as f64 / last - 1.0).abs();
            let pitch = scale.pitch(ladder[step]);
            let velocity = round(velocity * swell, 3);
            MelodyNote { at_s, duration_s, note: pitch.note, midi: pitch.midi, hz: pitch.hz, velocity }
        })
        .collect()
}
