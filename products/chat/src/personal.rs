//! What a person is told of all of its rooms, on a channel that is its alone. Each notice says what is, so hearing one twice does no harm;
//! who comes back after a while reads the list of rooms.

use std::collections::BTreeSet;

use ::store::{StoreError, Tx};
use events::{Event, EventType};
use host::Ctx;
use serde::Serialize;

use crate::facts::{
    MemberJoined, MemberLeft, MemberRole, MessageDeleted, MessageEdited, MessageHidden, MessageSent, MineChanged,
    ReceiptMoved, RoomChanged, RoomCreated, RoomDeleted, SettingsChanged,
};
use crate::rights::ME;
use crate::standing;
use crate::store::{self, LastMessage, Line};

/// What a channel keeps for those whose connection was interrupted: publications, milliseconds.
pub(crate) const KEPT: (usize, u64) = (100, 600_000);

/// A notice.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Notice<'a> {
    /// A message came in a room. It is unread by whoever has not read up to it. What a list shows of it is with it, as that is when it is
    /// told: nobody has to ask for more.
    Message { room: &'a str, seq: i64, by: &'a str, mentions_you: bool, last_message: &'a LastMessage },
    /// A room's last message is not as it was.
    Last { room: &'a str, last_message: &'a LastMessage },
    /// How much is unread in a room, and how much of that mentions the person; up to the last message that was there then.
    Unread { room: &'a str, read: i64, unread: i64, mentions: i64, last_message: Option<&'a LastMessage> },
    /// The person has hidden a message from itself, or sees it again; with what that leaves of the room in a list.
    Hidden {
        room: &'a str,
        seq: i64,
        on: bool,
        read: i64,
        unread: i64,
        mentions: i64,
        last_message: Option<&'a LastMessage>,
    },
    /// A room is new to this person, or is not as it was: to be read again.
    Room { room: &'a str },
    /// The person is in a room no more.
    Left { room: &'a str },
    /// Somebody whom the person shares a room with, or the person itself, has another picture, or none.
    Person { person: &'a str, avatar: Option<&'a str> },
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

/// Notices hold beginnings of messages. Of a message that is not what it was, or that somebody may read no more, none is kept: who comes
/// back then reads the list of rooms.
async fn forget(ctx: &Ctx, people: &[String]) -> Told {
    for person in people {
        let cleared = ctx.bus.clear(&format!("{ME}:{person}")).await;
        cleared.map_err(|error| kernel::problem::chain(&error))?;
    }
    Ok(())
}

/// Looks at a room, in one snapshot.
async fn look<T: Send + 'static>(
    ctx: &Ctx,
    room: &str,
    look: impl AsyncFnOnce(&mut Tx, &str) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, String> {
    let room = room.to_owned();
    let seen = ctx.store.read(async move |tx: &mut Tx| look(tx, &room).await).await;
    seen.map_err(|error: StoreError| kernel::problem::chain(&error))
}

async fn members(ctx: &Ctx, room: &str) -> Result<Vec<String>, String> {
    look(ctx, room, async |tx, room| store::member_ids(tx, room).await).await
}

/// A message came: everybody's list shows it. Of one that is gone already nobody can be told what it was.
async fn tell_message(ctx: &Ctx, it: &MessageSent) -> Told {
    let (room, seq) = (&it.room, it.message);
    let seen = async move |tx: &mut Tx, room: &str| {
        let hidden = store::hidden_by(tx, room, seq).await?;
        Ok((store::member_ids(tx, room).await?, store::in_lists(tx, room, Some(seq)).await?, hidden))
    };
    let (members, message, hidden) = look(ctx, room, seen).await?;
    let Some((last_message, _)) = message else { return tell_all(ctx, &members, &Notice::Room { room }).await };
    for person in members {
        // Who has hidden it already is told no word of it.
        if hidden.contains(&person) {
            tell(ctx, &person, &Notice::Room { room }).await?;
            continue;
        }
        let mentions_you = it.mentions.contains(&person);
        let notice = Notice::Message { room, seq, by: &it.by, mentions_you, last_message: &last_message };
        tell(ctx, &person, &notice).await?;
    }
    Ok(())
}

/// A message is not as it was: where it is the room's last one, everybody's list shows it, and where that is hidden, the list of who hid it
/// may.
async fn tell_if_last(ctx: &Ctx, room: &str, message: i64) -> Told {
    let seen = async move |tx: &mut Tx, room: &str| {
        let hidden = store::hidden_by(tx, room, message).await?;
        let mut people = store::member_ids(tx, room).await?;
        people.retain(|person| !hidden.contains(person));
        let found = store::in_lists(tx, room, Some(message)).await?;
        let last = store::in_lists(tx, room, None).await?.map_or(0, |(last, _)| last.seq);
        let under = if last == message { BTreeSet::new() } else { store::hidden_by(tx, room, last).await? };
        Ok((found, people, under))
    };
    let (found, people, under) = look(ctx, room, seen).await?;
    if let Some((last_message, true)) = found {
        tell_all(ctx, &people, &Notice::Last { room, last_message: &last_message }).await?;
    }
    for person in &under {
        tell_unread(ctx, room, person).await?;
    }
    Ok(())
}

/// How much is unread in a room by one of its people.
async fn tell_unread(ctx: &Ctx, room: &str, person: &str) -> Told {
    let whose = person.to_owned();
    let line = look(ctx, room, async move |tx, room| store::line(tx, &whose, room).await).await?;
    if let Some(Line { read, unread, mentions, last_message, .. }) = line {
        let last_message = last_message.as_ref();
        tell(ctx, person, &Notice::Unread { room, read, unread, mentions, last_message }).await?;
    }
    Ok(())
}

/// A person has hidden a message from itself: what was kept of it for the person's other devices goes.
async fn tell_hidden(ctx: &Ctx, MessageHidden { room, by, message, on, .. }: &MessageHidden) -> Told {
    forget(ctx, std::slice::from_ref(by)).await?;
    let whose = by.clone();
    let line = look(ctx, room, async move |tx, room| store::line(tx, &whose, room).await).await?;
    if let Some(Line { read, unread, mentions, last_message, .. }) = line {
        let (seq, on, last_message) = (*message, *on, last_message.as_ref());
        tell(ctx, by, &Notice::Hidden { room, seq, on, read, unread, mentions, last_message }).await?;
    }
    Ok(())
}

/// A message is gone: whoever had not read it has that much less to read.
async fn tell_deleted(ctx: &Ctx, it: &MessageDeleted) -> Told {
    let room = &it.room;
    let seen = async |tx: &mut Tx, room: &str| {
        let last = store::in_lists(tx, room, None).await?;
        let hidden = store::hidden_by(tx, room, last.as_ref().map_or(0, |(message, _)| message.seq)).await?;
        Ok((store::unread_of(tx, room).await?, last, hidden))
    };
    let (people, last, hidden) = look(ctx, room, seen).await?;
    let everybody: Vec<String> = people.iter().map(|(person, ..)| person.clone()).collect();
    forget(ctx, &everybody).await?;
    let last_message = last.as_ref().map(|(message, _)| message);
    for (person, read, unread, mentions) in people {
        // Whoever hid the last message is told below.
        if !hidden.contains(&person) && read < it.message && person != it.sender {
            tell(ctx, &person, &Notice::Unread { room, read, unread, mentions, last_message }).await?;
        }
    }
    tell_if_last(ctx, room, it.message).await
}

/// These are told that somebody has another picture, or none.
pub(crate) async fn tell_face(ctx: &Ctx, (person, avatar): (&str, Option<&str>), people: &[String]) -> Told {
    tell_all(ctx, people, &Notice::Person { person, avatar }).await
}

fn read<T: EventType>(event: &Event) -> Result<T, String> {
    event.read().map_err(|error| error.to_string())
}

/// What people are told of.
pub(crate) const NOTICED: &[&str] = &[
    MessageSent::TYPE,
    MessageDeleted::TYPE,
    MessageEdited::TYPE,
    ReceiptMoved::TYPE,
    MessageHidden::TYPE,
    RoomCreated::TYPE,
    RoomChanged::TYPE,
    RoomDeleted::TYPE,
    MemberJoined::TYPE,
    MemberRole::TYPE,
    MemberLeft::TYPE,
    MineChanged::TYPE,
    SettingsChanged::TYPE,
];

/// Tells people what an event means to them.
async fn notify(ctx: &Ctx, event: &Event) -> Told {
    match event.kind.as_str() {
        MessageSent::TYPE => tell_message(ctx, &read(event)?).await?,
        MessageDeleted::TYPE => tell_deleted(ctx, &read(event)?).await?,
        MessageEdited::TYPE => {
            let it: MessageEdited = read(event)?;
            forget(ctx, &members(ctx, &it.room).await?).await?;
            for person in it.added.iter().chain(&it.dropped) {
                tell_unread(ctx, &it.room, person).await?;
            }
            tell_if_last(ctx, &it.room, it.message).await?;
        }
        ReceiptMoved::TYPE => {
            let it: ReceiptMoved = read(event)?;
            tell_unread(ctx, &it.room, &it.by).await?;
        }
        MessageHidden::TYPE => tell_hidden(ctx, &read(event)?).await?,
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
            forget(ctx, &it.members).await?;
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
            forget(ctx, std::slice::from_ref(&it.person)).await?;
            // Whoever was put in again since has the room in the list.
            let back = members(ctx, &it.room).await?.contains(&it.person);
            let notice = if back { Notice::Room { room: &it.room } } else { Notice::Left { room: &it.room } };
            tell(ctx, &it.person, &notice).await?;
        }
        MineChanged::TYPE => {
            let it: MineChanged = read(event)?;
            tell(ctx, &it.by, &Notice::Room { room: &it.room }).await?;
        }
        SettingsChanged::TYPE => standing::tell(ctx).await?,
        // Nothing else comes here.
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
