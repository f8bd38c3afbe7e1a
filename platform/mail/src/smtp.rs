//! The way to the operator's server: a few connections, each used again only when its last answer was read to its end. (A pool that
//! takes back what was interrupted would read the answer to one letter as the answer to the next.)

use std::time::Duration;

use kernel::limits;
use lettre::Message;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Category, Severity};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use crate::settings::{Settings, Tls, Wrong};

/// Why a letter did not go.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// Trying again later may help.
    #[error("{0}")]
    Later(String),
    /// The server will never take it.
    #[error("{0}")]
    Never(String),
}

type Smtped<T> = Result<T, lettre::transport::smtp::Error>;

pub(crate) struct Smtp {
    host: String,
    port: u16,
    mode: Tls,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    hello: ClientId,
    from: Mailbox,
    /// Open, with nothing left to read, and since when.
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Smtp {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Wrong> {
        let from = settings.check()?;
        let Settings { host, port, tls: mode, user, password, .. } = settings.clone();
        let credentials = (!user.is_empty()).then(|| Credentials::new(user, password.expose().to_owned()));
        let tls = (mode != Tls::None).then(|| trusted(host.clone())).transpose();
        let tls = tls.map_err(|error| Wrong("host", error.to_string()))?;
        let port = if port == 0 { mode.port() } else { port };
        // What we call ourselves must be a name, and not this machine's: the domain that letters come from.
        let hello = ClientId::Domain(from.email.domain().to_owned());
        Ok(Self { host, port, mode, tls, credentials, hello, from, idle: Mutex::default() })
    }

    pub(crate) fn from(&self) -> &lettre::Address {
        &self.from.email
    }

    pub(crate) fn mailbox(&self) -> &Mailbox {
        &self.from
    }

    /// Gives the server a letter, which has it for sure when this is `Ok`.
    pub(crate) async fn send(&self, message: &Message) -> Result<(), Failed> {
        let (envelope, bytes) = (message.envelope().clone(), message.formatted());
        let exchange = async {
            let mut connection = match self.used().await {
                Some(connection) => connection,
                None => self.open().await.map_err(|error| judge(&error, true))?,
            };
            connection.send(&envelope, &bytes).await.map_err(|error| judge(&error, false))?;
            let mut idle = self.idle.lock();
            if idle.len() < limits::MAIL_IDLE {
                idle.push((connection, Instant::now()));
            }
            Ok(())
        };
        let late = |_| Failed::Later(format!("the mail server was not done within {} ms", limits::MAIL_SEND_MS));
        timeout(Duration::from_millis(limits::MAIL_SEND_MS), exchange).await.unwrap_or_else(|error| Err(late(error)))
    }

    /// A connection that was used before, and still answers.
    async fn used(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let (mut connection, since) = self.idle.lock().pop()?;
            let fresh = since.elapsed() < Duration::from_millis(limits::MAIL_IDLE_MS);
            let asked = timeout(Duration::from_millis(limits::MAIL_NOOP_MS), connection.test_connected());
            if fresh && asked.await.unwrap_or(false) {
                return Some(connection);
            }
        }
    }

    async fn open(&self) -> Smtped<AsyncSmtpConnection> {
        let server = (self.host.trim_matches(['[', ']']), self.port);
        let wait = Some(Duration::from_millis(limits::MAIL_CONNECT_MS));
        let at_once = self.tls.clone().filter(|_| self.mode == Tls::Implicit);
        let mut connection = AsyncSmtpConnection::connect_tokio1(server, wait, &self.hello, at_once, None).await?;
        if let Some(tls) = self.tls.clone().filter(|_| self.mode == Tls::Starttls) {
            connection.starttls(tls, &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await?;
        }
        Ok(connection)
    }
}

/// Whom we believe: the authorities of this machine; where it has none, as in an empty container, Mozilla's.
fn trusted(host: String) -> Smtped<TlsParameters> {
    let none = rustls_native_certs::load_native_certs().certs.is_empty();
    let store = if none { CertificateStore::WebpkiRoots } else { CertificateStore::Default };
    TlsParameters::builder(host).certificate_store(store).build_rustls()
}

/// What a server says without whom it says it of: its codes tell why, and whoever looks at failed jobs need not know people's addresses.
fn without_addresses(said: &str) -> String {
    let word = |word: &str| if word.contains('@') { "(an address)".to_owned() } else { word.to_owned() };
    said.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A server that says "never" to a letter means it; one that does not let us in (a password, a policy) may, once somebody looks.
fn judge(error: &lettre::transport::smtp::Error, opening: bool) -> Failed {
    let said = without_addresses(&kernel::problem::chain(error));
    let about_us = error.status().is_some_and(|code| {
        code.severity == Severity::PermanentNegativeCompletion && code.category == Category::Unspecified3
    });
    if error.is_permanent() && !opening && !about_us { Failed::Never(said) } else { Failed::Later(said) }
}
