//! `/radio/…` for listeners, `/api/v1/radio` for people.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use host::Ctx;
use identity::Admin;
use kernel::{Problem, ProblemResult};
use realtime::{Caller, sse_event};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::model::{self, Phrase, samples, tempo_now};
use crate::store;

/// Phrases that a new listener is told of.
const PAST: usize = 20;
const STATIONS: usize = 200;

pub(crate) fn routes(ctx: Ctx) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(listen))
        .routes(routes!(state))
        .routes(routes!(test))
        .routes(routes!(tests))
        .routes(routes!(stations))
        .with_state(ctx)
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
    State(ctx): State<Ctx>,
    Path(place): Path<(String, String)>,
    Query(params): Query<ListenParams>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let station = station(place)?;
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let channel = format!("radio:{station}");
    let opened = ctx.hub.open_stream(&channel, last_id.or(params.since), PAST, &Caller::default()).await?;
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
    listeners: usize,
}

/// A station as it is now, with its recent past.
#[utoipa::path(get, path = "/radio/{owner}/{repo}/state", tag = "radio",
    params(("owner" = String, Path), ("repo" = String, Path)), responses((status = 200, body = StationState), (status = 400)))]
async fn state(State(ctx): State<Ctx>, Path(place): Path<(String, String)>) -> ProblemResult<Json<StationState>> {
    let station = station(place)?;
    let (name, now_ms) = (station.clone(), ctx.clock.now_ms());
    let (known, rows, commits) = ctx
        .store
        .read(async move |tx| {
            let known = store::station(tx, &name).await?;
            let rows = store::recent(tx, &name, PAST).await?;
            Ok::<_, ::store::StoreError>((known, rows, store::commits_in_hour(tx, &name, now_ms).await?))
        })
        .await?;
    let commits_last_hour = u32::try_from(commits).unwrap_or(u32::MAX);
    Ok(Json(StationState {
        v: model::PHRASE_VERSION,
        name: known.map_or_else(|| station.clone(), |station| station.name),
        latest: rows.last().map_or(0, |(n, ..)| *n),
        phrases: rows.into_iter().filter_map(|(.., phrase)| RawValue::from_string(phrase).ok()).collect(),
        commits_last_hour,
        bpm: tempo_now(commits_last_hour),
        listeners: ctx.hub.subscribers(&format!("radio:{station}")),
        station,
    }))
}

#[derive(Deserialize, IntoParams)]
struct TestParams {
    /// The name of a test, from `/radio/events.json`.
    event: Option<String>,
}

/// A phrase without a commit: made for whoever asks, neither kept nor sent to others.
#[utoipa::path(get, path = "/radio/{owner}/{repo}/test", tag = "radio",
    params(("owner" = String, Path), ("repo" = String, Path), TestParams), responses((status = 200, body = Phrase), (status = 400)))]
async fn test(
    State(ctx): State<Ctx>,
    Path(place): Path<(String, String)>,
    Query(params): Query<TestParams>,
) -> ProblemResult<Json<Phrase>> {
    let station = station(place)?;
    let (name, now_ms) = (station.clone(), ctx.clock.now_ms());
    let commits = ctx.store.read(async move |tx| store::commits_in_hour(tx, &name, now_ms).await).await;
    let commits = commits.map_err(|error: ::store::StoreError| Problem::from(error))?;
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

#[derive(Serialize, ToSchema)]
struct Stations {
    items: Vec<store::Station>,
}

/// Every station, the last heard first. Names of repositories are not for everybody.
#[utoipa::path(get, path = "/api/v1/radio/stations", tag = "radio", responses((status = 200, body = Stations), (status = 401)))]
async fn stations(_: Admin, State(ctx): State<Ctx>) -> ProblemResult<Json<Stations>> {
    let now_ms = ctx.clock.now_ms();
    let stations = ctx.store.read(async move |tx| store::stations(tx, now_ms, STATIONS).await).await;
    let mut items = stations.map_err(|error: ::store::StoreError| Problem::from(error))?;
    for station in &mut items {
        station.listeners = ctx.hub.subscribers(&format!("radio:{}", station.station));
    }
    Ok(Json(Stations { items }))
}
