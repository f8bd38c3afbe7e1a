//! Who is online, away or gone: what realtime tells of the people's own channels, and what they say themselves. Whoever hears `chat_me`
//! has the chat open; whoever hears `chat_active` does something there. Both are told once for all of a person's pages and processes, also
//! where a process was killed, so nobody counts here.

use std::collections::{BTreeMap, BTreeSet};

use ::store::{StoreError, Tx};
use events::{AppendError, Event, EventType, NewEvent};
use host::Ctx;
use kernel::{PersonId, limits};
use serde::{Deserialize, Serialize};

use crate::facts::StatusChanged;
use crate::people;
use crate::refusal::Refused;
use crate::rights::{ACTIVE, ME, TYPING};
use crate::store::{self, Hears, Seen, Whereabouts};

/// Who tells of channels.
const REALTIME: &str = "/realtime";
const OCCUPIED: &str = "realtime.channel_occupied";
const VACATED: &str = "realtime.channel_vacated";

/// What realtime tells of a channel.
#[derive(Deserialize)]
struct Channel {
    channel: String,
    at_ms: i64,
}

/// What an event says of a person: whose channel of which kind is heard, or is not.
fn heard(event: &Event) -> Option<(&'static str, String, Hears)> {
    // Whoever may append events has a source of its own.
    if event.source != REALTIME || !matches!(event.kind.as_str(), OCCUPIED | VACATED) {
        return None;
    }
    let Channel { channel, at_ms } = event.data().ok()?;
    let (kind, person) = channel.split_once(':')?;
    let kind = [ME, ACTIVE].into_iter().find(|it| *it == kind)?;
    let person = person.parse::<PersonId>().ok()?.to_string();
    Some((kind, person, if event.kind == OCCUPIED { Hears::Yes } else { Hears::NotSince(at_ms) }))
}

/// Says that others see something else of a person now.
async fn say(ctx: &Ctx, tx: &mut Tx, person: &str, known: Seen) -> Result<(), AppendError> {
    let changed =
        StatusChanged { by: person.to_owned(), status: known.status(), away: known.away, shows_last_seen: known.shows };
    let event = NewEvent::of("/chat", &changed).subject(Some(person.to_owned()));
    ctx.events.append(tx, &ctx.events.check(event)?).await.map(drop)
}

/// The stream that follows realtime. Doing it again changes nothing.
pub(crate) async fn follow(ctx: Ctx, batch: Vec<Event>) -> Result<(), String> {
    let mut people: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (kind, person, hears) in batch.iter().filter_map(heard) {
        people.entry(person).or_default().push((kind, hears));
    }
    if people.is_empty() {
        return Ok(());
    }
    let ours = ctx.clone();
    let write = async move |tx: &mut Tx| {
        for (person, heard) in people {
            let before = store::known_of(tx, &person).await?;
            // Whoever comes hears one of its channels before the other: what counts is what there is at the end.
            let mut known = before;
            for (kind, hears) in heard {
                if kind == ME { known.open(hears) } else { known.act(hears) }
            }
            if known != before {
                store::keep_known(tx, &person, known).await?;
            }
            if known.status() != before.status() {
                say(&ours, tx, &person, known).await?;
            }
        }
        Ok::<_, AppendError>(())
    };
    ctx.store.write(write).await.map_err(|error| kernel::problem::chain(&error))
}

/// A person says that it is away, or not, and whether others are shown when it was last seen.
pub(crate) async fn want(
    ctx: &Ctx,
    tx: &mut Tx,
    person: &str,
    (away, shows): (Option<bool>, Option<bool>),
) -> Result<(), Refused> {
    let before = store::known_of(tx, person).await?;
    let mut known = before;
    (known.away, known.shows) = (away.unwrap_or(before.away), shows.unwrap_or(before.shows));
    if known != before {
        store::keep_known(tx, person, known).await?;
        say(ctx, tx, person, known).await?;
    }
    Ok(())
}

/// Where people of a room are now.
#[derive(Serialize)]
struct There<'a> {
    whereabouts: &'a [Whereabouts],
}

/// The stream that tells people's rooms where they are now, beside who is writing there: the last spoken in of each, so many at most; in
/// others it is read with the members. A room is told once of all who came or went meanwhile.
pub(crate) async fn tell(ctx: Ctx, batch: Vec<Event>) -> Result<(), String> {
    let mut people = BTreeSet::new();
    for event in batch.iter().filter(|event| event.kind == StatusChanged::TYPE) {
        people.insert(event.read::<StatusChanged>().map_err(|error| error.to_string())?.by);
    }
    let shown = people::whereabouts(&ctx, people.into_iter().collect()).await;
    let mut rooms: BTreeMap<String, Vec<Whereabouts>> = BTreeMap::new();
    for it in shown.map_err(|error| kernel::problem::chain(&error))? {
        let person = it.person.clone();
        let read = async move |tx: &mut Tx| store::newest_rooms(tx, &person, limits::CHAT_STATUS_ROOMS).await;
        let found: Result<Vec<String>, StoreError> = ctx.store.read(read).await;
        for room in found.map_err(|error| kernel::problem::chain(&error))? {
            rooms.entry(room).or_default().push(it.clone());
        }
    }
    for (room, whereabouts) in &rooms {
        let told = ctx.hub.publish(&format!("{TYPING}:{room}"), &There { whereabouts }).await;
        told.map_err(|error| kernel::problem::chain(&error))?;
    }
    Ok(())
}
