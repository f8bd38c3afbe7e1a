//! What an operator says about an issuer, and what of it cannot be.

use std::sync::Arc;

use http::Uri;
use kernel::Secret;
use serde::Deserialize;

use crate::tokens::{Algorithm, Key};

/// An issuer whose tokens are taken: `[[identity.issuers]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Its name, as its tokens say it (`iss`). Where it publishes keys this is an address, of which
    /// `/.well-known/openid-configuration` is read.
    pub issuer: String,
    /// For whom its tokens must be made to be taken here (`aud`). Empty: they must name nobody, as the session tokens of Clerk do;
    /// then `authorized_parties` says which are taken.
    #[serde(default)]
    pub audience: String,
    /// To whom its tokens must have been given (`azp`): clients of it by their ids, or with Clerk the origins of one's pages. Empty: to
    /// anybody.
    #[serde(default)]
    pub authorized_parties: Vec<String>,
    /// Where its keys are, when it does not say so itself, or has them on another host.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// How it signs; every way that its keys can be used in, when empty.
    #[serde(default)]
    pub algorithms: Vec<Algorithm>,
    /// The secret that it shares with us instead of publishing keys, text of 32 bytes or more: `HS256`, `HS384`, `HS512`.
    #[serde(default)]
    pub hmac_secret: Option<Secret>,
}

/// An issuer that cannot be used as it is set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("identity.issuers: {issuer}: {what}")]
pub struct Wrong {
    /// Which.
    pub issuer: String,
    /// What to change.
    pub what: &'static str,
}

/// Where an issuer's keys come from.
pub(crate) enum Source {
    /// The settings.
    Shared(Arc<[Key]>),
    /// The issuer.
    Asked(Address),
}

/// Where an issuer is asked for its keys.
#[derive(Clone)]
pub(crate) enum Address {
    /// Its own document says where they are; it lies under this address, and so must they.
    Discovered(Place),
    /// Here.
    Published(String),
}

/// What of an address decides who answers there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Place {
    /// Reads an address that keys may be asked for at: `https`, or `http` on this machine, which outbound lets through only where the
    /// operator allows it.
    pub(crate) fn of(address: &str) -> Option<Self> {
        let uri: Uri = address.parse().ok()?;
        let (scheme, host) = (uri.scheme_str()?, uri.host()?.to_ascii_lowercase());
        if address.contains(['#', '@']) || !(scheme == "https" || scheme == "http" && is_this_machine(&host)) {
            return None;
        }
        let usual = if scheme == "https" { 443 } else { 80 };
        Some(Self { scheme: scheme.to_owned(), host, port: uri.port_u16().filter(|port| *port != usual) })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

fn is_this_machine(host: &str) -> bool {
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || literal.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl Settings {
    /// Where its keys come from, and how they may be used.
    pub(crate) fn check(&self) -> Result<(Source, Vec<Algorithm>), Wrong> {
        self.read().map_err(|what| Wrong { issuer: self.issuer.clone(), what })
    }

    fn read(&self) -> Result<(Source, Vec<Algorithm>), &'static str> {
        if self.issuer.is_empty() || self.audience.is_empty() && self.authorized_parties.is_empty() {
            return Err("an issuer has a name, and an audience or authorized_parties");
        }
        if self.authorized_parties.iter().any(String::is_empty) {
            return Err("authorized_parties are names");
        }
        let symmetric = self.hmac_secret.is_some();
        if self.algorithms.iter().any(|algorithm| algorithm.is_symmetric() != symmetric) {
            return Err("HS256, HS384 and HS512 go with hmac_secret, the others with published keys");
        }
        if let Some(secret) = &self.hmac_secret {
            return self.shared(secret);
        }
        let algorithms = if self.algorithms.is_empty() {
            Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric()).collect()
        } else {
            self.algorithms.clone()
        };
        if let Some(url) = &self.jwks_url {
            Place::of(url).ok_or("jwks_url is no https:// address")?;
            return Ok((Source::Asked(Address::Published(url.clone())), algorithms));
        }
        let place = Place::of(&self.issuer).filter(|_| !self.issuer.contains('?'));
        let place = place.ok_or("issuer is no https:// address: give jwks_url or hmac_secret")?;
        Ok((Source::Asked(Address::Discovered(place)), algorithms))
    }

    fn shared(&self, secret: &Secret) -> Result<(Source, Vec<Algorithm>), &'static str> {
        if self.jwks_url.is_some() {
            return Err("an issuer has jwks_url or hmac_secret, not both");
        }
        let bytes = secret.expose().as_bytes();
        let fits = |algorithm: &Algorithm| Key::secret(bytes, &[*algorithm]).is_some();
        let algorithms: Vec<_> = if self.algorithms.is_empty() {
            Algorithm::ALL.into_iter().filter(fits).collect()
        } else {
            self.algorithms.clone()
        };
        let key = Key::secret(bytes, &algorithms);
        let key = key.ok_or("hmac_secret is too short: HS256 needs 32 bytes, HS384 48, HS512 64")?;
        Ok((Source::Shared([key].into()), algorithms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(issuer: &str) -> Settings {
        Settings {
            issuer: issuer.to_owned(),
            audience: "us".to_owned(),
            authorized_parties: Vec::new(),
            jwks_url: None,
            algorithms: Vec::new(),
            hmac_secret: None,
        }
    }

    #[test]
    fn an_issuer_is_an_address_or_has_keys() {
        let published =
            Settings { jwks_url: Some("https://keys.example/jwks".to_owned()), ..settings("accounts.example") };
        let shared = Settings { hmac_secret: Some(Secret::new("s".repeat(32))), ..settings("the backend") };
        for good in [settings("https://issuer.example"), settings("https://issuer.example/realms/a"), published, shared]
        {
            let (_, algorithms) = good.check().expect("good");
            assert!(algorithms.iter().all(|algorithm| algorithm.is_symmetric() == good.hmac_secret.is_some()));
        }
        for issuer in [
            "",
            "issuer.example",
            "http://issuer.example",
            "http://127.0.0.1.example",
            "ftp://issuer.example",
            "https://user@issuer.example",
            "https://issuer.example/?a=b",
            "https://issuer.example/#a",
            "https://",
        ] {
            assert!(settings(issuer).check().is_err(), "{issuer}");
        }
        for here in ["http://127.0.0.1:9", "http://localhost", "http://[::1]:80/a"] {
            assert!(settings(here).check().is_ok(), "{here}");
        }
    }

    #[test]
    fn tokens_are_made_for_somebody_or_given_to_somebody() {
        let for_nobody = Settings { audience: String::new(), ..settings("https://issuer.example") };
        assert!(for_nobody.check().is_err(), "every token of this issuer would do, whoever it was made for");
        let parties = |name: &str| vec![name.to_owned()];
        assert!(Settings { authorized_parties: parties("https://app.example"), ..for_nobody.clone() }.check().is_ok());
        assert!(Settings { authorized_parties: parties(""), ..for_nobody }.check().is_err());
    }

    #[test]
    fn a_secret_and_published_keys_do_not_meet() {
        let secret = |bytes: usize| Some(Secret::new("s".repeat(bytes)));
        for wrong in [
            Settings { hmac_secret: secret(31), ..settings("a") },
            Settings { hmac_secret: secret(47), algorithms: vec![Algorithm::Hs384], ..settings("a") },
            Settings { hmac_secret: secret(64), algorithms: vec![Algorithm::Rs256], ..settings("a") },
            Settings { hmac_secret: secret(64), jwks_url: Some("https://a.example".to_owned()), ..settings("a") },
            Settings { algorithms: vec![Algorithm::Es256, Algorithm::Hs256], ..settings("https://a.example") },
            Settings { jwks_url: Some("http://a.example/jwks".to_owned()), ..settings("a") },
        ] {
            let error = wrong.check().err().expect("wrong");
            assert!(!error.to_string().contains("sss"), "{error}");
        }
        let (_, algorithms) = Settings { hmac_secret: secret(50), ..settings("a") }.check().expect("good");
        assert_eq!(algorithms, [Algorithm::Hs256, Algorithm::Hs384]);
    }

    #[test]
    fn a_place_is_a_scheme_a_host_and_a_port() {
        let same = |a: &str, b: &str| Place::of(a).expect("a place") == Place::of(b).expect("a place");
        assert!(same("https://a.example", "https://A.example:443/jwks?x=1"));
        assert!(!same("https://a.example", "https://a.example:444"));
        assert!(!same("https://a.example", "https://a.example.attacker.example"));
        assert!(!same("https://localhost", "http://localhost"));
    }
}
