//! A picture of somebody, or of a group: its row first, then its object, then it is shown.

use ::store::Tx;
use events::NewEvent;
use host::Ctx;

use super::files::count_bytes;
use super::say;
use crate::clearing;
use crate::facts::{AvatarChanged, RoomChanged};
use crate::people;
use crate::refusal::Refused;
use crate::rights::manager;
use crate::store::{self, Avatar};

/// Whose picture is changed, and by whom.
#[derive(Clone)]
pub(crate) enum Face {
    /// A person's own.
    Own(String),
    /// A group's, by somebody who manages it.
    Group { room: String, by: String },
}

impl Face {
    /// The person, or the room.
    pub(crate) fn whose(&self) -> &str {
        match self {
            Self::Own(whose) | Self::Group { room: whose, .. } => whose,
        }
    }

    /// Who changes it.
    pub(crate) fn by(&self) -> &str {
        match self {
            Self::Own(by) | Self::Group { by, .. } => by,
        }
    }

    /// That this picture may be changed: one's own by oneself, a group's by who manages it.
    pub(crate) async fn may_change(&self, tx: &mut Tx) -> Result<(), Refused> {
        match self {
            Self::Own(_) => Ok(()),
            Self::Group { room, by } => manager(tx, room, by).await.map(drop),
        }
    }
}

/// Says that a picture comes, if it may and is in the share of the day of who sends it.
pub(crate) async fn expect(ctx: &Ctx, tx: &mut Tx, face: &Face, new: &Avatar) -> Result<(), Refused> {
    face.may_change(tx).await?;
    let now_ms = ctx.clock.now_ms();
    count_bytes(tx, face.by(), new.bytes, now_ms).await?;
    Ok(store::expect_avatar(tx, new, now_ms).await?)
}

/// Shows a picture that is there, in place of the one that was. What was on its way while its person was deleted is not shown.
pub(crate) async fn show(ctx: &Ctx, tx: &mut Tx, face: &Face, id: &str) -> Result<(), Refused> {
    face.may_change(tx).await?;
    if let Face::Own(person) = face
        && !people::deleted(ctx, tx, [person]).await?.is_empty()
    {
        return Err(Refused::MayNot("This account was deleted."));
    }
    if !store::show_avatar(tx, face.whose(), id).await? {
        return Err(Refused::NoFile);
    }
    changed(ctx, tx, face, Some(id)).await
}

/// Shows no picture any more. Where there is none it is done already.
pub(crate) async fn take_down(ctx: &Ctx, tx: &mut Tx, face: &Face) -> Result<(), Refused> {
    face.may_change(tx).await?;
    if store::take_down(tx, face.whose()).await? { changed(ctx, tx, face, None).await } else { Ok(()) }
}

/// Says so: of a room in its log, of a person in the event log alone. The picture that was there goes.
async fn changed(ctx: &Ctx, tx: &mut Tx, face: &Face, id: Option<&str>) -> Result<(), Refused> {
    match face {
        Face::Group { room, by } => {
            let fact = |seq| RoomChanged { room: room.clone(), seq, by: by.clone() };
            say(ctx, tx, room, fact).await?;
        }
        Face::Own(person) => {
            let fact = AvatarChanged { person: person.clone(), avatar: id.map(str::to_owned) };
            let event = NewEvent::of("/chat", &fact).subject(Some(person.clone()));
            ctx.events.append(tx, &ctx.events.check(event)?).await?;
        }
    }
    clearing::soon(ctx, tx).await
}
