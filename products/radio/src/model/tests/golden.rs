//! One phrase, byte for byte: whoever changes the music changes this file and sees what changed.

use super::*;

const GOLDEN: &str = include_str!("golden/big_push.json");

#[test]
fn the_golden_phrase_still_sounds_the_same() {
    let mut heard = heard("big_push");
    heard.title = "octocat pushed 8 commits to main".to_owned();
    heard.actor = Some("octocat".to_owned());
    let heard_in = surroundings("72d3162e-cc78-11e3-81ab-4c9367dc0958", 12);
    let phrase = serde_json::to_string_pretty(&compose(&heard, &heard_in)).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/model/tests/golden/big_push.json");
        std::fs::write(file, &phrase).expect("the golden file is written");
        return;
    }
    assert!(phrase == GOLDEN, "the golden phrase changed; run again with UPDATE_GOLDEN=1 and look at the difference");
}
