//! What happens in rooms, carried to those who are in them: each room's log is its channel.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use ::store::{Store, StoreError, Tx};
use bus::Stored;
use events::{Event, EventType};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use host::Ctx;
use kernel::id::RoomId;
use kernel::limits;
use realtime::{Load, Loaded};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::facts::{
    MemberJoined, MemberLeft, MemberRole, MessageDeleted, MessageEdited, MessagePreviewed, MessageSent, PinChanged,
    ReactionChanged, ReceiptMoved, RoomChanged, RoomCreated, RoomDeleted,
};
use crate::rights::{ROOMS, SEEN, TYPING};
use crate::store::{self, Entry};

/// What a channel keeps for those who come back: as much as one recovery gives.
pub(crate) const RECENT: usize = limits::HISTORY_READ;

/// An entry as listeners get it: its event's payload, with `type`, `at_ms` and, of a message that was sent, edited or previewed, `body`: the message
/// as it is when it is told. Of one that is gone since, there is no body. A room that was changed is told by its name, description and picture as they are then.
fn told(entry: Entry) -> String {
    let mut all: Map<String, Value> = serde_json::from_str(&entry.data).unwrap_or_default();
    let kind = entry.kind.strip_prefix("chat.").unwrap_or(&entry.kind);
    all.insert("type".into(), kind.into());
    all.insert("at_ms".into(), entry.at_ms.into());
    let says = matches!(kind, "message.sent" | "message.edited" | "message.previewed");
    if let Some(message) = entry.message.filter(|message| says && !message.deleted) {
        all.insert("body".into(), serde_json::to_value(message).unwrap_or_default());
    }
    if kind == "room.changed" {
        all.insert("name".into(), entry.name.into());
        all.insert("description".into(), entry.description.into());
        all.insert("avatar".into(), entry.avatar.into());
    }
    Value::Object(all).to_string()
}

/// The rooms' channels, from their logs: an offset is a number of the log, the epoch is the database's name.
pub(crate) struct Channels(Store);

impl Channels {
    pub(crate) fn load(store: &Store) -> Arc<dyn Load> {
        Arc::new(Self(store.clone()))
    }

    async fn stream(&self, channel: &str) -> Result<Option<Loaded>, StoreError> {
        let Some((_, room)) = channel.split_once(':').filter(|(_, room)| room.parse::<RoomId>().is_ok()) else {
            return Ok(None);
        };
        let room = room.to_owned();
        // A room that is not there is a channel on which nothing was published: whoever may not know of one sees the same.
        let entries = self.0.read(async move |tx: &mut Tx| store::recent(tx, &room, RECENT).await).await?;
        let offset = |seq: i64| u64::try_from(seq).unwrap_or_default();
        let row = |entry: Entry| Stored { offset: offset(entry.seq), time_ms: entry.at_ms, data: told(entry).into() };
        let top = entries.last().map_or(0, |entry| offset(entry.seq));
        Ok(Some(Loaded { epoch: self.0.id().to_owned(), top, publications: entries.into_iter().map(row).collect() }))
    }
}

impl Load for Channels {
    fn load<'a>(&'a self, channel: &'a str) -> BoxFuture<'a, Result<Option<Loaded>, Box<dyn Error + Send + Sync>>> {
        async move { Ok(self.stream(channel).await?) }.boxed()
    }
}

/// Where an event stands in its room.
#[derive(Deserialize)]
struct Place {
    room: String,
    #[serde(default)]
    seq: i64,
}

/// What is in a room's log, and the receipts of those who are in it.
pub(crate) const CARRIED: &[&str] = &[
    RoomCreated::TYPE,
    RoomChanged::TYPE,
    RoomDeleted::TYPE,
    MemberJoined::TYPE,
    MemberLeft::TYPE,
    MemberRole::TYPE,
    MessageSent::TYPE,
    MessageEdited::TYPE,
    MessagePreviewed::TYPE,
    MessageDeleted::TYPE,
    ReactionChanged::TYPE,
    PinChanged::TYPE,
    ReceiptMoved::TYPE,
];

/// Carries what happened to the rooms' channels, in the order of the log, and turns out whoever is in a room no more. Doing it again
/// does nothing: a number of the log is an offset.
pub(crate) async fn carry(ctx: Ctx, batch: Vec<Event>) -> Result<(), String> {
    let receipts = receipts(&batch)?;
    let placed = |event: &Event| Some((event.kind.clone(), event.data::<Place>().ok().filter(|it| it.seq > 0)?));
    let places: Vec<(String, Place)> = batch.iter().filter_map(placed).collect();
    let wanted: Vec<(String, i64)> = places.iter().map(|(_, it)| (it.room.clone(), it.seq)).collect();
    let read = async move |tx: &mut Tx| {
        let mut entries = Vec::with_capacity(wanted.len());
        for (room, seq) in wanted {
            entries.push(store::entry(tx, &room, seq).await?.map(told));
        }
        Ok::<_, StoreError>(entries)
    };
    let entries = ctx.store.read(read).await.map_err(|error| kernel::problem::chain(&error))?;
    for ((kind, Place { room, seq }), entry) in places.into_iter().zip(entries) {
        let channel = format!("{ROOMS}:{room}");
        if let Some(entry) = entry {
            let published = ctx.hub.publish_at(&channel, u64::try_from(seq).unwrap_or_default(), entry.into()).await;
            published.map_err(|error| kernel::problem::chain(&error))?;
        }
        // What was said is in the memory of every process that carried it, as it was then.
        if matches!(kind.as_str(), "chat.message.edited" | "chat.message.deleted" | "chat.room.deleted") {
            let reread = ctx.hub.reread_everywhere(&channel).await;
            reread.map_err(|error| kernel::problem::chain(&error))?;
        }
        if matches!(kind.as_str(), "chat.member.left" | "chat.room.deleted") {
            ctx.hub.recheck_everywhere(&channel).await;
            for beside in [TYPING, SEEN] {
                ctx.hub.recheck_everywhere(&format!("{beside}:{room}")).await;
            }
        }
    }
    tell_receipts(&ctx, receipts).await
}

/// Up to where people have got and read, by room and person.
type Receipts = BTreeMap<String, BTreeMap<String, (i64, i64)>>;

/// The receipts of a batch: the last one of each person, since they only go forward.
fn receipts(batch: &[Event]) -> Result<Receipts, String> {
    let mut rooms = Receipts::new();
    for event in batch.iter().filter(|event| event.kind == ReceiptMoved::TYPE) {
        let it: ReceiptMoved = event.read().map_err(|error| error.to_string())?;
        rooms.entry(it.room).or_default().insert(it.by, (it.read, it.delivered));
    }
    Ok(rooms)
}

async fn tell_receipts(ctx: &Ctx, rooms: Receipts) -> Result<(), String> {
    for (room, people) in rooms {
        let one = |(person, (read, delivered))| json!({ "person": person, "read": read, "delivered": delivered });
        let told = json!({ "type": "receipts", "people": people.into_iter().map(one).collect::<Vec<_>>() });
        let published = ctx.hub.publish(&format!("{SEEN}:{room}"), &told).await;
        published.map_err(|error| kernel::problem::chain(&error))?;
    }
    Ok(())
}
