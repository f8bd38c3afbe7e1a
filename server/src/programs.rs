//! What an API key may do by the server API of realtime.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use identity::{Identity, Key, scopes};
use kernel::Problem;
use realtime::doorman::{Allowed, Gate, Strange};

pub(crate) struct Programs(pub(crate) Identity);

impl Gate for Programs {
    fn allows<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Result<Allowed, Problem>> {
        async move {
            let write = Key::<scopes::RealtimeWrite>::from_request_parts(parts, &()).await;
            let read = Key::<scopes::RealtimeRead>::from_request_parts(parts, &()).await;
            match (read, write) {
                (Err(_), Err(problem)) => Err(problem),
                (read, write) => Ok(Allowed { read: read.is_ok(), write: write.is_ok() }),
            }
        }
        .boxed()
    }

    fn user_of<'a>(&'a self, issuer: &'a str, subject: &'a str) -> BoxFuture<'a, Result<Option<String>, Strange>> {
        async move {
            if !self.0.trusts(issuer) {
                return Err(Strange::Issuer);
            }
            let found = self.0.person_of(issuer, subject).await.map_err(|error| {
                tracing::warn!(error = %kernel::problem::chain(&error), "whom a program means could not be looked up");
                Strange::Away
            })?;
            Ok(found.map(|person| person.to_string()))
        }
        .boxed()
    }
}
