//! Rooms begin.

use ::store::Tx;
use host::Ctx;
use kernel::id::RoomId;
use kernel::limits;

use super::say;
use crate::facts::RoomCreated;
use crate::model::Role;
use crate::refusal::Refused;
use crate::store::{self, NewRoom};

/// A group to be. Its texts are checked.
pub(crate) struct NewGroup {
    pub(crate) name: String,
    pub(crate) description: String,
    /// Whom to begin with, beside the maker.
    pub(crate) people: Vec<String>,
}

/// Whether a person may be in one room more.
pub(super) async fn has_room(tx: &mut Tx, person: &str) -> Result<(), Refused> {
    if store::rooms_of(tx, person).await? < limits::CHAT_ROOMS {
        return Ok(());
    }
    Err(Refused::Not("too_many_rooms", "Somebody is in as many rooms as one may be in."))
}

/// How many may be in a room, by the settings.
pub(super) async fn most_members(tx: &mut Tx) -> Result<usize, Refused> {
    Ok(usize::try_from(store::settings(tx).await?.max_members).unwrap_or(usize::MAX).min(limits::CHAT_MEMBERS))
}

async fn begin(ctx: &Ctx, tx: &mut Tx, new: &NewRoom<'_>, people: &[(String, Role)]) -> Result<String, Refused> {
    let now_ms = ctx.clock.now_ms();
    store::create(tx, new, now_ms).await?;
    for (person, role) in people {
        has_room(tx, person).await?;
        store::add_member(tx, new.room, person, *role, now_ms).await?;
    }
    let members: Vec<String> = people.iter().map(|(person, _)| person.clone()).collect();
    let (room, by, direct) = (new.room.to_owned(), new.made_by.to_owned(), new.pair.is_some());
    say(ctx, tx, new.room, |seq| RoomCreated { room, seq, by, direct, members }).await?;
    Ok(new.room.to_owned())
}

/// Makes a group, which belongs to who makes it.
pub(crate) async fn make_group(ctx: &Ctx, tx: &mut Tx, by: &str, group: &NewGroup) -> Result<String, Refused> {
    let mut people = vec![(by.to_owned(), Role::Owner)];
    for person in &group.people {
        if !people.iter().any(|(known, _)| known == person) {
            people.push((person.clone(), Role::Member));
        }
    }
    if people.len() > most_members(tx).await? {
        return Err(Refused::Not("room_full", "A room has no place for so many."));
    }
    let room = RoomId::new(&ctx.clock, &ctx.entropy).to_string();
    let (name, description) = (&group.name, &group.description);
    let new = NewRoom { room: &room, pair: None, name, description, made_by: by };
    begin(ctx, tx, &new, &people).await
}

/// The direct room of two people, and whether it is new. Both may ask at once: writes come one after the other.
pub(crate) async fn begin_direct(ctx: &Ctx, tx: &mut Tx, by: &str, other: &str) -> Result<(String, bool), Refused> {
    let pair = store::pair_of(by, other);
    if let Some(room) = store::direct_of(tx, &pair).await? {
        return Ok((room.room, false));
    }
    let room = RoomId::new(&ctx.clock, &ctx.entropy).to_string();
    let new = NewRoom { room: &room, pair: Some(&pair), name: "", description: "", made_by: by };
    let people = [(by.to_owned(), Role::Member), (other.to_owned(), Role::Member)];
    Ok((begin(ctx, tx, &new, &people).await?, true))
}
