//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Overrides};
use crate::{config, control, doctor, serve};

/// The live backend in one binary.
#[derive(Parser, Debug)]
#[command(name = "mainspring", version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve everything (this is the default).
    Serve(ServeArgs),
    /// Serve with sample activity: music within seconds, nothing to set up.
    Demo(ServeArgs),
    /// Print a new one-time link to the console.
    AdminLink(ServeArgs),
    /// Webhook sources.
    Webhook {
        #[command(subcommand)]
        command: WebhookCommand,
    },
    /// Settings: their defaults, their mistakes, their values.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Look whether everything is in order here, and say what to do where it is not.
    Doctor(ServeArgs),
}

#[derive(Subcommand, Debug)]
enum WebhookCommand {
    /// Print the secret of a source, to give it to the sender.
    Secret {
        /// The source, such as github.
        source: String,
        #[command(flatten)]
        serve: ServeArgs,
    },
}

#[derive(Subcommand, Debug)]
enum ConfigCommand {
    /// Print the default settings with their explanations: the beginning of a file of your own.
    Default,
    /// Find mistakes in the settings that would be used.
    Check(ServeArgs),
    /// Print the settings in force, and where each came from.
    Print(ServeArgs),
}

#[derive(Args, Debug, Clone, Default)]
struct ServeArgs {
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A file of settings.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ServeArgs {
    fn load(&self) -> Result<Config> {
        Ok(config::load(&Overrides {
            file: self.config.clone(),
            listen: self.listen.clone(),
            data: self.data.as_ref().map(|dir| dir.display().to_string()),
            environment: std::env::vars().collect(),
        })?)
    }
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("mainspring: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => block_on(serve::serve(args.load()?, serve::Mode::Plain)),
        Command::Demo(mut args) => {
            args.data.get_or_insert_with(|| PathBuf::from("./data-demo"));
            block_on(serve::serve(args.load()?, serve::Mode::Demo))
        }
        Command::AdminLink(args) => block_on(control::ask(args.load()?, control::Ask::AdminLink)),
        Command::Webhook { command: WebhookCommand::Secret { source, serve } } => {
            block_on(control::ask(serve.load()?, control::Ask::WebhookSecret { source }))
        }
        Command::Config { command } => {
            match command {
                ConfigCommand::Default => print!("{}", config::DEFAULTS),
                ConfigCommand::Check(args) => {
                    args.load()?;
                    println!("The settings are in order.");
                }
                ConfigCommand::Print(args) => print!("{}", args.load()?.explain()),
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Doctor(args) => block_on(doctor::examine(args.load()?)),
    }
}

fn block_on(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("mainspring").build();
    let runtime = runtime.context("the system gives no threads")?;
    let code = runtime.block_on(work);
    // Readers of standard input and the like must not hold up the end.
    runtime.shutdown_background();
    code
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serving_is_the_default() {
        let cli = Cli::parse_from(["mainspring", "--listen", "127.0.0.1:0"]);
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.listen.as_deref(), Some("127.0.0.1:0"));
    }
}
