//! Who a realtime connection acts for: the administrator by its session, everybody else as nobody.

use axum::http::{HeaderMap, HeaderValue, header};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use identity::{Caller, Identity};
use kernel::Secret;
use realtime::Doorman;
use realtime::doorman::{Shown, Standing, Unknown};

/// How the administrator is called among the users of connections.
const ADMIN: &str = "admin";

pub(crate) struct Door(pub(crate) Identity);

impl Doorman for Door {
    fn at_the_door<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<realtime::Caller, Unknown>> {
        async move {
            match self.0.caller_of(headers).await {
                Caller::Admin => Ok(realtime::Caller {
                    user: ADMIN.to_owned(),
                    admin: true,
                    pass: pass(headers),
                    ..Default::default()
                }),
                Caller::Anonymous | Caller::Key { .. } => Ok(realtime::Caller::default()),
                Caller::Unknown => Err(Unknown),
            }
        }
        .boxed()
    }

    /// There are no tokens for connections.
    fn by_token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Shown> {
        async { Shown::Bad }.boxed()
    }

    /// Looks the session up again by which the administrator came.
    fn still<'a>(&'a self, caller: &'a realtime::Caller) -> BoxFuture<'a, Standing> {
        async move {
            let Some(cookies) = caller.pass.as_ref().and_then(|pass| HeaderValue::from_str(pass.expose()).ok()) else {
                return Standing::Good;
            };
            let headers = HeaderMap::from_iter([(header::COOKIE, cookies)]);
            match self.0.caller_of(&headers).await {
                Caller::Admin => Standing::Good,
                Caller::Anonymous | Caller::Key { .. } => Standing::Again,
                Caller::Unknown => Standing::Unknown,
            }
        }
        .boxed()
    }
}

/// The cookies that the administrator came with, its session among them.
fn pass(headers: &HeaderMap) -> Option<Secret> {
    let lines: Vec<_> = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok()).collect();
    Some(Secret::new(lines.join("; ")))
}
