//! Chords: qualities that bend to the scale, and where they stand in time.

use super::numbers::{down_to, round};
use super::phrase::Chord;
use super::tempo::Grid;
use super::theory::Scale;

const ROOT_OCTAVE: u8 = 4;

/// Chord qualities as the mood table names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quality {
    Major,
    Minor,
    Dim,
    MajorSeventh,
    MinorSeventh,
    Seventh,
    DimSeventh,
    Sixth,
    AddNinth,
    SusFourth,
    Ninth,
    Eleventh,
}

// Members of a chord, counted in steps of the scale above the root.
const THIRD: usize = 2;
const FOURTH: usize = 3;
const FIFTH: usize = 4;
const SIXTH: usize = 5;
const SEVENTH: usize = 6;
const NINTH: usize = 8;
const ELEVENTH: usize = 10;

impl Quality {
    const fn members(self) -> &'static [usize] {
        match self {
            Self::Major | Self::Minor | Self::Dim => &[0, THIRD, FIFTH],
            Self::MajorSeventh | Self::MinorSeventh | Self::Seventh | Self::DimSeventh => &[0, THIRD, FIFTH, SEVENTH],
            Self::Sixth => &[0, THIRD, FIFTH, SIXTH],
            Self::AddNinth => &[0, THIRD, FIFTH, NINTH],
            Self::SusFourth => &[0, FOURTH, FIFTH],
            Self::Ninth => &[0, THIRD, FIFTH, SEVENTH, NINTH],
            Self::Eleventh => &[0, THIRD, FIFTH, SEVENTH, NINTH, ELEVENTH],
        }
    }
}

/// A chord before it has a place in time.
pub(super) struct Built {
    pub(super) symbol: String,
    pub(super) midi: Vec<u8>,
}

/// The chord of a quality on a degree (from 1) of the mood's own scale, with its root in octave 4.
///
/// It never leaves the scale: each member is the scale's own third, fifth and so on, so a "maj7" on the fifth degree of
/// major becomes a seventh chord, and members that a five-note scale lacks fall out. What would rub is bent as players do:
/// a flat sixth becomes the seventh, a flat ninth falls out, and an eleventh takes the place of a major third.
pub(super) fn build(scale: &Scale, degree: usize, quality: Quality) -> Built {
    let root = scale.degrees().nth(degree.max(1) - 1).unwrap_or(0);
    let above = |step: usize| scale.semitones(root + step) - scale.semitones(root);
    let mut members = quality.members().to_vec();
    if members.contains(&SIXTH) && above(SIXTH) == 8 {
        members.retain(|step| *step != SIXTH);
        members.push(SEVENTH);
    }
    members.retain(|step| *step != NINTH || above(NINTH) != 13);
    if members.contains(&ELEVENTH) && above(THIRD) == 4 {
        members.retain(|step| *step != THIRD);
    }
    members.retain(|step| scale.has(root + step));

    let root_midi = scale.midi(root, ROOT_OCTAVE);
    let semitones: Vec<usize> = members.iter().map(|step| above(*step)).collect();
    let midi = semitones.iter().map(|semitones| root_midi + *semitones as u8).collect();
    Built { symbol: format!("{}{}", scale.degree_name(root), suffix(&semitones)), midi }
}

/// What the semitones above a root are called.
fn suffix(semitones: &[usize]) -> String {
    let has = |semitone: usize| semitones.contains(&semitone);
    let (minor, third) = (has(3), has(3) || has(4));
    let flat_fifth = has(6) && !has(7);
    let (ninth, eleventh) = (has(14), has(17) || has(18));
    if !has(10) && !has(11) {
        let end = match () {
            () if has(9) => "6",
            () if ninth => "add9",
            () if has(5) && !third => "sus4",
            () if !third => "5",
            () if minor && flat_fifth => return "dim".to_owned(),
            () => "",
        };
        return format!("{}{end}", if minor { "m" } else { "" });
    }
    let number = match (ninth, eleventh && third) {
        (true, true) => "11",
        (true, false) => "9",
        (false, _) => "7",
    };
    let major = if has(11) { "maj" } else { "" };
    let sus = if !third && (eleventh || has(5)) { "sus4" } else { "" };
    let added = if eleventh && third && !ninth { "add11" } else { "" };
    let fifth = if flat_fifth { "b5" } else { "" };
    format!("{}{major}{number}{fifth}{sus}{added}", if minor { "m" } else { "" })
}

/// The chords of a progression in four equal spans of the phrase: whole beats where a measure's worth of beats is there,
/// else half or quarter beats. The last one rings on to the end.
pub(super) fn place(
    scale: &Scale,
    progression: [usize; 4],
    qualities: &[Quality],
    grid: Grid,
    velocity: f64,
) -> Vec<Chord> {
    let span = span_beats(grid);
    let chords = progression.iter().zip(qualities.iter().cycle()).enumerate();
    chords
        .map(|(index, (degree, quality))| {
            let built = build(scale, *degree, *quality);
            let at = span * index as f64;
            let (at_s, duration_s) = grid.seconds(at, if index == 3 { grid.beats() - at } else { span });
            let notes = built.midi.iter().map(|midi| scale.pitch(*midi)).collect();
            Chord { at_s, duration_s, symbol: built.symbol, velocity: round(velocity, 3), notes }
        })
        .collect()
}

/// Beats that each of the four chords has.
pub(super) fn span_beats(grid: Grid) -> f64 {
    let quarter = grid.beats() / 4.0;
    let step = [(4.0, 1.0), (1.0, 0.5), (0.25, 0.25)].into_iter().find(|(from, _)| quarter >= *from);
    step.map_or(quarter, |(_, step)| down_to(quarter, step))
}
