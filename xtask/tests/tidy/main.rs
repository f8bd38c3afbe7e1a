//! The house guard: reads the source tree and prints each sentence that was broken, and where.
//!
//! A sentence is one of ARCHITECTURE.md's invariants or a rule of the house (CONTRIBUTING.md). Its check is a function from
//! a tree to what is broken in it; `bites.rs` shows every one of them a tree that it must refuse.

mod arrows;
mod bites;
mod layers;
mod manifest;
mod scan;
mod scanning;
mod shape;
mod sizes;
mod tree;
mod words;

use tree::{Broken, Tree};

/// A check: its name, the sentence it stands for, and what it does.
type Check = (&'static str, &'static str, fn(&Tree) -> Vec<Broken>);

const EVERY: &[Check] = &[
    ("left", arrows::LEFT, arrows::left),
    ("platform", arrows::PLATFORM, arrows::platform),
    ("products", arrows::PRODUCTS, arrows::products),
    ("server", arrows::SERVER, arrows::server),
    ("kernel", arrows::KERNEL, arrows::kernel),
    ("client", arrows::CLIENT, arrows::client),
    ("engine", arrows::ENGINE, arrows::engine),
    ("clock", words::CLOCK, words::clock),
    ("dice", words::DICE, words::dice),
    ("bounds", words::BOUNDS, words::bounds),
    ("loops", words::LOOPS, words::loops),
    ("statics", words::STATICS, words::statics),
    ("sleepers", words::SLEEPERS, words::sleepers),
    ("secret", words::SECRET, words::secret),
    ("done", words::DONE, words::done),
    ("drawers", words::DRAWERS, words::drawers),
    ("layers", layers::LAYERS, layers::layers),
    ("states", layers::STATES, layers::states),
    ("portable", layers::PORTABLE, layers::portable),
    ("requests", layers::REQUESTS, layers::requests),
    ("promise", shape::PROMISE, shape::promise),
    ("sorted", shape::SORTED, shape::sorted),
    ("settings", shape::SETTINGS, shape::settings),
    ("dead", shape::DEAD, shape::dead),
    ("links", shape::LINKS, shape::links),
    ("map", shape::MAP, shape::map),
    ("locks", shape::LOCKS, shape::locks),
    ("file", sizes::FILE, sizes::file),
    ("function", sizes::FUNCTION, sizes::function),
    ("face", sizes::FACE, sizes::face),
];

#[test]
fn the_house_is_tidy() {
    let tree = Tree::here();
    let mut report = String::new();
    for (_, sentence, check) in EVERY {
        let mut broken = check(&tree);
        broken.sort();
        broken.dedup();
        if !broken.is_empty() {
            let places: String = broken.iter().map(|it| format!("\n  {}: {}", it.place, it.what)).collect();
            report.push_str(&format!("\n{sentence}{places}\n"));
        }
    }
    assert!(report.is_empty(), "\n{report}");
}
