//! Who is online, away or gone: what realtime tells of the people's own channels, and what they say themselves. Whoever hears `chat_me`
//! has the chat open; whoever hears `chat_active` does something there. Both are told once for all of a person's pages and processes, also
//! where a process was killed, so nobody counts here.

use std::collections::{BTreeMap, BTreeSet};

use ::store::{StoreError, Tx};
use events::{AppendError, Event, EventType, NewEvent};
use host::Ctx;
use kernel::{PersonId, limits};
use serde::Deserialize;

use crate::facts::StatusChanged;
use crate::refusal::Refused;
use crate::rights::{ACTIVE, ME, TYPING};
use crate::store::{self, Hears};

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
async fn say(ctx: &Ctx, tx: &mut Tx, person: &str) -> Result<(), AppendError> {
    let known = store::known_of(tx, person).await?;
    let changed =
        StatusChanged { by: person.to_owned(), status: known.status(), away: known.away, shows_last_seen: known.shows };
    let event = NewEvent::of("/chat", &changed).subject(Some(person.to_owned()));
    ctx.events.append(tx, &ctx.events.check(event)?).await.map(drop)
}

/// The stream that follows realtime. Doing it again changes nothing.
pub(crate) async fn follow(ctx: Ctx, batch: Vec<Event>) -> Result<(), String> {
    let heard: Vec<_> = batch.iter().filter_map(heard).collect();
    if heard.is_empty() {
        return Ok(());
    }
    let ours = ctx.clone();
    let write = async move |tx: &mut Tx| {
        // Whoever comes hears one of its channels before the other: what counts is what there is at the end.
        let mut before = BTreeMap::new();
        for (kind, person, hears) in heard {
            if !before.contains_key(&person) {
                before.insert(person.clone(), store::known_of(tx, &person).await?.status());
            }
            if kind == ME {
                store::set_here(tx, &person, hears).await?;
            } else {
                store::set_active(tx, &person, matches!(hears, Hears::Yes)).await?;
            }
        }
        for (person, status) in before {
            if store::known_of(tx, &person).await?.status() != status {
                say(&ours, tx, &person).await?;
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
    let known = store::known_of(tx, person).await?;
    let (away, shows) = (away.unwrap_or(known.away), shows.unwrap_or(known.shows));
    if (away, shows) != (known.away, known.shows) {
        store::set_wanted(tx, person, away, shows).await?;
        say(ctx, tx, person).await?;
    }
    Ok(())
}

/// The stream that tells a person's rooms where it is now, beside who is writing there: the last spoken in, so many at most; in others it
/// is read with the members.
pub(crate) async fn tell(ctx: Ctx, batch: Vec<Event>) -> Result<(), String> {
    let mut people = BTreeSet::new();
    for event in batch.iter().filter(|event| event.kind == StatusChanged::TYPE) {
        people.insert(event.read::<StatusChanged>().map_err(|error| error.to_string())?.by);
    }
    for person in people {
        let read = async move |tx: &mut Tx| {
            let is = store::whereabouts(tx, std::slice::from_ref(&person)).await?;
            Ok::<_, StoreError>((is, store::newest_rooms(tx, &person, limits::CHAT_STATUS_ROOMS).await?))
        };
        let (is, rooms) = ctx.store.read(read).await.map_err(|error| kernel::problem::chain(&error))?;
        let Some(it) = is.first() else { continue };
        for room in rooms {
            let told = ctx.hub.publish(&format!("{TYPING}:{room}"), it).await;
            told.map_err(|error| kernel::problem::chain(&error))?;
        }
    }
    Ok(())
}
