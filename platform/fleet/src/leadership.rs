//! Whether this process leads, for whoever has to know.

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// As it was last heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lead {
    /// Another process, or none yet.
    No,
    /// This one, unless this passes before it is renewed.
    Until(Instant),
    /// There is no other process.
    Always,
}

impl Lead {
    fn holds(self) -> bool {
        match self {
            Self::No => false,
            Self::Until(fence) => Instant::now() < fence,
            Self::Always => true,
        }
    }
}

/// Whether this process leads in one thing. Clones look at the same.
#[derive(Clone, Debug)]
pub struct Leadership(pub(crate) watch::Receiver<Lead>);

impl Leadership {
    /// Whether it does at this moment: a look at memory and at the process's own monotonic clock.
    pub fn leads(&self) -> bool {
        self.0.borrow().holds()
    }

    /// Waits until it does.
    pub async fn elected(&self) {
        let mut lead = self.0.clone();
        while !lead.borrow_and_update().holds() {
            if lead.changed().await.is_err() {
                // The fleet is gone, and with it every election.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until it does not, or until it can no longer know that it does.
    pub async fn deposed(&self) {
        let mut lead = self.0.clone();
        loop {
            let now = *lead.borrow_and_update();
            let ends = async {
                match now {
                    Lead::Until(fence) => sleep_until(fence).await,
                    Lead::No | Lead::Always => std::future::pending().await,
                }
            };
            if !now.holds() {
                return;
            }
            tokio::select! {
                () = ends => {}
                changed = lead.changed() => if changed.is_err() { return },
            }
        }
    }
}
