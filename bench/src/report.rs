//! Figures, their spread over the rounds, and the conditions beside each.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::machine::{self, Machine};

/// What a bench found. It is printed when it is finished.
pub(crate) struct Report {
    bench: &'static str,
    machine: Machine,
    figures: Vec<Figure>,
}

struct Figure {
    name: String,
    unit: &'static str,
    goal: Option<String>,
    rounds: Vec<f64>,
    around: Vec<Conditions>,
}

/// What the disk and the neighbours cost around one measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    /// A sync just before and just after, milliseconds: on some disks it flips between two values.
    sync_ms: [f64; 2],
    load: f64,
}

impl Conditions {
    /// Runs `measure` and probes around it. It begins on a quiet disk: what the one before wrote and deleted (where a disk is
    /// told of each deletion, the next syncs pay for it) is not its business.
    pub(crate) async fn around<T>(dir: &Path, measure: impl Future<Output = Result<T>>) -> Result<(T, Self)> {
        machine::flush()?;
        let before = machine::sync_ms(dir)?;
        let measured = measure.await?;
        let sync_ms = [before, machine::sync_ms(dir)?];
        Ok((measured, Self { sync_ms, load: machine::load() }))
    }

    /// The mean of both probes.
    pub(crate) fn sync_ms(&self) -> f64 {
        (self.sync_ms[0] + self.sync_ms[1]) / 2.0
    }
}

impl Report {
    /// Says on standard error what begins.
    pub(crate) fn new(bench: &'static str) -> Self {
        let machine = Machine::here(&std::env::temp_dir());
        eprintln!("{bench}: {}", machine.words());
        Self { bench, machine, figures: Vec::new() }
    }

    /// What is measured now, for whoever waits.
    pub(crate) fn progress(&self, words: impl std::fmt::Display) {
        eprintln!("{}: {words}", self.bench);
    }

    /// One more round of a figure.
    pub(crate) fn add(&mut self, name: impl Into<String>, unit: &'static str, value: f64, around: Conditions) {
        let figure = self.figure(name.into(), unit);
        figure.rounds.push(value);
        figure.around.push(around);
    }

    /// What a figure should reach; the last one given stands.
    pub(crate) fn goal(&mut self, name: &str, goal: impl Into<String>) {
        if let Some(figure) = self.figures.iter_mut().find(|figure| figure.name == name) {
            figure.goal = Some(goal.into());
        }
    }

    /// The median of a figure's rounds so far; not a number where there is none.
    pub(crate) fn median(&self, name: &str) -> f64 {
        self.figures.iter().find(|figure| figure.name == name).map_or(f64::NAN, |figure| median(&figure.rounds))
    }

    fn figure(&mut self, name: String, unit: &'static str) -> &mut Figure {
        let found = self.figures.iter().position(|figure| figure.name == name);
        let at = found.unwrap_or_else(|| {
            self.figures.push(Figure { name, unit, goal: None, rounds: Vec::new(), around: Vec::new() });
            self.figures.len() - 1
        });
        &mut self.figures[at]
    }

    /// Prints the table, then each figure as a line of JSON.
    pub(crate) fn finish(self) {
        println!("\n## {}\n\n{}\n", self.bench, self.machine.words());
        println!("| figure | median | spread | unit | goal | sync ms | load |\n|---|---|---|---|---|---|---|");
        for figure in &self.figures {
            let (low, high) = bounds(figure.rounds.iter().copied());
            let (sync_low, sync_high) = bounds(figure.around.iter().flat_map(|around| around.sync_ms));
            let (load_low, load_high) = bounds(figure.around.iter().map(|around| around.load));
            println!(
                "| {} | {} | {} – {} | {} | {} | {sync_low:.2} – {sync_high:.2} | {load_low:.1} – {load_high:.1} |",
                figure.name,
                digits(median(&figure.rounds)),
                digits(low),
                digits(high),
                figure.unit,
                figure.goal.as_deref().unwrap_or("–"),
            );
        }
        println!();
        for figure in &self.figures {
            let sync_ms: Vec<_> = figure.around.iter().map(|around| around.sync_ms).collect();
            let load: Vec<_> = figure.around.iter().map(|around| around.load).collect();
            let line = json!({ "bench": self.bench, "figure": figure.name, "unit": figure.unit,
                "median": median(&figure.rounds), "rounds": figure.rounds, "goal": figure.goal, "sync_ms": sync_ms,
                "load": load, "machine": self.machine.json() });
            println!("{line}");
        }
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len() / 2, sorted.len() % 2) {
        (_, _) if sorted.is_empty() => f64::NAN,
        (half, 0) => (sorted[half - 1] + sorted[half]) / 2.0,
        (half, _) => sorted[half],
    }
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// Three significant digits, or all before the point.
fn digits(value: f64) -> String {
    match value.abs() {
        whole if whole >= 100.0 => {
            let text = format!("{value:.0}");
            let grouped: Vec<_> = text.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
            grouped.join(",").replace("-,", "-")
        }
        tens if tens >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_digits() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        let shown = [0.054, 9.87, 45.678, 119_155.4, 100.0, -123.0].map(digits);
        assert_eq!(shown, ["0.05", "9.87", "45.7", "119,155", "100", "-123"]);
    }
}
