//! Who may know of a room: the one place that is asked, by routes, acts and channels. Whoever is not in a room finds none, and an
//! administrator of the installation is no exception: what people say to one another is theirs.

use std::error::Error;
use std::sync::Arc;

use ::store::{Store, StoreError, Tx};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kernel::PersonId;
use realtime::{Caller, Guard};

use crate::people::not_there;
use crate::refusal::Refused;
use crate::store::{self, Avatar, Directory, Kept, Membership, Picture};

/// What happens in a room.
pub(crate) const ROOMS: &str = "chat";
/// Who is writing in it.
pub(crate) const TYPING: &str = "chat_typing";
/// Who has got and read what in it.
pub(crate) const SEEN: &str = "chat_seen";
/// What a person is told of all of its rooms. Whoever hears it has the chat open.
pub(crate) const ME: &str = "chat_me";
/// Whoever hears it does something in the chat.
pub(crate) const ACTIVE: &str = "chat_active";

/// What a person is in a room.
pub(crate) async fn member(tx: &mut Tx, room: &str, person: &str) -> Result<Membership, Refused> {
    store::membership(tx, room, person).await?.ok_or(Refused::NoRoom)
}

/// As [`member`], of somebody who manages the group.
pub(crate) async fn manager(tx: &mut Tx, room: &str, person: &str) -> Result<Membership, Refused> {
    let member = member(tx, room, person).await?;
    group(&member)?;
    if member.role.manages() { Ok(member) } else { Err(Refused::MayNot("Only who manages the room may do this.")) }
}

/// Whether somebody may know of everybody: unless the settings say otherwise, and an administrator of the installation, who sees all
/// accounts and brings people together who share no room yet.
pub(crate) async fn sees_everyone(tx: &mut Tx, admin: bool) -> Result<bool, StoreError> {
    Ok(admin || store::settings(tx).await?.directory == Directory::Everyone)
}

/// That somebody may know of all of these. Whoever it may not know of is to it as if there were nobody.
pub(crate) async fn knows(
    tx: &mut Tx,
    (person, admin): (&str, bool),
    (field, people): (&'static str, &[String]),
) -> Result<(), Refused> {
    if sees_everyone(tx, admin).await? {
        return Ok(());
    }
    for other in people {
        if !store::share_a_room(tx, person, other).await? {
            return Err(not_there(field, other).into());
        }
    }
    Ok(())
}

/// A file that a person may open: in a room that it is in and of no message that it has hidden, or that it sent itself and has put into no message yet.
pub(crate) async fn file(tx: &mut Tx, id: &str, person: &str) -> Result<Kept, Refused> {
    let kept = store::file(tx, id).await?.filter(|kept| kept.seq.is_some() || kept.sender == person);
    let kept = kept.ok_or(Refused::NoFile)?;
    member(tx, &kept.room, person).await.map_err(no_file)?;
    if let Some(seq) = kept.seq
        && store::is_hidden(tx, (&kept.room, person), seq).await?
    {
        return Err(Refused::NoFile);
    }
    Ok(kept)
}

/// A picture of a page that a message links to, in a room that a person is in.
pub(crate) async fn picture(tx: &mut Tx, id: &str, person: &str) -> Result<Picture, Refused> {
    let picture = store::picture(tx, id).await?.ok_or(Refused::NoFile)?;
    member(tx, &picture.room, person).await.map_err(no_file)?;
    if store::hides_picture(tx, person, id).await? {
        return Err(Refused::NoFile);
    }
    Ok(picture)
}

/// A picture that is shown: one's own, one of somebody whom a person may know of, or one of a room that it is in.
pub(crate) async fn avatar(tx: &mut Tx, id: &str, (person, admin): (&str, bool)) -> Result<Avatar, Refused> {
    let avatar = store::avatar(tx, id).await?.ok_or(Refused::NoFile)?;
    if avatar.whose.parse::<PersonId>().is_err() {
        member(tx, &avatar.whose, person).await.map_err(no_file)?;
    } else if avatar.whose != person && !sees_everyone(tx, admin).await? {
        let known = store::share_a_room(tx, person, &avatar.whose).await?;
        return if known { Ok(avatar) } else { Err(Refused::NoFile) };
    }
    Ok(avatar)
}

/// Whoever may not know of a room finds no file, as if there were none.
fn no_file(refused: Refused) -> Refused {
    if matches!(refused, Refused::NoRoom) { Refused::NoFile } else { refused }
}

/// That the room is a group: two people are what a direct room is.
pub(crate) fn group(member: &Membership) -> Result<(), Refused> {
    if member.room.direct {
        return Err(Refused::Not("direct_room", "A direct room is of its two people, and stays so."));
    }
    Ok(())
}

/// Lets members into the channels of their rooms.
pub(crate) struct Doors(Store);

impl Doors {
    pub(crate) fn guard(store: &Store) -> Arc<dyn Guard> {
        Arc::new(Self(store.clone()))
    }
}

impl Guard for Doors {
    fn admits<'a>(
        &'a self,
        channel: &'a str,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        async move {
            let Some((_, room)) = channel.split_once(':').filter(|_| !caller.user.is_empty()) else { return Ok(false) };
            let (room, person) = (room.to_owned(), caller.user.clone());
            let member = self.0.read(async move |tx| store::membership(tx, &room, &person).await).await;
            Ok(member.map_err(|error: ::store::StoreError| error)?.is_some())
        }
        .boxed()
    }
}

/// Lets whoever is signed in into a channel of all.
pub(crate) struct Anybody;

impl Guard for Anybody {
    fn admits<'a>(
        &'a self,
        _: &'a str,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        let signed_in = !caller.user.is_empty();
        async move { Ok(signed_in) }.boxed()
    }
}

/// Lets a person alone into its own channel.
pub(crate) struct Mine;

impl Guard for Mine {
    fn admits<'a>(
        &'a self,
        channel: &'a str,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        let whose = channel.split_once(':').map(|(_, person)| person);
        let mine = !caller.user.is_empty() && whose == Some(caller.user.as_str());
        async move { Ok(mine) }.boxed()
    }
}
