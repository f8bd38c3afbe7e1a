//! What people do, each in one transaction that the caller holds: the right to it, its rows, its place in the room's log, its event.

mod avatars;
mod files;
mod groups;
mod hidden;
mod marks;
mod messages;
mod office;
mod rooms;

pub(crate) use avatars::{Face, expect as expect_avatar, show as show_avatar, take_down};
pub(crate) use files::{count_bytes, expect as expect_file, ready as file_is_ready};
pub(crate) use groups::{add, delete, describe, hand, leave, remove};
pub(crate) use hidden::hide;
pub(crate) use marks::{pin, react, receive, set_mine};
pub(crate) use messages::{Send, change, delete as delete_message, send};
pub(crate) use office::{close, save, settings};
pub(crate) use rooms::{NewGroup, begin_direct, make_group};

use ::store::Tx;
use events::{EventType, NewEvent};
use host::Ctx;

use crate::refusal::Refused;
use crate::store;

/// Says what happened: in the room's log, whose next number it gets, and in the event log. Members hear of it in reaction to that.
pub(crate) async fn say<T: EventType>(
    ctx: &Ctx,
    tx: &mut Tx,
    room: &str,
    what: impl FnOnce(i64) -> T,
) -> Result<i64, Refused> {
    let seq = store::next(tx, room).await?;
    let fact = what(seq);
    let event = NewEvent::of("/chat", &fact).subject(Some(room.to_owned()));
    let checked = ctx.events.check(event)?;
    let data = serde_json::to_value(&fact).unwrap_or_default();
    let message = data["message"].as_i64();
    store::keep(tx, room, (seq, ctx.clock.now_ms()), T::TYPE, message, &data.to_string()).await?;
    ctx.events.append(tx, &checked).await?;
    Ok(seq)
}
