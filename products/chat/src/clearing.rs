//! Objects that nobody has any more are removed: of deleted messages and rooms, of what grew too old, of what was sent for no message.

use ::store::{StoreError, Tx};
use host::Ctx;
use jobs::policy::Unique;
use jobs::state::State;
use jobs::{Failure, Kind, NewJob, Run};
use kernel::limits;
use objects::Name;
use schedules::Schedule;

use crate::refusal::Refused;
use crate::store::{self, Told};

/// Removes them.
pub(crate) const CLEAR: Kind = Kind::new("chat.clear").on("chat").timeout_ms(600_000);
/// What no message ever had is found by looking.
pub(crate) const HOURLY: Schedule = Schedule::cron("chat.clear", "17 * * * *", CLEAR);

const DAY_MS: i64 = 86_400_000;
/// Objects that are looked for at once.
const ROWS: usize = 100;

/// The object of a row; with an end, what was made of it.
pub(crate) fn name(id: &str, end: &str) -> Result<Name, objects::BadName> {
    Name::new("chat", format_args!("{id}{end}"))
}

/// What is shown of a file at first.
pub(crate) const PREVIEW: &str = ".preview";

/// One that runs has looked already, perhaps.
fn until_it_begins() -> Unique {
    Unique::by_key("now").states(&[State::Available, State::Scheduled, State::Retryable])
}

/// Something is gone now. One job for all that goes until it begins; what it has passed by, the next one finds.
pub(crate) async fn soon(ctx: &Ctx, tx: &mut Tx) -> Result<(), Refused> {
    let job = NewJob::new(CLEAR, &serde_json::Value::Null).unique(until_it_begins());
    Ok(ctx.jobs.enqueue(tx, job).await.map(drop)?)
}

/// As [`soon`], in a transaction of its own.
pub(crate) async fn soon_after(ctx: &Ctx) -> Result<(), Failure> {
    let job = NewJob::new(CLEAR, &serde_json::Value::Null).unique(until_it_begins());
    ctx.jobs.enqueue_now(job).await.map(drop).map_err(Failure::retry)
}

/// The job.
pub(crate) async fn clear(ctx: Ctx, run: Run) -> Result<(), Failure> {
    let (now_ms, called_off) = (ctx.clock.now_ms(), run.cancellation());
    let forgotten = ctx.store.write_relaxed(async move |tx: &mut Tx| {
        store::forget_links(tx, now_ms - limits::CHAT_LINK_KNOWN_MS).await?;
        store::forget_days(tx, now_ms / DAY_MS - 1).await
    });
    forgotten.await.map_err(|error: StoreError| Failure::from(error))?;
    let before_ms = now_ms - limits::CHAT_FILE_WAITS_MS;
    let (mut removed, mut failed) = (0, None);
    for told in [Told::Files, Told::Pictures, Told::Avatars] {
        while !called_off.is_cancelled() {
            let read = ctx.store.read(async move |tx: &mut Tx| store::lost(tx, told, before_ms, ROWS).await);
            let ids = read.await.map_err(|error: StoreError| Failure::from(error))?;
            let before = removed;
            for id in ids {
                // One that cannot be removed keeps none of the others.
                match remove(&ctx, told, id).await {
                    Ok(gone) => removed += u32::from(gone),
                    Err(failure) => failed = Some(failure),
                }
            }
            if removed == before {
                break;
            }
        }
    }
    if let Some(failure) = failed {
        return Err(failure);
    }
    run.result(&serde_json::json!({ "removed": removed }))
}

/// Nobody gets it from now on; then it goes, and its row last: whoever is interrupted finds it again.
async fn remove(ctx: &Ctx, told: Told, id: String) -> Result<bool, Failure> {
    let given = id.clone();
    let gone = ctx.store.write_relaxed(async move |tx: &mut Tx| store::give_up(tx, told, &given).await).await;
    if !gone.map_err(|error: StoreError| Failure::from(error))? {
        return Ok(false);
    }
    let ends: &[&str] = if matches!(told, Told::Files) { &[PREVIEW, ""] } else { &[""] };
    for end in ends {
        let name = name(&id, end).map_err(Failure::discard)?;
        ctx.objects.delete(&name).await.map_err(Failure::retry)?;
    }
    let forgotten = ctx.store.write_relaxed(async move |tx: &mut Tx| store::forget(tx, told, &id).await).await;
    forgotten.map(|()| true).map_err(|error: StoreError| Failure::from(error))
}
