//! What an API key may do by the server API of realtime.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use identity::{Key, scopes};
use kernel::Problem;
use realtime::doorman::{Allowed, Gate};

pub(crate) struct Programs;

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
}
