//! Something is said, said better, taken back.

use ::store::Tx;
use host::Ctx;

use super::{files, say};
use crate::clearing;
use crate::facts::{MessageDeleted, MessageEdited, MessageSent};
use crate::model::{self, Wrong, may_delete, mentioned};
use crate::previews;
use crate::refusal::Refused;
use crate::rights::member;
use crate::store::{self, Message, NewMessage};

/// A message to be. Its text is checked.
pub(crate) struct Send {
    pub(crate) client_id: String,
    pub(crate) content: String,
    pub(crate) reply_to: Option<i64>,
    /// What is sent with it; then there need be no text.
    pub(crate) file: Option<String>,
    /// The room's people with their names, for mentions.
    pub(crate) names: Vec<(String, String)>,
}

/// Whom a text mentions. Nobody mentions himself, and who left since the names were read is not mentioned.
async fn mentions(
    tx: &mut Tx,
    (room, sender): (&str, &str),
    content: &str,
    names: &[(String, String)],
) -> Result<Vec<String>, Refused> {
    let mut people = mentioned(content, names);
    if !people.is_empty() {
        let inside = store::member_ids(tx, room).await?;
        people.retain(|person| person != sender && inside.contains(person));
    }
    Ok(people)
}

/// Characters of a message, by the settings.
async fn most_chars(tx: &mut Tx) -> Result<usize, Refused> {
    Ok(usize::try_from(store::settings(tx).await?.max_message_chars).unwrap_or(usize::MAX))
}

/// Says something, once for each `client_id`: again it answers with what it became. The second value says whether it is new.
pub(crate) async fn send(
    ctx: &Ctx,
    tx: &mut Tx,
    (room, sender): (&str, &str),
    new: &Send,
) -> Result<(Message, bool), Refused> {
    member(tx, room, sender).await?;
    let gone = || Refused::NoSuch("message");
    if let Some(seq) = store::sent_before(tx, room, sender, &new.client_id).await? {
        let sent = store::message_for(tx, (room, sender), seq).await?;
        // Who has hidden it meanwhile is told that it came, and no more.
        let sent = if sent.is_some() { sent } else { store::message(tx, room, seq).await?.map(Message::emptied) };
        return Ok((sent.ok_or_else(gone)?, false));
    }
    if new.file.is_none() || !new.content.is_empty() {
        model::content(&new.content, most_chars(tx).await?)?;
    }
    if let Some(seq) = new.reply_to
        && store::sender_for(tx, (room, sender), seq).await?.is_none()
    {
        let must = "the number of a message of this room that is there".to_owned();
        return Err(Wrong { field: "reply_to", must }.into());
    }
    let people = mentions(tx, (room, sender), &new.content, &new.names).await?;
    let sent = |seq| MessageSent {
        room: room.to_owned(),
        seq,
        by: sender.to_owned(),
        message: seq,
        mentions: people.clone(),
        reply_to: new.reply_to,
    };
    let (seq, now_ms) = (say(ctx, tx, room, sent).await?, ctx.clock.now_ms());
    let Send { client_id, content, reply_to, .. } = new;
    let row = NewMessage { room, seq, sender, client_id, content, reply_to: *reply_to, mentions: &people };
    store::insert(tx, &row, now_ms).await?;
    if let Some(file) = &new.file {
        files::give(tx, file, (room, sender), seq).await?;
    }
    previews::look_up(ctx, tx, (room, sender), seq, content).await?;
    store::bump(tx, room, seq, now_ms).await?;
    Ok((store::message_for(tx, (room, sender), seq).await?.ok_or_else(gone)?, true))
}

/// Gives one's own message another text. The same text again changes nothing.
pub(crate) async fn change(
    ctx: &Ctx,
    tx: &mut Tx,
    (room, by): (&str, &str),
    seq: i64,
    content: &str,
    names: &[(String, String)],
) -> Result<Message, Refused> {
    member(tx, room, by).await?;
    let gone = || Refused::NoSuch("message");
    let before = store::message_for(tx, (room, by), seq).await?.filter(|message| !message.deleted).ok_or_else(gone)?;
    if before.sender != by {
        return Err(Refused::MayNot("A message is edited by its sender alone."));
    }
    if before.content == content {
        return Ok(before);
    }
    model::content(content, most_chars(tx).await?)?;
    let people = mentions(tx, (room, by), content, names).await?;
    store::edit(tx, (room, seq), content, &people, ctx.clock.now_ms()).await?;
    if model::links(&before.content) != model::links(content) {
        store::drop_previews(tx, room, seq).await?;
        previews::look_up(ctx, tx, (room, by), seq, content).await?;
    }
    let without = |these: &[String], others: &[String]| -> Vec<String> {
        these.iter().filter(|person| !others.contains(person)).cloned().collect()
    };
    let (added, dropped) = (without(&people, &before.mentions), without(&before.mentions, &people));
    let edited = |at| MessageEdited {
        room: room.to_owned(),
        seq: at,
        by: by.to_owned(),
        message: seq,
        mentions: people,
        added,
        dropped,
    };
    say(ctx, tx, room, edited).await?;
    store::message_for(tx, (room, by), seq).await?.ok_or_else(gone)
}

/// Deletes a message for everybody: one's own, or any in a group that one manages.
pub(crate) async fn delete(ctx: &Ctx, tx: &mut Tx, (room, by): (&str, &str), seq: i64) -> Result<(), Refused> {
    let me = member(tx, room, by).await?;
    let sender = store::sent_by(tx, room, seq).await?.ok_or(Refused::NoSuch("message"))?;
    if !may_delete(me.role, sender == by) {
        return Err(Refused::MayNot("A message is deleted by its sender, or by who manages the room."));
    }
    store::erase(tx, room, seq).await?;
    if store::drop_files(tx, room, seq).await? {
        clearing::soon(ctx, tx).await?;
    }
    let deleted = |at| MessageDeleted { room: room.to_owned(), seq: at, by: by.to_owned(), message: seq, sender };
    say(ctx, tx, room, deleted).await.map(drop)
}
