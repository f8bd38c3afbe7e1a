//! `/radio/…` for listeners, `/api/v1/radio` for people.

mod audio;
mod manage;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use host::Ctx;
use kernel::{Problem, ProblemResult, Secret};
use realtime::sse_event;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::air::OnAir;
use crate::doors::{Door, Listener, door};
use crate::model::{self, Phrase, samples, tempo_now};
use crate::store;

/// Phrases that a new listener is told of.
const PAST: usize = 20;

/// What the handlers work with.
#[derive(Clone)]
struct Radio {
    ctx: Ctx,
    air: OnAir,
}

impl Radio {
    /// Who listens to a station, by what means.
    fn listening(&self, station: &str) -> (store::Listening, Vec<&'static str>) {
        let (sockets, feeds) = self.ctx.hub.subscribers_by_kind(&format!("radio:{station}"));
        let Some((formats, audio)) = self.air.listeners(station) else {
            return (store::Listening { sockets, events: feeds, audio: 0 }, Vec::new());
        };
        // Each audio listener is present on the channel, and so is the program itself.
        let events = feeds.saturating_sub(audio + 1);
        (store::Listening { sockets, events, audio }, formats)
    }
}

pub(crate) fn routes(ctx: Ctx) -> OpenApiRouter {
    let radio = Radio { air: OnAir::new(ctx.clone()), ctx };
    OpenApiRouter::new()
        .routes(routes!(listen))
        .routes(routes!(state))
        .routes(routes!(test))
        .routes(routes!(tests))
        .merge(audio::routes())
        .merge(manage::routes())
        .with_state(radio)
}

/// The station of an address, in lower case.
fn station((owner, repo): (String, String)) -> ProblemResult<String> {
    if !model::valid_station(&owner, &repo) {
        let detail = "A station is owner/repo: letters, digits, and _ . - only.";
        return Err(Problem::bad_request("bad_station", detail));
    }
    Ok(format!("{owner}/{repo}").to_ascii_lowercase())
}

#[derive(Deserialize, IntoParams)]
struct ListenParams {
    /// The number of the last phrase that was heard; `Last-Event-ID` says the same.
    since: Option<u64>,
}

#[derive(Serialize)]
struct Hello<'a> {
    v: u32,
    station: &'a str,
    latest: u64,
}

/// The phrases of a station as they are played, by server-sent events. docs/protocol/phrase.md describes them.
#[utoipa::path(get, path = "/radio/{owner}/{repo}/events", tag = "radio",
    params(("owner" = String, Path), ("repo" = String, Path), ListenParams),
    responses((status = 200, content_type = "text/event-stream", body = Phrase), (status = 400)))]
async fn listen(
    State(Radio { ctx, .. }): State<Radio>,
    Path(place): Path<(String, String)>,
    Query(params): Query<ListenParams>,
    Listener(caller): Listener,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let station = station(place)?;
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let channel = format!("radio:{station}");
    let opened = ctx.hub.open_stream(&channel, last_id.or(params.since), PAST, &caller).await?;
    let hello = Hello { v: model::PHRASE_VERSION, station: &station, latest: opened.top().offset };
    let hello = serde_json::to_vec(&hello).map_err(Problem::internal)?;
    Ok(opened.into_sse(sse_event(Some("hello"), None, &hello), |publication| {
        sse_event(Some("phrase"), Some(&publication.offset), &publication.data)
    }))
}

#[derive(Serialize, ToSchema)]
struct StationState {
    v: u32,
    station: String,
    name: String,
    /// The number of the last phrase.
    latest: i64,
    /// The last phrases, oldest first.
    #[schema(value_type = Vec<Phrase>)]
    phrases: Vec<Box<RawValue>>,
    commits_last_hour: u32,
    /// The tempo before a mood changes it.
    bpm: u32,
    /// By whatever means.
    listeners: usize,
    /// What its owner says of it; empty when nothing.
    description: String,
    /// Only for those who have a listener token.
    private: bool,
    /// Of a private station: the token that this request brought, for the realtime channel's subscription. A page that
    /// signed in by cookie cannot read it otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_token: Option<String>,
}

/// A station as it is now, with its recent past.
#[utoipa::path(get, path = "/radio/{owner}/{repo}/state", tag = "radio",
    params(("owner" = String, Path), ("repo" = String, Path)), responses((status = 200, body = StationState), (status = 400)))]
async fn state(
    State(radio): State<Radio>,
    Path(place): Path<(String, String)>,
    Listener(caller): Listener,
) -> ProblemResult<(NoStore, Json<StationState>)> {
    let station = station(place)?;
    let empty = StationState {
        v: model::PHRASE_VERSION,
        name: station.clone(),
        station,
        latest: 0,
        phrases: Vec::new(),
        commits_last_hour: 0,
        bpm: tempo_now(0),
        listeners: 0,
        description: String::new(),
        private: false,
        channel_token: None,
    };
    // A shut door looks like an empty place, its listeners too.
    let Some(known) = door(&radio.ctx.store, &empty.station, &caller).await?.station() else {
        return Ok((NO_STORE, Json(empty)));
    };
    let (name, now_ms) = (empty.station.clone(), radio.ctx.clock.now_ms());
    let (rows, commits) = radio
        .ctx
        .store
        .read(async move |tx| {
            let rows = store::recent(tx, &name, PAST).await?;
            Ok::<_, ::store::StoreError>((rows, store::commits_in_hour(tx, &name, now_ms).await?))
        })
        .await?;
    let commits_last_hour = u32::try_from(commits).unwrap_or(u32::MAX);
    let (listening, _) = radio.listening(&empty.station);
    let state = StationState {
        name: known.name,
        latest: rows.last().map_or(0, |(n, ..)| *n),
        phrases: rows.into_iter().filter_map(|(.., phrase)| RawValue::from_string(phrase).ok()).collect(),
        commits_last_hour,
        bpm: tempo_now(commits_last_hour),
        listeners: listening.all(),
        description: known.description,
        private: known.private,
        channel_token: caller.token.filter(|_| known.private).map(|token| Secret::expose(&token).to_owned()),
        ..empty
    };
    Ok((NO_STORE, Json(state)))
}

/// What one listener may see is for nobody else's cache.
type NoStore = [(HeaderName, HeaderValue); 1];
const NO_STORE: NoStore = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

#[derive(Deserialize, IntoParams)]
struct TestParams {
    /// The name of a test, from `/radio/events.json`.
    event: Option<String>,
}

/// A phrase without a commit: made for whoever asks, neither kept nor sent to others.
#[utoipa::path(get, path = "/radio/{owner}/{repo}/test", tag = "radio",
    params(("owner" = String, Path), ("repo" = String, Path), TestParams), responses((status = 200, body = Phrase), (status = 400)))]
async fn test(
    State(Radio { ctx, .. }): State<Radio>,
    Path(place): Path<(String, String)>,
    Query(params): Query<TestParams>,
    Listener(caller): Listener,
) -> ProblemResult<Json<Phrase>> {
    let station = station(place)?;
    let (name, now_ms) = (station.clone(), ctx.clock.now_ms());
    let commits = match door(&ctx.store, &station, &caller).await? {
        Door::Shut | Door::Nobody => 0,
        Door::Open(_) => {
            let commits = ctx.store.read(async move |tx| store::commits_in_hour(tx, &name, now_ms).await).await;
            commits.map_err(|error: ::store::StoreError| Problem::from(error))?
        }
    };
    let event = params.event.as_deref().unwrap_or("push");
    let phrase = samples::phrase(event, &station, now_ms, u32::try_from(commits).unwrap_or(u32::MAX));
    phrase
        .map(Json)
        .ok_or_else(|| Problem::bad_request("no_such_test", "The names of the tests are at /radio/events.json."))
}

#[derive(Serialize, ToSchema)]
struct Tests {
    tests: Vec<Test>,
}

#[derive(Serialize, ToSchema)]
struct Test {
    event: &'static str,
    label: &'static str,
    mood: model::Mood,
}

/// The test phrases there are.
#[utoipa::path(get, path = "/radio/events.json", tag = "radio", responses((status = 200, body = Tests)))]
async fn tests() -> Json<Tests> {
    let one = |sample: &samples::Sample| Test { event: sample.name, label: sample.label, mood: sample.mood };
    Json(Tests { tests: samples::ALL.iter().map(one).collect() })
}
