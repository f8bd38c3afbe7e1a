//! What the links of a message lead to is found out by a job, behind the guard of `outbound`: whoever writes an address makes this server
//! ask nobody whom a stranger on the internet could not ask. What fails is no preview, quietly.

mod fetch;

use std::time::Duration;

use ::store::{StoreError, Tx};
use bytes::Bytes;
use host::Ctx;
use jobs::{Failure, Kind, NewJob, QueuePolicy, Run};
use kernel::id::PreviewId;
use kernel::limits;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::acts::count_bytes;
use crate::acts::say;
use crate::clearing;
use crate::facts::MessagePreviewed;
use crate::model;
use crate::pace::{Doing, paced};
use crate::refusal::Refused;
use crate::store::{self, Known, Message, Picture, Preview};

/// Looks the links of a message up. Beside all others: a slow page keeps nobody waiting.
pub(crate) const LOOK_UP: Kind = Kind::new("chat.preview").on("chat.links").attempts(3).timeout_ms(120_000);

/// Few at one time, and of them few of one person: whoever writes many addresses waits for their own.
pub(crate) const FEW: QueuePolicy = QueuePolicy {
    concurrency: Some(limits::CHAT_LOOK_UPS),
    key_concurrency: Some(limits::CHAT_LOOK_UPS_OF_ONE),
    rate: None,
    key_rate: None,
};

/// Which message.
#[derive(Serialize, Deserialize)]
struct Args {
    room: String,
    message: i64,
}

/// What a page says, as it is known for a day.
#[derive(Clone, Serialize, Deserialize)]
struct Said {
    title: String,
    description: Option<String>,
    site: Option<String>,
}

/// What an address leads to.
struct Found {
    said: Said,
    picture: Option<(Bytes, String)>,
}

/// Something was written: what it links to is looked up afterwards.
pub(crate) async fn look_up(
    ctx: &Ctx,
    tx: &mut Tx,
    (room, sender): (&str, &str),
    seq: i64,
    content: &str,
) -> Result<(), Refused> {
    if model::links(content).is_empty() {
        return Ok(());
    }
    let job = NewJob::new(LOOK_UP, &Args { room: room.to_owned(), message: seq }).key(sender);
    Ok(ctx.jobs.enqueue(tx, job).await.map(drop)?)
}

/// The job.
pub(crate) async fn find(ctx: Ctx, run: Run) -> Result<(), Failure> {
    let Args { room, message: seq } = run.args()?;
    let Some(message) = there(&ctx, room, seq).await? else { return Ok(()) };
    // Who reads it has read on: what nobody waits for any more takes no place from what comes.
    let written_ms = message.edited_at_ms.unwrap_or(message.at_ms);
    if ctx.clock.now_ms() > written_ms + limits::CHAT_LOOK_UP_LATE_MS {
        return Ok(());
    }
    let mut previews = Vec::new();
    for url in model::links(&message.content) {
        let Some(found) = known_or_fetched(&ctx, &message.sender, &url).await? else { continue };
        let Found { said: Said { title, description, site }, picture } = found;
        let id = PreviewId::new(&ctx.clock, &ctx.entropy).to_string();
        let image = match picture {
            Some(picture) => put(&ctx, (&id, &message.room), &message.sender, picture).await?,
            None => false,
        };
        previews.push(Preview { id, url, title, description, site, image });
    }
    if previews.is_empty() {
        return Ok(());
    }
    let ours = ctx.clone();
    ctx.store.write(async move |tx: &mut Tx| keep(&ours, tx, &run, &message, &previews).await).await
}

/// A message that is there, in a room that is.
async fn there(ctx: &Ctx, room: String, seq: i64) -> Result<Option<Message>, Failure> {
    let read = async move |tx: &mut Tx| {
        let message = store::message(tx, &room, seq).await?.filter(|message| !message.deleted);
        let room = store::room(tx, &room).await?;
        Ok::<_, StoreError>(message.filter(|_| room.is_some()))
    };
    Ok(ctx.store.read(read).await?)
}

/// Keeps what was found, once, if the message still says the same.
async fn keep(ctx: &Ctx, tx: &mut Tx, run: &Run, before: &Message, previews: &[Preview]) -> Result<(), Failure> {
    let (room, seq) = (before.room.as_str(), before.seq);
    let there = store::room(tx, room).await?.is_some();
    let now = store::message(tx, room, seq).await?.filter(|now| there && !now.deleted);
    // Who edited it has begun another job for what it says now.
    let same =
        now.is_some_and(|now| now.previews.is_empty() && model::links(&now.content) == model::links(&before.content));
    if !same || !store::put_previews(tx, room, seq, previews).await? {
        return Ok(());
    }
    for preview in previews.iter().filter(|preview| preview.image) {
        if !store::give_picture(tx, &preview.id, seq).await? {
            return Err(Failure::Retry("a picture of a page was removed meanwhile".into()));
        }
    }
    let by = before.sender.clone();
    let previewed = |at| MessagePreviewed { room: room.to_owned(), seq: at, by, message: seq };
    say(ctx, tx, room, previewed).await.map_err(Failure::retry)?;
    run.complete(tx).await
}

/// What is known of an address, or what is found out now; `None` where there is nothing to show.
async fn known_or_fetched(ctx: &Ctx, sender: &str, url: &str) -> Result<Option<Found>, Failure> {
    // Whoever writes many addresses has each message sent, and not each address shown: one that is known costs a picture too.
    if paced(ctx, sender, Doing::Link).await.is_err() {
        return Ok(None);
    }
    let digest = hex::encode(Sha256::digest(url));
    let (asked, since_ms) = (digest.clone(), ctx.clock.now_ms() - limits::CHAT_LINK_KNOWN_MS);
    let read = ctx.store.read(async move |tx: &mut Tx| {
        let known = store::known(tx, &asked, since_ms).await?;
        let picture = match known.as_ref().and_then(|known| known.picture.clone()) {
            Some(id) => store::picture(tx, &id).await?,
            None => None,
        };
        Ok::<_, StoreError>(known.map(|known| (known, picture)))
    });
    if let Some((known, picture)) = read.await? {
        let Some(said) = known.page.and_then(|page| serde_json::from_str(&page).ok()) else { return Ok(None) };
        let picture = match picture {
            Some(picture) => whole(ctx, &picture).await?.map(|bytes| (bytes, picture.mime)),
            None => None,
        };
        return Ok(Some(Found { said, picture }));
    }
    let within = Duration::from_millis(limits::CHAT_LOOK_UP_MS);
    let found = tokio::time::timeout(within, fetch::found(ctx, url)).await.ok().flatten();
    know(ctx, sender, digest, found.as_ref()).await?;
    Ok(found)
}

/// Keeps what was found out, or that nothing was, for a day.
async fn know(ctx: &Ctx, sender: &str, digest: String, found: Option<&Found>) -> Result<(), Failure> {
    let page = found.map(|found| serde_json::to_string(&found.said).unwrap_or_default());
    let mut picture = None;
    if let Some(bytes) = found.and_then(|found| found.picture.clone()) {
        let id = PreviewId::new(&ctx.clock, &ctx.entropy).to_string();
        picture = put(ctx, (&id, ""), sender, bytes).await?.then_some(id);
    }
    let now_ms = ctx.clock.now_ms();
    let write = async move |tx: &mut Tx| {
        if let Some(id) = &picture {
            store::give_picture(tx, id, 0).await?;
        }
        store::know(tx, &digest, &Known { page, picture }, now_ms).await
    };
    ctx.store.write_relaxed(write).await.map_err(|error: StoreError| Failure::from(error))
}

/// Puts a picture, of which the row is there first. `false` when the sender has sent a day's share already.
async fn put(
    ctx: &Ctx,
    (id, room): (&str, &str),
    sender: &str,
    (bytes, mime): (Bytes, String),
) -> Result<bool, Failure> {
    let row = Picture { id: id.to_owned(), room: room.to_owned(), mime, bytes: bytes.len() as u64 };
    let now_ms = ctx.clock.now_ms();
    let sender = sender.to_owned();
    let write = async move |tx: &mut Tx| {
        count_bytes(tx, &sender, row.bytes, now_ms).await?;
        Ok(store::expect_picture(tx, &row, now_ms).await?)
    };
    match ctx.store.write(write).await {
        Err(Refused::Full) => return Ok(false),
        expected => expected.map_err(Failure::retry)?,
    }
    let name = clearing::name(id, "").map_err(Failure::discard)?;
    ctx.objects.put(&name, bytes).await.map_err(Failure::retry)?;
    Ok(true)
}

/// A picture's bytes; `None` when it was removed meanwhile.
async fn whole(ctx: &Ctx, picture: &Picture) -> Result<Option<Bytes>, Failure> {
    let name = clearing::name(&picture.id, "").map_err(Failure::discard)?;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < picture.bytes {
        let at = bytes.len() as u64;
        let end = picture.bytes.min(at + limits::OBJECT_READ_BYTES as u64);
        match ctx.objects.get(&name, at..end).await.map_err(Failure::retry)? {
            Some(piece) if !piece.is_empty() => bytes.extend_from_slice(&piece),
            _ => return Ok(None),
        }
    }
    Ok(Some(bytes.into()))
}
