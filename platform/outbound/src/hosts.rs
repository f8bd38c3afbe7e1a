//! How many requests go to one host at the same time, so that a slow one cannot take every place there is.

use std::collections::HashMap;
use std::sync::Arc;

use kernel::limits;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The hosts that something goes to, or waits to go to, at this moment.
#[derive(Clone, Default)]
pub(crate) struct Hosts(Arc<Mutex<HashMap<String, Host>>>);

struct Host {
    places: Arc<Semaphore>,
    users: usize,
}

/// A place with a host; dropped, it is free again, and a host without users is forgotten.
pub(crate) struct Place {
    hosts: Hosts,
    name: String,
    permit: Option<OwnedSemaphorePermit>,
}

impl Hosts {
    /// Waits for a place; `None` when too many wait already.
    pub(crate) async fn enter(&self, name: String) -> Option<Place> {
        let (places, mut place) = {
            let mut hosts = self.0.lock();
            let host = hosts
                .entry(name.clone())
                .or_insert_with(|| Host { places: Arc::new(Semaphore::new(limits::OUTBOUND_PER_HOST)), users: 0 });
            if host.users >= limits::OUTBOUND_PER_HOST + limits::OUTBOUND_WAITING_PER_HOST {
                return None;
            }
            host.users += 1;
            (host.places.clone(), Place { hosts: self.clone(), name, permit: None })
        };
        place.permit = places.acquire_owned().await.ok();
        Some(place)
    }

    #[cfg(test)]
    fn known(&self) -> usize {
        self.0.lock().len()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.permit.take();
        let mut hosts = self.hosts.0.lock();
        if let Some(host) = hosts.get_mut(&self.name) {
            host.users -= 1;
            if host.users == 0 {
                hosts.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_host_has_so_many_places_and_is_forgotten_with_its_last_user() {
        let hosts = Hosts::default();
        let mut held = Vec::new();
        for _ in 0..limits::OUTBOUND_PER_HOST {
            held.push(hosts.enter("a:443".into()).await.expect("a place"));
        }
        let mut waiting: Vec<_> =
            (0..limits::OUTBOUND_WAITING_PER_HOST).map(|_| Box::pin(hosts.enter("a:443".into()))).collect();
        assert!(waiting.iter_mut().all(|it| it.now_or_never().is_none()), "one more than there are places");
        assert!(hosts.enter("a:443".into()).await.is_none(), "one more than may wait");
        assert!(hosts.enter("b:443".into()).await.is_some(), "another host is not concerned");
        held.pop();
        assert!(waiting[0].as_mut().now_or_never().is_some_and(|place| place.is_some()), "who waits gets the place");
        drop((held, waiting));
        assert_eq!(hosts.known(), 0);
    }
}
