//! The stations' channels, from the table.

use std::error::Error;
use std::sync::Arc;

use ::store::{Store, StoreError, Tx};
use bus::Stored;
use realtime::{Load, Loaded};

use super::{is_station, recent, stations};
use crate::RECENT;

/// The stations' channels come from the table, so that positions survive a restart: the epoch is the database's name,
/// with a number where the station was deleted and began again; the offset is the phrase's number.
pub(crate) struct Channels(Store);

impl Channels {
    /// Over this store.
    pub(crate) fn load(store: &Store) -> Arc<dyn Load> {
        Arc::new(Self(store.clone()))
    }

    async fn stream(&self, channel: &str) -> Result<Option<Loaded>, StoreError> {
        let Some(station) = channel.strip_prefix("radio:").filter(|name| is_station(name)) else { return Ok(None) };
        let station = station.to_owned();
        let read = async move |tx: &mut Tx| {
            let rows = recent(tx, &station, RECENT).await?;
            Ok::<_, StoreError>((rows, stations::deletions(tx, &station).await?))
        };
        let (rows, deletions) = self.0.read(read).await?;
        let offset = |n: i64| u64::try_from(n).unwrap_or_default();
        Ok(Some(Loaded {
            epoch: if deletions == 0 { self.0.id().to_owned() } else { format!("{}.{deletions}", self.0.id()) },
            top: rows.last().map_or(0, |(n, ..)| offset(*n)),
            publications: rows
                .into_iter()
                .map(|(n, time_ms, phrase)| Stored { offset: offset(n), time_ms, data: phrase.into() })
                .collect(),
        }))
    }
}

impl Load for Channels {
    fn load<'a>(
        &'a self,
        channel: &'a str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Option<Loaded>, Box<dyn Error + Send + Sync>>> + Send + 'a>> {
        Box::pin(async move { Ok(self.stream(channel).await?) })
    }
}
