//! `cargo xtask …`: what is done with this repository, the same on a laptop and in CI.

mod cargo;
mod engines;
mod fuzz;
mod generate;
mod new_product;
mod pages;
mod serve;
mod step;
mod suites;
mod test;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Serve, test and guard this repository.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask", version, about)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand, Debug)]
enum Task {
    /// Build the pages (where npm is there) and the server, and start it.
    Serve {
        /// Build with optimisations. Must come before what is passed on.
        #[arg(long)]
        release: bool,
        /// Passed on to `mainspring`: options of `serve`, or another of its commands, such as `demo`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Install what the tests need where that is possible, and run every test.
    Test {
        /// Passed on to `cargo nextest run`, or to `cargo test` where nextest is missing.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Try what strangers can send, with a fuzzer that looks for inputs that reach new code.
    Fuzz(fuzz::Options),
    /// Run the suites that others test servers of Socket.IO and Centrifuge with, fetched at fixed commits.
    Suites {
        /// The suite; every one unless named.
        name: Option<String>,
    },
    /// Check the invariants of the source tree: arrows, layers, words, sizes.
    Tidy,
    /// Begin a product: a folder in products/ that does something already, plugged into the server.
    NewProduct {
        /// Its name: lower-case letters and digits.
        name: String,
    },
    /// Write the files that are made from definitions: rules for Prometheus, a dashboard for Grafana.
    Generate,
    /// Measure one claim beside its peers.
    Bench {
        /// The claim; none lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::Serve { release, args } => serve::run(release, &args),
        Task::Test { args } => test::run(&args),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Suites { name } => suites::run(name.as_deref()),
        Task::Tidy => step::become_it(cargo::command(&["test", "--quiet", "-p", "mainspring-xtask", "--test", "tidy"])),
        Task::NewProduct { name } => new_product::run(cargo::root(), &name),
        Task::Generate => generate::run(),
        Task::Bench { args } => {
            let mut bench = cargo::command(&["run", "--release", "-p", "mainspring-bench", "--"]);
            bench.args(args);
            step::become_it(bench)
        }
    }
}
