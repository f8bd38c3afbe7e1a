//! An alert as it is stored, shown and sent.

use serde::Serialize;
use utoipa::ToSchema;

use crate::burn::Severity;
use crate::objective::{ALL, Objective};
use crate::state::{Standing, State};

/// A budget that burns, or burned, too fast. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Alert {
    /// Its number.
    pub id: String,
    /// The objective's name.
    pub objective: String,
    /// How loud.
    pub severity: Severity,
    /// Where it is in its life.
    pub state: State,
    /// When it began.
    pub opened_at_ms: i64,
    /// When its rule last held.
    pub fired_at_ms: i64,
    /// When somebody was last told.
    pub told_at_ms: i64,
    /// When a person took note.
    pub acknowledged_at_ms: Option<i64>,
    /// When it ended.
    pub resolved_at_ms: Option<i64>,
    /// The window that says it matters, minutes.
    pub long_min: i64,
    /// The window that says it goes on, minutes.
    pub short_min: i64,
    /// The burn that both exceeded.
    pub threshold: f64,
    /// The burn of the long window when the rule last held.
    pub long_burn: f64,
    /// The burn of the short window then.
    pub short_burn: f64,
    /// Bad ones in the long window then.
    pub bad: u64,
    /// All of them then.
    pub total: u64,
}

/// What there is to tell about an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It began.
    Opened,
    /// It goes on, and nobody took note.
    Reminder,
    /// It is over.
    Resolved,
}

impl Alert {
    pub(crate) fn standing(&self) -> Standing {
        Standing { state: self.state, fired_at_ms: self.fired_at_ms, told_at_ms: self.told_at_ms }
    }

    /// Its objective, while there is one of this name.
    pub fn definition(&self) -> Option<&'static Objective> {
        ALL.iter().find(|objective| objective.name == self.objective)
    }

    /// One sentence for people.
    pub fn sentence(&self, change: Change) -> String {
        let title = self.definition().map_or(self.objective.as_str(), |objective| objective.title);
        let (burn, window) = (self.long_burn, span(self.long_min));
        match change {
            Change::Opened | Change::Reminder => {
                let again = if change == Change::Reminder { "still " } else { "" };
                let (bad, total) = (self.bad, self.total);
                format!("{title}: the error budget {again}burns {burn:.1}× too fast ({bad} bad of {total} in {window})")
            }
            Change::Resolved => format!("{title}: the error budget no longer burns too fast"),
        }
    }
}

/// `5m`, `6h`, `3d`.
pub(crate) fn span(minutes: i64) -> String {
    match minutes {
        _ if minutes % 1440 == 0 => format!("{}d", minutes / 1440),
        _ if minutes % 60 == 0 => format!("{}h", minutes / 60),
        _ => format!("{minutes}m"),
    }
}
