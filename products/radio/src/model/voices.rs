//! Languages: which file is written in which, and which synthesiser plays it.

use super::phrase::Synth;

/// Language, its synthesiser, other names it goes by, the endings of its files.
type Row = (&'static str, Synth, &'static [&'static str], &'static [&'static str]);

const TABLE: &[Row] = &[
    ("JavaScript", Synth::Fm, &["js", "jsx", "ecmascript"], &["js", "jsx", "mjs", "cjs"]),
    ("TypeScript", Synth::Fm, &["ts", "tsx"], &["ts", "tsx", "mts", "cts"]),
    ("Haskell", Synth::Fm, &[], &["hs", "lhs"]),
    ("Elixir", Synth::Fm, &[], &["ex", "exs"]),
    ("Erlang", Synth::Fm, &[], &["erl", "hrl"]),
    ("Clojure", Synth::Fm, &["clojurescript"], &["clj", "cljs", "cljc"]),
    ("Vue", Synth::Fm, &[], &["vue"]),
    ("Svelte", Synth::Fm, &[], &["svelte"]),
    ("Elm", Synth::Fm, &[], &["elm"]),
    ("OCaml", Synth::Fm, &[], &["ml", "mli"]),
    ("F#", Synth::Fm, &["fsharp"], &["fs", "fsx"]),
    ("Rust", Synth::Poly, &[], &["rs"]),
    ("C", Synth::Poly, &[], &["c", "h"]),
    ("C++", Synth::Poly, &["cpp"], &["cpp", "cc", "cxx", "hpp", "hh", "hxx"]),
    ("Java", Synth::Poly, &[], &["java"]),
    ("Kotlin", Synth::Poly, &[], &["kt", "kts"]),
    ("Scala", Synth::Poly, &[], &["scala"]),
    ("C#", Synth::Poly, &["csharp"], &["cs"]),
    ("Swift", Synth::Poly, &[], &["swift"]),
    ("Zig", Synth::Poly, &[], &["zig"]),
    ("Python", Synth::Plain, &["py", "jupyter notebook"], &["py", "pyi", "ipynb"]),
    ("Ruby", Synth::Plain, &[], &["rb", "rake"]),
    ("PHP", Synth::Plain, &[], &["php"]),
    ("Go", Synth::Plain, &["golang"], &["go"]),
    ("R", Synth::Plain, &[], &["r"]),
    ("Julia", Synth::Plain, &[], &["jl"]),
    ("Shell", Synth::Plain, &["bash"], &["sh", "bash"]),
    ("Lua", Synth::Plain, &[], &["lua"]),
    ("Dart", Synth::Plain, &[], &["dart"]),
];

/// The language of a file by its ending, where it is written in one that we know.
pub(super) fn language_of(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next()?;
    let (stem, ending) = name.rsplit_once('.')?;
    if stem.is_empty() {
        return None;
    }
    TABLE.iter().find(|row| row.3.iter().any(|known| known.eq_ignore_ascii_case(ending))).map(|row| row.0)
}

/// The name that we know a language by, whatever it is called elsewhere.
pub(super) fn canonical(name: &str) -> Option<&'static str> {
    row(name).map(|row| row.0)
}

/// Who plays a language; the plain synth where it is unknown.
pub(super) fn synth_of(language: Option<&str>) -> Synth {
    language.and_then(row).map_or(Synth::Plain, |row| row.1)
}

fn row(name: &str) -> Option<&'static Row> {
    let same = |known: &&str| known.eq_ignore_ascii_case(name.trim());
    TABLE.iter().find(|row| same(&row.0) || row.2.iter().any(same))
}

/// What a listener calls the synth, with its article.
pub(super) fn words(synth: Synth) -> &'static str {
    match synth {
        Synth::Fm => "an FM synth",
        Synth::Poly => "a poly synth",
        Synth::Plain => "a plain synth",
    }
}
