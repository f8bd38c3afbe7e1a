//! From what was heard to the phrase.

use super::cats;
use super::chords;
use super::dice::{Dice, Part};
use super::effects;
use super::heard::Heard;
use super::melody;
use super::numbers::{round, unit, velocity};
use super::phrase::{LowPass, PHRASE_VERSION, Phrase, PhraseEvent, ScaleNotes, Voice};
use super::tempo::{self, Grid};
use super::theory::{self, Scale};
use super::voices;
use super::why;

/// Seconds of the shortest and the longest phrase, and the lines from which it is the longest.
const DURATION_S: (f64, f64) = (2.0, 8.0);
const FULL_LINES: u64 = 100;
/// Chords lie under the melody.
const CHORD_SHARE: f64 = 0.6;
const GAIN_DB: f64 = -12.0;

/// Where and when an event is heard.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// GitHub's delivery id: the seed.
    pub delivery_id: String,
    /// `owner/repo`, lower case.
    pub station: String,
    /// The phrase's number in its station; 0 for a test phrase.
    pub n: u64,
    /// When the delivery was accepted, Unix milliseconds.
    pub at_ms: i64,
    /// 32 hex digits, if the delivery is traced.
    pub trace: Option<String>,
    /// Commits at this station in the hour before `at_ms`, those of this event included.
    pub commits_last_hour: u32,
    /// Whether [`Heard::actor`] was heard at this station before.
    pub known_author: bool,
}

/// Turns what was heard into music. The same arguments always give the same phrase.
pub fn compose(heard: &Heard, heard_in: &Surroundings) -> Phrase {
    let row = heard.mood.row();
    let intensity = round(unit(heard.intensity), 4);
    let scale = Scale::new(&row.mode, theory::key_of(heard.author.as_deref()));
    let tempo = tempo::tempo(heard_in.commits_last_hour, heard.mood);
    let lines = heard.size.lines();
    let (duration_s, octave) = (duration_s(lines), octave(lines));
    let grid = Grid::new(tempo.bpm, duration_s);

    let loudness = |share: f64| (velocity(intensity) * share).min(row.velocity_max);
    let melody_dice = &mut Dice::of(&heard_in.delivery_id, Part::Melody);
    let melody = melody::melody(melody_dice, &scale, octave, row.density, grid, loudness(1.0));
    let chords = match row.chords {
        true => chords::place(&scale, row.progression, row.qualities, grid, loudness(CHORD_SHARE)),
        false => Vec::new(),
    };
    let cats_dice = &mut Dice::of(&heard_in.delivery_id, Part::Cats);
    let cats = cats::cats(cats_dice, heard, heard_in.known_author, &scale, grid);
    let occasions = effects::occasions(heard, heard_in.commits_last_hour);
    let language = heard.language.as_ref().map(|language| language.name.as_str());
    let (low, high) = row.filter_hz;

    let mut phrase = Phrase {
        v: PHRASE_VERSION,
        n: heard_in.n,
        id: heard_in.delivery_id.clone(),
        station: heard_in.station.clone(),
        at_ms: heard_in.at_ms,
        trace: heard_in.trace.clone(),
        event: PhraseEvent {
            event_type: heard.kind.event_type().to_owned(),
            action: heard.action.clone(),
            title: heard.title.clone(),
            actor: heard.actor.clone(),
            url: heard.url.clone(),
        },
        mood: heard.mood,
        intensity,
        key: scale.key_name(),
        scale: ScaleNotes { name: scale.name(), notes: scale.notes() },
        duration_s,
        voice: Voice {
            language: language.unwrap_or_default().to_owned(),
            synth: voices::synth_of(language),
            waveform: row.waveform,
        },
        envelope: row.envelope,
        filter: LowPass { kind: "lowpass".to_owned(), frequency_hz: round(low + (high - low) * intensity, 1), q: 1.0 },
        effects: effects::effects(row.effects, &occasions, intensity, grid.beat_s),
        gain_db: GAIN_DB,
        melody,
        chords,
        cats,
        tempo,
        why: Vec::new(),
    };
    phrase.why = why::why(heard, heard_in, &phrase, octave, &occasions);
    phrase
}

/// 2 to 8 seconds, linear in lines, full at 100.
fn duration_s(lines: u64) -> f64 {
    let share = lines.min(FULL_LINES) as f64 / FULL_LINES as f64;
    round(DURATION_S.0 + (DURATION_S.1 - DURATION_S.0) * share, 2)
}

/// Under 50 lines octave 3, under 200 octave 4, else 5.
fn octave(lines: u64) -> u8 {
    match lines {
        0..50 => 3,
        50..200 => 4,
        _ => 5,
    }
}
