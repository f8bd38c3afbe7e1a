//! Stations managed: made, described, shut, opened by tokens, deleted. And the sign-in of a page to a private one.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use events::{AppendError, NewEvent};
use identity::Admin;
use kernel::{Problem, ProblemResult, Secret, limits};
use realtime::Caller;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NO_STORE, NoStore, Radio, station};
use crate::doors::{COOKIE, door};
use crate::reactions::{StationChanged, What};
use crate::store::{self, Change, Changed, Station, Token};

const STATIONS: usize = 200;
const NAME_CHARS: usize = 100;
const DESCRIPTION_CHARS: usize = 500;
const KEEP_DAYS: u32 = 3_650;
/// A page's sign-in to a private station lasts as long, seconds: 30 days.
const SESSION_S: u32 = 2_592_000;
/// A token, random bytes.
const TOKEN_BYTES: usize = 24;

pub(super) fn routes() -> OpenApiRouter<Radio> {
    OpenApiRouter::new()
        .routes(routes!(stations, make))
        .routes(routes!(alter, remove))
        .routes(routes!(tokens, give))
        .routes(routes!(take_back))
        .routes(routes!(enter, leave))
}

#[derive(Serialize, ToSchema)]
struct Stations {
    items: Vec<Station>,
}

fn with_listeners(radio: &Radio, mut station: Station) -> Station {
    (station.listening, station.on_air) = radio.listening(&station.station);
    station.listeners = station.listening.all();
    station
}

fn unknown() -> Problem {
    Problem::not_found("There is no station of this name.")
}

/// Every station, the last heard first. Names of repositories are not for everybody.
#[utoipa::path(get, path = "/api/v1/radio/stations", tag = "radio",
    responses((status = 200, body = Stations), (status = 401)))]
async fn stations(_: Admin, State(radio): State<Radio>) -> ProblemResult<Json<Stations>> {
    let now_ms = radio.ctx.clock.now_ms();
    let stations = radio.ctx.store.read(async move |tx| store::stations(tx, now_ms, STATIONS).await).await;
    let items = stations.map_err(|error: ::store::StoreError| Problem::from(error))?;
    Ok(Json(Stations { items: items.into_iter().map(|station| with_listeners(&radio, station)).collect() }))
}

/// A station to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewStation)]
struct New {
    /// `owner/repo`.
    station: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    private: Option<bool>,
    #[serde(default)]
    keep_days: Option<u32>,
}

/// Makes a station before its first event, to describe it or to shut it in time.
#[utoipa::path(post, path = "/api/v1/radio/stations", tag = "radio", request_body = New,
    responses((status = 201, body = Station), (status = 400), (status = 401), (status = 403), (status = 409),
        (status = 415), (status = 422), (status = 503)))]
async fn make(
    _: Admin,
    State(radio): State<Radio>,
    Json(new): Json<New>,
) -> ProblemResult<(StatusCode, Json<Station>)> {
    let New { station: name, name: title, description, private, keep_days } = new;
    let Some((owner, repo)) = name.split_once('/') else {
        return Err(Problem::bad_request("bad_station", "A station is owner/repo.").field("station", "owner/repo"));
    };
    let place = station((owner.to_owned(), repo.to_owned()))?;
    let change = checked(Change { name: title, description, private, keep_days })?;
    let made = commit(&radio, place.clone(), What::Created, async move |tx, place: &str| {
        let made = store::create(tx, place, &name, limits::RADIO_STATIONS).await?;
        if made == Changed::Done {
            store::change(tx, place, &change).await?;
        }
        Ok((made, made == Changed::Done))
    })
    .await?;
    match made {
        Changed::Exists => Err(Problem::conflict("station_exists", "There is a station of this name.")),
        Changed::Full => Err(Problem::unavailable(3_600, "as many stations as there may be")),
        Changed::Done => Ok((StatusCode::CREATED, Json(read(&radio, place).await?))),
    }
}

/// Changes what is given, and leaves the rest.
#[utoipa::path(patch, path = "/api/v1/radio/stations/{owner}/{repo}", tag = "radio", request_body = Change,
    params(("owner" = String, Path), ("repo" = String, Path)),
    responses((status = 200, body = Station), (status = 400), (status = 401), (status = 403), (status = 404), (status = 415), (status = 422)))]
async fn alter(
    _: Admin,
    State(radio): State<Radio>,
    Path(place): Path<(String, String)>,
    Json(change): Json<Change>,
) -> ProblemResult<Json<Station>> {
    let (place, change) = (station(place)?, checked(change)?);
    let known = commit(&radio, place.clone(), What::Changed, async move |tx, place: &str| {
        let known = store::change(tx, place, &change).await?;
        Ok((known, known))
    })
    .await?;
    if !known {
        return Err(unknown());
    }
    read(&radio, place).await.map(Json)
}

/// Deletes a station with its phrases and tokens. The next event of its repository begins it anew.
#[utoipa::path(delete, path = "/api/v1/radio/stations/{owner}/{repo}", tag = "radio",
    params(("owner" = String, Path), ("repo" = String, Path)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404)))]
async fn remove(
    _: Admin,
    State(radio): State<Radio>,
    Path(place): Path<(String, String)>,
) -> ProblemResult<StatusCode> {
    let known = commit(&radio, station(place)?, What::Deleted, async move |tx, place: &str| {
        let known = store::delete(tx, place).await?;
        Ok((known, known))
    })
    .await?;
    if known { Ok(StatusCode::NO_CONTENT) } else { Err(unknown()) }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ListenerTokens)]
struct Tokens {
    items: Vec<Token>,
}

/// The listener tokens of a station, without what they are.
#[utoipa::path(get, path = "/api/v1/radio/stations/{owner}/{repo}/tokens", tag = "radio",
    params(("owner" = String, Path), ("repo" = String, Path)),
    responses((status = 200, body = Tokens), (status = 400), (status = 401), (status = 404)))]
async fn tokens(
    _: Admin,
    State(radio): State<Radio>,
    Path(place): Path<(String, String)>,
) -> ProblemResult<Json<Tokens>> {
    let place = station(place)?;
    let found = radio
        .ctx
        .store
        .read(async move |tx| {
            let known = store::station(tx, &place).await?.is_some();
            Ok::<_, ::store::StoreError>((known, store::tokens(tx, &place).await?))
        })
        .await?;
    if found.0 { Ok(Json(Tokens { items: found.1 })) } else { Err(unknown()) }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewListenerToken)]
struct NewToken {
    /// Who it is for, at most 100 characters.
    name: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = GivenListenerToken)]
struct Given {
    #[serde(flatten)]
    token: Token,
    /// The token itself. It is shown this once.
    secret: String,
}

/// Makes a listener token.
#[utoipa::path(post, path = "/api/v1/radio/stations/{owner}/{repo}/tokens", tag = "radio", request_body = NewToken,
    params(("owner" = String, Path), ("repo" = String, Path)),
    responses((status = 201, body = Given), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409),
        (status = 415), (status = 422)))]
async fn give(
    _: Admin,
    State(radio): State<Radio>,
    Path(place): Path<(String, String)>,
    Json(NewToken { name }): Json<NewToken>,
) -> ProblemResult<(StatusCode, NoStore, Json<Given>)> {
    let (place, name) = (station(place)?, name.trim().to_owned());
    if name.is_empty() || name.chars().count() > NAME_CHARS {
        return Err(bad("name", "1 to 100 characters"));
    }
    let (id, secret) = (radio.ctx.entropy.token(8), Secret::new(radio.ctx.entropy.token(TOKEN_BYTES)));
    let token = Token { id, name, created_at_ms: radio.ctx.clock.now_ms() };
    let (new, hidden) = (token.clone(), secret.clone());
    let added = commit(&radio, place, What::TokenCreated, async move |tx, place: &str| {
        if store::station(tx, place).await?.is_none() {
            return Ok((None, false));
        }
        let added = store::add_token(tx, place, &new, &hidden, limits::RADIO_TOKENS).await?;
        Ok((Some(added), added))
    })
    .await?;
    match added {
        None => Err(unknown()),
        Some(false) => {
            Err(Problem::conflict("too_many_tokens", "A station has at most 100 tokens: take one back first."))
        }
        Some(true) => Ok((StatusCode::CREATED, NO_STORE, Json(Given { token, secret: secret.expose().to_owned() }))),
    }
}

/// Takes a listener token back: whoever listens with it is turned out within a second.
#[utoipa::path(delete, path = "/api/v1/radio/stations/{owner}/{repo}/tokens/{id}", tag = "radio",
    params(("owner" = String, Path), ("repo" = String, Path), ("id" = String, Path)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404)))]
async fn take_back(
    _: Admin,
    State(radio): State<Radio>,
    Path((owner, repo, id)): Path<(String, String, String)>,
) -> ProblemResult<StatusCode> {
    let known = commit(&radio, station((owner, repo))?, What::TokenRevoked, async move |tx, place: &str| {
        let known = store::revoke_token(tx, place, &id).await?;
        Ok((known, known))
    })
    .await?;
    if known { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("There is no such token.")) }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ListenerSession)]
struct Enter {
    /// A listener token of the station.
    token: String,
}

/// Keeps a listener token in a cookie for the addresses of this station, for pages and players in a browser. What does not
/// open the station is refused, and so is every token of a station that is open or is not there.
#[utoipa::path(post, path = "/radio/{owner}/{repo}/session", tag = "radio", request_body = Enter,
    params(("owner" = String, Path), ("repo" = String, Path)),
    responses((status = 204), (status = 400), (status = 401), (status = 415), (status = 422)))]
async fn enter(
    State(radio): State<Radio>,
    Path(place): Path<(String, String)>,
    headers: HeaderMap,
    Json(Enter { token }): Json<Enter>,
) -> ProblemResult<Response> {
    let path = format!("/radio/{}/{}", place.0, place.1);
    let place = station(place)?;
    // As far as a cookie takes it: ours are hexadecimal.
    let sane = !token.is_empty() && token.len() <= 200 && token.bytes().all(|b| b.is_ascii_alphanumeric());
    let caller = Caller::default().showing(&token);
    let opens = sane && door(&radio.ctx.store, &place, &caller).await?.station().is_some_and(|station| station.private);
    if !opens {
        return Err(Problem::unauthorized("This token opens no station here."));
    }
    cookie(&path, &token, SESSION_S, &headers)
}

/// Forgets the token in the cookie.
#[utoipa::path(delete, path = "/radio/{owner}/{repo}/session", tag = "radio",
    params(("owner" = String, Path), ("repo" = String, Path)), responses((status = 204), (status = 400)))]
async fn leave(Path(place): Path<(String, String)>, headers: HeaderMap) -> ProblemResult<Response> {
    let path = format!("/radio/{}/{}", place.0, place.1);
    station(place)?;
    cookie(&path, "", 0, &headers)
}

fn cookie(path: &str, token: &str, max_age_s: u32, headers: &HeaderMap) -> ProblemResult<Response> {
    let secure = if identity::is_https(headers) { "; Secure" } else { "" };
    let text = format!("{COOKIE}={token}; Path={path}; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
    let value = HeaderValue::from_str(&text).map_err(Problem::internal)?;
    Ok((StatusCode::NO_CONTENT, NO_STORE, [(header::SET_COOKIE, value)]).into_response())
}

fn bad(field: &'static str, must: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_field", "A field is not as it must be.").field(field, must)
}

fn checked(mut change: Change) -> ProblemResult<Change> {
    for (field, text, most, must) in [
        ("name", &mut change.name, NAME_CHARS, "at most 100 characters"),
        ("description", &mut change.description, DESCRIPTION_CHARS, "at most 500 characters"),
    ] {
        let Some(text) = text else { continue };
        *text = text.trim().to_owned();
        if text.chars().count() > most || text.chars().any(char::is_control) {
            return Err(bad(field, must));
        }
    }
    match change.keep_days {
        Some(days) if days > KEEP_DAYS => Err(bad("keep_days", "0 to 3,650")),
        _ => Ok(change),
    }
}

async fn read(radio: &Radio, place: String) -> ProblemResult<Station> {
    let station = radio.ctx.store.read(async move |tx| store::station(tx, &place).await).await;
    let station = station.map_err(|error: ::store::StoreError| Problem::from(error))?;
    station.map(|station| with_listeners(radio, station)).ok_or_else(unknown)
}

/// Makes a change, and says so in the log in the same transaction where there was one: doors are looked at in reaction.
async fn commit<T: Send + 'static>(
    radio: &Radio,
    place: String,
    what: What,
    change: impl AsyncFnOnce(&mut ::store::Tx, &str) -> Result<(T, bool), ::store::StoreError> + Send + 'static,
) -> ProblemResult<T> {
    let changed = StationChanged { station: place.clone(), what };
    let event = NewEvent::of("/radio", &changed).subject(Some(place.clone()));
    let event = radio.ctx.events.check(event)?;
    let events = radio.ctx.events.clone();
    let done = radio.ctx.store.write(async move |tx| {
        let (answer, changed) = change(tx, &place).await?;
        if changed {
            events.append(tx, &event).await?;
        }
        Ok::<_, AppendError>(answer)
    });
    Ok(done.await?)
}
