//! The rules, tried.

use proptest::prelude::*;

use super::*;

const ALL: [Role; 3] = [Role::Owner, Role::Admin, Role::Member];

#[test]
fn the_owner_stays_and_members_manage_nothing() {
    for by in ALL {
        assert!(!may_remove(by, Role::Owner), "{by:?}");
        assert!(!may_set(by, Role::Owner, Role::Admin) && !may_set(by, Role::Owner, Role::Member), "{by:?}");
        assert_eq!(may_set(by, Role::Member, Role::Owner), by == Role::Owner);
        assert_eq!(Role::of_word(by.word()), Some(by));
        for whom in [Role::Admin, Role::Member] {
            assert_eq!(may_remove(by, whom), by != Role::Member);
            assert_eq!(may_set(by, whom, Role::Admin), by != Role::Member);
        }
    }
    assert!(may_delete(Role::Member, true) && !may_delete(Role::Member, false) && may_delete(Role::Admin, false));
    assert!(may_pin(Role::Member, true) && !may_pin(Role::Member, false));
}

#[test]
fn bounds_count_characters_and_not_bytes() {
    assert_eq!(name(" Über uns "), Ok("Über uns".to_owned()));
    for wrong in ["", " a ", &"ö".repeat(51), "two\nlines"] {
        assert!(name(wrong).is_err(), "{wrong:?}");
    }
    assert!(name(&"ö".repeat(50)).is_ok() && description(&"ö".repeat(200)).is_ok());
    assert!(description(&"ö".repeat(201)).is_err());
    assert!(content(&"😀".repeat(2_000), 9_000).is_ok() && content(&"a".repeat(2_001), 9_000).is_err());
    assert!(content("abc", 2).is_err() && content(" \n ", 10).is_err() && content("a\0b", 10).is_err());
    assert!(content("<script>alert(1)</script>", 100).is_ok(), "it is text");
    assert!(emoji("👩‍👩‍👧‍👦").is_ok() && emoji("").is_err() && emoji("a b").is_err() && emoji("12345678901").is_err());
    for one in ["👍", "👍🏽", "❤️", "🏳️‍🌈", "🇩🇪", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🫠", "™️", "🎂"]
    {
        assert!(emoji(one).is_ok(), "{one}");
    }
    for words in [
        "e1",
        "no",
        "я",
        "👍👍",
        "🇭🇪🇱🇱🇴",
        "🅰🅱",
        "🅰‍🅱",
        "👍a",
        "1",
        "\u{200d}",
        "👍\u{200d}",
        "\u{1f3f4}\u{e0068}\u{e0069}\u{e007f}",
    ] {
        assert!(emoji(words).is_err(), "{words}");
    }
    assert!(client_id("3f0c").is_ok() && client_id("").is_err() && client_id("é").is_err());
    assert!(shortcut("brb-2").is_ok() && shortcut("BRB").is_err() && shortcut("").is_err());
}

#[test]
fn words_are_letters_and_digits_of_any_script() {
    assert_eq!(words("The Größe of THE 42nd: don't!"), "42nd don größe of t the");
    assert_eq!(words("東京へ go"), "go へ 京 東");
    assert_eq!(words("<b>\"a\" AND 'b' | c*"), "a and b c");
    assert_eq!(words(" … "), "");
    assert_eq!(words(&"x".repeat(500)).len(), 64);
    assert_eq!(asked("two wor", Dialect::Sqlite).as_deref(), Some("\"two\" \"wor\"*"));
    assert_eq!(asked("Two' | !wor)", Dialect::Postgres).as_deref(), Some("'two' & 'wor':*"));
    assert_eq!(
        asked("two w", Dialect::Sqlite).as_deref(),
        Some("\"two\" \"w\""),
        "one letter is a word, and begins none"
    );
    assert_eq!(asked("two w", Dialect::Postgres).as_deref(), Some("'two' & 'w'"));
    assert_eq!(words("Cafe\u{301}"), words("caf\u{e9}"), "however the accent was typed");
    assert!(!too_many(&"a ".repeat(16)) && too_many(&"a ".repeat(17)));
    assert_eq!(asked("\"*' & ()", Dialect::Postgres), None);
}

#[test]
fn the_longest_name_is_meant_and_only_a_whole_one() {
    let people: Vec<(String, String)> =
        [("1", "Ann"), ("2", "Ann Lee"), ("3", "Anna"), ("4", "Öz"), ("5", "ann"), ("6", "")]
            .map(|(id, name)| (id.to_owned(), name.to_owned()))
            .into();
    let of = |text: &str| mentioned(text, &people).join(" ");
    assert_eq!(of("hi @Ann Lee!"), "2");
    assert_eq!(of("hi @ANN, @anna"), "1 5 3");
    assert_eq!(of("@Annabel, mail@ann, @, @@öz @öz"), "4");
    assert_eq!(of("nobody"), "");
}

proptest! {
    /// Nothing that people write can mean anything to an engine but words.
    #[test]
    fn a_search_is_made_of_words_alone(text in ".*") {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            let Some(asked) = asked(&text, dialect) else { continue };
            let bare: String = asked.chars().filter(|c| !c.is_alphanumeric()).collect();
            prop_assert!(bare.chars().all(|c| "\"'*:& ".contains(c)), "{}", asked);
        }
        let of = words(&text);
        prop_assert!(of.is_empty() || of.split(' ').all(|word| !word.is_empty() && word.chars().all(char::is_alphanumeric)));
        let _ = mentioned(&text, &[("a".into(), "b".into()), ("c".into(), text.chars().take(5).collect())]);
    }
}
