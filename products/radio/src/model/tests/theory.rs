//! Keys, scales, chords and tempo, against what music books say.

use proptest::prelude::*;

use super::super::chords::{self, Quality};
use super::super::melody;
use super::super::tempo::{Grid, tempo};
use super::super::theory::{Scale, key_of};
use super::*;

fn scale(mood: Mood, key: usize) -> Scale {
    Scale::new(&mood.row().mode, key)
}

#[test]
fn scales_are_spelled_as_in_the_books() {
    let spelled = |mood, key| scale(mood, key).notes().join(" ");
    assert_eq!(spelled(Mood::Tension, 5), "A B C D E F G");
    assert_eq!(spelled(Mood::Tension, 3), "F G Ab Bb C Db Eb");
    assert_eq!(spelled(Mood::Resolution, 0), "C D E F G A B");
    assert_eq!(spelled(Mood::Resolution, 6), "B C# D# E F# G# A#");
    assert_eq!(spelled(Mood::Activity, 0), "C D E G A");
    assert_eq!(spelled(Mood::Activity, 1), "D E F# A B");
    assert_eq!(spelled(Mood::Growth, 0), "C D Eb F G A Bb");
    assert_eq!(spelled(Mood::Growth, 1), "D E F G A B C");
    assert_eq!(spelled(Mood::Growth, 6), "B C# D E F# G# A");
}

#[test]
fn every_name_is_one_letter_and_at_most_one_sign() {
    for (mood, key) in Mood::ALL.into_iter().flat_map(|mood| (0..7).map(move |key| (mood, key))) {
        let names = scale(mood, key).notes();
        let letters: std::collections::BTreeSet<char> = names.iter().filter_map(|name| name.chars().next()).collect();
        assert_eq!(letters.len(), names.len(), "{names:?} uses a letter twice");
        assert!(names.iter().all(|name| name.len() <= 2), "{names:?}");
    }
}

#[test]
fn names_pick_keys_as_browsers_hash() {
    // Worked by hand: "ab" is 97 × 31 + 98 = 3105, and 3105 modulo 7 is 4.
    assert_eq!(key_of(Some("ab")), 4);
    assert_eq!(key_of(None), 0);
    // JavaScript: [..."octocat"].reduce((h, c) => (Math.imul(h, 31) + c.charCodeAt(0)) | 0, 0) is -1621487065.
    assert_eq!(key_of(Some("octocat")), 1_621_487_065 % 7);
}

#[test]
fn chords_bend_to_the_scale_and_say_so() {
    let symbols = |mood: Mood, key| {
        let row = mood.row();
        let degrees = row.progression.iter().zip(row.qualities.iter().cycle());
        degrees
            .map(|(degree, quality)| chords::build(&scale(mood, key), *degree, *quality).symbol)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(symbols(Mood::Resolution, 0), "C G7 Am7 Fadd9");
    assert_eq!(symbols(Mood::Growth, 1), "Dm7 Fmaj7 Bm7b5 G9sus4");
    assert_eq!(symbols(Mood::Tension, 5), "Am Dm Em7 Am7");
    assert_eq!(symbols(Mood::Activity, 0), "C G5 C5 Am");
}

#[test]
fn a_chord_sounds_what_its_symbol_says() {
    let c = scale(Mood::Resolution, 0);
    let notes = |degree, quality| chords::build(&c, degree, quality).midi;
    assert_eq!(notes(1, Quality::MajorSeventh), [60, 64, 67, 71]);
    assert_eq!(notes(5, Quality::MajorSeventh), [67, 71, 74, 77]);
    assert_eq!(notes(4, Quality::AddNinth), [65, 69, 72, 79]);
    assert_eq!(notes(5, Quality::SusFourth), [67, 72, 74]);
    assert_eq!(chords::build(&c, 2, Quality::Eleventh).symbol, "Dm11");
    assert_eq!(chords::build(&c, 7, Quality::Dim).symbol, "Bdim");
    assert_eq!(chords::build(&c, 1, Quality::Sixth).symbol, "C6");
}

#[test]
fn no_chord_leaves_its_scale() {
    use Quality::{
        AddNinth, Dim, DimSeventh, Eleventh, Major, MajorSeventh, Minor, MinorSeventh, Ninth, Seventh, Sixth, SusFourth,
    };
    let qualities = [
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
    ];
    for (mood, key) in Mood::ALL.into_iter().flat_map(|mood| (0..7).map(move |key| (mood, key))) {
        let scale = scale(mood, key);
        for (degree, quality) in (1..=scale.notes().len()).flat_map(|degree| qualities.map(|quality| (degree, quality)))
        {
            let built = chords::build(&scale, degree, quality);
            let at = format!("{} degree {degree} {quality:?}: {}", scale.name(), built.symbol);
            assert!(built.midi.len() >= 2, "{at} has {:?}", built.midi);
            assert!(built.midi.iter().all(|midi| scale.degree_of(*midi).is_some()), "{at} has {:?}", built.midi);
            assert!(built.symbol.len() <= 16, "{at}");
            assert!((60..72).contains(&built.midi[0]), "{at} has its root outside octave 4");
        }
    }
}

#[test]
fn commits_set_the_tempo() {
    let bpm = |commits, mood| tempo(commits, mood).bpm;
    let resolution: Vec<u32> =
        [0, 1, 3, 5, 7, 10, 15, 20, 30, 40, 41, u32::MAX].map(|commits| bpm(commits, Mood::Resolution)).into();
    assert_eq!(resolution, [60, 80, 100, 120, 128, 140, 150, 160, 170, 180, 180, 180]);
    assert_eq!(bpm(0, Mood::Tension), 50);
    assert_eq!(bpm(0, Mood::Activity), 75);
    assert_eq!(bpm(0, Mood::Growth), 65);
    assert_eq!(bpm(99, Mood::Activity), 195);
    assert_eq!(tempo(0, Mood::Tension).name, "Largo");
    assert_eq!(tempo(0, Mood::Resolution).name, "Adagio");
    assert_eq!(tempo(1, Mood::Resolution).name, "Andante");
    assert_eq!(tempo(3, Mood::Resolution).name, "Moderato");
    assert_eq!(tempo(5, Mood::Resolution).name, "Allegro");
    assert_eq!(tempo(10, Mood::Resolution).name, "Vivace");
    assert_eq!(tempo(20, Mood::Resolution).name, "Presto");
}

#[test]
fn a_melody_has_as_many_notes_as_its_length_and_density_say() {
    assert_eq!(melody::notes(2.0, 0.4), 4);
    assert_eq!(melody::notes(8.0, 0.8), 25);
    assert_eq!(melody::notes(5.0, 0.5), 10);
    assert_eq!(melody::notes(100.0, 1.0), 64);
}

proptest! {
    #[test]
    fn a_rhythm_stays_in_its_phrase_and_on_its_grid(count in 4usize..=64, bpm in 40u32..=200, duration_s in 2.0f64..8.0) {
        let grid = Grid::new(bpm, duration_s);
        let rhythm = melody::rhythm(count, grid);
        prop_assert_eq!(rhythm.len(), count);
        for pair in rhythm.windows(2) {
            prop_assert!(pair[0].0 + pair[0].1 <= pair[1].0 + 1e-9, "{:?} overlap", pair);
        }
        for (start, length) in &rhythm {
            prop_assert!(*length > 0.0 && start + length <= grid.beats() + 1e-9);
            // Every start is a beat divided by a power of two.
            let fine = start * 1024.0;
            prop_assert!((fine - fine.round()).abs() < 1e-6, "{} is off the grid", start);
        }
    }

    // Moods with chords are never slower than 60.
    #[test]
    fn four_chords_fill_the_phrase(bpm in 60u32..=200, duration_s in 2.0f64..8.0) {
        let grid = Grid::new(bpm, duration_s);
        let span = chords::span_beats(grid);
        prop_assert!(span > 0.0 && span * 4.0 <= grid.beats() + 1e-9);
        prop_assert!(span * 4.0 >= grid.beats() * 0.55, "{} of {} beats", span * 4.0, grid.beats());
    }
}
