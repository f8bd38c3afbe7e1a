//! The tables of the facts, alive on what payloads really say: length, octave, voice, effects, cats, sentences.

use super::super::effects::Kind as Fx;
use super::super::voices;
use super::*;

fn phrase(heard: &Heard, commits_last_hour: u32) -> Phrase {
    compose(heard, &surroundings("72d3162e", commits_last_hour))
}

fn words(phrase: &Phrase, what: What) -> &str {
    phrase.why.iter().find(|why| why.what == what).map_or("", |why| &why.words)
}

#[test]
fn lines_set_length_and_octave() {
    let sung = |lines| {
        let phrase = phrase(&Heard { size: Size::Changed(lines), ..heard("pull_request_opened") }, 5);
        let octave = phrase.melody.iter().map(|note| note.midi / 12 - 1).min().expect("a melody");
        (phrase.duration_s, octave)
    };
    assert_eq!(
        [0, 49, 50, 100, 199, 200, u64::MAX].map(sung),
        [(2.0, 3), (4.94, 3), (5.0, 4), (8.0, 4), (8.0, 4), (8.0, 5), (8.0, 5)]
    );
}

#[test]
fn a_push_counts_ten_lines_a_file_and_plays_its_own_language() {
    let push = heard("push");
    assert_eq!((push.size, push.files, commits(&push)), (Size::Touched(6), 6, 3));
    let phrase = phrase(&push, 3);
    assert_eq!((phrase.voice.language.as_str(), phrase.voice.synth), ("Rust", Synth::Poly));
    assert_eq!(words(&phrase, What::Voice), "3 of 5 files are Rust, so a poly synth plays.");
    assert_eq!(words(&phrase, What::Length), "6 file changes count as about 60 lines: 5.6 seconds of music.");
    assert_eq!(words(&phrase, What::Key), "alice's name picks the key: B.");
    assert_eq!(words(&phrase, What::Scale), "Activity plays in major pentatonic: B C# D# F# G#.");
    assert_eq!(
        words(&phrase, What::Tempo),
        "3 commits in the last hour set 100 beats a minute; activity adds 15: 115, Moderato."
    );
    assert_eq!(words(&phrase, What::Intensity), "3 commits and 6 file changes give it 36 % intensity.");
    assert_eq!(words(&phrase, What::Cats), "A playful meow on C#4 comes in on the beat, over kneading paws.");
}

#[test]
fn files_and_repositories_speak_many_languages() {
    let by_file = |path| voices::language_of(path);
    assert_eq!(by_file("src/Main.RS"), Some("Rust"));
    assert_eq!(by_file("web/app.test.tsx"), Some("TypeScript"));
    assert_eq!(by_file("analysis.R"), Some("R"));
    for none in ["README.md", "Makefile", ".c", "", "dir.rs/file", "a."] {
        assert_eq!(by_file(none), None, "{none}");
    }
    let synth = |language| voices::synth_of(Some(language));
    for language in ["JavaScript", "TypeScript", "tsx", "Haskell", "Elixir", "Erlang", "Clojure"] {
        assert_eq!(synth(language), Synth::Fm, "{language}");
    }
    for language in ["Rust", "C", "C++", "cpp", "Java", "Kotlin", "Scala"] {
        assert_eq!(synth(language), Synth::Poly, "{language}");
    }
    for language in ["Python", "Ruby", "PHP", "Go", "golang", "R", "Julia", "Brainfuck", ""] {
        assert_eq!(synth(language), Synth::Plain, "{language}");
    }
    let merged = phrase(&heard("pull_request_merged"), 0);
    assert_eq!(words(&merged, What::Voice), "The repository is mostly Python, so a plain synth plays.");
}

#[test]
fn intensity_opens_the_filter_and_wets_the_effects() {
    let at = |intensity| phrase(&Heard { intensity, ..heard("check_failure") }, 0);
    assert_eq!([0.0, 0.5, 1.0].map(|intensity| at(intensity).filter.frequency_hz), [300.0, 450.0, 600.0]);
    assert_eq!(Fx::Distortion.wet(0.0), 0.3);
    assert_eq!(Fx::Distortion.wet(1.0), 0.65);
    assert_eq!(Fx::Phaser.wet(0.5), 0.44);
    assert!((0..=10).all(|tenth| Fx::Filter.wet(f64::from(tenth) / 10.0) <= 1.0));
}

#[test]
fn occasions_change_the_effects() {
    let failed = phrase(&heard("check_failure"), 0);
    assert!(matches!(failed.effects[..], [Effect::Distortion { amount: 0.6, .. }, Effect::Delay { .. }]));
    let forced = phrase(&heard("force_push"), 0);
    assert!(matches!(forced.effects[..], [Effect::Distortion { amount: 0.4, .. }, Effect::Delay { time_s: 0.6, .. }]));
    assert!(words(&failed, What::Effects).ends_with("never loud."));

    let long = phrase(&Heard { size: Size::Changed(501), ..heard("pull_request_merged") }, 0);
    let [Effect::Reverb { .. }, Effect::Chorus { .. }, Effect::Filter { frequency_hz: 1200.0, q: 2.0, .. }] =
        long.effects[..]
    else {
        panic!("{:?}", long.effects)
    };
    let growing = phrase(&Heard { size: Size::Changed(501), ..heard("pull_request_opened") }, 11);
    let [_, _, Effect::Filter { frequency_hz: 1200.0, .. }, Effect::Phaser { rate_hz: 1.5, .. }] = growing.effects[..]
    else {
        panic!("{:?}", growing.effects)
    };

    let calm = phrase(&heard("push"), 10);
    assert!(matches!(calm.effects[..], [Effect::Phaser { rate_hz: 0.5, .. }, Effect::Delay { .. }]));
    let busy = phrase(&Heard { authors: 3, ..heard("push") }, 11);
    let [Effect::Phaser { rate_hz: 1.5, .. }, Effect::Delay { .. }, Effect::Chorus { .. }] = busy.effects[..] else {
        panic!("{:?}", busy.effects)
    };
    assert!(words(&busy, What::Effects).contains("3 authors sound as a chorus."));
}

#[test]
fn cats_answer_in_their_place() {
    let cats = |sample: &str| {
        let phrase = phrase(&heard(sample), 1);
        let beat = 60.0 / f64::from(phrase.tempo.bpm);
        let told = |cat: &Cat| (cat.sound, cat.place, (cat.at_s / beat * 100.0).round() / 100.0);
        phrase.cats.iter().map(told).collect::<Vec<_>>()
    };
    use CatSound::{Chirp, Hiss, Kneading, Meow, Mrrp, Purr, PurrPad, Trill};
    use Place::{Bed, Downbeat, Offbeat, Quantised, Upbeat};
    assert_eq!(cats("pull_request_opened"), [(Trill, Upbeat, 2.0)]);
    assert_eq!(cats("pull_request_merged"), [(PurrPad, Bed, 0.0), (Meow, Downbeat, 4.0)]);
    assert_eq!(cats("push"), [(Kneading, Bed, 0.0), (Meow, Quantised, 1.0)]);
    assert_eq!(cats("check_failure"), [(Mrrp, Offbeat, 0.5)]);
    assert_eq!(cats("workflow_failure"), [(Hiss, Offbeat, 0.5)]);
    assert_eq!(cats("deployment_error"), [(Hiss, Offbeat, 0.5)]);
    assert_eq!(cats("deployment_success"), [(PurrPad, Bed, 0.0), (Purr, Downbeat, 0.0)]);
    let run = [(PurrPad, Bed, 0.0), (Chirp, Upbeat, 2.0), (Chirp, Upbeat, 2.25)];
    assert_eq!(cats("check_success"), run, "as many chirps as two seconds hold");
}

#[test]
fn small_events_let_the_cat_sleep() {
    let quiet = Heard { intensity: 0.29, ..heard("push") };
    let asleep = phrase(&quiet, 0);
    assert!(asleep.cats.iter().all(|cat| cat.place == Place::Bed));
    assert_eq!(words(&asleep, What::Cats), "Below 30 % intensity the cat sleeps and leaves it to kneading paws.");
    for always in ["pull_request_closed", "check_failure", "deployment_failure"] {
        assert_eq!(phrase(&Heard { intensity: 0.0, ..heard(always) }, 0).cats.len(), 1, "{always}");
    }
}

#[test]
fn a_newcomer_is_greeted_but_not_at_a_bad_moment() {
    let first = |sample| compose(&heard(sample), &Surroundings { known_author: false, ..surroundings("hello", 1) });
    let greeted = first("push");
    assert_eq!(greeted.cats.iter().filter(|cat| cat.sound == CatSound::Trill).count(), 1);
    assert!(words(&greeted, What::Cats).ends_with("alice is heard here for the first time: a trill says hello."));
    assert!(first("check_failure").cats.iter().all(|cat| cat.sound != CatSound::Trill));
}

#[test]
fn cat_volume_follows_intensity() {
    let volume = |intensity| {
        let phrase = phrase(&Heard { intensity, ..heard("pull_request_merged") }, 0);
        phrase.cats.iter().map(|cat| cat.velocity).collect::<Vec<_>>()
    };
    assert_eq!(volume(0.0), [0.1, 0.4]);
    assert_eq!(volume(1.0), [0.2, 0.8]);
}
