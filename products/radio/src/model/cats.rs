//! The cats: which one answers an event, where in the measure, and the bed they lie on.

use super::dice::Dice;
use super::heard::Heard;
use super::kinds::Kind;
use super::moods::Mood;
use super::numbers::{round, unit};
use super::phrase::{Cat, CatSound, Place};
use super::tempo::Grid;
use super::theory::Scale;

/// Below this intensity only pull requests, checks and deployments wake a cat.
const AWAKE_FROM: f64 = 0.3;
/// A cat that comes in leaves at least this much room before the end of the phrase.
const ROOM_S: f64 = 0.15;

const G3: u8 = 55;
const C3: u8 = 48;
const C4: u8 = 60;
const D4: u8 = 62;
const E4: u8 = 64;
const G4: u8 = 67;
const C5: u8 = 72;

/// A row of the cat table.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// With its article, for the sentence.
    pub(super) words: &'static str,
    sound: CatSound,
    /// The note before it is snapped to the scale.
    midi: u8,
    pub(super) place: Place,
    volume: f64,
    /// More than one: a run up the scale in sixteenths.
    times: usize,
    length_s: f64,
}

const fn cat(words: &'static str, sound: CatSound, midi: u8, place: Place, volume: f64) -> Row {
    let length_s = match sound {
        CatSound::Purr => 1.0,
        CatSound::Meow => 0.4,
        CatSound::Chirp => 0.15,
        CatSound::Trill => 0.5,
        CatSound::Mrrp => 0.35,
        CatSound::Hiss => 0.25,
        CatSound::Sigh => 0.8,
        CatSound::PurrPad | CatSound::Kneading => 8.0,
    };
    Row { words, sound, midi, place, volume, times: 1, length_s }
}

const fn run(row: Row, times: usize) -> Row {
    Row { times, ..row }
}

/// The cat that answers an event.
pub(super) const fn row(kind: Kind) -> Row {
    use CatSound::{Chirp, Hiss, Meow, Mrrp, Purr, Sigh, Trill};
    use Place::{Downbeat, Free, Offbeat, Quantised, Upbeat};
    match kind {
        Kind::Push | Kind::BigPush | Kind::ForcePush | Kind::BranchDeleted => {
            cat("A playful meow", Meow, D4, Quantised, 0.5)
        }
        Kind::PullRequestOpened => cat("A curious trill", Trill, E4, Upbeat, 0.6),
        Kind::PullRequestMerged => cat("A content meow", Meow, C4, Downbeat, 0.8),
        Kind::PullRequestClosed => cat("A sleepy sigh", Sigh, G3, Free, 0.5),
        Kind::ReviewApproved => cat("An excited chirp", Chirp, C5, Upbeat, 0.7),
        Kind::ReviewChangesRequested => cat("A thoughtful mrrp", Mrrp, G3, Offbeat, 0.4),
        Kind::CheckPassed => run(cat("A run of happy chirps", Chirp, C5, Upbeat, 0.7), 3),
        Kind::CheckFailed => cat("A disappointed mrrp", Mrrp, G3, Offbeat, 0.3),
        Kind::DeploymentSucceeded => cat("A satisfied purr", Purr, C3, Downbeat, 0.9),
        Kind::DeploymentFailed | Kind::DeploymentErred | Kind::WorkflowFailed => {
            cat("A tiny hiss", Hiss, C4, Offbeat, 0.3)
        }
        Kind::IssueOpened => cat("A questioning meow", Meow, E4, Upbeat, 0.6),
        Kind::IssueClosed => cat("A content meow", Meow, C4, Downbeat, 0.7),
        Kind::WorkflowPassed => run(cat("A run of chirps", Chirp, G4, Downbeat, 0.8), 4),
        Kind::ReleasePublished => cat("A proud purr", Purr, C3, Downbeat, 0.9),
        Kind::StarCreated => run(cat("A pair of twinkling chirps", Chirp, C5, Upbeat, 0.6), 2),
        Kind::Forked => cat("An adventurous trill", Trill, G4, Upbeat, 0.6),
        Kind::BranchCreated => cat("A curious chirp", Chirp, E4, Quantised, 0.5),
        Kind::TagCreated => cat("A content meow", Meow, G4, Downbeat, 0.6),
        // The predecessor's "fallback by emotion": all of these are activity.
        Kind::IssueComment
        | Kind::PullRequestChanged
        | Kind::ReviewOther
        | Kind::CheckOther
        | Kind::DeploymentOther
        | Kind::IssueChanged
        | Kind::WorkflowOther
        | Kind::ReleaseChanged => cat("A gentle chirp", Chirp, C5, Quantised, 0.4),
    }
}

/// Whether the cat answers: pull requests, checks and deployments always wake it, others from intensity 0.3.
pub(super) fn awake(kind: Kind, intensity: f64) -> bool {
    matches!(kind.event_type(), "pull_request" | "check_run" | "deployment_status") || intensity >= AWAKE_FROM
}

/// Whether a cat says hello: somebody is heard here for the first time, and nothing went wrong.
pub(super) fn welcomes(heard: &Heard, known_author: bool) -> bool {
    !known_author && heard.actor.is_some() && heard.mood != Mood::Tension
}

/// All cats of a phrase, sorted by time.
pub(super) fn cats(dice: &mut Dice, heard: &Heard, known_author: bool, scale: &Scale, grid: Grid) -> Vec<Cat> {
    let volume = |base: f64| {
        let loud = base * (0.5 + 0.5 * unit(heard.intensity));
        round(loud.min(heard.mood.row().velocity_max), 3)
    };
    let mut cats: Vec<Cat> = bed(heard.mood, scale, grid, volume).into_iter().collect();
    if awake(heard.kind, heard.intensity) {
        let mut row = row(heard.kind);
        if heard.kind.event_type() == "push" {
            // A push's meow lasts a sixteenth, but no less than a cat can say.
            row.length_s = (grid.beat_s / 4.0).max(0.12);
        }
        cats.extend(voice(dice, &row, scale, grid, volume(row.volume)));
    }
    if welcomes(heard, known_author) {
        let hello = cat("", CatSound::Trill, E4, Place::Upbeat, 0.5);
        cats.extend(voice(dice, &hello, scale, grid, volume(hello.volume)));
    }
    cats.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
    cats
}

/// The quiet bed, on the tonic.
fn bed(mood: Mood, scale: &Scale, grid: Grid, volume: impl Fn(f64) -> f64) -> Option<Cat> {
    let (sound, base) = match mood {
        Mood::Resolution => (CatSound::PurrPad, 0.2),
        Mood::Activity => (CatSound::Kneading, 0.3),
        Mood::Tension | Mood::Growth => return None,
    };
    Some(sounding(sound, Place::Bed, (0.0, grid.duration_s), Some(scale.nearest_tonic(C3)), scale, volume(base)))
}

/// A cat, or a run of them as far as the phrase has room.
fn voice(dice: &mut Dice, row: &Row, scale: &Scale, grid: Grid, velocity: f64) -> Vec<Cat> {
    let start = beat_of(row.place, dice, grid);
    let length = row.length_s / grid.beat_s;
    let mut midi = scale.nearest(row.midi);
    let mut cats = Vec::new();
    for time in 0..row.times {
        let at = start + 0.25 * time as f64;
        if time > 0 && !has_room(at, grid) {
            break;
        }
        let pitch = (row.sound != CatSound::Hiss).then_some(midi);
        // In a run each chirp makes way for the next.
        let length = if row.times > 1 { length.min(0.25) } else { length };
        cats.push(sounding(row.sound, row.place, grid.seconds(at, length), pitch, scale, velocity));
        midi = (midi + 1..=midi + 12).find(|above| scale.degree_of(*above).is_some()).unwrap_or(midi);
    }
    cats
}

fn has_room(at_beats: f64, grid: Grid) -> bool {
    at_beats * grid.beat_s + ROOM_S <= grid.duration_s
}

/// Where a place word puts a cat, in beats: the next measure, half measure, beat or "and" after the phrase has begun. In
/// a phrase too short for it, the half measure is the second beat and the measure is the first.
fn beat_of(place: Place, dice: &mut Dice, grid: Grid) -> f64 {
    let (wanted, otherwise) = match place {
        Place::Downbeat => (4.0, 0.0),
        Place::Upbeat => (2.0, 1.0),
        Place::Quantised => (1.0, 0.0),
        Place::Offbeat => (0.5, 0.0),
        // A quarter to three quarters of a second after the start.
        Place::Free => ((0.25 + f64::from(dice.percent()) / 200.0) / grid.beat_s, 0.0),
        Place::Bed => (0.0, 0.0),
    };
    [wanted, otherwise].into_iter().find(|at| has_room(*at, grid)).unwrap_or(0.0)
}

fn sounding(sound: CatSound, place: Place, when: (f64, f64), midi: Option<u8>, scale: &Scale, velocity: f64) -> Cat {
    let (at_s, duration_s) = when;
    let pitch = midi.map(|midi| scale.pitch(midi));
    let (midi, hz) = (pitch.as_ref().map(|pitch| pitch.midi), pitch.as_ref().map(|pitch| pitch.hz));
    Cat { sound, place, at_s, duration_s, note: pitch.map(|pitch| pitch.note), midi, hz, velocity }
}
