//! Whether somebody can be met.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What others see of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChatStatus)]
pub(crate) enum Status {
    /// Has the chat open, on whatever device, and does something there.
    Online,
    /// Has it open and does nothing on any of them, or says so.
    Away,
    Offline,
}

impl Status {
    /// `here`: has the chat open; `active`: does something there; `away`: says that it is away.
    pub(crate) fn of(here: bool, active: bool, away: bool) -> Self {
        match (here, active && !away) {
            (false, _) => Self::Offline,
            (true, true) => Self::Online,
            (true, false) => Self::Away,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_away_is_away_and_who_is_gone_is_gone() {
        for (here, active, away, status) in [
            (true, true, false, Status::Online),
            (true, false, false, Status::Away),
            (true, true, true, Status::Away),
            (true, false, true, Status::Away),
            (false, true, false, Status::Offline),
            (false, false, true, Status::Offline),
        ] {
            assert_eq!(Status::of(here, active, away), status, "{here} {active} {away}");
        }
    }
}
