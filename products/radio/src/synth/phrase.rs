//! A phrase becomes sound, every note exactly as the phrase gives it:
//!
//! ```text
//! melody ─┐
//!         ├─ low-pass ─ effects, in their order ─┐
//! chords ─┘                                      ├─ the master
//! cats ──────────── a soft top ──────────────────┘
//! ```

use super::bed::tonic_hz;
use super::biquad::{Filter, Shape};
use super::cats::{self, CatVoice};
use super::effects::{self, Stage};
use super::envelope::{adsr, samples};
use super::sound::Sound;
use super::tone::{Note, Tone, make_up};
use super::{BLOCK, Block, decibels};
use crate::model::{Phrase, Synth};

/// A phrase on its way through the station. Times are samples after its beginning.
pub(super) struct Playing {
    start: i64,
    end: i64,
    notes: Vec<Note>,
    cats: Vec<CatVoice>,
    lowpass: Shape,
    through: [Filter; 2],
    effects: Vec<Stage>,
    top: Shape,
    under_top: [Filter; 2],
    cats_gain: f32,
    fade: i64,
    tonic_hz: f32,
}

/// Higher notes a little to the right, as on a keyboard; neighbours in time a little apart.
fn pan_of(midi: u8, index: usize) -> f32 {
    let apart = if index.is_multiple_of(2) { -0.08 } else { 0.08 };
    ((f32::from(midi) - 62.0) / 60.0 + apart).clamp(-0.5, 0.5)
}

impl Playing {
    /// The phrase from the absolute sample `start` on.
    pub(super) fn new(sound: &Sound, phrase: &Phrase, start: i64) -> Self {
        let notes = notes(sound, phrase);
        let cats = phrase.cats.iter().enumerate().map(|(i, cat)| CatVoice::new(&sound.cats, cat, i, phrase));
        let cats: Vec<CatVoice> = cats.collect();
        let heard = phrase.effects.iter().filter(|effect| effects::is_heard(effect));
        let fade = i64::from(samples(sound.effects.last_fade_s));
        Self {
            start,
            end: i64::from(samples(length_s(sound, phrase))),
            notes,
            cats,
            lowpass: Shape::lowpass(phrase.filter.frequency_hz as f32, phrase.filter.q as f32),
            through: <[Filter; 2]>::default(),
            effects: heard.map(|effect| Stage::new(&sound.effects, effect)).collect(),
            top: Shape::lowpass(sound.cats.top_hz, 0.0),
            under_top: <[Filter; 2]>::default(),
            cats_gain: decibels(sound.cats.level_db),
            fade,
            tonic_hz: tonic_hz(&phrase.key),
        }
    }

    /// Its tonic, when it begins within the block at `at`, and the sample where it does.
    pub(super) fn begins(&self, at: i64) -> Option<(f32, i64)> {
        (at..at + BLOCK as i64).contains(&self.start).then_some((self.tonic_hz, self.start))
    }

    /// Whether it is silent from the absolute sample `at` on.
    pub(super) fn is_over(&self, at: i64) -> bool {
        at - self.start >= self.end
    }

    /// Adds the block that begins at the absolute sample `at`.
    pub(super) fn add(&mut self, at: i64, out: &mut Block) {
        let from = at - self.start;
        if from + (BLOCK as i64) <= 0 || from >= self.end {
            return;
        }
        let mut voices = Block::silent();
        self.notes.iter_mut().for_each(|note| note.add(from, &mut voices));
        self.notes.retain(|note| note.end() > from + BLOCK as i64);
        for (filter, side) in self.through.iter_mut().zip(voices.sides()) {
            filter.apply(&self.lowpass, side);
        }
        self.effects.iter_mut().for_each(|effect| effect.apply(from, &mut voices));

        let mut cats = Block::silent();
        self.cats.iter_mut().for_each(|cat| cat.add(from, &mut cats));
        self.cats.retain(|cat| cat.end() > from + BLOCK as i64);
        for (filter, side) in self.under_top.iter_mut().zip(cats.sides()) {
            filter.apply(&self.top, side);
        }
        let last = self.end - self.fade;
        for i in 0..BLOCK {
            let gone = (from + i as i64 - last) as f32 / self.fade as f32;
            let gain = 1.0 - gone.clamp(0.0, 1.0);
            out.left[i] += gain * (voices.left[i] + self.cats_gain * cats.left[i]);
            out.right[i] += gain * (voices.right[i] + self.cats_gain * cats.right[i]);
        }
    }
}

fn notes(sound: &Sound, phrase: &Phrase) -> Vec<Note> {
    let (of, voice) = (&sound.tone, &phrase.voice);
    let level = decibels(phrase.gain_db.min(-12.0) as f32) * of.trim.of(voice.waveform);
    let mut notes = Vec::new();
    for (i, note) in phrase.melody.iter().enumerate() {
        let tone = Tone {
            hz: note.hz as f32,
            at_s: note.at_s,
            gain: note.velocity as f32 * level * make_up(&phrase.filter, note.hz as f32),
            pan: pan_of(note.midi, i),
            curve: adsr(of, &phrase.envelope, note.duration_s),
        };
        notes.push(Note::new(tone, voice.synth, voice.waveform, of.poly, &of.fm));
    }
    let mut swell = phrase.envelope;
    swell.attack_s = swell.attack_s.max(of.chord_attack_min_s.into());
    let synth = if voice.synth == Synth::Fm { Synth::Plain } else { voice.synth };
    for chord in &phrase.chords {
        for (i, note) in chord.notes.iter().enumerate() {
            // Side by side, so that the chord is wide and the melody keeps the middle.
            let place = i as f32 / (chord.notes.len().max(2) - 1) as f32;
            let tone = Tone {
                hz: note.hz as f32,
                at_s: chord.at_s,
                gain: chord.velocity as f32 * level * of.chord_trim * make_up(&phrase.filter, note.hz as f32).sqrt(),
                pan: if chord.notes.len() > 1 { (place - 0.5) * 1.1 } else { 0.0 },
                curve: adsr(of, &swell, chord.duration_s),
            };
            notes.push(Note::new(tone, synth, voice.waveform, of.poly, &of.fm));
        }
    }
    notes
}

/// Seconds from the beginning of a phrase until its last tail is silent.
fn length_s(sound: &Sound, phrase: &Phrase) -> f32 {
    let (of, envelope) = (&sound.tone, &phrase.envelope);
    let release = (envelope.release_s as f32).max(of.release_min_s) + of.last_step_s;
    let held = |at_s: f64, duration_s: f64| at_s as f32 + (duration_s as f32).max(of.rise_min_s) + release;
    let melody = phrase.melody.iter().map(|note| held(note.at_s, note.duration_s));
    let chords = phrase.chords.iter().map(|chord| held(chord.at_s, chord.duration_s));
    let heard = phrase.effects.iter().filter(|effect| effects::is_heard(effect));
    let tail: f32 = heard.map(|effect| effects::tail_s(&sound.effects, effect)).sum();
    let voices = melody.chain(chords).fold(0.0, f32::max) + tail;
    let cats = phrase.cats.iter().map(|cat| cat.at_s as f32 + cats::length_s(&sound.cats, cat));
    cats.fold(voices, f32::max) + sound.effects.last_fade_s
}

/// Of a phrase, milliseconds: until its last note lets go (after that, it sets no beat), and until its last tail is silent.
pub(crate) fn lengths_ms(sound: &Sound, phrase: &Phrase) -> (i64, i64) {
    let melody = phrase.melody.iter().map(|note| note.at_s + note.duration_s);
    let chords = phrase.chords.iter().map(|chord| chord.at_s + chord.duration_s);
    let cats = phrase.cats.iter().map(|cat| cat.at_s + cat.duration_s);
    let music = melody.chain(chords).chain(cats).fold(phrase.duration_s, f64::max);
    ((music * 1000.0).ceil() as i64, (f64::from(length_s(sound, phrase)) * 1000.0).ceil() as i64)
}
