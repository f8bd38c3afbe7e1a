//! What the radio does when something is in the log.

use bytes::Bytes;
use events::{AppendError, Event, EventType, NewEvent};
use host::Ctx;
use jobs::{Failure, Run};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{self, Heard, Phrase, Surroundings};
use crate::schedule::{self, Slot};
use crate::store;
use crate::synth::{self, Sound};

/// `radio.phrase`: a station played a phrase.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Phrased {
    /// `owner/repo`, lower case.
    pub(crate) station: String,
    /// The phrase's number in its station.
    pub(crate) n: u64,
    /// Its mood.
    pub(crate) mood: model::Mood,
    /// 0 to 1.
    pub(crate) intensity: f64,
    /// What happened, for people.
    pub(crate) title: String,
}

impl EventType for Phrased {
    const TYPE: &'static str = "radio.phrase";
}

/// A GitHub event becomes a phrase, or silence. The phrase, its event and the job's end commit together: once.
pub(crate) async fn compose(ctx: Ctx, event: Event, run: Run) -> Result<(), Failure> {
    let payload: Value = event.data().map_err(|error| Failure::Discard(error.to_string()))?;
    let kind = event.kind.strip_prefix("github.").unwrap_or(&event.kind);
    let (Some(heard), Some((station, name))) = (model::hear(kind, &payload), model::station_of(&payload)) else {
        return Ok(());
    };
    drop(payload);
    let store = ctx.store.clone();
    store.write(async move |tx| play(&ctx, tx, &event, &heard, station, &name, &run).await).await
}

async fn play(
    ctx: &Ctx,
    tx: &mut ::store::Tx,
    event: &Event,
    heard: &Heard,
    station: String,
    name: &str,
    run: &Run,
) -> Result<(), Failure> {
    let actor = heard.actor.as_deref();
    let Some(memory) = store::remember(tx, &station, &event.id, actor, event.time_ms).await? else {
        return run.complete(tx).await;
    };
    let commits = model::commits(heard);
    let surroundings = Surroundings {
        delivery_id: event.id.clone(),
        station,
        n: u64::try_from(memory.last + 1).unwrap_or_default(),
        at_ms: event.time_ms,
        trace: event.trace.clone(),
        commits_last_hour: u32::try_from(memory.commits).unwrap_or(u32::MAX).saturating_add(commits),
        known_author: memory.known_author,
    };
    let phrase = model::compose(heard, &surroundings);
    let json = serde_json::to_string(&phrase).map_err(|error| Failure::Discard(error.to_string()))?;
    let slot = place(tx, &phrase, ctx.clock.now_ms()).await?;
    store::keep(tx, name, &phrase, commits, &json, slot).await?;
    let phrased = Phrased {
        station: phrase.station.clone(),
        n: phrase.n,
        mood: phrase.mood,
        intensity: phrase.intensity,
        title: phrase.event.title.clone(),
    };
    let new = NewEvent::of("/radio", &phrased)
        // With the delivery: a station that was deleted counts from 1 again.
        .id(format!("{}/{}/{}", phrase.station, phrase.n, phrase.id))
        .subject(Some(phrase.station.clone()))
        .trace(event.trace.clone());
    let checked = ctx.events.check(new).map_err(refused)?;
    ctx.events.append(tx, &checked).await.map_err(refused)?;
    run.complete(tx).await
}

/// When the phrase sounds on the air. As in a browser, what comes late is history: seen, not heard.
async fn place(tx: &mut ::store::Tx, phrase: &Phrase, now_ms: i64) -> Result<Option<Slot>, ::store::StoreError> {
    let sound = Sound::standard();
    if now_ms - phrase.at_ms > sound.air.history_ms {
        return Ok(None);
    }
    let sounding = store::sounding(tx, &phrase.station, now_ms).await?;
    let Some(at_ms) = schedule::next_start(sound.air, now_ms, &sounding) else { return Ok(None) };
    let (music_ms, sound_ms) = synth::lengths_ms(&sound, phrase);
    Ok(Some(Slot { at_ms, music_ends_ms: at_ms + music_ms, ends_ms: at_ms + sound_ms, bpm: phrase.tempo.bpm }))
}

fn refused(error: AppendError) -> Failure {
    match error {
        AppendError::Store(error) => error.into(),
        other => Failure::Discard(kernel::problem::chain(&other)),
    }
}

/// `radio.station`: a station was made, changed or deleted, or who may listen to it.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct StationChanged {
    /// `owner/repo`, lower case.
    pub(crate) station: String,
    /// What was done.
    pub(crate) what: What,
}

/// What was done to a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// It is there before its first event.
    Created,
    /// Its name, description, retention or privacy.
    Changed,
    /// With its phrases.
    Deleted,
    /// A listener token was made.
    TokenCreated,
    /// A listener token was taken back.
    TokenRevoked,
}

impl EventType for StationChanged {
    const TYPE: &'static str = "radio.station";
}

/// Rights have changed: whoever listens without one is turned out, from the socket and from the air.
pub(crate) async fn doors(ctx: Ctx, batch: Vec<Event>) -> Result<(), String> {
    for event in batch {
        let StationChanged { station, what } = event.data().map_err(|error| error.to_string())?;
        let channel = format!("radio:{station}");
        if what == What::Deleted {
            ctx.hub.reread_everywhere(&channel).await.map_err(|error| error.to_string())?;
        }
        ctx.hub.recheck_everywhere(&channel).await;
    }
    Ok(())
}

/// Phrases go on air in the order of the log. Publishing one again does nothing: its number is its offset.
pub(crate) async fn air(ctx: Ctx, batch: Vec<Event>) -> Result<(), String> {
    for event in batch {
        let Phrased { station, n, .. } = event.data().map_err(|error| error.to_string())?;
        let (name, number) = (station.clone(), i64::try_from(n).unwrap_or_default());
        let found = ctx.store.read(async move |tx| store::phrase(tx, &name, number).await).await;
        let Some(phrase) = found.map_err(|error: ::store::StoreError| kernel::problem::chain(&error))? else {
            continue;
        };
        let trace_id = event.trace.as_deref().unwrap_or_default();
        let published = ctx.hub.publish_at(&format!("radio:{station}"), n, Bytes::from(phrase)).await;
        published.map_err(|error| kernel::problem::chain(&error))?;
        let delay_ms = ctx.clock.now_ms() - event.time_ms;
        metrics::histogram!("radio_air_seconds").record(delay_ms.max(0) as f64 / 1000.0);
        tracing::info!(trace_id, station, n, "on air");
    }
    Ok(())
}
