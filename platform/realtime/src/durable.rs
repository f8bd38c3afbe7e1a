//! Durable streams: loaded from their table once for all who wait, and again when publications are missing.

use std::collections::HashMap;
use std::sync::Arc;

use bus::{Bus, Placed};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;

use crate::namespace::{Load, LoadError, Namespace};

/// `false` when the table knows no such channel.
type Outcome = Result<bool, LoadError>;

#[derive(Default)]
pub(crate) struct Loads(Arc<Mutex<HashMap<Arc<str>, Flight>>>);

struct Flight {
    outcome: Shared<BoxFuture<'static, Outcome>>,
    /// Something was committed that the read under way may not see: it must be read again.
    stale: bool,
}

impl Loads {
    /// Makes sure that the channel's stream is in the bus.
    pub(crate) async fn ensure(&self, bus: &Bus, namespace: &Namespace, channel: &str) -> Outcome {
        match &namespace.durable {
            None => Ok(true),
            Some(_) if bus.is_loaded(channel).await.map_err(load_error)? => Ok(true),
            Some(load) => self.join(bus, namespace, load, channel, false).await,
        }
    }

    /// Reads the table again, if the stream is in the bus at all.
    pub(crate) async fn again(&self, bus: &Bus, namespace: &Namespace, channel: &str) -> Result<(), LoadError> {
        if let Some(load) = &namespace.durable
            && bus.is_loaded(channel).await.map_err(load_error)?
        {
            self.join(bus, namespace, load, channel, true).await?;
        }
        Ok(())
    }

    /// Publishes what was committed under `offset`; reads the table again where something before it is missing.
    /// `watched` says whether anybody here listens to the channel.
    pub(crate) async fn publish(
        &self,
        bus: &Bus,
        namespace: &Namespace,
        load: &Arc<dyn Load>,
        (channel, offset, data): (&str, u64, Bytes),
        watched: impl Fn() -> bool,
    ) -> Result<(), LoadError> {
        let place = || bus.publish_at(channel, offset, data.clone(), namespace.keep());
        let mut placed = place().await.map_err(load_error)?;
        if placed == Placed::NotLoaded {
            // A load under way may have read the table before the commit; one that ended just now shows in the bus; one
            // that begins later sees the commit.
            if let Some(flight) = self.0.lock().get_mut(channel) {
                flight.stale = true;
                return Ok(());
            }
            placed = place().await.map_err(load_error)?;
        }
        match placed {
            Placed::Delivered | Placed::Ignored => Ok(()),
            Placed::NotLoaded if !watched() => Ok(()),
            Placed::NotLoaded | Placed::Gap { .. } => {
                self.join(bus, namespace, load, channel, true).await?;
                Ok(())
            }
        }
    }

    async fn join(
        &self,
        bus: &Bus,
        namespace: &Namespace,
        load: &Arc<dyn Load>,
        channel: &str,
        again: bool,
    ) -> Outcome {
        let outcome = {
            let mut flights = self.0.lock();
            match flights.get_mut(channel) {
                Some(flight) => {
                    flight.stale |= again;
                    flight.outcome.clone()
                }
                None => {
                    let name: Arc<str> = channel.into();
                    let work = fly(self.0.clone(), bus.clone(), namespace.clone(), load.clone(), name.clone());
                    let outcome = work.boxed().shared();
                    flights.insert(name, Flight { outcome: outcome.clone(), stale: false });
                    outcome
                }
            }
        };
        outcome.await
    }
}

/// Polled by whoever waits, so it goes on when one of them gives up.
async fn fly(
    flights: Arc<Mutex<HashMap<Arc<str>, Flight>>>,
    bus: Bus,
    namespace: Namespace,
    load: Arc<dyn Load>,
    channel: Arc<str>,
) -> Outcome {
    loop {
        let outcome = read(&bus, &namespace, &*load, &channel).await;
        let mut flights = flights.lock();
        match flights.get_mut(&channel) {
            Some(flight) if flight.stale && outcome.is_ok() => flight.stale = false,
            _ => {
                flights.remove(&channel);
                return outcome;
            }
        }
    }
}

async fn read(bus: &Bus, namespace: &Namespace, load: &dyn Load, channel: &str) -> Outcome {
    let Some(loaded) = load.load(channel).await? else { return Ok(false) };
    let (epoch, top) = (loaded.epoch, loaded.top);
    bus.load(channel, &epoch, loaded.publications, top, namespace.keep()).await.map_err(load_error)?;
    Ok(true)
}

pub(crate) fn load_error(error: bus::BusError) -> LoadError {
    Arc::new(error)
}
