//! Where the settings of the store lead.

use kernel::Secret;

use super::Store;

impl Store {
    /// Whether rows are in a database that several processes may share.
    pub fn is_shared(&self) -> bool {
        !self.url.expose().is_empty()
    }

    /// Where PostgreSQL itself is reached, where `url` leads through a pooler.
    pub fn past_the_pooler(&self) -> Option<&Secret> {
        Some(&self.direct_url).filter(|url| !url.expose().is_empty())
    }

    /// Where reads that may lag go first.
    pub fn replica(&self) -> Option<&Secret> {
        Some(&self.replica_url).filter(|url| !url.expose().is_empty())
    }

    /// Where PostgreSQL itself is reached.
    pub fn direct(&self) -> &Secret {
        self.past_the_pooler().unwrap_or(&self.url)
    }
}
