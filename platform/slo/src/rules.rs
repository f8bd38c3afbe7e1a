//! The same objectives as recording and alerting rules of Prometheus.

use std::fmt::Write as _;

use crate::alert::span;
use crate::burn::{MIN_BAD, RULES, Severity};
use crate::objective::{ALL, Objective, WINDOW_DAYS};
use crate::promql::{bad_count, bad_share, plain, recorded_count, recorded_share, windows};

/// A rules file for Prometheus, as YAML.
pub fn rules() -> String {
    let mut text = String::from(
        "# Made by `mainspring ops rules` from platform/slo/src/objective.rs; `cargo xtask generate` writes it again.\n\
         # These are the rules that Mainspring evaluates itself. Load them where Prometheus is the one that tells people.\n\
         groups:\n",
    );
    for objective in ALL {
        group(&mut text, &format!("mainspring-{}", objective.name), "1m");
        recorded(&mut text, objective);
        Severity::ALL.into_iter().for_each(|severity| alert(&mut text, objective, severity));
    }
    group(&mut text, "mainspring-budgets", "10m");
    let days = format!("{WINDOW_DAYS}d");
    for objective in ALL {
        let left = format!("1 - ({}) / {}", bad_share(objective, &days), plain(objective.budget()));
        record(&mut text, "mainspring:slo_budget_left:ratio30d", objective, &left);
    }
    group(&mut text, "mainspring-up", "1m");
    text.push_str(
        "      - alert: MainspringDown\n        expr: 'absent(build_info{version=~\".+\"})'\n        for: 3m\n        labels: { severity: page }\n        annotations:\n          summary: 'No Mainspring is scraped'\n          runbook: 'docs/runbooks/down.md'\n",
    );
    text
}

fn group(text: &mut String, name: &str, interval: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  - name: {name}\n    interval: {interval}\n    rules:");
}

fn record(text: &mut String, name: &str, objective: &Objective, expr: &str) {
    let (expr, objective) = (quoted(expr), objective.name);
    let _ =
        writeln!(text, "      - record: {name}\n        expr: {expr}\n        labels: {{ objective: {objective} }}");
}

fn recorded(text: &mut String, objective: &Objective) {
    for minutes in windows() {
        record(text, &recorded_share(minutes), objective, &bad_share(objective, &span(minutes)));
    }
    for rule in RULES {
        let minutes = rule.long_min;
        record(text, &recorded_count(minutes), objective, &bad_count(objective, &span(minutes)));
    }
}

fn alert(text: &mut String, objective: &Objective, severity: Severity) {
    let of = format!("{{objective=\"{}\"}}", objective.name);
    let rules: Vec<String> = RULES
        .into_iter()
        .filter(|rule| rule.severity == severity)
        .map(|rule| {
            let above = plain(rule.burn * objective.budget());
            let [long, short] = [rule.long_min, rule.short_min].map(recorded_share);
            let count = recorded_count(rule.long_min);
            format!("({long}{of} > {above} and {short}{of} > {above} and {count}{of} >= {MIN_BAD})")
        })
        .collect();
    let name = match severity {
        Severity::Page => "MainspringBudgetBurnsFast",
        Severity::Ticket => "MainspringBudgetBurns",
    };
    let summary = format!("{}: the error budget burns too fast", objective.title);
    let description = format!("Good is: {} Promised: {} % over {WINDOW_DAYS} days.", objective.good, objective.percent);
    let _ = writeln!(
        text,
        "      - alert: {name}\n        expr: {expr}\n        labels: {{ severity: {severity}, objective: {objective} }}\n        annotations:\n          summary: {summary}\n          description: {description}\n          runbook: {runbook}",
        expr = quoted(&rules.join(" or ")),
        severity = severity.word(),
        objective = objective.name,
        summary = quoted(&summary),
        description = quoted(&description),
        runbook = quoted(objective.runbook),
    );
}

/// A YAML text in single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
