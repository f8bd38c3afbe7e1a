//! The documented notes really sound.

use super::measure::{begin, energy_at, listen};
use crate::model::{Phrase, samples};
use crate::synth::RATE;

fn hz_of(midi: i32) -> f64 {
    440.0 * f64::from(midi - 69).exp2().powf(1.0 / 12.0)
}

/// How many of the melody's notes stand out from the pitches around them that the phrase does not use.
fn sounding(phrase: &Phrase) -> (usize, Vec<String>) {
    let heard = listen(&[(phrase, 0)]);
    let used = |midi: i32| {
        let same = |other: u8| (i32::from(other) - midi) % 12 == 0;
        let melody = phrase.melody.iter().any(|note| same(note.midi));
        melody || phrase.chords.iter().flat_map(|chord| &chord.notes).any(|note| same(note.midi))
    };
    let mut silent = Vec::new();
    for note in &phrase.melody {
        let part = heard.between(note.at_s, note.at_s + note.duration_s.max(0.2));
        let own = energy_at(part, note.hz);
        let around = (-6..=6).map(|step| i32::from(note.midi) + step).filter(|midi| !used(*midi));
        let mut beside: Vec<f64> = around.map(|midi| energy_at(part, hz_of(midi))).collect();
        beside.sort_by(f64::total_cmp);
        let beside = beside.get(beside.len() / 2).copied().unwrap_or(0.0);
        if own < 1e-6 || own < 3.0 * beside {
            silent.push(format!("{} at {} s: {own:.2e} beside {beside:.2e}", note.note, note.at_s));
        }
    }
    (phrase.melody.len(), silent)
}

#[test]
fn every_kind_of_event_sounds_at_its_documented_notes() {
    let (mut notes, mut missing) = (0, 0);
    for sample in samples::ALL {
        let phrase = samples::phrase(sample.name, "octocat/hello-world", 0, 3).expect("a sample");
        let (all, silent) = sounding(&phrase);
        assert!(silent.len() * 3 <= all, "{}: {} of {all} are not heard: {silent:#?}", sample.name, silent.len());
        (notes, missing) = (notes + all, missing + silent.len());
    }
    println!("{missing} of {notes} notes do not stand out");
    assert!(missing * 10 <= notes, "{missing} of {notes}");
}

/// Autocorrelation: the first lag at which the sound is nearly itself again (its normalised difference is near the least
/// there is), refined by a parabola.
fn pitch(samples: &[f32]) -> f64 {
    let size = samples.len() / 2;
    let difference = |lag: usize| -> f64 {
        let pairs = samples[..size].iter().zip(&samples[lag..lag + size]);
        let (apart, energy) = pairs.fold((0.0, 1e-9), |(apart, energy), (one, other)| {
            (apart + f64::from(one - other).powi(2), energy + f64::from(one * one + other * other))
        });
        apart / energy
    };
    let (shortest, longest) = (RATE as usize / 2_000, (RATE as usize / 60).min(size));
    let all: Vec<f64> = (shortest..longest).map(difference).collect();
    let least = all.iter().copied().fold(f64::MAX, f64::min);
    let near = (1..all.len() - 1).find(|i| all[*i] < least + 0.15 && all[*i] <= all[i - 1] && all[*i] < all[i + 1]);
    let i = near.expect("a period");
    let (before, here, after) = (all[i - 1], all[i], all[i + 1]);
    f64::from(RATE) / ((shortest + i) as f64 + 0.5 * (before - after) / (before - 2.0 * here + after))
}

/// Every note of every phrase, alone, by a detector that knows no notes.
#[test]
fn a_pitch_detector_finds_each_documented_note() {
    let mut wrong = Vec::new();
    let mut notes = 0;
    for sample in samples::ALL {
        let phrase = samples::phrase(sample.name, "octocat/hello-world", 0, 3).expect("a sample");
        let chords = phrase.chords.iter().flat_map(|chord| &chord.notes).map(|note| (note.midi, note.hz));
        let mut all: Vec<(u8, f64)> = phrase.melody.iter().map(|note| (note.midi, note.hz)).chain(chords).collect();
        all.sort_by_key(|(midi, _)| *midi);
        all.dedup_by_key(|(midi, _)| *midi);
        for (midi, hz) in all {
            let mut alone = phrase.clone();
            (alone.chords, alone.cats) = (Vec::new(), Vec::new());
            alone.melody.truncate(1);
            let note = &mut alone.melody[0];
            (note.at_s, note.duration_s, note.midi, note.hz, note.velocity) = (0.0, 0.5, midi, hz, 1.0);
            let heard = pitch(&begin(&alone, 0.5)[RATE as usize / 4..RATE as usize * 2 / 5]);
            notes += 1;
            if (1200.0 * (heard / hz).log2()).abs() > 30.0 {
                wrong.push(format!("{}: {midi} is heard at {heard:.1} Hz, not {hz}", sample.name));
            }
        }
    }
    println!("{} of {notes} notes are not found", wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
