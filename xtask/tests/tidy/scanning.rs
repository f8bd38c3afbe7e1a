//! The scanner against what misleads one.

use crate::scan::{Function, Module, functions, line_of, modules, places, scan, test_parts};
use crate::tree::Tree;

#[test]
fn comments_and_texts_are_no_code() {
    let source =
        "let a = \"todo!() // no\"; // todo!() \"no\"\n/* dbg!() /* nested */ still */ let b = r#\"\"dbg!()\"\"#;";
    let scanned = scan(source);
    assert!(places(&scanned.code, "todo!").is_empty(), "{}", scanned.code);
    assert!(places(&scanned.code, "dbg!").is_empty(), "{}", scanned.code);
    assert_eq!(places(&scanned.comments, "todo!").len(), 1);
    assert_eq!(scanned.comments.matches("nested").count(), 1);
    let texts: Vec<_> = scanned.strings.iter().map(|it| (it.line, it.text.as_str())).collect();
    assert_eq!(texts, [(1, "todo!() // no"), (2, "\"dbg!()\"")]);
    assert_eq!(scanned.code.len(), source.len());
}

#[test]
fn quotes_inside_quotes_and_lifetimes() {
    let scanned = scan(
        r#"fn f<'a>(x: &'a str) -> char { let _ = ("\\", "\"{", b'{', '\'', '"', '\u{7b}', 'é'); 'x' } fn g() {}"#,
    );
    let names: Vec<_> = functions(&scanned.code).into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["f", "g"]);
    assert_eq!(scanned.strings.len(), 2);
}

#[test]
fn a_raw_word_is_no_raw_text() {
    let scanned = scan("let r#type = for_r(\"a\"); let bytes = br\"\\\"; let more = b\"\\\"\";");
    let texts: Vec<_> = scanned.strings.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(texts, ["a", "\\", "\\\""]);
}

#[test]
fn functions_end_with_their_brace() {
    let source = "trait T { fn none(&self) -> [u8; 2]; }\nfn f(\n  g: fn(u8),\n) where u8: Sized {\n  if a { \"}\" } else { '}' }\n}\n";
    let found = functions(&scan(source).code);
    assert_eq!(found, [Function { name: "f".into(), line: 2, lines: 5 }]);
}

#[test]
fn words_have_edges() {
    assert_eq!(places("asleep(1); sleep(2); x.sleep(3)", "sleep("), [11, 23]);
    assert!(places("now_ms", "now").is_empty());
    assert_eq!(line_of("a\nb\nc", 4), 3);
}

#[test]
fn modules_and_what_is_for_tests() {
    let source = "mod a;\n#[cfg(test)]\nmod tests;\npub(crate) mod b;\nmod inline { fn x() {} }\n#[cfg(not(test))]\nmod c;\n\
        #[cfg(any(test, unix))]\n#[expect(dead_code)]\nmod more { fn sleeps() {} }\nfn ships() {}";
    let code = scan(source).code;
    let module = |name: &str, test| Module { name: name.into(), test };
    assert_eq!(modules(&code), [module("a", false), module("tests", true), module("b", false), module("c", false)]);
    let parts: Vec<_> = test_parts(&code).into_iter().map(|part| &code[part]).collect();
    assert_eq!(parts.len(), 2);
    assert!(parts[1].ends_with("sleeps() {} }"), "{}", parts[1]);
}

#[test]
fn no_file_of_ours_leads_it_astray() {
    for file in &Tree::here().rust {
        for (open, close) in [('{', '}'), ('(', ')'), ('[', ']')] {
            let (opened, closed) = (file.scan.code.matches(open).count(), file.scan.code.matches(close).count());
            assert_eq!(opened, closed, "{}: {open} and {close}", file.path);
        }
    }
}
