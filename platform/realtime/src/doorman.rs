//! Who a connection acts for, and who says so.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use kernel::{Problem, Secret};

pub use crate::claims::Claimed;
pub use crate::claims::subscription::{Terms, Ticketed};

/// Who a connection acts for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Empty for nobody.
    pub user: String,
    /// May use the namespaces that are for admins.
    pub admin: bool,
    /// What the caller shows to a guarded channel: the `token` of a Centrifuge subscription or of an SSE request.
    pub token: Option<Secret>,
    /// When its right ends by itself, Unix milliseconds; none for never.
    pub until_ms: Option<i64>,
    /// By what the doorman let it in (a session, the number of a token). The hub keeps it for [`Doorman::still`] and does not
    /// read it.
    pub pass: Option<Secret>,
    /// What others are shown of it beside its name (`conn_info`): JSON of `limits::CLIENT_INFO_BYTES` at most.
    pub info: Option<Bytes>,
    /// On what its right hangs beside the user, by names of the doorman's own: see [`Hub::fell`](crate::Hub::fell).
    pub grounds: Vec<String>,
    /// What its token gives beside that.
    pub claimed: Option<Arc<Claimed>>,
}

/// By what tells callers apart.
impl Hash for Caller {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.user.hash(state);
        self.token.as_ref().map(Secret::expose).hash(state);
    }
}

impl Caller {
    /// The same caller with a token to show; an empty one is none.
    #[must_use]
    pub fn showing(&self, token: &str) -> Self {
        Self { token: (!token.is_empty()).then(|| Secret::new(token)), ..self.clone() }
    }

    /// Whether its token gives this right on the channel, where the namespace listens to tokens.
    pub(crate) fn is_given(&self, channel: &str, right: crate::claims::caps::Right) -> bool {
        self.claimed.as_ref().is_some_and(|claimed| claimed.caps.give(channel, right))
    }

    /// Whether there is anything that could be taken back.
    pub(crate) fn is_known(&self) -> bool {
        !self.user.is_empty() || self.pass.is_some()
    }
}

/// Why a doorman does not say who somebody is. Never the same as nobody, who shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// It cannot be looked up now: whoever asks is told to come again.
    #[error("who is calling cannot be looked up now")]
    Away,
    /// What the headers show was good once.
    #[error("what was shown has ended")]
    Expired,
    /// What the headers show is none of ours.
    #[error("what was shown is not taken here")]
    Bad,
}

/// After so long whoever was not looked up may ask again, seconds.
const AGAIN_S: u32 = 1;

impl From<Unknown> for Problem {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Away => Self::unavailable(AGAIN_S, unknown),
            Unknown::Expired => {
                let detail = "What the header Authorization shows has expired: get a newer token, or come without one.";
                Self::new(StatusCode::UNAUTHORIZED, "token_expired", detail)
            }
            Unknown::Bad => Self::unauthorized(
                "What the header Authorization shows is not taken here: get a token anew, or come without one.",
            ),
        }
    }
}

/// Why the claims of a verified token let nobody in: see [`Caller::of_claims`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadClaims {
    /// It has a `channel`: the token of a subscription.
    #[error("the token is for a subscription, not for a connection")]
    OfSubscription,
    /// It has no `channel`: the token of a connection.
    #[error("the token is for a connection, not for a subscription")]
    OfConnection,
    /// A claim has another form than it must have.
    #[error("a claim has another form than it must have: {0}")]
    Form(String),
    /// `info` or `b64info` is too long, or no JSON.
    #[error("the info is too long or no JSON")]
    Info,
}

/// What a token is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It lets this caller in.
    Good(Caller),
    /// It did once: its owner gets a new one. Also the answer where it was taken back and a new one may be had.
    Expired,
    /// It is none of ours.
    Bad,
    /// See [`Unknown::Away`].
    Unknown,
}

/// What the token of a subscription is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ticket {
    /// It opens this. For whom and where, the hub compares.
    Good(Box<Ticketed>),
    /// It did once: its owner gets a new one.
    Expired,
    /// It is none of ours, or for something else.
    Bad,
    /// See [`Unknown::Away`].
    Unknown,
}

/// Whether a right that was given stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As it was given.
    Good,
    /// What let the caller in is worth nothing any more, or more or less than then. It may come again by another.
    Again,
    /// The caller may not come at all: banned, or gone.
    Never,
    /// See [`Unknown::Away`]. The connection stays, and is asked about again every second.
    Unknown,
}

/// Says who a connection acts for: when it opens, when it shows a token, and whenever rights have changed.
///
/// What it says must be as new as the last change that [`Hub::ask_again`](crate::Hub::ask_again) was called for: the hub asks
/// once more about whoever was let in while rights changed, and then believes the answer.
pub trait Doorman: Send + Sync {
    /// Who sends these headers. Nobody is an answer too, but not to who shows something that is worth nothing.
    fn at_the_door<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Caller, Unknown>>;

    /// Who shows this token, in the `connect` or `refresh` of a client. It overrides what the headers said.
    fn by_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Shown>;

    /// What this token of a subscription opens. None is good unless the doorman knows of such tokens.
    fn by_ticket<'a>(&'a self, _token: &'a str) -> BoxFuture<'a, Ticket> {
        Box::pin(std::future::ready(Ticket::Bad))
    }

    /// Whether this caller, whom the doorman once let in, would be let in now, as what it was.
    fn still<'a>(&'a self, caller: &'a Caller) -> BoxFuture<'a, Standing>;
}

/// What a program may do by the server API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Look at channels and who is there.
    pub read: bool,
    /// Publish, and do things to connections.
    pub write: bool,
}

/// Says what whoever sends a request may do by the server API.
pub trait Gate: Send + Sync {
    /// What it may do, or why it is nobody.
    fn allows<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Result<Allowed, Problem>>;

    /// What the hub calls the user ([`Caller::user`]) whom this issuer's tokens name so (`sub`); none for somebody who has never come. No
    /// issuer is known unless the gate knows of some.
    fn user_of<'a>(&'a self, _issuer: &'a str, _subject: &'a str) -> BoxFuture<'a, Result<Option<String>, Strange>> {
        Box::pin(std::future::ready(Err(Strange::Issuer)))
    }
}

/// Why a user could not be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strange {
    /// No tokens of this issuer are taken.
    Issuer,
    /// It cannot be looked up now.
    Away,
}

/// Knows nobody: everybody is let in as such, and no token is good. For machines without identities.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Doorman for Nobody {
    fn at_the_door<'a>(&'a self, _: &'a HeaderMap) -> BoxFuture<'a, Result<Caller, Unknown>> {
        Box::pin(std::future::ready(Ok(Caller::default())))
    }

    fn by_token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Shown> {
        Box::pin(std::future::ready(Shown::Bad))
    }

    fn still<'a>(&'a self, _: &'a Caller) -> BoxFuture<'a, Standing> {
        Box::pin(std::future::ready(Standing::Good))
    }
}
