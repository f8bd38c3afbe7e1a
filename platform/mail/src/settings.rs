//! What an operator says about mail.

use std::net::IpAddr;

use kernel::Secret;
use lettre::message::Mailbox;

/// `[mail]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server that takes letters; empty: no mail.
    pub host: String,
    /// Its port; 0: the usual one for `tls`.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Whom we sign in as; empty: as nobody.
    pub user: String,
    /// With what.
    pub password: Secret,
    /// Whom letters come from: `Mainspring <live@example.org>`.
    pub from: String,
}

/// How the connection to the server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// It begins in the clear and must turn to TLS before anything is said (RFC 3207).
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// Not at all: for a server on this machine, or a network that is trusted.
    None,
}

impl Tls {
    /// The port on which servers usually take letters so.
    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

/// What is wrong with the settings: of which one, and how it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mail.{0}: {1}")]
pub struct Wrong(pub &'static str, pub String);

/// No mail.
impl Default for Settings {
    fn default() -> Self {
        let none = String::new;
        Self { host: none(), port: 0, tls: Tls::Starttls, user: none(), password: Secret::new(none()), from: none() }
    }
}

impl Settings {
    /// Whether there is mail at all.
    pub fn is_set(&self) -> bool {
        !self.host.is_empty()
    }

    /// Whom letters come from, if all settings fit together.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn check(&self) -> Result<Mailbox, Wrong> {
        let wrong = |name, why: &str| Err(Wrong(name, why.to_owned()));
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
        if !plain(&self.host) {
            return wrong("host", "give a name or an address, such as smtp.example.org, without a port");
        }
        if self.user.is_empty() != self.password.expose().is_empty() {
            return wrong("user", "give user and password, or neither");
        }
        let here = self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if self.tls == Tls::None && !self.user.is_empty() && !here {
            return wrong("tls", "a password would go through the network in the clear: starttls or implicit");
        }
        let from = self.from.parse::<Mailbox>().ok().filter(|from| from.email.to_string().is_ascii());
        let Some(from) = from.filter(|_| !self.from.chars().any(char::is_control)) else {
            return wrong("from", "say whom letters come from, such as \"Mainspring <live@example.org>\"");
        };
        Ok(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            host: "smtp.example.org".into(),
            port: 0,
            tls: Tls::Starttls,
            user: "live".into(),
            password: Secret::new("hunter2"),
            from: "Mainspring <live@example.org>".into(),
        }
    }

    #[test]
    fn settings_that_do_not_fit_are_named() {
        assert!(settings().check().is_ok());
        let named = |settings: Settings| settings.check().expect_err("refused").0;
        assert_eq!(named(Settings { host: "smtp.example.org/x\r\n".into(), ..settings() }), "host");
        assert_eq!(named(Settings { password: Secret::new(""), ..settings() }), "user");
        assert_eq!(named(Settings { tls: Tls::None, ..settings() }), "tls");
        for from in
            ["", "nobody", "A <a@example.org>\r\nBcc: b@example.org", "a@exämple.org", "a@example.org, b@example.org"]
        {
            assert_eq!(named(Settings { from: from.into(), ..settings() }), "from", "{from}");
        }
        let here = Settings { tls: Tls::None, host: "127.0.0.1".into(), ..settings() };
        assert!(here.check().is_ok(), "on this machine nobody listens on the way");
        assert!(!format!("{:?}", settings()).contains("hunter2"));
    }
}
