//! What an operator says about an issuer by which people sign in, and what of it cannot be.

use std::path::PathBuf;

use kernel::{Secret, limits};
use serde::Deserialize;

use crate::issuers::{self, Place};
use crate::tokens::Algorithm;

/// An issuer by which people sign in on our pages: `identity.sign_in`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How addresses of ours call it: small letters, digits and hyphens. The issuer is told the address that has it.
    pub name: String,
    /// Its name, as its tokens say it (`iss`): the address of which `/.well-known/openid-configuration` is read.
    pub issuer: String,
    /// Who we are to it.
    pub client_id: String,
    /// What we prove that with; none for a client that has none.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// A file that holds it instead; whoever starts us reads it.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// What people call it, on buttons and in what goes wrong; its host unless said.
    #[serde(default)]
    pub label: String,
    /// What is asked of it.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// Who may sign in.
    #[serde(default)]
    pub who: Who,
    /// For [`Who::Domains`]: `example.org` is people whose confirmed address ends with `@example.org`.
    #[serde(default)]
    pub domains: Vec<String>,
    /// How it signs; every way that its keys can be used in, when empty.
    #[serde(default)]
    pub algorithms: Vec<Algorithm>,
    /// Where its keys are, when they are on another host.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// Where codes are exchanged, when that is on another host.
    #[serde(default)]
    pub token_url: Option<String>,
}

/// Who may sign in by an issuer. Whoever came once comes again; the first time is what this is about, and of domains every time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Who has an invitation of an administrator.
    #[default]
    Invited,
    /// Who has an address at one of the domains, and has shown the issuer that it is theirs.
    Domains,
    /// Everybody who can have an account there. Of a public issuer that is everybody.
    Anybody,
}

fn scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).to_vec()
}

/// An issuer that cannot be used as it is set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("identity.sign_in: {name}: {what}")]
pub struct Wrong {
    /// Which.
    pub name: String,
    /// What to change.
    pub what: String,
}

impl Settings {
    /// What its identity tokens are held against: the machinery of [`issuers`], with us as the only audience.
    pub(crate) fn check(&self) -> Result<issuers::Settings, Wrong> {
        self.read().map_err(|what| Wrong { name: self.name.clone(), what: what.to_owned() })?;
        let algorithms = self.algorithms.clone();
        if algorithms.iter().any(|algorithm| algorithm.is_symmetric()) {
            let what = "identity tokens are signed with published keys: no HS256, HS384, HS512".to_owned();
            return Err(Wrong { name: self.name.clone(), what });
        }
        Ok(issuers::Settings {
            issuer: self.issuer.clone(),
            audience: self.client_id.clone(),
            authorized_parties: Vec::new(),
            jwks_url: self.jwks_url.clone(),
            algorithms,
            hmac_secret: None,
        })
    }

    fn read(&self) -> Result<(), &'static str> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=limits::SIGN_IN_NAME_BYTES).contains(&self.name.len()) || !self.name.bytes().all(plain) {
            return Err("a name has 1 to 32 small letters, digits and hyphens");
        }
        if self.client_id.is_empty() {
            return Err("give the client_id that the issuer knows us by");
        }
        if Place::of(&self.issuer).is_none() || self.issuer.contains('?') {
            return Err("issuer is no https:// address");
        }
        if self.token_url.as_ref().is_some_and(|url| Place::of(url).is_none()) {
            return Err("token_url is no https:// address");
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return Err("scopes have \"openid\" among them: without it there is no identity token");
        }
        let fits = |scope: &String| !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic());
        if !self.scopes.iter().all(fits) {
            return Err("a scope is a word");
        }
        if (self.who == Who::Domains) == self.domains.is_empty() {
            return Err("domains go with who = \"domains\", and it with them");
        }
        if self.domains.iter().any(|domain| crate::people::model::email(&format!("a@{domain}")).is_none()) {
            return Err("a domain is what stands after the @, such as \"example.org\"");
        }
        if self.client_secret.is_some() && self.client_secret_file.is_some() {
            return Err("a secret is in client_secret or in a file, not both");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Settings {
        let text = r#"{"name": "corp", "issuer": "https://login.example", "client_id": "us"}"#;
        serde_json::from_str(text).expect("settings")
    }

    #[test]
    fn nobody_comes_uninvited_unless_it_is_said() {
        let it = good();
        assert_eq!((it.who, it.scopes.join(" ").as_str()), (Who::Invited, "openid profile email"));
        assert_eq!(it.check().expect("good").audience, "us");
    }

    #[test]
    fn what_cannot_be_is_said() {
        let domains = |domains: &[&str]| domains.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        assert!(Settings { who: Who::Domains, domains: domains(&["example.org"]), ..good() }.check().is_ok());
        for wrong in [
            Settings { name: String::new(), ..good() },
            Settings { name: "Corp".into(), ..good() },
            Settings { name: "a/b".into(), ..good() },
            Settings { name: "a".repeat(33), ..good() },
            Settings { client_id: String::new(), ..good() },
            Settings { issuer: "login.example".into(), ..good() },
            Settings { issuer: "http://login.example".into(), ..good() },
            Settings { token_url: Some("http://login.example/token".into()), ..good() },
            Settings { scopes: vec!["email".into()], ..good() },
            Settings { scopes: vec!["openid".into(), "a b".into()], ..good() },
            Settings { who: Who::Domains, ..good() },
            Settings { domains: domains(&["example.org"]), ..good() },
            Settings { who: Who::Domains, domains: domains(&["@example.org"]), ..good() },
            Settings { who: Who::Domains, domains: domains(&["org"]), ..good() },
            Settings { algorithms: vec![Algorithm::Hs256], ..good() },
            Settings { client_secret: Some(Secret::new("x")), client_secret_file: Some("/x".into()), ..good() },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
