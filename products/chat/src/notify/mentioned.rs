//! Who is mentioned by an edit hears of it as of a message: a push, unless it was read by then.

use ::store::Tx;
use events::Event;
use host::Ctx;
use jobs::policy::Unique;
use jobs::state::State;
use jobs::{EnqueueError, Failure, Kind, NewJob, Run};
use kernel::limits;
use serde_json::json;

use super::push::PUSH;
use super::rules::{Standing, reaches};
use crate::facts::MessageEdited;
use crate::store;

/// Finds whom an edit is to reach.
pub(crate) const NOTIFY: Kind = Kind::new("chat.notify_edited").on("chat");

/// A job that has not begun tells what is so when it does.
const WAITING: [State; 3] = [State::Available, State::Scheduled, State::Retryable];

/// The reaction to an edit. A push says what is so when it is sent: the newest that was not read, of which the mention is one.
pub(crate) async fn notify(ctx: Ctx, event: Event, run: Run) -> Result<(), Failure> {
    let it: MessageEdited = event.read().map_err(Failure::discard)?;
    let (now_ms, time_ms) = (ctx.clock.now_ms(), event.time_ms);
    let ours = ctx.clone();
    let write = async move |tx: &mut Tx| {
        let mut jobs = Vec::new();
        if !it.added.is_empty() && now_ms < time_ms + limits::CHAT_PUSH_NEWS_MS {
            for (browser, person, muted_until_ms, archived) in
                store::browsers_of(tx, &it.room, (it.message, &it.by)).await?
            {
                let standing = Standing { read: it.message - 1, muted_until_ms, archived };
                if it.added.contains(&person) && reaches(standing, it.message, true, true, now_ms) {
                    let parcel = json!({ "browser": browser, "room": it.room, "message": it.message });
                    // What is edited again and again is told once.
                    let unique = Unique::by_key(format!("{browser}:{}:{}", it.room, it.message)).states(&WAITING);
                    let at_ms = now_ms.max(time_ms + limits::CHAT_PUSH_DELAY_MS);
                    jobs.push(NewJob::new(PUSH, &parcel).at(at_ms).key(person).unique(unique).event(event.position));
                }
            }
        }
        ours.jobs.enqueue_many(tx, jobs).await.map_err(|error| match error {
            EnqueueError::Store(error) => error.into(),
            error => Failure::retry(error),
        })?;
        run.complete(tx).await
    };
    ctx.store.write(write).await
}
