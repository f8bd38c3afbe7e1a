//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use crate::backup::{self, BackupArgs, RestoreArgs};
use crate::config::{Config, Overrides, Role};
use crate::key_cli::KeyCommand;
use crate::move_cli::MoveArgs;
use crate::products::Products;
use crate::user_cli::UserCommand;
use crate::webhook_cli::WebhookCommand;
use crate::{config, control, doctor, key_cli, move_cli, serve, user_cli, webhook_cli};

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
    /// Webhook sources: their secrets, trying them out, replaying what came.
    Webhook {
        #[command(subcommand)]
        command: WebhookCommand,
    },
    /// API keys: what programs say who they are with.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// People who can sign in.
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Settings: their defaults, their mistakes, their values.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Make a backup, while the server runs or while it does not.
    Backup(BackupArgs),
    /// Put a backup in the place of a data directory's database.
    Restore(RestoreArgs),
    /// Move into PostgreSQL: copy the data directory's database, compare, and say what comes next.
    Move(MoveArgs),
    /// Look whether everything is in order here, and say what to do where it is not.
    Doctor(ServeArgs),
    /// Print what a running server logs, or change it for a while.
    LogLevel {
        /// Such as debug, or info,jobs=debug.
        filter: Option<String>,
        /// For how many minutes; 0 returns to the settings at once.
        #[arg(long = "for", value_name = "MINUTES", default_value_t = 15)]
        for_minutes: u32,
        #[command(flatten)]
        serve: ServeArgs,
    },
    /// Files for Prometheus and Grafana, made from this binary's objectives.
    Ops {
        #[command(subcommand)]
        command: OpsCommand,
    },
}

#[derive(Subcommand, Debug)]
enum OpsCommand {
    /// Print recording and alerting rules for Prometheus.
    Rules,
    /// Print a dashboard for Grafana.
    Dashboard,
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
pub(crate) struct ServeArgs {
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What this process does; several with commas.
    #[arg(long = "role", value_name = "ROLE", value_enum, value_delimiter = ',')]
    roles: Vec<Role>,
    /// A file of settings.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ServeArgs {
    pub(crate) fn load(&self) -> Result<Config> {
        Ok(config::load(&Overrides {
            file: self.config.clone(),
            listen: self.listen.clone(),
            data: self.data.as_ref().map(|dir| dir.display().to_string()),
            roles: self.roles.iter().map(|role| role.name()).collect(),
            environment: std::env::vars().collect(),
        })?)
    }
}

/// Reads the command line and does what it says, with these products.
pub fn main(products: Products) -> ExitCode {
    let cli = Cli::parse();
    match run(cli, products) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("mainspring: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli, products: Products) -> Result<ExitCode> {
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => block_on(serve::serve(args.load()?, serve::Mode::Plain, products)),
        Command::Demo(mut args) => {
            args.data.get_or_insert_with(|| PathBuf::from("./data-demo"));
            block_on(serve::serve(args.load()?, serve::Mode::Demo, products))
        }
        Command::AdminLink(args) => block_on(control::ask(args.load()?, products, control::Ask::AdminLink)),
        Command::Webhook { command } => block_on(webhook_cli::run(command, products)),
        Command::Key { command } => block_on(key_cli::run(command, products)),
        Command::User { command } => block_on(user_cli::run(command, products)),
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
        Command::LogLevel { filter, for_minutes, serve } => {
            block_on(control::ask(serve.load()?, products, control::Ask::LogLevel { filter, for_minutes }))
        }
        Command::Ops { command } => {
            match command {
                OpsCommand::Rules => print!("{}", slo::rules()),
                OpsCommand::Dashboard => print!("{}", slo::dashboard()),
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Backup(args) => block_on(backup::make(args)),
        Command::Restore(args) => block_on(backup::restore(args, products)),
        Command::Move(args) => block_on(move_cli::run(args, products)),
        Command::Doctor(args) => block_on(doctor::examine(args.load()?, products)),
    }
}

/// Milliseconds of `30m`, `6h`, `2d`.
pub(crate) fn span(text: &str) -> Result<i64, String> {
    let unit = match text.chars().last() {
        Some('s') => 1_000,
        Some('m') => 60_000,
        Some('h') => 3_600_000,
        Some('d') => 86_400_000,
        _ => return Err("give a number and s, m, h or d, such as 6h".into()),
    };
    let number: i64 = text[..text.len() - 1].parse().map_err(|_| "give a whole number before the unit".to_owned())?;
    number.checked_mul(unit).filter(|ms| *ms >= 0).ok_or_else(|| "that is too long".into())
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
    fn a_time_is_a_number_and_a_unit() {
        assert_eq!((span("30m"), span("2d")), (Ok(1_800_000), Ok(172_800_000)));
        for bad in ["", "m", "-1h", "5", "1.5h", "9223372036854775807d", "é"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn help_says_which_scopes_there_are() {
        let mut cli = Cli::command();
        let create = cli.find_subcommand_mut("key").and_then(|key| key.find_subcommand_mut("create"));
        let help = create.expect("a command").render_long_help().to_string();
        for scope in identity::Scope::ALL {
            assert!(help.contains(scope.name()) && help.contains(scope.words()), "{help}");
        }
        let make = |scopes: &[&str]| {
            let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
            Cli::try_parse_from(["mainspring", "key", "create", "--name", "x"].into_iter().chain(scopes))
        };
        assert!(make(&["jobs:work", "events:read"]).is_ok());
        assert!(make(&[]).is_err() && make(&["jobs:everything"]).is_err());
    }

    #[test]
    fn serving_is_the_default() {
        let cli = Cli::parse_from(["mainspring", "--listen", "127.0.0.1:0"]);
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.listen.as_deref(), Some("127.0.0.1:0"));
    }
}
