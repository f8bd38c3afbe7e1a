//! What people leave on what was said: emoji, receipts, pins; and what a room is to one of them.

use ::store::Tx;
use events::NewEvent;
use host::Ctx;
use kernel::limits;

use super::say;
use crate::facts::{MineChanged, PinChanged, ReactionChanged, ReceiptMoved};
use crate::model::may_pin;
use crate::refusal::Refused;
use crate::rights::member;
use crate::store::{self, Of};

/// Puts an emoji under a message or takes it back; without a word (`None`) it does the other than what is. Whether it is there now.
pub(crate) async fn react(
    ctx: &Ctx,
    tx: &mut Tx,
    (room, by): (&str, &str),
    seq: i64,
    emoji: &str,
    wanted: Option<bool>,
) -> Result<bool, Refused> {
    member(tx, room, by).await?;
    store::sender_for(tx, (room, by), seq).await?.ok_or(Refused::NoSuch("message"))?;
    let (on, changed) = match wanted {
        Some(false) => (false, store::take_reaction(tx, (room, seq), by, emoji).await?),
        None if store::take_reaction(tx, (room, seq), by, emoji).await? => (false, true),
        Some(true) | None => {
            let there = store::emoji_under(tx, room, seq).await?;
            if there.len() >= limits::CHAT_EMOJI && !there.iter().any(|known| known == emoji) {
                return Err(Refused::Not("too_many_emoji", "So many different emoji are under one message already."));
            }
            (true, store::put_reaction(tx, (room, seq), by, emoji, ctx.clock.now_ms()).await?)
        }
    };
    if changed {
        let (emoji, by) = (emoji.to_owned(), by.to_owned());
        say(ctx, tx, room, |at| ReactionChanged { room: room.to_owned(), seq: at, by, message: seq, emoji, on })
            .await?;
    }
    Ok(on)
}

/// Somebody has got, or read, up to a number. Receipts only go forward, and not further than the room's last message. They are in no
/// room's log: there are as many of them as there are people for each message, and the last one says all.
pub(crate) async fn receive(
    ctx: &Ctx,
    tx: &mut Tx,
    (room, by): (&str, &str),
    read: Option<i64>,
    delivered: Option<i64>,
) -> Result<(i64, i64), Refused> {
    let me = member(tx, room, by).await?;
    let forward = |before: i64, to: Option<i64>| to.map_or(before, |to| to.min(me.last_message).max(before));
    let read = forward(me.read, read);
    // What was read has come.
    let delivered = forward(me.delivered, delivered).max(read);
    if (read, delivered) != (me.read, me.delivered) {
        store::move_receipt(tx, (room, by), read, delivered).await?;
        let now_ms = ctx.clock.now_ms();
        store::step(tx, (room, by), Of::Delivered, (me.delivered, delivered), now_ms).await?;
        store::step(tx, (room, by), Of::Read, (me.read, read), now_ms).await?;
        let moved = ReceiptMoved { room: room.to_owned(), seq: 0, by: by.to_owned(), read, delivered };
        let event = NewEvent::of("/chat", &moved).subject(Some(room.to_owned()));
        ctx.events.append(tx, &ctx.events.check(event)?).await?;
    }
    Ok((read, delivered))
}

/// Pins a message, or takes the pin away.
pub(crate) async fn pin(ctx: &Ctx, tx: &mut Tx, (room, by): (&str, &str), seq: i64, on: bool) -> Result<(), Refused> {
    let me = member(tx, room, by).await?;
    if !may_pin(me.role, me.room.direct) {
        return Err(Refused::MayNot("Only who manages the room pins messages."));
    }
    store::sender_for(tx, (room, by), seq).await?.ok_or(Refused::NoSuch("message"))?;
    let changed = if on {
        let pinned = store::pin(tx, (room, seq), by, ctx.clock.now_ms()).await?;
        pinned.ok_or(Refused::Not("too_many_pins", "The room has pinned as many messages as it may."))?
    } else {
        store::unpin(tx, room, seq).await?
    };
    if changed {
        let pinned = |at| PinChanged { room: room.to_owned(), seq: at, by: by.to_owned(), message: seq, on };
        say(ctx, tx, room, pinned).await?;
    }
    Ok(())
}

/// Mutes or archives a room for oneself: on the server, where whoever pushes can see it.
pub(crate) async fn set_mine(
    ctx: &Ctx,
    tx: &mut Tx,
    (room, by): (&str, &str),
    muted_until_ms: Option<i64>,
    archived: Option<bool>,
) -> Result<(), Refused> {
    let me = member(tx, room, by).await?;
    let (muted_until_ms, archived) = (muted_until_ms.unwrap_or(me.muted_until_ms), archived.unwrap_or(me.archived));
    if (muted_until_ms, archived) == (me.muted_until_ms, me.archived) {
        return Ok(());
    }
    store::set_mine(tx, (room, by), muted_until_ms, archived).await?;
    let changed = MineChanged { room: room.to_owned(), seq: 0, by: by.to_owned(), muted_until_ms, archived };
    let event = NewEvent::of("/chat", &changed).subject(Some(room.to_owned()));
    ctx.events.append(tx, &ctx.events.check(event)?).await?;
    Ok(())
}
