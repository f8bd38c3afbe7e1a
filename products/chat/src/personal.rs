//! What a person is told of all of its rooms, on a channel that is its alone. Each notice says what is, so hearing one twice does no harm;
//! who comes back after a while reads the list of rooms.

use ::store::{StoreError, Tx};
use events::{Event, EventType};
use host::Ctx;
use serde::Serialize;

use crate::facts::{
    MemberJoined, MemberLeft, MemberRole, MessageDeleted, MessageEdited, MessageSent, MineChanged, ReceiptMoved,
    RoomChanged, RoomCreated, RoomDeleted,
};
use crate::rights::ME;
use crate::store;

/// What a channel keeps for those whose connection was interrupted: publications, milliseconds.
pub(crate) const KEPT: (usize, u64) = (100, 600_000);

/// A notice.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Notice<'a> {
    /// A message came in a room. It is unread by whoever has not read up to it.
    Message { room: &'a str, seq: i64, by: &'a str, mentions_you: bool },
    /// How much is unread in a room.
    Unread { room: &'a str, read: i64, unread: i64 },
    /// A room is new to this person, or is not as it was: to be read again.
    Room { room: &'a str },
    /// The person is in a room no more.
    Left { room: &'a str },
}

type Told = Result<(), String>;

async fn tell(ctx: &Ctx, person: &str, notice: &Notice<'_>) -> Told {
    let told = ctx.hub.publish(&format!("{ME}:{person}"), notice).await;
    told.map(drop).map_err(|error| kernel::problem::chain(&error))
}

async fn tell_all(ctx: &Ctx, people: &[String], notice: &Notice<'_>) -> Told {
    for person in people {
        tell(ctx, person, notice).await?;
    }
    Ok(())
}

/// Everybody in a room, with up to where each has read and what is left.
async fn unread(ctx: &Ctx, room: &str) -> Result<Vec<(String, i64, i64)>, String> {
    let room = room.to_owned();
    let read = ctx.store.read(async move |tx: &mut Tx| store::unread_of(tx, &room).await).await;
    read.map_err(|error: StoreError| kernel::problem::chain(&error))
}

async fn members(ctx: &Ctx, room: &str) -> Result<Vec<String>, String> {
    let room = room.to_owned();
    let read = ctx.store.read(async move |tx: &mut Tx| store::member_ids(tx, &room).await).await;
    read.map_err(|error: StoreError| kernel::problem::chain(&error))
}

/// A message is not as it was: where it is the room's last one, everybody's list shows it.
async fn tell_if_last(ctx: &Ctx, room: &str, message: i64) -> Told {
    let asked = room.to_owned();
    let last = ctx.store.read(async move |tx: &mut Tx| store::last_message(tx, &asked).await).await;
    if last.map_err(|error: StoreError| kernel::problem::chain(&error))? == Some(message) {
        tell_all(ctx, &members(ctx, room).await?, &Notice::Room { room }).await?;
    }
    Ok(())
}

fn read<T: EventType>(event: &Event) -> Result<T, String> {
    event.read().map_err(|error| error.to_string())
}

/// Tells people what an event means to them.
async fn notify(ctx: &Ctx, event: &Event) -> Told {
    match event.kind.as_str() {
        MessageSent::TYPE => {
            let it: MessageSent = read(event)?;
            for person in members(ctx, &it.room).await? {
                let mentions_you = it.mentions.contains(&person);
                let notice = Notice::Message { room: &it.room, seq: it.message, by: &it.by, mentions_you };
                tell(ctx, &person, &notice).await?;
            }
        }
        MessageDeleted::TYPE => {
            let it: MessageDeleted = read(event)?;
            for (person, read, unread) in unread(ctx, &it.room).await? {
                if read < it.message && person != it.sender {
                    tell(ctx, &person, &Notice::Unread { room: &it.room, read, unread }).await?;
                }
            }
            tell_if_last(ctx, &it.room, it.message).await?;
        }
        MessageEdited::TYPE => {
            let it: MessageEdited = read(event)?;
            tell_if_last(ctx, &it.room, it.message).await?;
        }
        ReceiptMoved::TYPE => {
            let it: ReceiptMoved = read(event)?;
            let (room, person) = (it.room.clone(), it.by.clone());
            let line = ctx.store.read(async move |tx: &mut Tx| store::line(tx, &person, &room).await).await;
            if let Some(line) = line.map_err(|error: StoreError| kernel::problem::chain(&error))? {
                let notice = Notice::Unread { room: &it.room, read: line.read, unread: line.unread };
                tell(ctx, &it.by, &notice).await?;
            }
        }
        RoomCreated::TYPE => {
            let it: RoomCreated = read(event)?;
            tell_all(ctx, &it.members, &Notice::Room { room: &it.room }).await?;
        }
        RoomChanged::TYPE => {
            let it: RoomChanged = read(event)?;
            tell_all(ctx, &members(ctx, &it.room).await?, &Notice::Room { room: &it.room }).await?;
        }
        RoomDeleted::TYPE => {
            let it: RoomDeleted = read(event)?;
            tell_all(ctx, &it.members, &Notice::Left { room: &it.room }).await?;
        }
        MemberJoined::TYPE => {
            let it: MemberJoined = read(event)?;
            tell(ctx, &it.person, &Notice::Room { room: &it.room }).await?;
        }
        MemberRole::TYPE => {
            let it: MemberRole = read(event)?;
            tell(ctx, &it.person, &Notice::Room { room: &it.room }).await?;
        }
        MemberLeft::TYPE => {
            let it: MemberLeft = read(event)?;
            // Whoever was put in again since has the room in the list.
            let back = members(ctx, &it.room).await?.contains(&it.person);
            let notice = if back { Notice::Room { room: &it.room } } else { Notice::Left { room: &it.room } };
            tell(ctx, &it.person, &notice).await?;
        }
        MineChanged::TYPE => {
            let it: MineChanged = read(event)?;
            tell(ctx, &it.by, &Notice::Room { room: &it.room }).await?;
        }
        // What changes nothing in a list of rooms.
        _ => {}
    }
    Ok(())
}

/// The stream.
pub(crate) async fn notices(ctx: Ctx, batch: Vec<Event>) -> Result<(), String> {
    for event in batch {
        notify(&ctx, &event).await?;
    }
    Ok(())
}
