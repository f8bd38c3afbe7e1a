//! From where connections come: so many of one address may be open at once, or one client could take every seat.
//!
//! A seat is taken wherever a connection opens, of every protocol and in products too. So the address is known for as long as the request
//! is answered that opens it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::hub::Hub;

tokio::task_local! {
    /// Where the request that is answered comes from; none where that is not counted.
    static FROM: Option<IpAddr>;
}

/// Where the request comes from that is answered here, if that is counted.
pub(crate) fn of_request() -> Option<IpAddr> {
    FROM.try_with(|from| *from).ok().flatten()
}

#[derive(Default)]
pub(crate) struct Addresses {
    /// 0: as many as they like.
    most: AtomicUsize,
    /// Those that have a connection open here.
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl Hub {
    /// What a request from this address opens while it is answered counts as the address's. For the middleware before every route that
    /// opens connections; none where they are not counted.
    pub async fn opens_from<T>(from: Option<IpAddr>, answered: impl Future<Output = T>) -> T {
        FROM.scope(from, answered).await
    }

    /// Bounds the connections of one address to this process, at set-up; 0 for no bound. One too many is refused with 429.
    pub fn connections_per_address(&self, most: usize) {
        self.0.members.addresses.most.store(most, Ordering::Relaxed);
    }
}

impl Addresses {
    /// Whether they are counted at all.
    pub(crate) fn are_counted(&self) -> bool {
        self.most.load(Ordering::Relaxed) > 0
    }

    /// Whether one more of this address may be open.
    pub(crate) fn enter(&self, from: IpAddr) -> bool {
        let mut open = self.open.lock();
        let count = open.entry(from).or_default();
        let enters = *count < self.most.load(Ordering::Relaxed);
        *count += usize::from(enters);
        enters
    }

    pub(crate) fn leave(&self, from: IpAddr) {
        let mut open = self.open.lock();
        if let Some(count) = open.get_mut(&from) {
            *count -= 1;
            if *count == 0 {
                open.remove(&from);
            }
        }
    }
}
