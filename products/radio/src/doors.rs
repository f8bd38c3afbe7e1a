//! Who may listen to a station. A private one opens to administrators and to listener tokens; for everybody else it is as
//! if it had never played: the same answers, on every route and channel.

use std::error::Error;
use std::sync::Arc;

use ::store::{Store, StoreError, Tx};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use realtime::{Caller, Guard};

use crate::store::{self, Station};

/// The cookie that a page's sign-in sets, for the addresses of one station.
pub(crate) const COOKIE: &str = "mainspring_radio";
/// Longer ones are none of ours.
const TOKEN_BYTES: usize = 200;

/// The guard of the stations' channels.
pub(crate) struct Doors(Store);

impl Doors {
    pub(crate) fn guard(store: &Store) -> Arc<dyn Guard> {
        Arc::new(Self(store.clone()))
    }
}

impl Guard for Doors {
    fn admits<'a>(
        &'a self,
        channel: &'a str,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        async move {
            let station = channel.strip_prefix("radio:").unwrap_or_default();
            Ok(!matches!(door(&self.0, station, caller).await?, Door::Shut))
        }
        .boxed()
    }
}

/// What a caller finds at the address of a station.
pub(crate) enum Door {
    /// Nothing was ever here: what comes first will be heard.
    Nobody,
    /// To be answered as [`Door::Nobody`].
    Shut,
    Open(Box<Station>),
}

impl Door {
    /// The station, if this caller may know of it.
    pub(crate) fn station(self) -> Option<Station> {
        match self {
            Self::Open(station) => Some(*station),
            Self::Nobody | Self::Shut => None,
        }
    }
}

/// Looks whether the station opens to the caller.
pub(crate) async fn door(store: &Store, station: &str, caller: &Caller) -> Result<Door, StoreError> {
    let (name, admin, token) = (station.to_owned(), caller.admin, caller.token.clone());
    store
        .read(async move |tx: &mut Tx| {
            let Some(station) = store::station(tx, &name).await? else { return Ok(Door::Nobody) };
            let open = !station.private
                || admin
                || match &token {
                    Some(token) => store::holds_token(tx, &name, token).await?,
                    None => false,
                };
            Ok(if open { Door::Open(Box::new(station)) } else { Door::Shut })
        })
        .await
}

/// Who listens: an administrator by the session, anybody by the token that comes as `?token=`, as
/// `Authorization: Bearer …` or in the cookie.
pub(crate) struct Listener(pub(crate) Caller);

impl<S: Sync> FromRequestParts<S> for Listener {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let admin = matches!(parts.extensions.get::<identity::Caller>(), Some(identity::Caller::Admin));
        let token = query_token(parts.uri.query().unwrap_or_default())
            .or_else(|| bearer(&parts.headers))
            .or_else(|| cookie(&parts.headers))
            .filter(|token| token.len() <= TOKEN_BYTES)
            .unwrap_or_default();
        Ok(Self(Caller { admin, ..Caller::default() }.showing(token)))
    }
}

/// Tokens are hexadecimal: nothing in them is ever escaped.
fn query_token(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("token="))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}
