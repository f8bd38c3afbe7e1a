//! How much is said, hour by hour: counted from the event log, each event once, and kept when what was said is gone.

use std::collections::{BTreeMap, BTreeSet};

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

/// The projection `chat.count`: a batch is one writing for each hour and each person who spoke. What happens between an administrator's "off"
/// and "on" in the log is not counted, however late the log is read.
pub(crate) async fn count(tx: &mut Tx, batch: Vec<Event>) -> Result<(), StreamFailure> {
    let mut counting = store::is_counting(tx).await?;
    let (mut hours, mut speakers) = (BTreeMap::new(), BTreeSet::new());
    for event in batch {
        if event.kind == SettingsChanged::TYPE {
            counting = event.read::<SettingsChanged>()?.analytics;
            store::set_counting(tx, counting).await?;
        }
        if !counting {
            continue;
        }
        let [hour_ms, day_ms] = [HOUR_MS, DAY_MS].map(|length_ms| event.time_ms - event.time_ms.rem_euclid(length_ms));
        let hour = || Counts { at_ms: hour_ms, messages: 0, reactions: 0, rooms: 0 };
        match event.kind.as_str() {
            MessageSent::TYPE => {
                speakers.insert((day_ms, event.read::<MessageSent>()?.by));
                hours.entry(hour_ms).or_insert_with(hour).messages += 1;
            }
            ReactionChanged::TYPE if event.read::<ReactionChanged>()?.on => {
                hours.entry(hour_ms).or_insert_with(hour).reactions += 1;
            }
            RoomCreated::TYPE => hours.entry(hour_ms).or_insert_with(hour).rooms += 1,
            _ => {}
        }
    }
    for (day_ms, person) in &speakers {
        store::spoke(tx, *day_ms, person).await?;
    }
    for more in hours.values() {
        store::count_more(tx, more).await?;
    }
    Ok(())
}

/// The first moment of which hours are shown to somebody who asks for so many days up to now.
pub(crate) fn since(now_ms: i64, days: u32) -> i64 {
    let day_ms = now_ms - now_ms.rem_euclid(DAY_MS);
    day_ms - i64::from(days.saturating_sub(1)) * DAY_MS
}
