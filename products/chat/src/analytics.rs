//! How much is said, hour by hour: counted from the event log, each event once, and kept when what was said is gone.

use ::store::Tx;
use events::handler::StreamFailure;
use events::{Event, EventType};

use crate::facts::{MessageSent, ReactionChanged, RoomCreated, SettingsChanged};
use crate::store::{self, Counts};

/// So long it is known who spoke; how much was said, for ever.
pub(crate) const DAYS: u32 = 90;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// What is counted, and whether.
pub(crate) const COUNTED: &[&str] =
    &[MessageSent::TYPE, ReactionChanged::TYPE, RoomCreated::TYPE, SettingsChanged::TYPE];

/// The projection `chat.count`. What happens between an administrator's "off" and "on" in the log is not counted, however late the log is read.
pub(crate) async fn count(tx: &mut Tx, batch: Vec<Event>) -> Result<(), StreamFailure> {
    let mut counting = store::is_counting(tx).await?;
    for event in batch {
        if event.kind == SettingsChanged::TYPE {
            counting = event.read::<SettingsChanged>()?.analytics;
            store::set_counting(tx, counting).await?;
        }
        if !counting {
            continue;
        }
        let (hour_ms, day_ms) = (event.time_ms - event.time_ms.rem_euclid(HOUR_MS), event.time_ms.rem_euclid(DAY_MS));
        let mut more = Counts { at_ms: hour_ms, messages: 0, reactions: 0, rooms: 0 };
        match event.kind.as_str() {
            MessageSent::TYPE => {
                let it: MessageSent = event.read()?;
                store::spoke(tx, event.time_ms - day_ms, &it.by).await?;
                more.messages = 1;
            }
            ReactionChanged::TYPE => {
                let it: ReactionChanged = event.read()?;
                more.reactions = i64::from(it.on);
            }
            RoomCreated::TYPE => more.rooms = 1,
            _ => continue,
        }
        store::count_more(tx, &more).await?;
    }
    Ok(())
}

/// The first moment of which hours are shown to somebody who asks for so many days up to now.
pub(crate) fn since(now_ms: i64, days: u32) -> i64 {
    let day_ms = now_ms - now_ms.rem_euclid(DAY_MS);
    day_ms - i64::from(days.saturating_sub(1)) * DAY_MS
}
