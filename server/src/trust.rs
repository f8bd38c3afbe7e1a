//! Who may come, and whose word for it is taken.

use anyhow::{Context, Result};
use identity::Identity;
use identity::issuers::Issuers;
use identity::sign_in_with::{Providers, Settings};
use kernel::{Clock, Secret};
use outbound::Outbound;

use crate::config::Config;

/// Identity as the settings want it.
pub(crate) fn open(config: &Config, identity: Identity, outbound: &Outbound, clock: &Clock) -> Result<Identity> {
    for it in &config.identity.sign_in {
        let is_same =
            |other: &&identity::issuers::Settings| other.issuer == it.issuer && other.audience == it.client_id;
        // Else whoever has an identity token is a person, whatever `who` says.
        anyhow::ensure!(
            !config.identity.issuers.iter().any(|other| is_same(&other)),
            "identity.issuers: {}: its audience is the client_id of identity.sign_in: give programs an audience of their own",
            it.issuer
        );
    }
    let issuers = Issuers::new(&config.identity.issuers, outbound.clone(), clock.clone())?;
    let base_url = config.base_url(&config.server.listen);
    let sign_in = config.identity.sign_in.iter().map(with_secret).collect::<Result<Vec<_>>>()?;
    let providers = Providers::new(&sign_in, &base_url, outbound.clone(), clock.clone())?;
    let identity = identity.registering(config.identity.registration).confirming(config.identity.confirm_email);
    Ok(identity.trusting(issuers).signing_in_with(providers).reached_at(&base_url))
}

/// The secret out of its file, where it is in one. What editors put at the end of a file is no part of it.
fn with_secret(settings: &Settings) -> Result<Settings> {
    let Some(path) = &settings.client_secret_file else { return Ok(settings.clone()) };
    let named = || format!("identity.sign_in: {}: client_secret_file {}", settings.name, path.display());
    anyhow::ensure!(settings.client_secret.is_none(), "{}: there is client_secret too", named());
    let text = std::fs::read_to_string(path).with_context(named)?;
    let secret = text.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(!secret.is_empty(), "{} is empty", named());
    Ok(Settings { client_secret: Some(Secret::new(secret)), client_secret_file: None, ..settings.clone() })
}

#[cfg(test)]
mod tests;
