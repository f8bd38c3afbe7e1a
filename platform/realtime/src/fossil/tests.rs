//! What deltas make, by a decoder that is written from the description of the format alone.

use proptest::collection::vec;
use proptest::prelude::*;

use super::delta;

#[path = "../../tests/it/undelta.rs"]
mod undelta;
use undelta::apply;

#[test]
fn the_example_of_the_format() {
    assert_eq!(delta("", ""), "0\n0;");
    assert_eq!(delta("old", "new"), "3\n3:new1jPNS0;");
    assert_eq!(
        delta("the same as ever", "the same as ever"),
        format!("G\nG@0,{}", &delta("", "the same as ever")[20..])
    );
}

#[test]
fn what_changed_little_is_told_shortly() {
    let list: Vec<String> = (0..1_000).map(|number| format!("{{\"number\":{number},\"name\":\"somebody\"}}")).collect();
    let old = list.join(",");
    let one_changed = old.replace("\"number\":500,", "\"number\":501,");
    let told = delta(&old, &one_changed);
    assert!(told.len() < 40 && apply(&old, &told) == one_changed, "{told}");
    let (first, second) = (list[..500].join(","), list[500..].join(","));
    let turned = format!("{second},{first}");
    let told = delta(&old, &turned);
    assert!(told.len() < 200 && apply(&old, &told) == turned, "{} bytes", told.len());
    // Between the changes, and around them.
    let changed = old.replace("\"number\":100,", "\"n\":1,").replace("\"number\":900,", "\"numbers\":[],");
    let told = delta(&old, &changed);
    assert!(told.len() < 100 && apply(&old, &told) == changed, "{} bytes", told.len());
}

/// Records that are all alike: what changed in one of them is not told by another.
#[test]
fn changes_here_and_there_cost_a_few_bytes_each() {
    let record =
        |number: usize, points: usize| format!("{{\"id\":{number},\"team\":\"the same for all\",\"points\":{points}}}");
    let records =
        |points: &dyn Fn(usize) -> usize| (0..200).map(|it| record(it, points(it))).collect::<Vec<_>>().join(",");
    let old = records(&|number| number * 100);
    let new = records(&|number| number * 100 + usize::from(number % 10 == 5));
    let told = delta(&old, &new);
    assert!(told.len() < 20 * 15 + 20 && apply(&old, &told) == new, "{} bytes", told.len());
}

#[test]
fn a_character_is_never_cut() {
    // They share all but their last byte, or all but their first.
    for (old, new) in
        [("é".repeat(40), "è".repeat(40)), ("é".repeat(40), "\u{129}".repeat(40)), ("aé".repeat(40), "éa".repeat(40))]
    {
        assert_eq!(apply(&old, &delta(&old, &new)), new);
    }
    let (old, new) = ("x".repeat(20) + "\u{1f600}" + &"y".repeat(20), "x".repeat(20) + "\u{1f601}" + &"y".repeat(20));
    let told = delta(&old, &new);
    assert!(told.contains("4:\u{1f601}"), "{told}");
    assert_eq!(apply(&old, &told), new);
}

/// What makes the table of blocks useless: each place of the new text is still compared once.
#[test]
fn the_worst_texts_are_told_as_well() {
    let (same, period) = ("a".repeat(100_000), "ab".repeat(50_000));
    for (old, new) in [(&same, &period), (&period, &same), (&same, &same[1..].to_owned())] {
        assert_eq!(apply(old, &delta(old, new)), *new);
    }
}

/// Words from a small list, so that much is alike.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[ab]{1,3}",
        "[éèĩ😀😁]{1,3}",
        Just("{\"a rather long word\":".to_owned()),
        any::<char>().prop_map(String::from)
    ];
    vec(word, 0..60).prop_map(|words| words.concat())
}

/// A text, and what a few changes make of it.
fn changed() -> impl Strategy<Value = (String, String)> {
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), text());
    (text(), vec(change, 0..4)).prop_map(|(old, changes)| {
        let mut new: Vec<char> = old.chars().collect();
        for (from, to, text) in changes {
            let (from, to) = (from.index(new.len() + 1), to.index(new.len() + 1));
            new.splice(from.min(to)..from.max(to), text.chars());
        }
        (old, new.into_iter().collect())
    })
}

proptest! {
    #[test]
    fn a_delta_makes_the_new_text_of_the_old(old in text(), new in text()) {
        prop_assert_eq!(apply(&old, &delta(&old, &new)), new);
    }

    #[test]
    fn and_so_it_does_where_little_changed((old, new) in changed()) {
        let told = delta(&old, &new);
        prop_assert!(told.len() <= new.len() + new.len() / 2 + 24, "{} bytes of {}", told.len(), new.len());
        prop_assert_eq!(apply(&old, &told), new);
    }
}
