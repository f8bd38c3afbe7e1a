//! The numbers of the sound, from `sound.json`: the browser's player reads the same file.

use serde::Deserialize;

use crate::model::{CatSound, Waveform};

/// Everything that is a matter of taste.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sound {
    pub(crate) tone: Tone,
    pub(crate) cats: Cats,
    pub(crate) effects: Effects,
    pub(crate) master: Master,
    pub(crate) air: Air,
}

/// Melody and chords.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tone {
    /// Below these a rise or a fall is heard as a click.
    pub(crate) rise_min_s: f32,
    pub(crate) release_min_s: f32,
    /// From −60 dB to true silence.
    pub(crate) last_step_s: f32,
    pub(crate) silent: f32,
    /// Waveforms of equal amplitude are not equally loud.
    pub(crate) trim: PerWaveform<f32>,
    /// Chords stand behind the melody, and swell at least this long.
    pub(crate) chord_trim: f32,
    pub(crate) chord_attack_min_s: f32,
    pub(crate) poly: Poly,
    pub(crate) fm: Fm,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PerWaveform<T> {
    square: T,
    sawtooth: T,
    triangle: T,
    sine: T,
}

impl<T: Copy> PerWaveform<T> {
    pub(crate) fn of(&self, waveform: Waveform) -> T {
        match waveform {
            Waveform::Square => self.square,
            Waveform::Sawtooth => self.sawtooth,
            Waveform::Triangle => self.triangle,
            Waveform::Sine => self.sine,
        }
    }
}

/// The second oscillator is softer: two equal ones would cancel at every beating.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Poly {
    pub(crate) strong: f32,
    pub(crate) soft: f32,
    pub(crate) detune_cents: f32,
}

/// Two operators: the index starts bright and falls to `rest` of itself.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Fm {
    #[serde(flatten)]
    operators: PerWaveform2,
    pub(crate) rest: f32,
    pub(crate) fall_s: f32,
}

#[derive(Clone, Debug, Deserialize)]
struct PerWaveform2 {
    square: Operator,
    sawtooth: Operator,
    triangle: Operator,
    sine: Operator,
}

/// A modulator: its frequency as a multiple of the carrier's, and how far it bends it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operator {
    pub(crate) ratio: f32,
    pub(crate) index: f32,
}

impl Fm {
    pub(crate) fn of(&self, waveform: Waveform) -> Operator {
        match waveform {
            Waveform::Square => self.operators.square,
            Waveform::Sawtooth => self.operators.sawtooth,
            Waveform::Triangle => self.operators.triangle,
            Waveform::Sine => self.operators.sine,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cats {
    pub(crate) level_db: f32,
    pub(crate) top_hz: f32,
    /// A cat needs a moment.
    pub(crate) length_min_s: f32,
    /// How far apart they sit, 0 to 1.
    pub(crate) spread: f32,
    breath: Breaths,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Breaths {
    purr: Breath,
    meow: Breath,
    chirp: Breath,
    trill: Breath,
    mrrp: Breath,
    hiss: Breath,
    sigh: Breath,
    purr_pad: Breath,
    kneading: Breath,
}

/// How a cat grows and fades.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Breath {
    pub(crate) attack_s: f32,
    pub(crate) release_s: f32,
    pub(crate) level: f32,
}

impl Cats {
    pub(crate) fn breath(&self, sound: CatSound) -> Breath {
        match sound {
            CatSound::Purr => self.breath.purr,
            CatSound::Meow => self.breath.meow,
            CatSound::Chirp => self.breath.chirp,
            CatSound::Trill => self.breath.trill,
            CatSound::Mrrp => self.breath.mrrp,
            CatSound::Hiss => self.breath.hiss,
            CatSound::Sigh => self.breath.sigh,
            CatSound::PurrPad => self.breath.purr_pad,
            CatSound::Kneading => self.breath.kneading,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Effects {
    pub(crate) tail_max_s: f32,
    pub(crate) saturation: Saturation,
    /// Each echo is a little darker than the last one.
    pub(crate) echo_top_hz: f32,
    pub(crate) chorus: Chorus,
    pub(crate) phaser: Phaser,
    pub(crate) modulation_tail_s: f32,
    pub(crate) last_fade_s: f32,
}

/// The level that saturation keeps unchanged, and how hard a full amount drives it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Saturation {
    pub(crate) nominal: f32,
    pub(crate) drive: f32,
}

/// Two short delays that sway against each other, less when it is fast.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chorus {
    pub(crate) left_ms: f32,
    pub(crate) right_ms: f32,
    pub(crate) sway_s: f32,
    pub(crate) sway_per_hz: f32,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Phaser {
    pub(crate) stages: usize,
    pub(crate) q: f32,
    pub(crate) top_hz: f32,
}

/// Where all phrases meet.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Master {
    pub(crate) drive: f32,
    pub(crate) room_s: f32,
    pub(crate) room_send: f32,
    pub(crate) rumble_hz: f32,
    pub(crate) together: Dynamics,
    pub(crate) limiter: Dynamics,
    /// Straight up to here, then bending towards the ceiling, which nothing passes.
    pub(crate) knee: f32,
    pub(crate) ceiling: f32,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dynamics {
    pub(crate) threshold_db: f32,
    pub(crate) knee_db: f32,
    pub(crate) ratio: f32,
    pub(crate) attack_s: f32,
    pub(crate) release_s: f32,
}

/// When a phrase may begin (`schedule.rs`).
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Air {
    pub(crate) look_ahead_ms: i64,
    pub(crate) wait_max_ms: i64,
    pub(crate) sounding_max: usize,
    pub(crate) history_ms: i64,
}

impl Sound {
    /// The sound of this station, and of every other.
    ///
    /// # Panics
    /// Never: the file is a part of this source, and a test reads it.
    pub(crate) fn standard() -> Self {
        serde_json::from_str(include_str!("../../sound.json")).expect("sound.json is of this form")
    }
}
