//! How long things are kept.

use serde::Deserialize;

use super::days_ms;

/// `[retention]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Retention {
    pub deliveries_days: u32,
    pub events_days: u32,
    pub audit_days: u32,
    pub jobs_completed_days: u32,
    pub jobs_cancelled_days: u32,
    pub jobs_discarded_days: u32,
    pub events_mb: u32,
}

impl Retention {
    /// How long ended jobs are kept.
    pub fn jobs(&self) -> jobs::policy::Keep {
        jobs::policy::Keep {
            completed_ms: days_ms(self.jobs_completed_days),
            cancelled_ms: days_ms(self.jobs_cancelled_days),
            discarded_ms: days_ms(self.jobs_discarded_days),
        }
    }

    /// Every setting that is a number of days.
    pub(super) fn days(&self) -> [(&'static str, u32); 6] {
        [
            ("retention.deliveries_days", self.deliveries_days),
            ("retention.events_days", self.events_days),
            ("retention.audit_days", self.audit_days),
            ("retention.jobs_completed_days", self.jobs_completed_days),
            ("retention.jobs_cancelled_days", self.jobs_cancelled_days),
            ("retention.jobs_discarded_days", self.jobs_discarded_days),
        ]
    }
}
