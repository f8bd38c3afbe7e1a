//! Signed tokens (JWT): what is believed of others' and of ours, and how ours are made.
//!
//! A token is read strictly and in one way only (decision 0015): each key fixes how it may be used, and the token chooses nothing but
//! the key's name. What is refused is refused before anything that it says is believed.

mod algorithm;
mod claims;
mod http;
mod jwk;
mod jws;
mod keys;
mod ours;
mod state;
mod store;
mod strict;
#[cfg(test)]
mod vectors;

use std::error::Error;
use std::sync::Arc;

use axum::http::StatusCode;
use kernel::Problem;

pub use algorithm::Algorithm;
pub use claims::Claims;
pub use http::routes;
pub use ours::{Purpose, Tokens, Unissued};

pub(crate) use claims::Expected;
pub(crate) use jwk::{Key, key_set};
pub(crate) use jws::{Doubt, Jws};
pub(crate) use ours::ID_BYTES;
pub(crate) use store::MADE;
pub(crate) use strict::object;
#[cfg(fuzzing)]
pub(crate) use strict::text;

/// When to come back with a token that nobody can check now, seconds.
const RETRY_S: u32 = 5;

/// Why a token is not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// It was good once: a newer one of its maker will be taken.
    #[error("the token has expired")]
    Expired,
    /// It is worth nothing, now and later. The words are for the log; they hold nothing of the token.
    #[error("the token is refused: {0}")]
    Bad(&'static str),
    /// Nobody can say now: the store or the issuer does not answer. The same token may be good a little later.
    #[error("the token cannot be checked now")]
    Unknown(#[source] Arc<dyn Error + Send + Sync>),
}

impl From<Doubt> for Refusal {
    fn from(doubt: Doubt) -> Self {
        Self::Bad(match doubt {
            Doubt::NoKey => "no key of its maker is called so",
            Doubt::Bad(why) => why,
        })
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Expired => {
                Self::new(StatusCode::UNAUTHORIZED, "token_expired", "The token has expired: get a newer one.")
            }
            Refusal::Bad(_) => Self::unauthorized("The token is not one that is taken here.").because(refusal),
            Refusal::Unknown(_) => Self::unavailable(RETRY_S, refusal),
        }
    }
}
