//! What products answer clients that call them over their connection.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::Caller;
use crate::hub::Hub;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The caller is told this.
    #[error("refused with {code}: {message}")]
    Refused {
        /// 400 to 1999 are the products'.
        code: u32,
        /// For people who read logs of clients.
        message: String,
    },
    /// The caller is told to try again; the cause is for our log.
    #[error("a call failed")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

/// Answers the calls of a method.
pub trait Handler: Send + Sync {
    /// `data` is the JSON that the client sent (`null` for none), and so is the answer. The calls of one connection come one after the
    /// other; the next waits for this answer.
    fn call<'a>(&'a self, caller: &'a Caller, data: Bytes) -> BoxFuture<'a, Result<Bytes, Failed>>;
}

impl Hub {
    /// Answers the calls (`rpc`) of a method, at set-up.
    ///
    /// # Panics
    /// When a method has two handlers.
    pub fn answer(&self, method: &'static str, handler: Arc<dyn Handler>) {
        let other = self.0.handlers.write().insert(method, handler);
        assert!(other.is_none(), "the realtime method {method} is declared twice");
    }

    /// Takes the messages (`send`) of clients, at set-up: the answer goes nowhere.
    pub fn take_messages(&self, handler: Arc<dyn Handler>) {
        *self.0.messages.write() = Some(handler);
    }
}
