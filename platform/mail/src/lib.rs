#![doc = include_str!("../README.md")]

mod letter;
mod people;
mod sending;
mod settings;
mod smtp;

use std::sync::Arc;

use ::store::{Store, Tx};
use identity::Identity;
use jobs::{EnqueueError, Handler, Jobs, Kind, QueuePolicy};
use kernel::{Clock, Entropy, Problem, SealKey, limits};

pub use self::letter::{Letter, Unfit};
pub use self::settings::{Settings, Tls, Wrong};
use self::smtp::Smtp;

/// The mail of this process. Clones are handles to the same one.
#[derive(Clone)]
pub struct Mail(pub(crate) Arc<Office>);

pub(crate) struct Office {
    pub(crate) parts: Parts,
    /// The way to the operator's server; without settings there is none.
    pub(crate) smtp: Option<Smtp>,
}

/// What mail stands on.
pub struct Parts {
    /// Where letters are posted.
    pub store: Store,
    /// What sends them.
    pub jobs: Jobs,
    /// Who is written to.
    pub identity: Identity,
    /// The time.
    pub clock: Clock,
    /// The dice.
    pub entropy: Entropy,
    /// What seals letters that wait.
    pub key: SealKey,
    /// Where people reach this server: what links in letters begin with. Never taken from a request.
    pub base_url: String,
}

/// Why a letter was not posted.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The operator set no mail up.
    #[error("this server sends no mail: [mail] host is not set")]
    Off,
    /// It cannot be sent as it is.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Its job was not enqueued.
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
}

impl Mail {
    /// Over what it stands on. Empty settings are no mail.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn new(settings: &Settings, parts: Parts) -> Result<Self, Wrong> {
        let smtp = settings.is_set().then(|| Smtp::new(settings)).transpose()?;
        Ok(Self(Arc::new(Office { parts, smtp })))
    }

    /// Whether this server sends mail.
    pub fn is_set(&self) -> bool {
        self.0.smtp.is_some()
    }

    /// That it does, for whoever is asked to do what needs it.
    ///
    /// # Errors
    /// 409 `mail_off`.
    pub fn must(&self) -> Result<(), Problem> {
        let why = "This server sends no mail: its operator has not set [mail] up.";
        if self.is_set() { Ok(()) } else { Err(Problem::conflict("mail_off", why)) }
    }

    /// The address of a page of this server.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.0.parts.base_url)
    }

    /// Where the operator is written to, as a URI: the address that letters come from, or else this server's.
    pub fn contact(&self) -> String {
        match &self.0.smtp {
            Some(smtp) => format!("mailto:{}", smtp.from()),
            None => self.0.parts.base_url.clone(),
        }
    }

    /// Has a letter sent, if the caller's transaction commits.
    ///
    /// # Errors
    /// [`PostError`]; after [`PostError::Enqueue`] the transaction must be rolled back.
    pub async fn post(&self, tx: &mut Tx, letter: &Letter) -> Result<(), PostError> {
        if !self.is_set() {
            return Err(PostError::Off);
        }
        letter.check()?;
        let job = sending::job(&self.0.parts, letter);
        self.0.parts.jobs.enqueue(tx, job).await.map(drop).map_err(PostError::Enqueue)
    }

    /// The kinds of job to serve, with their handlers.
    pub fn handlers(&self) -> Vec<(Kind, Handler)> {
        let policy = QueuePolicy { concurrency: Some(limits::MAIL_AT_ONCE), ..QueuePolicy::default() };
        self.0.parts.jobs.declare(sending::SEND.queue, policy);
        vec![(sending::SEND, sending::handler(self)), (people::ANSWER, people::handler(self))]
    }

    /// Carries what identity has to say to people from now on, if this server sends mail.
    pub fn carry_for_identity(&self) {
        if self.is_set() {
            self.0.parts.identity.sends_by(Arc::new(people::Courier(self.0.clone())));
        }
    }
}
