//! When a phrase goes on air: on a beat of what sounds, or at once. Pure; the twin of the browser's `player/beat.ts`.
//!
//! A phrase gets its place once, when it is kept. So a recording of an hour is that hour, sample for sample.

use crate::synth::Air;

/// A phrase that has its place on the air. Times are Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// When it begins.
    pub(crate) at_ms: i64,
    /// When its last note lets go: after that it sets no beat.
    pub(crate) music_ends_ms: i64,
    /// When its last tail is silent.
    pub(crate) ends_ms: i64,
    /// Beats a minute.
    pub(crate) bpm: u32,
}

/// The next beat of the youngest phrase that still makes music, else as soon as possible. Two phrases never start on one
/// beat: a burst becomes a canon instead of a heap. `None` when too much sounds already, or when it would come so late
/// that it no longer belonged to its event.
pub(crate) fn next_start(of: Air, now_ms: i64, sounding: &[Slot]) -> Option<i64> {
    if sounding.iter().filter(|slot| slot.ends_ms > now_ms).count() >= of.sounding_max {
        return None;
    }
    let soon = now_ms + of.look_ahead_ms;
    let music = sounding.iter().filter(|slot| slot.music_ends_ms > soon);
    let Some(leader) = music.max_by_key(|slot| slot.at_ms) else { return Some(soon) };
    let beat_ms = 60_000.0 / f64::from(leader.bpm.max(1));
    let beats = ((soon - leader.at_ms) as f64 / beat_ms - 1e-6).ceil().max(1.0);
    let start = leader.at_ms + (beats * beat_ms).round() as i64;
    (start - now_ms <= of.wait_max_ms).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::Sound;

    fn slot(at_ms: i64, bpm: u32, length_ms: i64) -> Slot {
        Slot { at_ms, music_ends_ms: at_ms + length_ms, ends_ms: at_ms + length_ms + 3_000, bpm }
    }

    fn next(now_ms: i64, sounding: &[Slot]) -> Option<i64> {
        next_start(Sound::standard().air, now_ms, sounding)
    }

    #[test]
    fn a_phrase_begins_at_once_or_on_the_next_beat_of_the_youngest() {
        assert_eq!(next(10_000, &[]), Some(10_060));
        assert_eq!(next(10_000, &[slot(0, 120, 4_000)]), Some(10_060), "its music is over");
        assert_eq!(next(1_100, &[slot(0, 120, 8_000)]), Some(1_500));
        assert_eq!(next(1_480, &[slot(0, 120, 8_000)]), Some(2_000), "1,500 comes before anything could be ready");
        assert_eq!(next(2_100, &[slot(0, 120, 8_000), slot(2_000, 60, 8_000)]), Some(3_000));
    }

    #[test]
    fn a_burst_becomes_a_canon_and_then_is_only_seen() {
        let mut sounding = vec![slot(0, 120, 8_000)];
        let mut starts = Vec::new();
        while let Some(start) = next(100, &sounding) {
            starts.push(start);
            sounding.push(slot(start, 120, 8_000));
        }
        assert_eq!(starts, [500, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500], "eight at once, no two on one beat");
        assert_eq!(next(0, &[slot(4_000, 60, 8_000)]), None, "so late it would belong to nothing");
    }
}
