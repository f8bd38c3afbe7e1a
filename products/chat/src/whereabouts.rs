//! Who is online, away or gone: what realtime tells of the people's own channels, and what they say themselves. Whoever hears `chat_me`
//! has the chat open; whoever hears `chat_active` does something there. Both are told once for all of a person's pages and processes, also
//! where a process was killed, so nobody counts here.

use std::collections::{BTreeMap, BTreeSet};

use ::store::{StoreError, Tx};
use events::{AppendError, Condition, Event, EventType, Filter, NewEvent, Stream};
use host::Ctx;
use kernel::{PersonId, limits};
use serde::{Deserialize, Serialize};

use crate::facts::StatusChanged;
use crate::people;
use crate::refusal::Refused;
use crate::rights::{ACTIVE, ME, TYPING};
use crate::store::{self, Hears, Seen, Whereabouts};
use crate::streams;

/// Who tells of channels.
const REALTIME: &str = "/realtime";
const OCCUPIED: &str = "realtime.channel_occupied";
const VACATED: &str = "realtime.channel_vacated";

// Of everybody in a batch it is asked at once who was deleted.
const _: () = assert!(limits::STREAM_BATCH <= limits::PAGE);

/// What realtime tells of a channel.
#[derive(Deserialize)]
struct Channel {
    channel: String,
    at_ms: i64,
}

/// The stream of what realtime tells of people's own channels, and of nothing else that it tells.
pub(crate) fn heard_of(name: &'static str) -> Stream {
    let begins = |kind: &str| Condition::Prefix(BTreeMap::from([("subject".to_owned(), format!("{kind}:"))]));
    let realtime = Condition::Exact(BTreeMap::from([("source".to_owned(), REALTIME.into())]));
    let own = Condition::Any(vec![begins(ME), begins(ACTIVE)]);
    let heard = Condition::All(vec![realtime, streams::one_of(&[OCCUPIED, VACATED]), own]);
    Stream::new(name, Filter("realtime.*")).when(heard)
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

/// The stream that follows realtime: one reading and one writing for all people of a batch. Doing it again changes nothing, and what is older
/// than what is known changes nothing, in whatever order it comes.
pub(crate) async fn follow(ctx: Ctx, batch: Vec<Event>) -> Result<(), String> {
    let mut heard_of: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for event in &batch {
        if let Some((kind, person, hears)) = heard(event) {
            heard_of.entry(person).or_default().push((kind, hears, event.position));
        }
    }
    if heard_of.is_empty() {
        return Ok(());
    }
    let ours = ctx.clone();
    let write = async move |tx: &mut Tx| {
        // Their pages close after they were deleted, and what was kept for them is gone by then.
        for person in people::deleted(&ours, tx, heard_of.keys()).await? {
            heard_of.remove(&person);
        }
        let ids: Vec<&String> = heard_of.keys().collect();
        let known = store::known_of_all(tx, &ids).await?;
        let (mut changed, mut moved) = (Vec::new(), Vec::new());
        for (person, heard) in heard_of {
            let before = known.get(&person).copied().unwrap_or_default();
            // Whoever comes hears one of its channels before the other: what counts is what there is at the end.
            let mut known = before;
            for (kind, hears, position) in heard {
                if kind == ME { known.open(hears, position) } else { known.act(hears, position) }
            }
            if known.status() != before.status() {
                moved.push((person.clone(), known));
            }
            if known != before {
                changed.push((person, known));
            }
        }
        store::keep_heard(tx, &changed).await?;
        for (person, known) in moved {
            say(&ours, tx, &person, known).await?;
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
        store::keep_said(tx, person, known).await?;
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
    let shown = shown.map_err(|error| kernel::problem::chain(&error))?;
    let read = async move |tx: &mut Tx| {
        let mut rooms: BTreeMap<String, Vec<Whereabouts>> = BTreeMap::new();
        for it in shown {
            for room in store::newest_rooms(tx, &it.person, limits::CHAT_STATUS_ROOMS).await? {
                rooms.entry(room).or_default().push(it.clone());
            }
        }
        Ok::<_, StoreError>(rooms)
    };
    let rooms = ctx.store.read(read).await.map_err(|error| kernel::problem::chain(&error))?;
    for (room, whereabouts) in &rooms {
        let told = ctx.hub.publish(&format!("{TYPING}:{room}"), &There { whereabouts }).await;
        told.map_err(|error| kernel::problem::chain(&error))?;
    }
    Ok(())
}
