//! Keys, scales and pitches.

use super::phrase::Pitch;

/// The letters, and the keys that an author's name chooses from.
pub(super) const LETTERS: [char; 7] = ['C', 'D', 'E', 'F', 'G', 'A', 'B'];
const NATURAL: [u8; 7] = [0, 2, 4, 5, 7, 9, 11];

/// A scale without a key: semitones above the tonic.
pub(super) struct Mode {
    pub(super) name: &'static str,
    /// The seven degrees, one letter each.
    pub(super) seven: [u8; 7],
    /// Degrees (from 0) that a five-note scale leaves out.
    pub(super) left_out: &'static [usize],
}

/// A mode in a key.
pub(super) struct Scale {
    mode: &'static Mode,
    /// Index into [`LETTERS`].
    key: usize,
}

impl Scale {
    pub(super) fn new(mode: &'static Mode, key: usize) -> Self {
        Self { mode, key: key % 7 }
    }

    /// The name of the tonic.
    pub(super) fn key_name(&self) -> String {
        LETTERS[self.key].to_string()
    }

    /// Such as `D major pentatonic`.
    pub(super) fn name(&self) -> String {
        format!("{} {}", LETTERS[self.key], self.mode.name)
    }

    /// Degrees of the seven that the scale has, from 0.
    pub(super) fn degrees(&self) -> impl Iterator<Item = usize> {
        (0..7).filter(|degree| self.has(*degree))
    }

    /// Whether the scale has this degree of the seven; degrees above the octave count as those below.
    pub(super) fn has(&self, degree: usize) -> bool {
        !self.mode.left_out.contains(&(degree % 7))
    }

    /// Semitones from the tonic to a degree of the seven, also above the octave.
    pub(super) fn semitones(&self, degree: usize) -> usize {
        usize::from(self.mode.seven[degree % 7]) + 12 * (degree / 7)
    }

    fn pitch_class(&self, degree: usize) -> u8 {
        (NATURAL[self.key] + self.mode.seven[degree % 7]) % 12
    }

    /// Each degree has a letter of its own, so no name ever needs a double sharp or flat: −1, 0 or 1.
    fn accidental(&self, degree: usize) -> i32 {
        let letter = NATURAL[(self.key + degree) % 7];
        (i32::from(self.pitch_class(degree)) - i32::from(letter) + 6).rem_euclid(12) - 6
    }

    /// The pitch name of a degree, such as `F#`.
    pub(super) fn degree_name(&self, degree: usize) -> String {
        let sign = match self.accidental(degree) {
            0 => "",
            1 => "#",
            _ => "b",
        };
        format!("{}{sign}", LETTERS[(self.key + degree) % 7])
    }

    /// Pitch names from the tonic up.
    pub(super) fn notes(&self) -> Vec<String> {
        self.degrees().map(|degree| self.degree_name(degree)).collect()
    }

    /// The MIDI number of a degree's name in an octave (C4 is 60).
    pub(super) fn midi(&self, degree: usize, octave: u8) -> u8 {
        12 * (octave + 1) + self.pitch_class(degree)
    }

    /// From the tonic in `octave` to the tonic above it.
    pub(super) fn ladder(&self, octave: u8) -> Vec<u8> {
        let tonic = self.midi(0, octave);
        let mut steps: Vec<u8> = self.degrees().map(|degree| tonic + self.mode.seven[degree]).collect();
        steps.push(tonic + 12);
        steps
    }

    /// The nearest note of the scale; of two that are equally near, the lower.
    pub(super) fn nearest(&self, midi: u8) -> u8 {
        let distance = |note: &u8| (note.abs_diff(midi), *note);
        (midi.saturating_sub(6)..=midi + 6)
            .filter(|note| self.degree_of(*note).is_some())
            .min_by_key(distance)
            .unwrap_or(midi)
    }

    /// The tonic that is nearest.
    pub(super) fn nearest_tonic(&self, midi: u8) -> u8 {
        let distance = |note: &u8| (note.abs_diff(midi), *note);
        let tonic = self.pitch_class(0);
        (midi.saturating_sub(6)..=midi + 6).filter(|note| note % 12 == tonic).min_by_key(distance).unwrap_or(midi)
    }

    /// The degree that a MIDI number is in this scale.
    pub(super) fn degree_of(&self, midi: u8) -> Option<usize> {
        self.degrees().find(|degree| self.pitch_class(*degree) == midi % 12)
    }

    /// A note of the scale with its name. A stranger to the scale is moved to the nearest note first.
    pub(super) fn pitch(&self, midi: u8) -> Pitch {
        let midi = self.nearest(midi);
        let degree = self.degree_of(midi).unwrap_or(0);
        let octave = (i32::from(midi) - self.accidental(degree)) / 12 - 1;
        Pitch { note: format!("{}{octave}", self.degree_name(degree)), midi, hz: hz(midi) }
    }
}

/// Equal temperament, A4 = 440 Hz, to a hundredth.
pub(super) fn hz(midi: u8) -> f64 {
    super::numbers::round(440.0 * ((f64::from(midi) - 69.0) / 12.0).exp2(), 2)
}

/// The key that a name picks: a 31-multiplier hash of it (32 bits, UTF-16 units, as browsers do), modulo 7.
/// C when there is no name.
pub(super) fn key_of(author: Option<&str>) -> usize {
    let step = |hash: i32, unit: u16| hash.wrapping_mul(31).wrapping_add(i32::from(unit));
    let hash = author.unwrap_or_default().encode_utf16().fold(0, step);
    hash.unsigned_abs() as usize % 7
}
