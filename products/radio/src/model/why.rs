//! Why it sounds like this: short sentences with the real numbers, for anyone who is curious.

use super::cats;
use super::compose::Surroundings;
use super::effects::Occasion;
use super::heard::{Heard, LanguageFrom, Size};
use super::kinds::Strength;
use super::numbers::round;
use super::phrase::{CatSound, Phrase, Place, What, Why};
use super::tempo::base_bpm;
use super::voices;

/// The sentences of a phrase that is otherwise complete.
pub(super) fn why(
    heard: &Heard,
    heard_in: &Surroundings,
    phrase: &Phrase,
    octave: u8,
    occasions: &[Occasion],
) -> Vec<Why> {
    let mut why = vec![
        Why { what: What::Mood, words: heard.kind.row().2.to_owned() },
        Why { what: What::Intensity, words: intensity(heard, phrase) },
        Why { what: What::Key, words: key(heard, phrase) },
        Why { what: What::Scale, words: scale(phrase) },
        Why { what: What::Tempo, words: tempo(phrase) },
        Why { what: What::Voice, words: voice(heard, phrase) },
        Why { what: What::Length, words: length(heard, phrase) },
        Why { what: What::Octave, words: register(octave) },
        Why { what: What::Melody, words: melody(phrase) },
    ];
    if !phrase.chords.is_empty() {
        why.push(Why { what: What::Chords, words: chords(phrase) });
    }
    why.push(Why { what: What::Effects, words: effects(heard, heard_in, phrase, occasions) });
    why.push(Why { what: What::Cats, words: cats(heard, heard_in, phrase) });
    why
}

fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// A number without needless zeros.
fn short(number: f64) -> String {
    format!("{}", round(number, 1))
}

fn intensity(heard: &Heard, phrase: &Phrase) -> String {
    let percent = short(phrase.intensity * 100.0);
    match heard.kind.row().1 {
        Strength::Fixed(_) => format!("This kind of event always comes with {percent} % intensity."),
        Strength::Push => {
            let (commits, files) = (count(heard.commits.into(), "commit"), count(heard.files.into(), "file change"));
            format!("{commits} and {files} give it {percent} % intensity.")
        }
        Strength::PullRequest => {
            format!("Pull requests start at 50 %; {} make it {percent} %.", count(heard.size.lines(), "changed line"))
        }
    }
}

fn key(heard: &Heard, phrase: &Phrase) -> String {
    match &heard.author {
        Some(author) => format!("{author}'s name picks the key: {}.", phrase.key),
        None => "Nobody is named, so the key is C.".to_owned(),
    }
}

fn scale(phrase: &Phrase) -> String {
    let mood = capital(phrase.mood.word());
    let name = phrase.scale.name.split_once(' ').map_or("", |(_, name)| name);
    format!("{mood} plays in {name}: {}.", phrase.scale.notes.join(" "))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

fn tempo(phrase: &Phrase) -> String {
    let base = short(base_bpm(phrase.tempo.commits_last_hour).round());
    let commits = match phrase.tempo.commits_last_hour {
        0 => "No commits in the last hour set".to_owned(),
        1 => "1 commit in the last hour sets".to_owned(),
        many => format!("{many} commits in the last hour set"),
    };
    let change = match (phrase.mood.word(), phrase.mood.row().bpm_change) {
        (_, 0) => return format!("{commits} {base} beats a minute: {}.", phrase.tempo.name),
        (mood, more @ 1..) => format!("; {mood} adds {more}"),
        (mood, less) => format!("; {mood} takes {} away", -less),
    };
    format!("{commits} {base} beats a minute{change}: {}, {}.", phrase.tempo.bpm, phrase.tempo.name)
}

fn voice(heard: &Heard, phrase: &Phrase) -> String {
    let synth = voices::words(phrase.voice.synth);
    match heard.language.as_ref().map(|language| (&language.name, language.from)) {
        None => format!("No programming language is known here, so {synth} plays."),
        Some((name, LanguageFrom::Repository)) => format!("The repository is mostly {name}, so {synth} plays."),
        Some((name, LanguageFrom::Files { of: 1, total: 1 })) => format!("The one file is {name}, so {synth} plays."),
        Some((name, LanguageFrom::Files { of, total })) if of == total => {
            format!("All {total} files are {name}, so {synth} plays.")
        }
        Some((name, LanguageFrom::Files { of, total })) => {
            let are = if of == 1 { "is" } else { "are" };
            format!("{of} of {total} files {are} {name}, so {synth} plays.")
        }
    }
}

fn length(heard: &Heard, phrase: &Phrase) -> String {
    let seconds = format!("{} seconds", round(phrase.duration_s, 2));
    match heard.size {
        Size::Changed(lines) => format!("{}: {seconds} of music.", count(lines, "changed line")),
        Size::Touched(files) => {
            let lines = heard.size.lines();
            format!("{} count as about {lines} lines: {seconds} of music.", count(files.into(), "file change"))
        }
        Size::Written(0) => format!("No words to count, so it keeps to {seconds}."),
        Size::Written(lines) => format!("{}: {seconds} of music.", count(lines, "written line")),
        Size::Nothing => format!("There are no lines to count, so it keeps to {seconds}."),
    }
}

fn register(octave: u8) -> String {
    match octave {
        ..=3 => "Fewer than 50 lines sing low, in octave 3.".to_owned(),
        4 => "From 50 to 199 lines sing in the middle, in octave 4.".to_owned(),
        5.. => "200 lines and more sing high, in octave 5.".to_owned(),
    }
}

fn melody(phrase: &Phrase) -> String {
    let notes = phrase.melody.len();
    format!("{notes} notes stroll up and down the scale; the delivery's id throws the dice, so it can be played again.")
}

fn chords(phrase: &Phrase) -> String {
    let symbols: Vec<&str> = phrase.chords.iter().map(|chord| chord.symbol.as_str()).collect();
    format!("Four chords of the same scale carry it: {}.", symbols.join(", "))
}

fn effects(heard: &Heard, heard_in: &Surroundings, phrase: &Phrase, occasions: &[Occasion]) -> String {
    let names: Vec<&str> = phrase.mood.row().effects.iter().map(|effect| effect.word()).collect();
    let filter = short(phrase.filter.frequency_hz);
    let names = match names.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        names => names.concat(),
    };
    let mut words = format!("{} colour it, and a low-pass rounds it off at {filter} Hz.", capital(&names));
    for occasion in occasions {
        let more = match occasion {
            Occasion::Failed => "It failed, so the edge is a little rougher, but never loud.".to_owned(),
            Occasion::ManyLines => {
                format!("{} lines put a low-pass at 1200 Hz over it.", heard.size.lines())
            }
            Occasion::ManyCommits => {
                format!("{} commits an hour spin the phaser faster.", heard_in.commits_last_hour)
            }
            Occasion::SeveralAuthors => format!("{} authors sound as a chorus.", heard.authors),
        };
        words.push(' ');
        words.push_str(&more);
    }
    words
}

fn cats(heard: &Heard, heard_in: &Surroundings, phrase: &Phrase) -> String {
    let bed = phrase.cats.iter().find(|cat| cat.place == Place::Bed).map(|cat| match cat.sound {
        CatSound::Kneading => "kneading paws",
        _ => "a soft purr",
    });
    let row = cats::row(heard.kind);
    let answer = match cats::awake(heard.kind, phrase.intensity) {
        true => {
            let place = place(row.place);
            let note = phrase.cats.iter().find(|cat| cat.place == row.place).and_then(|cat| cat.note.as_deref());
            let note = note.map_or(String::new(), |note| format!(" on {note}"));
            let bed = bed.map_or(String::new(), |bed| format!(", over {bed}"));
            format!("{}{note} comes in {place}{bed}.", row.words)
        }
        false => {
            let bed = bed.map_or(String::new(), |bed| format!(" and leaves it to {bed}"));
            format!("Below 30 % intensity the cat sleeps{bed}.")
        }
    };
    match &heard.actor {
        Some(actor) if cats::welcomes(heard, heard_in.known_author) => {
            format!("{answer} {actor} is heard here for the first time: a trill says hello.")
        }
        _ => answer,
    }
}

fn place(place: Place) -> &'static str {
    match place {
        Place::Downbeat => "on the downbeat",
        Place::Upbeat => "on the half measure",
        Place::Quantised => "on the beat",
        Place::Offbeat => "off the beat",
        Place::Free => "whenever it likes",
        Place::Bed => "throughout",
    }
}
