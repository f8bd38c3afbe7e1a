//! What a client says: to a channel, to a product by a method, or without waiting for an answer.

use std::sync::Arc;

use bytes::Bytes;
use kernel::limits;
use parking_lot::MutexGuard;

use super::client::{Client, named};
use super::command::{Call, Data, Publish};
use super::reply::{DataOut, Empty, ErrorOut};
use crate::claims::caps::Right;
use crate::codes::{Disconnect, ReplyError};
use crate::hub::Hub;
use crate::namespace::Namespace;
use crate::rpc::Failed;

impl Client {
    pub(super) async fn publish(&self, id: u32, publish: &Publish) -> Result<(), Disconnect> {
        let channel = named(&publish.channel)?;
        if publish.data.is_none() {
            return Err(Disconnect::BAD_REQUEST);
        }
        match self.try_publish(channel, publish.data.as_ref()).await {
            Ok(()) => self.answer(id, "publish", &Empty {}),
            Err(error) => self.refuse(id, error),
        }
        Ok(())
    }

    async fn try_publish(&self, channel: &str, data: Option<&Data>) -> Result<(), ReplyError> {
        if !self.has_turn() {
            return Err(ReplyError::TOO_MANY_REQUESTS);
        }
        let data = json(data)?;
        let caller = self.caller();
        let namespace = self.core.open(channel, &caller).await.map_err(|refused| ReplyError::from(&refused))?;
        // What is durable is committed by its product first.
        if namespace.durable.is_some() || !self.may_publish(&namespace, channel).await {
            return Err(ReplyError::PERMISSION_DENIED);
        }
        let published = Hub(self.core.clone()).publish_json(channel, data).await;
        published.map(drop).map_err(|error| {
            tracing::warn!(%error, "what a client said could not be published");
            ReplyError::INTERNAL
        })
    }

    async fn may_publish(&self, namespace: &Namespace, channel: &str) -> bool {
        if namespace.allow_publish_for_subscriber && self.hears(channel) {
            return true;
        }
        if namespace.heeds_tokens() && self.caller().is_given(channel, Right::Publish) {
            return true;
        }
        let Some(guard) = &namespace.guard else { return false };
        guard.may_publish(channel, &self.caller()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, namespace = namespace.name, "a guard could not answer");
            false
        })
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

    /// Whether it may say, or look at, one more thing within this second.
    pub(super) fn has_turn(&self) -> bool {
        counted(&mut self.asked().turns, limits::CLIENT_SAYS_PER_S)
    }

    /// Whether it may try to subscribe once more within this second.
    pub(super) fn may_subscribe(&self) -> bool {
        counted(&mut self.asked().subscriptions, limits::CLIENT_SUBSCRIBES_PER_S)
    }

    /// Whether it may give one more command of any kind within this second.
    pub(super) fn may_command(&self) -> bool {
        counted(&mut self.asked().commands, limits::CLIENT_COMMANDS_PER_S)
    }

    /// The account of this second.
    fn asked(&self) -> MutexGuard<'_, Asked> {
        // Cut short: it is only held against the one before.
        let second = self.core.clock.now_ms().div_euclid(1_000) as u32;
        let mut asked = self.asked.lock();
        if asked.second != second {
            *asked = Asked { second, ..Asked::default() };
        }
        asked
    }
}

/// How often a client asked for what, within one second.
#[derive(Default)]
pub(super) struct Asked {
    second: u32,
    turns: u16,
    subscriptions: u16,
    commands: u16,
}

fn counted(count: &mut u16, most: u32) -> bool {
    *count = count.saturating_add(1);
    u32::from(*count) <= most
}

fn json(data: Option<&Data>) -> Result<Bytes, ReplyError> {
    match data {
        None => Ok(Bytes::from_static(b"null")),
        Some(Data(Some(json))) => Ok(json.get().to_owned().into()),
        Some(Data(None)) => Err(ReplyError::BAD_REQUEST),
    }
}
