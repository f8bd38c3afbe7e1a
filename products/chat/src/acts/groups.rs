//! Groups change: what they are called, who is in them, as what.

use ::store::Tx;
use host::Ctx;

use super::rooms::{has_room, most_members};
use super::say;
use crate::facts::{MemberJoined, MemberLeft, MemberRole, RoomChanged, RoomDeleted};
use crate::model::{Role, may_remove, may_set};
use crate::refusal::Refused;
use crate::rights::{group, manager, member};
use crate::store;

const OWNER_STAYS: Refused =
    Refused::Not("owner_stays", "The owner stays in the room: hand it over first, or delete the room.");

/// Gives a group another name or description.
pub(crate) async fn describe(
    ctx: &Ctx,
    tx: &mut Tx,
    (room, by): (&str, &str),
    name: Option<String>,
    description: Option<String>,
) -> Result<(), Refused> {
    let before = manager(tx, room, by).await?.room;
    let (name, description) = (name.unwrap_or(before.name), description.unwrap_or(before.description));
    store::change(tx, room, &name, &description).await?;
    let changed = |seq| RoomChanged { room: room.to_owned(), seq, by: by.to_owned() };
    say(ctx, tx, room, changed).await.map(drop)
}

/// Puts people into a group, those who are not in it yet.
pub(crate) async fn add(ctx: &Ctx, tx: &mut Tx, (room, by): (&str, &str), people: &[String]) -> Result<(), Refused> {
    manager(tx, room, by).await?;
    let at_most = most_members(tx).await?;
    for person in people {
        if store::membership(tx, room, person).await?.is_some() {
            continue;
        }
        if store::how_many(tx, room).await? >= at_most {
            return Err(Refused::Not("room_full", "The room has no place for so many."));
        }
        has_room(tx, person).await?;
        store::add_member(tx, room, person, Role::Member, ctx.clock.now_ms()).await?;
        let joined = |seq| MemberJoined { room: room.to_owned(), seq, by: by.to_owned(), person: person.clone() };
        say(ctx, tx, room, joined).await?;
    }
    Ok(())
}

async fn take_out(ctx: &Ctx, tx: &mut Tx, (room, by): (&str, &str), person: &str) -> Result<(), Refused> {
    store::remove_member(tx, room, person).await?;
    let left = |seq| MemberLeft { room: room.to_owned(), seq, by: by.to_owned(), person: person.to_owned() };
    say(ctx, tx, room, left).await.map(drop)
}

/// Takes somebody out of a group.
pub(crate) async fn remove(ctx: &Ctx, tx: &mut Tx, (room, by): (&str, &str), whom: &str) -> Result<(), Refused> {
    let role = manager(tx, room, by).await?.role;
    let other = store::membership(tx, room, whom).await?.ok_or(Refused::NoSuch("member"))?;
    if !may_remove(role, other.role) {
        return Err(OWNER_STAYS);
    }
    take_out(ctx, tx, (room, by), whom).await
}

/// Leaves a group.
pub(crate) async fn leave(ctx: &Ctx, tx: &mut Tx, room: &str, person: &str) -> Result<(), Refused> {
    let me = member(tx, room, person).await?;
    group(&me)?;
    if me.role == Role::Owner {
        return Err(OWNER_STAYS);
    }
    take_out(ctx, tx, (room, person), person).await
}

/// Makes somebody an admin, a member again, or the owner: then who was it is an admin. An admin takes the room over from an owner whose
/// account is gone (`gone`, who may be somebody else by now), who is a member then.
pub(crate) async fn hand(
    ctx: &Ctx,
    tx: &mut Tx,
    (room, by): (&str, &str),
    whom: &str,
    to: Role,
    gone: Option<&str>,
) -> Result<(), Refused> {
    let me = manager(tx, room, by).await?;
    let other = store::membership(tx, room, whom).await?.ok_or(Refused::NoSuch("member"))?;
    if other.role == to {
        return Ok(());
    }
    let left = match gone.filter(|_| to == Role::Owner && me.role == Role::Admin && whom == by) {
        Some(gone) => store::membership(tx, room, gone).await?.filter(|it| it.role == Role::Owner).and(Some(gone)),
        None => None,
    };
    if left.is_none() && !may_set(me.role, other.role, to) {
        return Err(Refused::MayNot("The owner alone hands the room over, and stays the owner until then."));
    }
    let mut changes = vec![(whom, to)];
    if to == Role::Owner {
        changes.push(left.map_or((by, Role::Admin), |gone| (gone, Role::Member)));
    }
    for (person, role) in changes {
        store::set_role(tx, room, person, role).await?;
        let (person, by) = (person.to_owned(), by.to_owned());
        say(ctx, tx, room, |seq| MemberRole { room: room.to_owned(), seq, by, person, role }).await?;
    }
    Ok(())
}

/// Deletes a group. What was said there is gone for everybody at once; its rows are removed in reaction.
pub(crate) async fn delete(ctx: &Ctx, tx: &mut Tx, room: &str, by: &str) -> Result<(), Refused> {
    let me = manager(tx, room, by).await?;
    if me.role != Role::Owner {
        return Err(Refused::MayNot("Only the owner may delete the room."));
    }
    wipe(ctx, tx, room, by).await
}

/// Deletes a room of any kind, whoever says so.
pub(super) async fn wipe(ctx: &Ctx, tx: &mut Tx, room: &str, by: &str) -> Result<(), Refused> {
    let members = store::mark_removed(tx, room).await?;
    let deleted = |seq| RoomDeleted { room: room.to_owned(), seq, by: by.to_owned(), members };
    say(ctx, tx, room, deleted).await.map(drop)
}
