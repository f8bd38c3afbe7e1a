//! Publishing by programs, on one channel or on many.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bus::Position;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use kernel::limits;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::fault::Fault;
use super::{AT_ONCE, Api, open};
use crate::codes::ReplyError;
use crate::publish::PublishError;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Publish {
    channel: String,
    channels: Vec<String>,
    data: Option<Box<RawValue>>,
    b64data: String,
    skip_history: bool,
    tags: HashMap<String, String>,
    idempotency_key: String,
    version: u64,
}

impl Publish {
    /// What is delivered is JSON, however it comes.
    fn data(&self) -> Result<Bytes, Fault> {
        let decoded = |_| Fault::from(ReplyError::BAD_REQUEST);
        match &self.data {
            _ if !self.b64data.is_empty() => {
                let bytes = BASE64_STANDARD.decode(&self.b64data).map_err(decoded)?;
                serde_json::from_slice::<&RawValue>(&bytes).map_err(|_| ReplyError::BAD_REQUEST)?;
                Ok(bytes.into())
            }
            Some(data) => Ok(data.get().to_owned().into()),
            None => Err(ReplyError::BAD_REQUEST.into()),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Published {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    Result(Published),
    Error(Fault),
}

#[derive(Serialize)]
pub(super) struct Responses {
    responses: Vec<Response>,
}

impl Api {
    pub(super) async fn publish(&self, asked: Publish) -> Result<Published, Fault> {
        self.publish_on(&asked.channel, asked.data()?, &asked).await
    }

    /// In the order of the channels.
    pub(super) async fn broadcast(&self, asked: Publish) -> Result<Responses, Fault> {
        let data = asked.data()?;
        if asked.channels.is_empty() {
            return Err(ReplyError::BAD_REQUEST.into());
        }
        if asked.channels.len() > limits::REALTIME_API_COMMANDS {
            return Err(ReplyError::LIMIT_EXCEEDED.into());
        }
        let (asked, data) = (&asked, &data);
        let published = stream::iter(asked.channels.clone()).map(|channel| async move {
            let published = self.publish_on(&channel, data.clone(), asked).await;
            published.map_or_else(Response::Error, Response::Result)
        });
        Ok(Responses { responses: published.buffered(AT_ONCE).collect().await })
    }

    async fn publish_on(&self, channel: &str, data: Bytes, asked: &Publish) -> Result<Published, Fault> {
        let namespace = open(&self.hub, channel)?;
        // What is durable is committed by its product first. Publications have no tags and no versions, and a history has no holes.
        let skips = asked.skip_history && namespace.history_size > 0;
        if namespace.durable.is_some() || skips || !asked.tags.is_empty() || asked.version > 0 {
            return Err(ReplyError::NOT_AVAILABLE.into());
        }
        // On a task of its own: whoever hangs up in the middle and says it again under its key is known.
        let (api, channel, key) = (self.clone(), channel.to_owned(), asked.idempotency_key.clone());
        let published = tokio::spawn(async move {
            let publish = async || api.say(&channel, data).await;
            match key.as_str() {
                "" => publish().await,
                key => api.once.publish(&channel, key, api.hub.0.clock.now_ms(), publish).await,
            }
        });
        let Position { offset, epoch } = published.await.map_err(|error| {
            tracing::error!(%error, "what a program said was not published");
            ReplyError::INTERNAL
        })??;
        let kept = namespace.history_size > 0;
        Ok(Published { offset: kept.then_some(offset), epoch: kept.then(|| epoch.to_string()) })
    }

    async fn say(&self, channel: &str, data: Bytes) -> Result<Position, Fault> {
        self.hub.publish_json(channel, data).await.map_err(|error| match error {
            PublishError::UnknownNamespace => ReplyError::UNKNOWN_CHANNEL.into(),
            error => {
                tracing::warn!(%error, "what a program said could not be published");
                Fault::from(ReplyError::INTERNAL)
            }
        })
    }
}
