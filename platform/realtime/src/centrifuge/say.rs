//! What a client says: to a channel, to a product by a method, or without waiting for an answer.

use std::sync::Arc;

use bytes::Bytes;

use super::client::{Client, named};
use super::command::{Call, Data, Publish};
use super::reply::{DataOut, Empty, ErrorOut};
use crate::Caller;
use crate::asks::{self, Asks};
use crate::codes::{Disconnect, ReplyError};
use crate::hub::Core;
use crate::rpc::Failed;

impl Asks for Client {
    fn core(&self) -> &Arc<Core> {
        &self.core
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn caller(&self) -> Arc<Caller> {
        self.caller()
    }

    fn has_turn(&self) -> bool {
        self.turns.say(&self.core.clock)
    }

    fn hears(&self, channel: &str) -> bool {
        self.hears(channel)
    }

    fn shown(&self, channel: &str) -> Bytes {
        self.present(self.subscriptions.info(channel).as_deref()).info
    }
}

impl Client {
    pub(super) async fn publish(&self, id: u32, publish: &Publish) -> Result<(), Disconnect> {
        let channel = named(&publish.channel)?;
        if publish.data.is_none() {
            return Err(Disconnect::BAD_REQUEST);
        }
        match asks::publish(self, channel, json(publish.data.as_ref())).await {
            Ok(()) => self.answer(id, "publish", &Empty {}),
            Err(error) => self.refuse(id, error),
        }
        Ok(())
    }

    pub(super) async fn rpc(&self, id: u32, call: &Call) -> Result<(), Disconnect> {
        let handler = self.core.handlers.read().get(call.method.as_str()).cloned();
        let Some(handler) = handler else {
            self.refuse(id, ReplyError::NOT_AVAILABLE);
            return Ok(());
        };
        if !self.has_turn() {
            self.refuse(id, ReplyError::TOO_MANY_REQUESTS);
            return Ok(());
        }
        let data = match json(call.data.as_ref()) {
            Ok(data) => data,
            Err(error) => {
                self.refuse(id, error);
                return Ok(());
            }
        };
        match handler.call(&self.caller(), data).await {
            Ok(data) => self.answer(id, "rpc", &DataOut { data: &data }),
            Err(Failed::Refused { code, message }) => self.answer(id, "error", &ErrorOut { code, message: &message }),
            Err(Failed::Internal(error)) => {
                tracing::warn!(%error, method = call.method, "a call of a client failed");
                self.refuse(id, ReplyError::INTERNAL);
            }
        }
        Ok(())
    }

    pub(super) async fn message(self: &Arc<Self>, message: &Call) -> Result<(), Disconnect> {
        let handler = self.core.messages.read().clone().ok_or(Disconnect::NOT_AVAILABLE)?;
        if !self.has_turn() {
            return Err(Disconnect::TOO_MANY_REQUESTS);
        }
        let Ok(data) = json(message.data.as_ref()) else {
            // There is no answer to a message.
            tracing::debug!("a message of a client was not taken: it is no JSON");
            return Ok(());
        };
        if let Err(error) = handler.call(&self.caller(), data).await {
            tracing::debug!(%error, "a message of a client was not taken");
        }
        Ok(())
    }
}

fn json(data: Option<&Data>) -> Result<Bytes, ReplyError> {
    match data {
        None => Ok(Bytes::from_static(b"null")),
        Some(Data(Some(json))) => Ok(json.get().to_owned().into()),
        Some(Data(None)) => Err(ReplyError::BAD_REQUEST),
    }
}
