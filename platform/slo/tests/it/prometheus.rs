//! The generated files: as fresh as the definitions, and understood by the programs that they are for.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

#[test]
fn the_files_are_those_of_the_definitions() {
    for (path, text) in
        [("prometheus/mainspring.rules.yml", slo::rules()), ("grafana/mainspring.json", slo::dashboard())]
    {
        let found = std::fs::read_to_string(deploy().join(path)).unwrap_or_default();
        assert!(found == text, "deploy/{path} is stale: run `cargo xtask generate`");
    }
}

/// Runs promtool, which comes with Prometheus.
fn promtool(args: &[&str]) {
    let program = std::env::var_os("PROMTOOL").unwrap_or_else(|| "promtool".into());
    let run = Command::new(program).args(args).current_dir(deploy().join("prometheus")).output();
    let output = run.expect("promtool is missing: `cargo xtask test` gets it, or set PROMTOOL");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {}:\n{said}", args.join(" "));
}

#[test]
fn prometheus_reads_the_rules() {
    promtool(&["check", "rules", "mainspring.rules.yml"]);
}

#[test]
fn the_rules_fire_when_the_burn_tables_say_so() {
    promtool(&["test", "rules", "mainspring.rules.test.yml"]);
}

#[test]
fn the_dashboard_has_panels_that_do_not_overlap() {
    let board: Value = serde_json::from_str(&slo::dashboard()).expect("JSON");
    let panels = board["panels"].as_array().expect("panels");
    let mut ids: Vec<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), panels.len());
    let mut taken = std::collections::BTreeSet::new();
    for panel in panels {
        let at = |name: &str| panel["gridPos"][name].as_u64().expect("a place");
        for (x, y) in (0..at("w")).flat_map(|x| (0..at("h")).map(move |y| (x, y))) {
            assert!(taken.insert((at("x") + x, at("y") + y)), "{} lies on another", panel["title"]);
        }
        assert!(at("x") + at("w") <= 24);
    }
}
