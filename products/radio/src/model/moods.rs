//! The one mood table. The page, the README and the phrase all say what this file says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::chords::Quality;
use super::effects::Kind as Fx;
use super::phrase::{Envelope, Waveform};
use super::theory::Mode;

/// The middle language between events and sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    /// Something went wrong, or was forced. Always gentle.
    Tension,
    /// Something came to a good end.
    Resolution,
    /// Work goes on.
    Activity,
    /// Something new began.
    Growth,
}

impl Mood {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Tension, Self::Resolution, Self::Activity, Self::Growth];

    /// The word in the phrase.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tension => "tension",
            Self::Resolution => "resolution",
            Self::Activity => "activity",
            Self::Growth => "growth",
        }
    }

    pub(super) const fn row(self) -> &'static Row {
        match self {
            Self::Tension => &TENSION,
            Self::Resolution => &RESOLUTION,
            Self::Activity => &ACTIVITY,
            Self::Growth => &GROWTH,
        }
    }
}

/// How a mood sounds.
pub(super) struct Row {
    pub(super) mode: Mode,
    pub(super) waveform: Waveform,
    /// Corner of the low-pass filter at intensity 0 and at 1.
    pub(super) filter_hz: (f64, f64),
    pub(super) bpm_change: i32,
    pub(super) effects: &'static [Fx],
    pub(super) envelope: Envelope,
    /// A quarter of the notes a second.
    pub(super) density: f64,
    /// Cycled over the progression.
    pub(super) qualities: &'static [Quality],
    /// Degrees of the mood's own scale, from 1.
    pub(super) progression: [usize; 4],
    pub(super) chords: bool,
    /// No note of the mood is louder: a failure is never an alarm.
    pub(super) velocity_max: f64,
}

const fn adsr(attack_s: f64, decay_s: f64, sustain: f64, release_s: f64) -> Envelope {
    Envelope { attack_s, decay_s, sustain, release_s }
}

const TENSION: Row = Row {
    mode: Mode { name: "natural minor", seven: [0, 2, 3, 5, 7, 8, 10], left_out: &[] },
    waveform: Waveform::Sawtooth,
    filter_hz: (300.0, 600.0),
    bpm_change: -10,
    effects: &[Fx::Distortion, Fx::Delay],
    envelope: adsr(0.1, 0.2, 0.5, 0.8),
    density: 0.6,
    qualities: &[Quality::Minor, Quality::Dim, Quality::MinorSeventh, Quality::DimSeventh],
    progression: [1, 4, 5, 1],
    chords: false,
    velocity_max: 0.5,
};

const RESOLUTION: Row = Row {
    mode: Mode { name: "major", seven: [0, 2, 4, 5, 7, 9, 11], left_out: &[] },
    waveform: Waveform::Triangle,
    filter_hz: (800.0, 1200.0),
    bpm_change: 0,
    effects: &[Fx::Reverb, Fx::Chorus],
    envelope: adsr(0.05, 0.3, 0.7, 1.2),
    density: 0.4,
    qualities: &[Quality::Major, Quality::MajorSeventh, Quality::Sixth, Quality::AddNinth],
    progression: [1, 5, 6, 4],
    chords: true,
    velocity_max: 1.0,
};

const ACTIVITY: Row = Row {
    // Major without its fourth and seventh degree.
    mode: Mode { name: "major pentatonic", seven: [0, 2, 4, 5, 7, 9, 11], left_out: &[3, 6] },
    waveform: Waveform::Square,
    filter_hz: (600.0, 1000.0),
    bpm_change: 15,
    effects: &[Fx::Phaser, Fx::Delay],
    envelope: adsr(0.01, 0.1, 0.3, 0.2),
    density: 0.8,
    qualities: &[Quality::Major, Quality::Seventh, Quality::SusFourth],
    progression: [1, 4, 1, 5],
    chords: false,
    velocity_max: 1.0,
};

const GROWTH: Row = Row {
    mode: Mode { name: "dorian", seven: [0, 2, 3, 5, 7, 9, 10], left_out: &[] },
    waveform: Waveform::Sine,
    filter_hz: (500.0, 900.0),
    bpm_change: 5,
    effects: &[Fx::Reverb, Fx::Chorus, Fx::Filter],
    envelope: adsr(0.2, 0.5, 0.6, 1.5),
    density: 0.5,
    qualities: &[Quality::MinorSeventh, Quality::MajorSeventh, Quality::Ninth, Quality::Eleventh],
    progression: [1, 3, 6, 4],
    chords: true,
    velocity_max: 1.0,
};
