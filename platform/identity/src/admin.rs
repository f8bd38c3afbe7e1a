//! Permission as a type.

use std::fmt;
use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use kernel::{PersonId, Problem};

use crate::Scope;
use crate::people::Actor;
use crate::people::model::Role;

/// Who sends the request, as the edge found out. It travels in the request's extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Caller {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// The administrator, by a session that a link opened.
    Admin,
    /// A person.
    Person {
        /// Who.
        id: PersonId,
        /// What they may do.
        role: Role,
        /// What they showed.
        by: By,
    },
    /// A program, by an API key.
    Key {
        /// The key's number.
        id: i64,
        /// What it may do: the bits of its [`Scope`]s.
        scopes: u16,
    },
    /// Whoever shows a session or a key while the store cannot say whose it is: nobody, but not for want of a right.
    Unknown,
}

/// What a person shows with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The cookie of a browser that signed in.
    Session,
    /// A token made for a few minutes. It is no proof that its owner sits there: it changes nothing about the account, and nobody
    /// administers by it.
    Token,
}

impl Caller {
    /// Whether it may do more than its own things: an administrator or a program.
    pub const fn operates(self) -> bool {
        matches!(self, Self::Admin | Self::Key { .. } | Self::Person { role: Role::Admin, by: By::Session, .. })
    }

    /// Whether it is somebody in particular.
    pub const fn is_somebody(self) -> bool {
        matches!(self, Self::Admin | Self::Person { .. } | Self::Key { .. })
    }
}

/// `admin`, a person's id, `key:` and the key's number, or for nobody `anonymous` and `unknown`: the name under which what a caller did is
/// written down, and by which what belongs to one is kept from the others. Stored: never changes.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::Admin => f.write_str("admin"),
            Self::Person { id, .. } => write!(f, "{id}"),
            Self::Key { id, .. } => write!(f, "key:{id}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Proof that an administrator sends this request: the one who opened a link, or a person of that role.
pub struct Admin {
    /// Who, for what has to ask again whether they still may.
    pub actor: Actor,
}

/// When to ask again while the store does not answer, seconds.
const RETRY_S: u32 = 5;
/// The header that a page of another site cannot add to a request with our cookie.
const SAME_SITE: &str = "x-mainspring-console";

impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Caller>() {
            Some(Caller::Admin) => same_site(parts).map(|()| Self { actor: Actor::Admin }),
            Some(Caller::Person { id, role: Role::Admin, by: By::Session }) => {
                same_site(parts).map(|()| Self { actor: Actor::Person(*id) })
            }
            Some(Caller::Person { role: Role::Admin, by: By::Token, .. }) => {
                Err(Problem::forbidden("This takes an administrator who has signed in: a token is not enough."))
            }
            Some(Caller::Person { .. }) => Err(Problem::forbidden("Only an administrator may do this.")),
            Some(Caller::Key { .. }) => {
                Err(Problem::forbidden("An API key may not do this: it takes a signed-in person."))
            }
            Some(Caller::Unknown) => Err(unknown()),
            _ => Err(Problem::unauthorized(
                "Sign in first: run `mainspring admin-link` beside the server and open the link it prints.",
            )),
        }
    }
}

/// Proof that a browser with a session sends this request, whoever's.
pub(crate) struct Signed;

impl<S: Sync> FromRequestParts<S> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Caller>() {
            Some(Caller::Admin | Caller::Person { by: By::Session, .. }) => same_site(parts).map(|()| Self),
            Some(Caller::Person { .. } | Caller::Key { .. }) => Err(Problem::forbidden("That has no session.")),
            Some(Caller::Unknown) => Err(unknown()),
            _ => Err(Problem::unauthorized("Nobody is signed in.")),
        }
    }
}

pub(crate) fn unknown() -> Problem {
    Problem::unavailable(RETRY_S, "whose session or key it is could not be looked up")
}

/// A browser adds a cookie by itself, also to what a page of another site makes it send; a token it does not.
pub(crate) fn shown(parts: &Parts, by: By) -> Result<(), Problem> {
    match by {
        By::Session => same_site(parts),
        By::Token => Ok(()),
    }
}

fn same_site(parts: &Parts) -> Result<(), Problem> {
    if !parts.method.is_safe() && !parts.headers.contains_key(SAME_SITE) {
        return Err(Problem::forbidden("A change needs the header X-Mainspring-Console."));
    }
    Ok(())
}

/// What a [`Key`] must be allowed to do. The types are in [`scopes`].
pub trait Needs {
    /// The scope.
    const SCOPE: Scope;
}

/// The scopes as types: `Key<scopes::JobsWork>` in a handler's arguments.
pub mod scopes {
    use super::{Needs, Scope};

    macro_rules! scopes {
        ($($scope:ident),*) => {$(
            #[doc = concat!("[`Scope::", stringify!($scope), "`]")]
            pub struct $scope;

            impl Needs for $scope {
                const SCOPE: Scope = Scope::$scope;
            }
        )*};
    }
    scopes!(JobsWork, JobsEnqueue, EventsPublish, EventsRead, RealtimeWrite, RealtimeRead, RealtimeTokens);
}

/// Proof that a program with an API key of this scope sends the request, or an administrator. A bearer's request needs no
/// further header: a browser adds none by itself.
pub struct Key<N> {
    /// The key's number; `None` for an administrator.
    pub id: Option<i64>,
    needs: PhantomData<N>,
}

impl<N: Needs, S: Sync> FromRequestParts<S> for Key<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let id = match parts.extensions.get::<Caller>() {
            Some(Caller::Admin) => same_site(parts).map(|()| None)?,
            Some(Caller::Person { role: Role::Admin, by: By::Session, .. }) => same_site(parts).map(|()| None)?,
            Some(Caller::Person { .. }) => {
                return Err(Problem::forbidden("This takes an API key, or an administrator who has signed in."));
            }
            Some(Caller::Key { id, scopes }) if scopes & N::SCOPE.bit() != 0 => Some(*id),
            Some(Caller::Key { .. }) => {
                return Err(Problem::forbidden(format!("This API key lacks the scope `{}`.", N::SCOPE.name())));
            }
            Some(Caller::Unknown) => return Err(unknown()),
            _ => return Err(Problem::unauthorized("Send an API key: `Authorization: Bearer msk_…`.")),
        };
        Ok(Self { id, needs: PhantomData })
    }
}
