//! The station as sound: live streams, recordings of the past, and what a time-lapse plays.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use kernel::{Problem, ProblemResult, limits};
use realtime::Caller;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NO_STORE, NoStore, Radio, station};
use crate::air::{Format, Range, Refused};
use crate::doors::{Listener, door};
use crate::model::{self, Phrase};
use crate::store::{self, Station};

const DAY_MS: i64 = 86_400_000;
const BUSY_S: u32 = 30;

pub(super) fn routes() -> OpenApiRouter<Radio> {
    OpenApiRouter::new().routes(routes!(stream)).routes(routes!(recording)).routes(routes!(day))
}

fn nothing_here() -> Problem {
    Problem::not_found("There is no station of this name on the air.")
}

/// The station, where there is one that opens to this caller. What is shut is not there.
async fn open(radio: &Radio, place: (String, String), caller: &Caller) -> ProblemResult<Station> {
    let station = station(place)?;
    door(&radio.ctx.store, &station, caller).await?.station().ok_or_else(nothing_here)
}

/// The station as an endless stream of sound, for any player: `stream.mp3` (192 kbit/s), `stream.ogg` (Opus, 128 kbit/s)
/// or `stream.wav`. It begins with the last two seconds, so that players start at once.
#[utoipa::path(get, path = "/radio/{owner}/{repo}/stream.{format}", tag = "radio",
    params(("owner" = String, Path), ("repo" = String, Path), ("format" = String, Path, description = "mp3, ogg or wav"),
        TokenParams),
    responses((status = 200, content_type = "audio/mpeg", body = Vec<u8>, description = "also audio/ogg and audio/wav"),
        (status = 400), (status = 404, description = "no such station or format"),
        (status = 503, description = "as many listen as may")))]
async fn stream(
    State(radio): State<Radio>,
    Path((owner, repo, ending)): Path<(String, String, String)>,
    Listener(caller): Listener,
    method: Method,
) -> ProblemResult<Response> {
    let Some(format) = Format::named(&ending) else {
        let detail = "A station is on the air as stream.mp3, stream.ogg and stream.wav.";
        return Err(Problem::new(StatusCode::NOT_FOUND, "unknown_format", detail));
    };
    let station = open(&radio, (owner, repo), &caller).await?;
    let body = if method == Method::HEAD {
        // Not the empty body, which would say that the stream has no length but zero.
        Body::from_stream(stream::empty::<Result<bytes::Bytes, std::convert::Infallible>>())
    } else {
        radio.air.tune_in(&station, format, &caller).await?.into_body()
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, format.content_type());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
    // A proxy that collects an answer before it passes it on would wait for ever.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    // Players show it. Names of people's making may hold letters that a header cannot.
    let ascii: String = station.name.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
    if let Ok(name) = HeaderValue::from_str(&ascii) {
        headers.insert(HeaderName::from_static("icy-name"), name);
    }
    Ok(response)
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Self::unavailable(BUSY_S, refused),
            Refused::Realtime(refused) => refused.into(),
            Refused::Encode(error) => Self::internal(error),
        }
    }
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the extractor `Listener`; here for the reference")]
struct TokenParams {
    /// A private station's listener token; `Authorization: Bearer` or the page's cookie say the same.
    token: Option<String>,
}

#[derive(Deserialize, IntoParams)]
struct RecordingParams {
    /// The first moment, Unix milliseconds.
    from: i64,
    /// The moment after the last, Unix milliseconds: at most an hour later, and not in the future.
    to: i64,
    /// A private station's listener token.
    #[expect(dead_code, reason = "read by the extractor `Listener`")]
    token: Option<String>,
}

/// A stretch of the past as it was on the air, as WAV.
#[utoipa::path(get, path = "/radio/{owner}/{repo}/recording.wav", tag = "radio",
    params(("owner" = String, Path), ("repo" = String, Path), RecordingParams),
    responses((status = 200, content_type = "audio/wav", body = Vec<u8>), (status = 400), (status = 404),
        (status = 422, description = "a range that cannot be recorded"), (status = 503, description = "busy with others")))]
async fn recording(
    State(radio): State<Radio>,
    Path(place): Path<(String, String)>,
    Query(params): Query<RecordingParams>,
    Listener(caller): Listener,
    method: Method,
) -> ProblemResult<Response> {
    let station = open(&radio, place, &caller).await?;
    let range = Range::new(params.from, params.to, radio.ctx.clock.now_ms()).map_err(|bad| {
        let detail = "A recording is a stretch of the past of at most an hour: `from` and `to` in Unix milliseconds.";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_range", detail).field(bad.0, bad.1)
    })?;
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        let busy = || Problem::unavailable(BUSY_S, "as many recordings are made as there may be at one time");
        radio.air.record(&station, range).ok_or_else(busy)?.into_body()
    };
    let name = format!("{}-{}.wav", station.station.replace('/', "-"), range.from_ms / 1000);
    let fixed = [
        (header::CONTENT_TYPE, "audio/wav".to_owned()),
        (header::CONTENT_LENGTH, range.bytes().to_string()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::ACCEPT_RANGES, "none".to_owned()),
        (header::CONTENT_DISPOSITION, format!("inline; filename=\"{name}\"")),
    ];
    Ok((fixed, body).into_response())
}

#[derive(Serialize, ToSchema)]
#[schema(as = RadioDay)]
struct Day {
    v: u32,
    station: String,
    from_ms: i64,
    to_ms: i64,
    /// Phrases of the day; of more than 120, that many are chosen evenly.
    total: i64,
    /// Oldest first.
    #[schema(value_type = Vec<Phrase>)]
    phrases: Vec<Box<RawValue>>,
}

/// The last 24 hours for a time-lapse: at most 120 phrases.
#[utoipa::path(get, path = "/radio/{owner}/{repo}/day", tag = "radio",
    params(("owner" = String, Path), ("repo" = String, Path), TokenParams),
    responses((status = 200, body = Day), (status = 400), (status = 404)))]
async fn day(
    State(radio): State<Radio>,
    Path(place): Path<(String, String)>,
    Listener(caller): Listener,
) -> ProblemResult<(NoStore, Json<Day>)> {
    let Station { station, .. } = open(&radio, place, &caller).await?;
    let to_ms = radio.ctx.clock.now_ms();
    let (name, from_ms) = (station.clone(), to_ms - DAY_MS);
    let read = async move |tx: &mut ::store::Tx| store::day(tx, &name, from_ms, to_ms, limits::RADIO_DAY_PHRASES).await;
    let (total, phrases) =
        radio.ctx.store.read(read).await.map_err(|error: ::store::StoreError| Problem::from(error))?;
    let phrases = phrases.into_iter().filter_map(|phrase| RawValue::from_string(phrase).ok()).collect();
    Ok((NO_STORE, Json(Day { v: model::PHRASE_VERSION, station, from_ms, to_ms, total, phrases })))
}
