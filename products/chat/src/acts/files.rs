//! Somebody sends a file: its row first, then its objects, then it is there.

use ::store::Tx;
use host::Ctx;
use kernel::limits;

use crate::model::Wrong;
use crate::refusal::Refused;
use crate::rights::member;
use crate::store::{self, NewFile};

const DAY_MS: i64 = 86_400_000;

/// Says that a file comes, if that is in the sender's share of the day.
pub(crate) async fn expect(ctx: &Ctx, tx: &mut Tx, new: &NewFile<'_>) -> Result<(), Refused> {
    member(tx, new.room, new.sender).await?;
    let now_ms = ctx.clock.now_ms();
    let bytes = new.file.bytes + new.preview.map_or(0, |(_, bytes)| bytes);
    count_bytes(tx, new.sender, bytes, now_ms).await?;
    Ok(store::expect_file(tx, new, now_ms).await?)
}

/// Takes bytes from somebody's share of the day.
pub(crate) async fn count_bytes(tx: &mut Tx, person: &str, bytes: u64, now_ms: i64) -> Result<(), Refused> {
    let sent = store::count_bytes(tx, person, now_ms / DAY_MS, bytes).await?;
    if sent > limits::CHAT_FILES_DAY_BYTES { Err(Refused::Full) } else { Ok(()) }
}

/// Says that a file is there: for whoever is still in the room.
pub(crate) async fn ready(tx: &mut Tx, (room, sender): (&str, &str), id: &str) -> Result<(), Refused> {
    member(tx, room, sender).await?;
    if store::file_is_ready(tx, id).await? { Ok(()) } else { Err(Refused::NoFile) }
}

/// Gives a file to the message that it is sent with.
pub(super) async fn give(tx: &mut Tx, id: &str, place: (&str, &str), seq: i64) -> Result<(), Refused> {
    if store::give_file(tx, id, place, seq).await? {
        return Ok(());
    }
    let must = "the id of a file that you sent to this room, and that no message has yet".to_owned();
    Err(Wrong { field: "file_id", must }.into())
}
