//! Somebody has another picture: whoever shares a room with them is told, a page of people a job. The next page is enqueued with the end of
//! the one before, so a process that dies tells one page twice and goes on from there, and nothing else waits for it.

use ::store::{StoreError, Tx};
use events::{Event, EventType, Filter, Work};
use host::Ctx;
use jobs::{Failure, Kind, NewJob, Run};
use kernel::limits;
use serde::{Deserialize, Serialize};

use crate::facts::AvatarChanged;
use crate::model::avatar_path;
use crate::personal;
use crate::store;

const TELL: Kind = Kind::new("chat.faces").on("chat");

/// One job for each change, and those of a person one after the other: nobody is told of a picture after the one that replaced it.
pub(crate) fn changes() -> Work {
    Work::new(TELL, Filter(AvatarChanged::TYPE)).ordered()
}

/// Where the telling goes on.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Page {
    /// So many were told before.
    page: usize,
    /// After this person.
    after: String,
}

/// Tells a page of people, and the person itself with the first. Where those who share a room are more than are told at once, the others
/// see it with what they read next.
pub(crate) async fn tell(ctx: Ctx, event: Event, run: Run) -> Result<(), Failure> {
    let AvatarChanged { person, avatar } = event.read().map_err(Failure::discard)?;
    let Page { page, after } = run.args::<Option<Page>>()?.unwrap_or_default();
    let whose = person.clone();
    let seen = async move |tx: &mut Tx| {
        let shown = store::avatars_of(tx, std::slice::from_ref(&whose)).await?.pop().map(|(_, id)| id);
        Ok::<_, StoreError>((shown, store::roommates(tx, &whose, &after, limits::PAGE).await?))
    };
    let (shown, mut people) = ctx.store.read(seen).await?;
    // Another one came since: its own event tells of that, from the first page on.
    if shown != avatar {
        return Ok(());
    }
    let last = people.get(limits::PAGE - 1).cloned();
    people.retain(|other| *other != person);
    if page == 0 {
        people.push(person.clone());
    }
    let url = shown.map(|id| avatar_path(&id));
    personal::tell_face(&ctx, (&person, url.as_deref()), &people).await.map_err(Failure::Retry)?;
    let Some(after) = last.filter(|_| page + 1 < limits::CHAT_ROOMMATE_PAGES) else { return Ok(()) };
    let next = NewJob::new(TELL, &Page { page: page + 1, after }).event(event.position).in_order(person);
    let (jobs, ours) = (ctx.jobs.clone(), run.clone());
    let go_on = async move |tx: &mut Tx| {
        jobs.enqueue(tx, next).await.map_err(Failure::retry)?;
        ours.complete(tx).await
    };
    ctx.store.write(go_on).await
}
