//! An objective's figures as PromQL. Every selector is written with its braces, so that names can be found again.

use std::fmt::Write as _;

use crate::alert::span;
use crate::burn::RULES;
use crate::objective::{Match, Objective, Sli};

/// `name{…}[window]` under `rate` or `increase`, summed over everything.
fn sum(function: &str, name: &str, conditions: &[String], window: &str) -> String {
    format!("sum({function}({name}{{{}}}[{window}]))", conditions.join(","))
}

fn condition(it: &Match) -> String {
    let any = |values: &[&str]| values.join("|");
    match it {
        Match::Any(name, values) => format!("{name}=~\"{}\"", any(values)),
        Match::None(name, values) => format!("{name}!~\"{}\"", any(values)),
        Match::Begins(name, start) => format!("{name}=~\"{start}.*\""),
    }
}

fn conditions(matches: &[Match]) -> Vec<String> {
    matches.iter().map(condition).collect()
}

/// The bucket's bound. Prometheus 3 writes `1.0` where 2 wrote `1`.
fn bound(seconds: f64) -> String {
    if seconds.fract() == 0.0 { format!("le=~\"{seconds}(\\\\.0)?\"") } else { format!("le=\"{seconds}\"") }
}

/// How many of all, and how many of them bad, as two expressions.
fn all_and_bad(sli: &Sli, function: &str, window: &str) -> (String, String) {
    match sli {
        Sli::Share { metric, of, good, within_s } => {
            let counted = if metric.ends_with("_seconds") { format!("{metric}_count") } else { (*metric).to_owned() };
            let all = sum(function, &counted, &conditions(of), window);
            let mut which = conditions(of);
            which.extend(conditions(good));
            let good = match within_s {
                Some(seconds) => {
                    which.push(bound(*seconds));
                    sum(function, &format!("{metric}_bucket"), &which, window)
                }
                None => sum(function, &counted, &which, window),
            };
            // Where nothing was ever good there is no series of good ones, and that must not hide the bad ones.
            let bad = format!("({all} - ({good} or vector(0)))");
            (all, bad)
        }
        Sli::Against { all, bad, of } => {
            let bad = format!("({} or vector(0))", sum(function, bad, &conditions(of), window));
            (sum(function, all, &[], window), bad)
        }
    }
}

/// The share of bad ones over a window.
pub(crate) fn bad_share(objective: &Objective, window: &str) -> String {
    let (all, bad) = all_and_bad(&objective.sli, "rate", window);
    format!("{bad} / {all}")
}

/// How many bad ones there were in a window.
pub(crate) fn bad_count(objective: &Objective, window: &str) -> String {
    all_and_bad(&objective.sli, "increase", window).1
}

/// Every window of a rule, minutes, the shortest first.
pub(crate) fn windows() -> Vec<i64> {
    let mut windows: Vec<i64> = RULES.iter().flat_map(|rule| [rule.short_min, rule.long_min]).collect();
    windows.sort_unstable();
    windows.dedup();
    windows
}

/// The recorded share of bad ones over a window, minutes.
pub(crate) fn recorded_share(minutes: i64) -> String {
    format!("mainspring:slo_bad:ratio_rate{}", span(minutes))
}

/// The recorded number of bad ones over a window, minutes.
pub(crate) fn recorded_count(minutes: i64) -> String {
    format!("mainspring:slo_bad:increase{}", span(minutes))
}

/// A number as people write it: `0.0144`, not `0.014400000000000001`.
pub(crate) fn plain(number: f64) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(text, "{number:.8}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
