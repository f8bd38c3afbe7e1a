//! The phrase, version 1, as `docs/protocol/phrase.md` fixes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::moods::Mood;

/// The format version that [`Phrase::v`] carries.
pub const PHRASE_VERSION: u32 = 1;

/// One event as a short piece of music, complete enough for any player.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Phrase {
    /// Format version: 1.
    pub v: u32,
    /// Number in its station, dense, from 1; 0 in a test phrase.
    pub n: u64,
    /// The delivery id: the seed of everything random here.
    pub id: String,
    /// `owner/repo`, lower case.
    pub station: String,
    /// When the delivery was accepted, Unix milliseconds.
    pub at_ms: i64,
    /// 32 hex digits: the trace from the webhook to the sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// What happened, for people.
    pub event: PhraseEvent,
    /// The middle language between events and sound.
    pub mood: Mood,
    /// 0 to 1.
    pub intensity: f64,
    /// How fast.
    pub tempo: Tempo,
    /// The tonic: `C`, `D`, `E`, `F`, `G`, `A` or `B`.
    pub key: String,
    /// The scale that every pitched note belongs to.
    pub scale: ScaleNotes,
    /// 2 to 8 seconds. Release tails and effects may ring on.
    pub duration_s: f64,
    /// Who sings.
    pub voice: Voice,
    /// How a note of the melody grows and fades.
    pub envelope: Envelope,
    /// The low-pass filter before the effects.
    pub filter: LowPass,
    /// The effects, in their order.
    pub effects: Vec<Effect>,
    /// Level of the melody voice before the effects: at most −12 dB.
    pub gain_db: f64,
    /// The melody, sorted by time.
    pub melody: Vec<MelodyNote>,
    /// The chords, sorted by time; empty for moods without chords.
    pub chords: Vec<Chord>,
    /// The cats, sorted by time.
    pub cats: Vec<Cat>,
    /// Why it sounds like this, in reading order.
    pub why: Vec<Why>,
}

/// What happened, as plain text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct PhraseEvent {
    /// GitHub's event type, such as `push`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// GitHub's action; `created`, `deleted` or `updated` for a push; the state of a review or a deployment.
    pub action: String,
    /// One sentence, at most 200 characters, never markup.
    pub title: String,
    /// The login of who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// An `https://` address to read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// How fast the phrase goes, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Tempo {
    /// 40 to 200 beats a minute.
    pub bpm: u32,
    /// The musical word, `Largo` to `Presto`.
    pub name: String,
    /// The commits that set the tempo.
    pub commits_last_hour: u32,
}

/// A scale in its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct ScaleNotes {
    /// Such as `D major pentatonic`.
    pub name: String,
    /// Pitch names from the tonic up.
    pub notes: Vec<String>,
}

/// Who sings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Voice {
    /// The programming language; empty when none is known.
    pub language: String,
    /// The kind of synthesiser.
    pub synth: Synth,
    /// The oscillator's shape.
    pub waveform: Waveform,
}

/// Kinds of synthesiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Synth {
    /// Frequency modulation.
    Fm,
    /// Several detuned voices.
    Poly,
    /// One oscillator.
    Plain,
}

/// Oscillator shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the shapes")]
pub enum Waveform {
    Sawtooth,
    Triangle,
    Square,
    Sine,
}

/// Attack, decay, sustain, release.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Envelope {
    /// Seconds to full.
    pub attack_s: f64,
    /// Seconds from full to the sustained level.
    pub decay_s: f64,
    /// The sustained level, 0 to 1.
    pub sustain: f64,
    /// Seconds to silence.
    pub release_s: f64,
}

/// The filter before the effects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct LowPass {
    /// Always `lowpass`.
    pub kind: String,
    /// Corner frequency.
    pub frequency_hz: f64,
    /// Resonance.
    pub q: f64,
}

/// An effect; `wet` is 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are named with their units")]
pub enum Effect {
    Distortion { wet: f64, amount: f64 },
    Delay { wet: f64, time_s: f64, feedback: f64 },
    Reverb { wet: f64, decay_s: f64 },
    Chorus { wet: f64, rate_hz: f64, depth: f64 },
    Phaser { wet: f64, rate_hz: f64, octaves: f64, base_hz: f64 },
    Filter { wet: f64, frequency_hz: f64, q: f64 },
}

/// A pitch in three spellings that always agree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Pitch {
    /// Name and octave, such as `F#4`.
    pub note: String,
    /// MIDI number; 69 is A4.
    pub midi: u8,
    /// Frequency in equal temperament, A4 = 440 Hz.
    pub hz: f64,
}

/// A note of the melody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct MelodyNote {
    /// Seconds from the start of the phrase.
    pub at_s: f64,
    /// Seconds that it sounds.
    pub duration_s: f64,
    /// Name and octave, such as `F#4`.
    pub note: String,
    /// MIDI number.
    pub midi: u8,
    /// Frequency.
    pub hz: f64,
    /// Linear gain, 0 to 1.
    pub velocity: f64,
}

/// A chord.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Chord {
    /// Seconds from the start of the phrase.
    pub at_s: f64,
    /// Seconds that it sounds.
    pub duration_s: f64,
    /// What really sounds, such as `Dmaj7`.
    pub symbol: String,
    /// Linear gain of each of its notes, 0 to 1.
    pub velocity: f64,
    /// Its notes, from the root up.
    pub notes: Vec<Pitch>,
}

/// A cat. A hiss has no pitch: `note`, `midi` and `hz` are absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Cat {
    /// What the cat does.
    pub sound: CatSound,
    /// Where in the measure it does it.
    pub place: Place,
    /// Seconds from the start of the phrase.
    pub at_s: f64,
    /// Seconds that it sounds.
    pub duration_s: f64,
    /// Name and octave, such as `F#4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// MIDI number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub midi: Option<u8>,
    /// Frequency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hz: Option<f64>,
    /// Linear gain, 0 to 1.
    pub velocity: f64,
}

/// The sounds of cats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the sounds")]
pub enum CatSound {
    Purr,
    Meow,
    Chirp,
    Trill,
    Mrrp,
    Hiss,
    Sigh,
    PurrPad,
    Kneading,
}

/// Where in the measure a cat comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The start of a measure.
    Downbeat,
    /// The half measure.
    Upbeat,
    /// A beat.
    Quantised,
    /// The "and" between two beats.
    Offbeat,
    /// Anywhere.
    Free,
    /// Under the whole phrase.
    Bed,
}

/// A sentence for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Why {
    /// What it explains.
    pub what: What,
    /// The sentence.
    pub words: String,
}

/// What a sentence explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are parts of the phrase")]
pub enum What {
    Mood,
    Intensity,
    Key,
    Scale,
    Tempo,
    Voice,
    Length,
    Octave,
    Melody,
    Chords,
    Filter,
    Effects,
    Cats,
}
