//! Being a person, as a type.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use kernel::{PersonId, Problem, Secret};

use crate::admin::{shown, unknown};
use crate::people::model::Role;
use crate::{By, Caller};

/// Proof that a person sends this request, who may act at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// Who.
    pub id: PersonId,
    /// Whether they are an administrator too.
    pub admin: bool,
}

impl<S: Sync> FromRequestParts<S> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let (id, role, by) = person(parts)?;
        shown(parts, by).map(|()| Self { id, admin: role == Role::Admin })
    }
}

/// Proof that a person sends this request from a browser that signed in: for what changes the account itself.
pub(crate) struct InSession {
    pub(crate) id: PersonId,
    pub(crate) session: Secret,
}

impl<S: Sync> FromRequestParts<S> for InSession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let (id, _, by) = person(parts)?;
        let session = crate::http::cookie(&parts.headers).filter(|_| by == By::Session);
        let session = session.ok_or_else(|| {
            Problem::forbidden("This changes the account: sign in with the password, a token is not enough.")
        })?;
        let session = Secret::new(session);
        shown(parts, by).map(|()| Self { id, session })
    }
}

fn person(parts: &Parts) -> Result<(PersonId, Role, By), Problem> {
    match parts.extensions.get::<Caller>() {
        Some(Caller::Person { id, role, by }) => Ok((*id, *role, *by)),
        Some(Caller::Admin) => Err(Problem::forbidden(
            "This is for people, and the administrator's link is nobody's: sign in with an account of your own.",
        )),
        Some(Caller::Key { .. }) => Err(Problem::forbidden("An API key may not do this: it takes a signed-in person.")),
        Some(Caller::Unknown) => Err(unknown()),
        _ => Err(Problem::unauthorized("Sign in first: POST /api/v1/session with your address and password.")),
    }
}
