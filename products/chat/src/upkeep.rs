//! What goes on without anybody asking: messages grow too old, removed rooms are emptied.

use ::store::{StoreError, Tx};
use events::Event;
use host::Ctx;
use jobs::{Failure, Kind, Run};
use kernel::limits;
use schedules::Schedule;
use serde::Deserialize;

use crate::acts::{self, Face};
use crate::analytics;
use crate::clearing;
use crate::facts::RoomDeleted;
use crate::rights::ROOMS;
use crate::store;

/// Removes what is older than the settings keep, and who spoke long ago.
pub(crate) const RETENTION: Kind = Kind::new("chat.retention").on("chat").timeout_ms(600_000);
/// Every night.
pub(crate) const NIGHTLY: Schedule = Schedule::cron("chat.retention", "30 3 * * *", RETENTION);
/// Empties a removed room.
pub(crate) const SWEEP: Kind = Kind::new("chat.sweep").on("chat").timeout_ms(600_000);

/// Forgets what was kept for somebody whose account is removed. What they said stays.
pub(crate) const FORGET: Kind = Kind::new("chat.forget").on("chat");

const DAY_MS: i64 = 86_400_000;

/// What is told of an account that is removed.
#[derive(Deserialize)]
struct Removed {
    person: String,
}

/// What is to go.
enum Goes {
    /// What was said before this time.
    Old(i64),
    /// What is left of a room.
    Room(String),
    /// When people got and read, before this time.
    Steps(i64),
}

async fn batch(ctx: &Ctx, goes: &Goes) -> Result<u64, Failure> {
    match goes {
        Goes::Old(before_ms) => {
            let before_ms = *before_ms;
            let write = async move |tx: &mut Tx| store::sweep_old(tx, before_ms).await;
            let swept: Result<store::Swept, StoreError> = ctx.store.write_relaxed(write).await;
            let store::Swept { rows, rooms } = swept?;
            // What was said is in the memory of every process that carried it.
            for room in rooms {
                ctx.hub.reread_everywhere(&format!("{ROOMS}:{room}")).await.map_err(Failure::retry)?;
            }
            Ok(rows)
        }
        Goes::Steps(before_ms) => {
            let before_ms = *before_ms;
            let write = async move |tx: &mut Tx| store::sweep_steps(tx, before_ms).await;
            let swept: Result<u64, StoreError> = ctx.store.write_relaxed(write).await;
            Ok(swept?)
        }
        Goes::Room(room) => {
            let room = room.clone();
            let write = async move |tx: &mut Tx| store::sweep_room(tx, &room).await;
            let swept: Result<u64, StoreError> = ctx.store.write_relaxed(write).await;
            Ok(swept?)
        }
    }
}

/// Each batch commits by itself: whoever is interrupted goes on where it stopped, and nobody waits for it.
async fn in_batches(ctx: &Ctx, run: &Run, goes: &Goes) -> Result<u64, Failure> {
    let (mut swept, called_off) = (0, run.cancellation());
    loop {
        let now = batch(ctx, goes).await?;
        swept += now;
        if now < limits::CHAT_SWEEP.unsigned_abs() || called_off.is_cancelled() {
            return Ok(swept);
        }
    }
}

/// The nightly job.
pub(crate) async fn retention(ctx: Ctx, run: Run) -> Result<(), Failure> {
    let forget_ms = analytics::since(ctx.clock.now_ms(), analytics::DAYS);
    let forgot: Result<_, StoreError> =
        ctx.store.write_relaxed(async move |tx| store::forget_speakers(tx, forget_ms).await).await;
    forgot?;
    let read: Result<store::Settings, StoreError> = ctx.store.read(async |tx| store::settings(tx).await).await;
    let days = i64::from(read?.retention_days);
    if days == 0 {
        return Ok(());
    }
    let before_ms = ctx.clock.now_ms() - days * DAY_MS;
    let swept = in_batches(&ctx, &run, &Goes::Old(before_ms)).await?;
    in_batches(&ctx, &run, &Goes::Steps(before_ms)).await?;
    clearing::soon_after(&ctx).await?;
    run.result(&serde_json::json!({ "removed": swept }))
}

/// A room was deleted: nobody finds it any more, and now its rows go.
pub(crate) async fn sweep(ctx: Ctx, event: Event, run: Run) -> Result<(), Failure> {
    let RoomDeleted { room, .. } = event.read().map_err(Failure::discard)?;
    in_batches(&ctx, &run, &Goes::Room(room)).await?;
    clearing::soon_after(&ctx).await
}

/// An account was removed: its picture, which nobody was shown since, and what was kept for its person alone.
pub(crate) async fn forget(ctx: Ctx, event: Event, run: Run) -> Result<(), Failure> {
    let Removed { person } = event.data().map_err(Failure::discard)?;
    let ours = ctx.clone();
    let write = async move |tx: &mut Tx| {
        acts::take_down(&ours, tx, &Face::Own(person.clone())).await.map_err(Failure::retry)?;
        store::forget_person(tx, &person).await?;
        run.complete(tx).await
    };
    ctx.store.write(write).await
}
