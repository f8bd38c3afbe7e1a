//! How many are here, minute by minute: who has the chat open hears the channel of all.

use ::store::{StoreError, Tx};
use host::Ctx;
use jobs::{Failure, Kind, Run};
use kernel::limits;
use schedules::Schedule;

use crate::standing::CHANNEL;
use crate::store::{self, MINUTE_MS};

/// Notes how many are online.
pub(crate) const SAMPLE: Kind = Kind::new("chat.sample").on("chat").timeout_ms(30_000);
pub(crate) const MINUTELY: Schedule = Schedule::cron("chat.sample", "* * * * *", SAMPLE);

/// People who have the chat open, each once, of all processes.
pub(crate) async fn online(ctx: &Ctx) -> i64 {
    i64::try_from(ctx.hub.presence_stats(CHANNEL).await.people).unwrap_or(i64::MAX)
}

/// The schedule's job. Nothing is noted while analytics are off.
pub(crate) async fn sample(ctx: Ctx, _: Run) -> Result<(), Failure> {
    let (now_ms, online) = (ctx.clock.now_ms(), online(&ctx).await);
    let write = async move |tx: &mut Tx| {
        if !store::settings(tx).await?.analytics {
            return Ok(());
        }
        let minute_ms = now_ms - now_ms.rem_euclid(MINUTE_MS);
        store::note_online(tx, minute_ms, online, now_ms - limits::CHAT_MINUTES_MS).await
    };
    let noted: Result<(), StoreError> = ctx.store.write_relaxed(write).await;
    Ok(noted?)
}
