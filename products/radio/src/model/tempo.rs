//! Commits in the last hour → beats a minute.

use super::moods::Mood;
use super::numbers::time;
use super::phrase::Tempo;

/// (commits, beats a minute) where the bands meet; linear between them, and still at 180 from 40 commits on.
const BANDS: [(f64, f64); 6] = [(0.0, 60.0), (1.0, 80.0), (5.0, 120.0), (10.0, 140.0), (20.0, 160.0), (40.0, 180.0)];

/// (below this many beats a minute, the word); Presto above them all.
const WORDS: [(u32, &str); 6] =
    [(60, "Largo"), (80, "Adagio"), (100, "Andante"), (120, "Moderato"), (140, "Allegro"), (160, "Vivace")];

/// Beats a minute before the mood has its say.
pub(super) fn base_bpm(commits_last_hour: u32) -> f64 {
    let commits = f64::from(commits_last_hour);
    let band = BANDS.windows(2).find(|band| commits <= band[1].0);
    band.map_or(180.0, |band| {
        let ((from, slow), (to, fast)) = (band[0], band[1]);
        slow + (fast - slow) * (commits - from) / (to - from)
    })
}

/// The tempo of a phrase: the base, the mood's change, within 40 to 200.
pub(super) fn tempo(commits_last_hour: u32, mood: Mood) -> Tempo {
    let bpm = base_bpm(commits_last_hour) + f64::from(mood.row().bpm_change);
    let bpm = bpm.round().clamp(40.0, 200.0) as u32;
    Tempo { bpm, name: word(bpm).to_owned(), commits_last_hour }
}

fn word(bpm: u32) -> &'static str {
    WORDS.iter().find(|(below, _)| bpm < *below).map_or("Presto", |(_, word)| word)
}

/// The beat grid of a phrase.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    pub(super) beat_s: f64,
    pub(super) duration_s: f64,
}

impl Grid {
    pub(super) fn new(bpm: u32, duration_s: f64) -> Self {
        Self { beat_s: 60.0 / f64::from(bpm.max(1)), duration_s }
    }

    /// Length of the phrase in beats.
    pub(super) fn beats(self) -> f64 {
        self.duration_s / self.beat_s
    }

    /// Start and length in seconds of what lies at these beats, kept within the phrase.
    pub(super) fn seconds(self, at_beats: f64, beats: f64) -> (f64, f64) {
        let at_s = time((at_beats * self.beat_s).clamp(0.0, self.duration_s));
        (at_s, time((beats * self.beat_s).min(self.duration_s - at_s)))
    }
}
