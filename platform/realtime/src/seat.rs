//! A connection's place in the process.

use std::sync::Arc;

use crate::members::Members;

/// One of the connections that the process may hold, until it is dropped.
pub(crate) struct Seat(Arc<Members>);

impl Seat {
    /// The place is counted already.
    pub(crate) fn taken(members: Arc<Members>) -> Self {
        metrics::gauge!("realtime_connections").increment(1);
        Self(members)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        metrics::gauge!("realtime_connections").decrement(1);
        self.0.rises();
    }
}
