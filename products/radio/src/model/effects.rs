//! Effects: those of the mood, then those of the occasion.

use super::heard::Heard;
use super::numbers::{round, unit};
use super::phrase::Effect;

/// More lines than this put a blanket over the sound.
const MANY_LINES: u64 = 500;
/// More commits an hour than this spin the phaser faster.
const MANY_COMMITS: u32 = 10;

/// The effects that a mood names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Distortion,
    Delay,
    Reverb,
    Chorus,
    Phaser,
    Filter,
}

impl Kind {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Distortion => "distortion",
            Self::Delay => "delay",
            Self::Reverb => "reverb",
            Self::Chorus => "chorus",
            Self::Phaser => "phaser",
            Self::Filter => "filter",
        }
    }

    /// The share of the effect in the sound before intensity has its say.
    const fn base_wet(self) -> f64 {
        match self {
            Self::Distortion => 0.5,
            Self::Delay => 0.25,
            Self::Reverb | Self::Chorus => 0.3,
            Self::Phaser => 0.4,
            Self::Filter => 0.7,
        }
    }

    /// `0.3 + intensity × 0.7 × base`, read as arithmetic reads it: 0.3 always, and up to 0.7 of the base on top.
    pub(super) fn wet(self, intensity: f64) -> f64 {
        round(unit(0.3 + unit(intensity) * 0.7 * self.base_wet()), 3)
    }

    fn base(self, intensity: f64, beat_s: f64) -> Effect {
        let wet = self.wet(intensity);
        match self {
            Self::Distortion => Effect::Distortion { wet, amount: 0.4 },
            // An eighth note.
            Self::Delay => Effect::Delay { wet, time_s: round(beat_s / 2.0, 4), feedback: 0.4 },
            Self::Reverb => Effect::Reverb { wet, decay_s: 2.5 },
            Self::Chorus => Effect::Chorus { wet, rate_hz: 1.5, depth: 0.7 },
            Self::Phaser => Effect::Phaser { wet, rate_hz: 0.5, octaves: 3.0, base_hz: 350.0 },
            Self::Filter => Effect::Filter { wet, frequency_hz: 800.0, q: 1.0 },
        }
    }
}

/// What about the occasion changes the sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    Failed,
    ManyLines,
    ManyCommits,
    SeveralAuthors,
}

/// The occasions of an event at a station.
pub(super) fn occasions(heard: &Heard, commits_last_hour: u32) -> Vec<Occasion> {
    let all = [
        (heard.failed, Occasion::Failed),
        (heard.size.lines() > MANY_LINES, Occasion::ManyLines),
        (commits_last_hour > MANY_COMMITS, Occasion::ManyCommits),
        (heard.authors > 1, Occasion::SeveralAuthors),
    ];
    all.into_iter().filter_map(|(is, occasion)| is.then_some(occasion)).collect()
}

/// The effects of a phrase: at most one of each kind. An occasion changes the effect that the mood already has, or adds
/// its own at the end.
pub(super) fn effects(of_mood: &[Kind], occasions: &[Occasion], intensity: f64, beat_s: f64) -> Vec<Effect> {
    let mut effects: Vec<(Kind, Effect)> = of_mood.iter().map(|kind| (*kind, kind.base(intensity, beat_s))).collect();
    for occasion in occasions {
        let (kind, effect) = match occasion {
            Occasion::Failed => {
                (Kind::Distortion, Effect::Distortion { wet: Kind::Distortion.wet(intensity), amount: 0.6 })
            }
            Occasion::ManyLines => {
                (Kind::Filter, Effect::Filter { wet: Kind::Filter.wet(intensity), frequency_hz: 1200.0, q: 2.0 })
            }
            Occasion::ManyCommits => {
                let wet = Kind::Phaser.wet(intensity);
                (Kind::Phaser, Effect::Phaser { wet, rate_hz: 1.5, octaves: 3.0, base_hz: 350.0 })
            }
            Occasion::SeveralAuthors => (Kind::Chorus, Kind::Chorus.base(intensity, beat_s)),
        };
        match effects.iter_mut().find(|there| there.0 == kind) {
            Some(there) => there.1 = effect,
            None => effects.push((kind, effect)),
        }
    }
    effects.into_iter().map(|(_, effect)| effect).collect()
}
