//! Somebody hides a message from itself, or wants to see it again.

use ::store::Tx;
use events::NewEvent;
use host::Ctx;

use crate::facts::MessageHidden;
use crate::refusal::Refused;
use crate::rights::member;
use crate::store;

/// Hides a message from one person on all of its devices, or shows it again. It is in no room's log: it is nobody else's business.
pub(crate) async fn hide(ctx: &Ctx, tx: &mut Tx, (room, by): (&str, &str), seq: i64, on: bool) -> Result<(), Refused> {
    member(tx, room, by).await?;
    let changed = if on {
        store::message(tx, room, seq).await?.ok_or(Refused::NoSuch("message"))?;
        let hidden = store::hide(tx, (room, by), seq).await?;
        let detail = "You have hidden as many messages of this room as one may.";
        hidden.ok_or(Refused::Not("too_many_hidden", detail))?
    } else {
        store::unhide(tx, (room, by), seq).await?
    };
    if changed {
        let hidden = MessageHidden { room: room.to_owned(), seq: 0, by: by.to_owned(), message: seq, on };
        let event = NewEvent::of("/chat", &hidden).subject(Some(room.to_owned()));
        ctx.events.append(tx, &ctx.events.check(event)?).await?;
    }
    Ok(())
}
