//! `mainspring user …`: people, made and turned out by whoever has the data directory.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;
use identity::people::{Actor, FOR_EVER_MS, NewPerson};
use identity::{Identity, Role};
use kernel::clock::rfc3339;
use kernel::{Clock, Entropy, PersonId, Problem, Secret};
use serde::{Deserialize, Serialize};

use crate::cli::{ServeArgs, span};
use crate::control::{self, Ask};
use crate::products::Products;

/// Random bytes of a password that nobody knows, until its owner sets one.
const PASSWORD_BYTES: usize = 32;

#[derive(Subcommand, Debug)]
pub(crate) enum UserCommand {
    /// Make an account, and print the link by which its owner sets the password, once, within a day.
    Create {
        /// What people call them: 1 to 50 characters.
        #[arg(long)]
        name: String,
        /// What they sign in with.
        #[arg(long)]
        email: String,
        /// An administrator, who may do everything in the console.
        #[arg(long)]
        admin: bool,
        #[command(flatten)]
        serve: ServeArgs,
    },
    /// List the people, newest first, 200 at most.
    List {
        /// Only with this text in the name or in the address.
        #[arg(default_value = "")]
        text: String,
        #[command(flatten)]
        serve: ServeArgs,
    },
    /// Print a link by which a person sets a new password, once, within a day.
    Password {
        /// Whose: the id, as `user list` shows it.
        id: PersonId,
        #[command(flatten)]
        serve: ServeArgs,
    },
    /// Ban a person: everything they have open ends within a second.
    Ban {
        /// Whom: the id, as `user list` shows it.
        id: PersonId,
        /// For so long, such as 12h or 30d; for ever unless said.
        #[arg(long = "for", value_name = "TIME", value_parser = span)]
        for_ms: Option<i64>,
        /// Why, for other administrators.
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        serve: ServeArgs,
    },
    /// Take a ban back.
    Unban {
        /// Whose: the id, as `user list` shows it.
        id: PersonId,
        #[command(flatten)]
        serve: ServeArgs,
    },
}

/// What is asked of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UserAsk {
    Create { name: String, email: String, admin: bool },
    List(String),
    Password(PersonId),
    Ban { id: PersonId, until_ms: Option<i64>, reason: String },
    Unban(PersonId),
}

impl UserAsk {
    /// As the audit log says it; none for what only looks.
    pub(crate) fn recorded(&self) -> Option<(&'static str, String)> {
        match self {
            // Who it was, the people say; their address stays theirs when they are gone.
            Self::Create { admin, .. } => Some(("user create", if *admin { "admin" } else { "member" }.to_owned())),
            Self::List(_) => None,
            Self::Password(id) => Some(("user password", id.to_string())),
            Self::Ban { id, .. } => Some(("user ban", id.to_string())),
            Self::Unban(id) => Some(("user unban", id.to_string())),
        }
    }
}

/// Does what the command says.
pub(crate) async fn run(command: UserCommand, products: Products) -> Result<ExitCode> {
    let (ask, serve) = match command {
        UserCommand::Create { name, email, admin, serve } => (UserAsk::Create { name, email, admin }, serve),
        UserCommand::List { text, serve } => (UserAsk::List(text), serve),
        UserCommand::Password { id, serve } => (UserAsk::Password(id), serve),
        UserCommand::Ban { id, for_ms, reason, serve } => {
            let until_ms = for_ms.map(|span| Clock::system().now_ms().saturating_add(span));
            (UserAsk::Ban { id, until_ms, reason }, serve)
        }
        UserCommand::Unban { id, serve } => (UserAsk::Unban(id), serve),
    };
    control::ask(serve.load()?, products, Ask::User(ask)).await.context("people could not be asked about")
}

/// Answers beside a running server at `base`, or over a data directory alone.
pub(crate) async fn answer(identity: &Identity, base: &str, ask: UserAsk) -> Result<String, String> {
    answer_or(identity, base, ask).await.map_err(|problem| match problem.cause() {
        Some(cause) => cause,
        None => problem.detail().to_owned(),
    })
}

async fn answer_or(identity: &Identity, base: &str, ask: UserAsk) -> Result<String, Problem> {
    match ask {
        UserAsk::Create { name, email, admin } => {
            let role = if admin { Role::Admin } else { Role::Member };
            let password = Secret::new(Entropy::system().token(PASSWORD_BYTES));
            let id = identity.make_person(Actor::Admin, &NewPerson { name, email, role }, &password).await?;
            let link = link(identity, base, id).await?;
            Ok(format!("{id} is made. The password is set at {link} (once, within a day)"))
        }
        UserAsk::List(text) => {
            let people = identity.people(&text, None, kernel::limits::PAGE).await?;
            if people.is_empty() {
                return Ok("There is nobody: `mainspring user create` makes an account.".into());
            }
            let line = |it: &identity::people::PersonDetails| {
                let state = it.banned_until_ms.map_or_else(String::new, |until_ms| match until_ms {
                    FOR_EVER_MS => "  banned".to_owned(),
                    until_ms => format!("  banned until {}", rfc3339(until_ms)),
                });
                let email = it.email.as_deref().unwrap_or("-");
                format!("{}  {:<6}  {:<24} {email}{state}", it.id, it.role.name(), it.name)
            };
            Ok(people.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        UserAsk::Password(id) => Ok(format!("{} (once, within a day)", link(identity, base, id).await?)),
        UserAsk::Ban { id, until_ms, reason } => {
            identity.ban(Actor::Admin, id, until_ms, &reason).await?;
            Ok(format!("{id} is banned. What they had open ends within a second."))
        }
        UserAsk::Unban(id) => {
            identity.unban(Actor::Admin, id).await?;
            Ok(format!("{id} may sign in again."))
        }
    }
}

async fn link(identity: &Identity, base: &str, id: PersonId) -> Result<String, Problem> {
    let token = identity.make_password_reset(Actor::Admin, id).await?;
    Ok(format!("{base}/password/{}", token.expose()))
}
