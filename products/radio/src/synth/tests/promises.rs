//! Never too loud, never silent, always the same, never longer than promised.

use proptest::prelude::*;

use super::measure::{MOMENT_MS, listen, rms};
use crate::model::{Phrase, samples};
use crate::synth::{LONGEST_MS, RATE, Renderer, Sound, lengths_ms, sample_at};

fn phrases() -> Vec<Phrase> {
    let phrase = |sample: &samples::Sample| samples::phrase(sample.name, "octocat/hello-world", 0, 50);
    samples::ALL.iter().filter_map(phrase).collect()
}

#[test]
fn a_storm_of_phrases_never_clips() {
    let phrases = phrases();
    let storm: Vec<(&Phrase, i64)> =
        phrases.iter().cycle().take(64).zip(0..).map(|(phrase, i)| (phrase, i * 40)).collect();
    let heard = listen(&storm);
    assert!(heard.peak < 0.85, "the ceiling is −1.5 dBFS: {}", heard.peak);
    assert!(rms(&heard.samples) > 0.1, "and it is a storm: {}", rms(&heard.samples));
}

#[test]
fn the_bed_is_never_silent_and_never_in_the_way() {
    let mut renderer = Renderer::new(sample_at(MOMENT_MS), Some("F"));
    let mut window = Vec::new();
    for second in 0..120 {
        window.clear();
        while window.len() < RATE as usize {
            window.extend(renderer.next().left);
        }
        for (part, samples) in window.chunks_exact(RATE as usize / 4).enumerate() {
            let loud = rms(samples);
            assert!((0.003..0.03).contains(&loud), "quarter {part} of second {second}: {loud}");
        }
    }
}

#[test]
fn a_phrase_is_much_louder_than_the_bed_and_alike_in_loudness_to_its_peers() {
    for phrase in phrases() {
        let heard = listen(&[(&phrase, 0)]);
        let loud = rms(heard.between(0.0, phrase.duration_s));
        assert!((0.03..0.4).contains(&loud), "{}: {loud}", phrase.event.title);
    }
}

#[test]
fn whoever_begins_to_render_later_makes_the_same_samples() {
    let phrases = phrases();
    let at = sample_at(MOMENT_MS) / 256 * 256;
    let play = |renderer: &mut Renderer| {
        for (i, phrase) in phrases.iter().enumerate() {
            let start = sample_at(MOMENT_MS + i as i64 * 1_700);
            if start >= renderer.at() {
                renderer.play(phrase, start);
            }
        }
    };
    let (mut early, mut late) = (Renderer::new(at, Some("A")), Renderer::new(at, Some("A")));
    play(&mut early);
    play(&mut late);
    assert!((0..2_000).all(|_| early.next().left == late.next().left), "two renderings are one");

    // From the silence before a phrase on, with the rooms' memory gone.
    let moment = sample_at(MOMENT_MS + 100_000);
    let mut early = Renderer::new(moment - sample_at(LONGEST_MS), Some("C"));
    let mut late = Renderer::new(moment - sample_at(LONGEST_MS / 2), Some("C"));
    while early.at() < late.at() {
        early.next();
    }
    for renderer in [&mut early, &mut late] {
        renderer.play(&phrases[0], moment);
    }
    let mut most = 0f32;
    while early.at() < moment + sample_at(2_000) {
        let (one, other) = (early.next(), late.next());
        if early.at() > moment {
            most = one.left.iter().zip(&other.left).fold(most, |most, (a, b)| most.max((a - b).abs()));
        }
    }
    assert!(most < 1e-4, "{most}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn no_phrase_is_longer_than_the_longest(at_ms in 0i64..2_000_000_000_000, commits in 0u32..100) {
        let sound = Sound::standard();
        for sample in samples::ALL {
            if let Some(phrase) = samples::phrase(sample.name, "a/b", at_ms, commits) {
                prop_assert!(lengths_ms(&sound, &phrase).1 < LONGEST_MS);
            }
        }
    }
}
