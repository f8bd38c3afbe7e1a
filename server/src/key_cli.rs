//! `mainspring key …`: API keys, made and taken back by whoever has the data directory.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use identity::people::Actor;
use identity::{ApiKey, Identity, NewKey, Scope};
use kernel::Clock;
use kernel::clock::rfc3339;
use serde::{Deserialize, Serialize};

use crate::cli::{ServeArgs, span};
use crate::control::{self, Ask};
use crate::products::Products;

#[derive(Subcommand, Debug)]
pub(crate) enum KeyCommand {
    /// Make an API key and print it, this once.
    Create {
        /// What people call it: 1 to 100 characters.
        #[arg(long)]
        name: String,
        /// What it may do; may be given several times.
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = scope())]
        scopes: Vec<Scope>,
        /// After so long it is worth nothing, such as 12h or 90d; it lasts for ever unless said.
        #[arg(long, value_name = "TIME", value_parser = span)]
        expires: Option<i64>,
        #[command(flatten)]
        serve: ServeArgs,
    },
    /// List the API keys: what each may do, and when it was last used.
    List {
        #[command(flatten)]
        serve: ServeArgs,
    },
    /// Make an API key worthless, from the next request on and for ever.
    Revoke {
        /// Its number, as `key list` shows it.
        id: i64,
        #[command(flatten)]
        serve: ServeArgs,
    },
}

fn scope() -> impl TypedValueParser<Value = Scope> {
    let known = Scope::ALL.map(|scope| PossibleValue::new(scope.name()).help(scope.words()));
    PossibleValuesParser::new(known).try_map(|name| Scope::named(&name).ok_or("there is no such scope"))
}

/// What is asked of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyAsk {
    /// A new one.
    Create(NewKey),
    /// All of them.
    List,
    /// An end of one.
    Revoke(i64),
}

impl KeyAsk {
    /// As the audit log says it; none for what only looks.
    pub(crate) fn recorded(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Create(new) => Some(("key create", format!("{} ({})", new.name, names(&new.scopes)))),
            Self::List => None,
            Self::Revoke(id) => Some(("key revoke", id.to_string())),
        }
    }
}

/// A key that was made, on its way to the terminal.
#[derive(Serialize, Deserialize)]
struct Made {
    id: i64,
    token: String,
}

/// Does what the command says.
pub(crate) async fn run(command: KeyCommand, products: Products) -> Result<ExitCode> {
    match command {
        KeyCommand::Create { name, scopes, expires, serve } => {
            let may = names(&scopes);
            let expires_at_ms = expires.map(|span| Clock::system().now_ms().saturating_add(span));
            let ask = Ask::Key(KeyAsk::Create(NewKey { name, scopes, expires_at_ms }));
            let said = control::say(serve.load()?, products, ask).await?;
            let made: Made = serde_json::from_str(&said).context("the running server is of another version")?;
            // The key alone on standard output, for a script that takes it from there.
            println!("{}", made.token);
            eprintln!("Key {} may {may}. It is not shown again.", made.id);
            Ok(ExitCode::SUCCESS)
        }
        KeyCommand::List { serve } => control::ask(serve.load()?, products, Ask::Key(KeyAsk::List)).await,
        KeyCommand::Revoke { id, serve } => control::ask(serve.load()?, products, Ask::Key(KeyAsk::Revoke(id))).await,
    }
}

/// Answers beside a running server, or over a data directory alone.
pub(crate) async fn answer(identity: &Identity, ask: KeyAsk) -> Result<String, String> {
    let failed = |error| kernel::problem::chain(&error);
    match ask {
        KeyAsk::Create(new) => {
            let (id, token) =
                identity.make_key(Actor::Admin, &new).await.map_err(|problem| problem.detail().to_owned())?;
            let made = Made { id, token: token.expose().to_owned() };
            serde_json::to_string(&made).map_err(|error| error.to_string())
        }
        KeyAsk::List => {
            let (keys, now_ms) = (identity.keys().await.map_err(failed)?, Clock::system().now_ms());
            if keys.is_empty() {
                return Ok("There are no keys: `mainspring key create` makes one.".into());
            }
            Ok(keys.iter().map(|key| line(key, now_ms)).collect::<Vec<_>>().join("\n"))
        }
        KeyAsk::Revoke(id) => {
            match identity.revoke_key(Actor::Admin, id).await.map_err(|problem| problem.detail().to_owned())? {
                true => Ok(format!("Key {id} is worth nothing any more.")),
                false => Err(format!("there is no key {id}: `mainspring key list` shows them")),
            }
        }
    }
}

fn names(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ")
}

fn line(key: &ApiKey, now_ms: i64) -> String {
    let state = match (key.revoked_at_ms, key.expires_at_ms) {
        (Some(at_ms), _) => format!("revoked {}", rfc3339(at_ms)),
        (None, Some(at_ms)) if at_ms <= now_ms => format!("expired {}", rfc3339(at_ms)),
        (None, Some(at_ms)) => format!("until {}", rfc3339(at_ms)),
        (None, None) => "works".to_owned(),
    };
    let used = key.last_used_at_ms.map_or_else(|| "never used".to_owned(), |at_ms| format!("used {}", rfc3339(at_ms)));
    format!("{:>4}  {}…  {:<24} {}  {state}, {used}", key.id, key.prefix, key.name, names(&key.scopes))
}
