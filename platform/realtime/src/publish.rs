//! What products say on channels.

use bus::{BusError, Keep, Position};
use bytes::Bytes;
use serde::Serialize;

use crate::hub::Hub;
use crate::namespace::LoadError;

/// Why a publication was refused.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// No such namespace.
    #[error("the channel is in no known namespace")]
    UnknownNamespace,
    /// The namespace's offsets come from a table: use [`Hub::publish_at`].
    #[error("the namespace is durable")]
    Durable,
    /// The namespace counts its own offsets: use [`Hub::publish`].
    #[error("the namespace is not durable")]
    NotDurable,
    /// The value has no JSON.
    #[error("the value cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The bus is away.
    #[error("the bus refused")]
    Bus(#[source] BusError),
    /// Publications are missing and the table did not give them: publish again later.
    #[error("the stream cannot be loaded")]
    Load(#[source] LoadError),
}

impl Hub {
    /// Publishes a value on a channel.
    ///
    /// # Errors
    /// See [`PublishError`]; nothing was published then.
    pub async fn publish(&self, channel: &str, value: &(impl Serialize + ?Sized)) -> Result<Position, PublishError> {
        // Not a type parameter of the future: it holds the bytes only.
        let data = serde_json::to_vec(value).map_err(PublishError::Json);
        self.publish_json(channel, data?.into()).await
    }

    /// As [`Hub::publish`], to the subscribers of this process alone, and into no history: for what is about this process.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub fn publish_here(&self, channel: &str, value: &(impl Serialize + ?Sized)) -> Result<(), PublishError> {
        let namespace = self.0.find(channel).ok_or(PublishError::UnknownNamespace)?;
        if namespace.durable.is_some() {
            return Err(PublishError::Durable);
        }
        metrics::counter!("realtime_publications_total").increment(1);
        self.0.bus.publish_here(channel, serde_json::to_vec(value).map_err(PublishError::Json)?.into());
        Ok(())
    }

    /// As [`Hub::publish`], of a JSON text.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub async fn publish_json(&self, channel: &str, data: Bytes) -> Result<Position, PublishError> {
        let keep = self.live(channel)?;
        self.0.bus.publish(channel, data, keep).await.map_err(PublishError::Bus)
    }

    /// As [`Hub::publish_json`], for a client of which subscribers are shown `info`.
    pub(crate) async fn publish_by(&self, channel: &str, data: Bytes, info: Bytes) -> Result<Position, PublishError> {
        let keep = self.live(channel)?;
        self.0.bus.publish_by(channel, data, keep, info).await.map_err(PublishError::Bus)
    }

    /// What a channel keeps on which something is about to be published.
    fn live(&self, channel: &str) -> Result<Keep, PublishError> {
        let namespace = self.0.find(channel).ok_or(PublishError::UnknownNamespace)?;
        if namespace.durable.is_some() {
            return Err(PublishError::Durable);
        }
        metrics::counter!("realtime_publications_total").increment(1);
        Ok(namespace.keep())
    }

    /// Delivers what the product has committed under this offset of a durable channel. The same offset twice is
    /// harmless; where an earlier one is missing the stream is read from its table again, and all come in order.
    ///
    /// # Errors
    /// See [`PublishError`]; call again with the same offset then.
    pub async fn publish_at(&self, channel: &str, offset: u64, data: Bytes) -> Result<(), PublishError> {
        let core = &self.0;
        let namespace = core.find(channel).ok_or(PublishError::UnknownNamespace)?;
        let load = namespace.durable.as_ref().ok_or(PublishError::NotDurable)?;
        metrics::counter!("realtime_publications_total").increment(1);
        let watched = || core.channels.subscribers(channel) > 0;
        let row = (channel, offset, data);
        core.loads.publish(&core.bus, &namespace, load, row, watched).await.map_err(PublishError::Load)
    }

    /// Reads a durable channel from its table again, for streams that began again under another epoch. A channel that
    /// nobody has opened is left alone.
    ///
    /// # Errors
    /// The table did not answer.
    pub async fn reload(&self, channel: &str) -> Result<(), LoadError> {
        match self.0.find(channel) {
            Some(namespace) => self.0.loads.again(&self.0.bus, &namespace, channel).await,
            None => Ok(()),
        }
    }
}
