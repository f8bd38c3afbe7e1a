//! A connection's place in the process.

use std::net::IpAddr;
use std::sync::Arc;

use crate::members::Members;

/// One of the connections that the process may hold, until it is dropped. Boxed: every task of a connection carries it several times.
pub(crate) struct Seat(Box<Place>);

struct Place {
    members: Arc<Members>,
    /// Of whose connections it is one, where these are counted.
    from: Option<IpAddr>,
}

impl Seat {
    /// The place is counted already.
    pub(crate) fn taken(members: Arc<Members>) -> Self {
        metrics::gauge!("realtime_connections").increment(1);
        Self(Box::new(Place { members, from: None }))
    }

    /// As one of this address. None where that has as many as it may.
    pub(crate) fn of(mut self, from: Option<IpAddr>) -> Option<Self> {
        let addresses = &self.0.members.addresses;
        if let Some(from) = from.filter(|_| addresses.are_counted()) {
            if !addresses.enter(from) {
                return None;
            }
            self.0.from = Some(from);
        }
        Some(self)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        metrics::gauge!("realtime_connections").decrement(1);
        let Place { members, from } = &*self.0;
        if let Some(from) = from {
            members.addresses.leave(*from);
        }
        members.rises();
    }
}
