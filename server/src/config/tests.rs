//! Layers, mistakes and their words.

use super::*;

fn with(pairs: &[(&str, &str)]) -> Overrides {
    let environment = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Overrides { environment, ..Overrides::default() }
}

#[test]
fn the_defaults_are_in_order() {
    let config = load(&Overrides::default()).expect("loads");
    assert_eq!(config.server.listen, "127.0.0.1:8080");
    assert!(config.explain().contains("server.listen = \"127.0.0.1:8080\"  # default"));
}

#[test]
fn later_layers_win_and_say_so() {
    let mut overrides = with(&[("PORT", "9000"), ("MAINSPRING__JOBS__CONCURRENCY", "7")]);
    let config = load(&overrides).expect("loads");
    assert_eq!((config.server.listen.as_str(), config.jobs.concurrency), ("0.0.0.0:9000", 7));
    overrides.listen = Some("127.0.0.1:1".into());
    let config = load(&overrides).expect("loads");
    assert!(config.explain().contains("server.listen = \"127.0.0.1:1\"  # --listen"));
}

#[test]
fn a_mistake_names_its_setting() {
    let message = |pairs: &[(&str, &str)]| load(&with(pairs)).expect_err("refused").to_string();
    assert!(message(&[("MAINSPRING__JOBS__THREADS", "7")]).contains("no setting jobs.threads"));
    assert!(message(&[("MAINSPRING__JOBS__CONCURRENCY", "0")]).contains("jobs.concurrency = 0"));
    assert!(message(&[("MAINSPRING__STORE__DURABILITY", "maybe")]).contains("durability"));
    assert!(message(&[("MAINSPRING__JOBS__CONCURRENCY", "x")]).contains("concurrency"));
    assert!(message(&[("MAINSPRING__SERVER__LISTEN", "here")]).contains("address and a port"));
    let missing = Overrides { file: Some("/nonexistent.toml".into()), ..Overrides::default() };
    assert!(matches!(load(&missing), Err(ConfigError::Unreadable(..))));
}
