#![doc = include_str!("../README.md")]

mod acts;
mod analytics;
mod clearing;
mod faces;
mod facts;
mod http;
mod live;
mod model;
mod notify;
mod pace;
mod people;
mod personal;
mod pictures;
mod previews;
mod pulse;
mod refusal;
mod rights;
mod standing;
mod store;
mod streams;
mod upkeep;
mod whereabouts;

use std::sync::Arc;

use host::Product;
use realtime::Namespace;

/// The product, for the server's list.
pub fn product() -> Product {
    notify::declare(facts::declare(Product::new("chat")))
        .migrations(store::MIGRATIONS)
        .event::<facts::SettingsChanged>()
        .event::<facts::AvatarChanged>()
        .event::<facts::StatusChanged>()
        .on_stream(streams::of("chat.carry", "chat.*", live::CARRIED), live::carry)
        .on_stream(streams::of("chat.notices", "chat.*", personal::NOTICED), personal::notices)
        .on_stream(whereabouts::heard_of("chat.whereabouts"), whereabouts::follow)
        .stream("chat.status.changed", "chat.statuses", whereabouts::tell)
        .on_projection(streams::of("chat.count", "chat.*", analytics::COUNTED), analytics::count)
        .on_work(faces::changes(), faces::tell)
        .on("chat.room.deleted", upkeep::SWEEP, upkeep::sweep)
        .on("user.deleted", upkeep::FORGET, upkeep::forget)
        .job(upkeep::RETENTION, upkeep::retention)
        .schedule(upkeep::NIGHTLY)
        .job(pulse::SAMPLE, pulse::sample)
        .schedule(pulse::MINUTELY)
        .job(clearing::CLEAR, clearing::clear)
        .schedule(clearing::HOURLY)
        .job(previews::LOOK_UP, previews::find)
        .queue(previews::LOOK_UP.queue, previews::FEW)
        .namespace(|db| {
            let rooms = Namespace::public(rights::ROOMS).history(live::RECENT, u64::MAX);
            rooms.durable(live::Channels::load(db)).guarded(rights::Doors::guard(db))
        })
        .namespace(|db| Namespace::public(rights::TYPING).presence().join_leave().guarded(rights::Doors::guard(db)))
        .namespace(|db| Namespace::public(rights::SEEN).guarded(rights::Doors::guard(db)))
        .namespace(|_| Namespace::public(standing::NAMESPACE).counted().guarded(Arc::new(rights::Anybody)))
        .namespace(|_| {
            let (size, ttl_ms) = personal::KEPT;
            Namespace::public(rights::ME).history(size, ttl_ms).tell_occupancy().guarded(Arc::new(rights::Mine))
        })
        .namespace(|_| Namespace::public(rights::ACTIVE).tell_occupancy().guarded(Arc::new(rights::Mine)))
        .channel(
            "chat:{room}",
            "What happens in a room, for its members: messages, edits, previews, deletions, reactions, members. The offset is the \
             number in the room's log; a message's number is the offset at which it was sent.",
        )
        .channel("chat_seen:{room}", "Up to which number people of the room have got and read: the last of each, together. Kept nowhere; who comes reads the members.")
        .channel("chat_typing:{room}", "Who of the room is writing: for five seconds, unless it is said again or taken back. Who listens is who is there. Where somebody of the room is, when that changes: online, away, offline.")
        .channel("chat_me:{person}", "What changes in the list of a person's rooms: messages, what is unread, rooms that come and go, other pictures of people.")
        .channel("chat_active:{person}", "Nothing is told on it. A person who has `chat_me` open and hears this one nowhere is away.")
        .channel(standing::CHANNEL, "What holds for everybody in the chat, when an administrator changes it: as GET /api/v1/chat/standing.")
        .routes(http::routes)
        .page("/chat", "chat")
        .page("/chat/{*path}", "chat")
        .microphone()
        .worker("chat")
}
