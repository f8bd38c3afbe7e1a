//! Whatever is heard, wherever: the phrase keeps the format's bounds and stays in tune.

use proptest::prelude::*;

use super::super::theory::Scale;
use super::*;

fn size() -> impl Strategy<Value = Size> {
    prop_oneof![
        any::<u64>().prop_map(Size::Changed),
        (0u64..2000).prop_map(Size::Written),
        any::<u32>().prop_map(Size::Touched),
        Just(Size::Nothing),
    ]
}

fn language() -> impl Strategy<Value = Option<Language>> {
    let names = prop::sample::select(vec!["Rust", "TypeScript", "Python", "Brainfuck", "c++", "Ruby"]);
    let from = prop_oneof![
        Just(LanguageFrom::Repository),
        (1u32..9, 0u32..9).prop_map(|(of, more)| LanguageFrom::Files { of, total: of + more })
    ];
    prop::option::of((names, from).prop_map(|(name, from)| Language { name: name.to_owned(), from }))
}

prop_compose! {
    fn any_heard()(
        sample in prop::sample::select(samples::ALL),
        mood in prop::sample::select(Mood::ALL.to_vec()),
        intensity in prop_oneof![0.0f64..=1.0, Just(f64::NAN), Just(7.0), Just(-1.0)],
        names in prop::array::uniform2(prop::option::of("\\PC{1,20}")),
        size in size(),
        language in language(),
        authors in 1u32..30,
        failed: bool,
    ) -> Heard {
        let [author, actor] = names;
        Heard { mood, intensity, author, actor, size, language, authors, failed, ..heard(sample.name) }
    }
}

prop_compose! {
    fn anywhere()(id in "[a-f0-9-]{1,36}", n: u64, at_ms: i64, rate in prop_oneof![0u32..60, any::<u32>()], known: bool)
        -> Surroundings
    {
        Surroundings { n, at_ms, known_author: known, ..surroundings(&id, rate) }
    }
}

/// Every sounding pitch of a phrase.
fn pitches(phrase: &Phrase) -> Vec<(String, u8, f64)> {
    let melody = phrase.melody.iter().map(|note| (note.note.clone(), note.midi, note.hz));
    let chords =
        phrase.chords.iter().flat_map(|chord| &chord.notes).map(|note| (note.note.clone(), note.midi, note.hz));
    let cats = phrase.cats.iter().filter_map(|cat| Some((cat.note.clone()?, cat.midi?, cat.hz?)));
    melody.chain(chords).chain(cats).collect()
}

/// When and how loud everything sounds, list by list.
fn times(phrase: &Phrase) -> [Vec<(f64, f64, f64)>; 3] {
    [
        phrase.melody.iter().map(|note| (note.at_s, note.duration_s, note.velocity)).collect(),
        phrase.chords.iter().map(|chord| (chord.at_s, chord.duration_s, chord.velocity)).collect(),
        phrase.cats.iter().map(|cat| (cat.at_s, cat.duration_s, cat.velocity)).collect(),
    ]
}

/// The semitone of a name like `F#4`, worked out anew.
fn midi_of(note: &str) -> i32 {
    let mut letters = note.chars().peekable();
    let natural = match letters.next().expect("a letter") {
        'C' => 0,
        'D' => 2,
        'E' => 4,
        'F' => 5,
        'G' => 7,
        'A' => 9,
        'B' => 11,
        other => panic!("{other} is no note"),
    };
    let sign = letters.next_if(|sign| "#b".contains(*sign)).map_or(0, |sign| if sign == '#' { 1 } else { -1 });
    let octave: i32 = letters.collect::<String>().parse().expect("an octave");
    12 * (octave + 1) + natural + sign
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_pitch_is_in_the_scale_and_named_right(heard in any_heard(), heard_in in anywhere()) {
        let phrase = compose(&heard, &heard_in);
        prop_assert!("CDEFGAB".contains(&phrase.key) && phrase.scale.notes[0] == phrase.key);
        prop_assert!(phrase.scale.name.starts_with(&phrase.key));
        for (note, midi, hz) in pitches(&phrase) {
            let name = note.trim_end_matches(|letter: char| letter.is_ascii_digit());
            prop_assert!(phrase.scale.notes.iter().any(|known| known == name), "{} in {}", note, phrase.scale.name);
            prop_assert_eq!(midi_of(&note), i32::from(midi), "{}", note);
            prop_assert!((440.0 * ((f64::from(midi) - 69.0) / 12.0).exp2() - hz).abs() < 0.01);
            prop_assert!((24..=108).contains(&midi), "{} is out of hearing", note);
        }
    }

    #[test]
    fn everything_sounds_within_the_phrase(heard in any_heard(), heard_in in anywhere()) {
        let phrase = compose(&heard, &heard_in);
        for list in times(&phrase) {
            prop_assert!(list.windows(2).all(|pair| pair[0].0 <= pair[1].0), "sorted by time");
            for (at_s, duration_s, velocity) in list {
                prop_assert!(at_s >= 0.0 && duration_s >= 0.02 && at_s + duration_s <= phrase.duration_s + 1e-9,
                    "{at_s} + {duration_s} of {}", phrase.duration_s);
                prop_assert!(velocity > 0.0 && velocity <= 1.0);
                prop_assert!(phrase.mood != Mood::Tension || velocity <= 0.5, "tension is never loud");
            }
        }
        for cat in &phrase.cats {
            prop_assert_eq!(cat.note.is_none(), cat.sound == CatSound::Hiss);
        }
    }

    #[test]
    fn the_bounds_of_the_format_hold(heard in any_heard(), heard_in in anywhere()) {
        let phrase = compose(&heard, &heard_in);
        prop_assert!((0.0..=1.0).contains(&phrase.intensity));
        prop_assert!((40..=200).contains(&phrase.tempo.bpm));
        prop_assert!((2.0..=8.0).contains(&phrase.duration_s));
        prop_assert!(phrase.gain_db <= -12.0);
        prop_assert!((300.0..=1200.0).contains(&phrase.filter.frequency_hz));
        prop_assert!(phrase.mood != Mood::Tension || phrase.filter.frequency_hz <= 600.0);
        prop_assert!((4..=64).contains(&phrase.melody.len()) && pitches(&phrase).len() <= 256);
        prop_assert!((6..=12).contains(&phrase.why.len()), "{} sentences", phrase.why.len());
        for why in &phrase.why {
            prop_assert!(!why.words.is_empty() && why.words.chars().count() <= 400, "{}", why.words);
            prop_assert!(why.words.ends_with('.'), "{}", why.words);
        }
        let kinds: Vec<_> = phrase.effects.iter().map(std::mem::discriminant).collect();
        prop_assert!((0..kinds.len()).all(|index| !kinds[..index].contains(&kinds[index])), "one effect of a kind");

        let text = serde_json::to_string(&phrase).expect("a phrase is JSON");
        prop_assert!(text.len() < 64 * 1024, "{} bytes", text.len());
        prop_assert_eq!(&serde_json::from_str::<Phrase>(&text).expect("and comes back"), &phrase);
        let value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(schema::faults(&value), Vec::<String>::new());
        prop_assert_eq!(serde_json::to_string(&compose(&heard, &heard_in)).expect("JSON"), text, "the same again");
    }

    #[test]
    fn any_note_finds_a_neighbour_in_the_scale(mood in prop::sample::select(Mood::ALL.to_vec()), key in 0usize..7, midi in 12u8..116) {
        let scale = Scale::new(&mood.row().mode, key);
        let near = scale.nearest(midi);
        prop_assert!(scale.degree_of(near).is_some() && near.abs_diff(midi) <= 2);
        prop_assert_eq!(midi_of(&scale.pitch(midi).note), i32::from(near));
    }
}

#[test]
fn another_delivery_is_another_melody() {
    let heard = heard("big_push");
    let tunes: std::collections::BTreeSet<Vec<u8>> = (0..100)
        .map(|delivery| compose(&heard, &surroundings(&format!("delivery-{delivery}"), 3)))
        .map(|phrase| phrase.melody.iter().map(|note| note.midi).collect())
        .collect();
    assert_eq!(tunes.len(), 100);
}
