//! Tokens of realtime for a backend's own clients: of a connection, and of a subscription.
//!
//! What a token is to say is read as it will be when it is shown: none is made that would be refused.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use guard::About;
use identity::people::Welcome;
use identity::tokens::Tokens;
use identity::{Identity, Key, scopes};
use kernel::{Clock, PersonId, Problem, ProblemResult, Secret, limits};
use realtime::doorman::{BadClaims, Ticketed};
use realtime::{Hub, Refused};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The longest life, and the one that is meant where none is said, seconds.
const LONGEST_S: u64 = limits::TOKEN_TTL_MS.unsigned_abs() / 1_000;
/// For how long a connection stays open at most by a token of this kind, seconds.
const LONGEST_OPEN_S: i64 = 24 * 3_600;

#[derive(Clone)]
struct Mint {
    clock: Clock,
    identity: Identity,
    hub: Hub,
}

pub(crate) fn routes(clock: Clock, identity: Identity, hub: Hub) -> OpenApiRouter {
    let mint = Mint { clock, identity, hub };
    OpenApiRouter::new().routes(routes!(connection)).routes(routes!(subscription)).with_state(mint)
}

/// Whom a token is for, and for how long.
struct ForWhom {
    /// The API key that asks.
    key: Option<i64>,
    user: String,
    issuer: Option<String>,
    ttl_s: Option<u64>,
    expire_at: Option<i64>,
}

/// A connection's token that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewConnectionToken {
    /// The id of a person; with `issuer`, the name that one's tokens have for them (`sub`).
    user: String,
    /// An issuer that the operator trusts (`iss`).
    issuer: Option<String>,
    /// For how long the token is good, seconds: 900 at most, and unless said.
    #[schema(minimum = 1, maximum = 900)]
    ttl_s: Option<u64>,
    /// Until when the connection stays open, Unix seconds: 24 hours from now at most. With the token unless said.
    #[schema(minimum = 1)]
    expire_at: Option<i64>,
    /// What the server subscribes the client to.
    #[serde(default)]
    channels: Vec<String>,
    /// The same, with terms: by channel `{ "info": …, "data": …, "override": … }`.
    #[schema(value_type = Option<Object>)]
    subs: Option<Value>,
    /// What the client may do: `[{ "channels": […], "match": "", "allow": ["sub", "pub", "prs", "hst"] }]`.
    #[schema(value_type = Option<Vec<Object>>)]
    caps: Option<Value>,
    /// What products know of the client, and nobody else.
    #[schema(value_type = Option<Object>)]
    meta: Option<Value>,
    /// What others are shown of the client.
    #[schema(value_type = Option<Object>)]
    info: Option<Value>,
}

/// A subscription's token that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSubscriptionToken {
    /// The id of a person; with `issuer`, the name that one's tokens have for them (`sub`).
    user: String,
    /// An issuer that the operator trusts (`iss`).
    issuer: Option<String>,
    /// For how long the token is good, seconds: 900 at most, and unless said.
    #[schema(minimum = 1, maximum = 900)]
    ttl_s: Option<u64>,
    /// Until when what it opens stays open, Unix seconds; 0 for as long as it likes. With the token unless said.
    #[schema(minimum = 0)]
    expire_at: Option<i64>,
    /// The one channel that it opens.
    channel: String,
    /// The one client that may show it, by its id; any of the user's unless said.
    client: Option<String>,
    /// What others are shown of the client in this channel.
    #[schema(value_type = Option<Object>)]
    info: Option<Value>,
    /// What the client is told with the subscription.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
    /// How the subscription differs from its namespace: `{ "presence": { "value": false } }`.
    #[serde(rename = "override")]
    #[schema(value_type = Option<Object>)]
    overridden: Option<Value>,
}

type Made = (StatusCode, Extension<About>, Json<RealtimeToken>);

/// A token of realtime.
#[derive(Serialize, ToSchema)]
struct RealtimeToken {
    /// The token (JWT), for the client's `connect` or `subscribe`: worth nothing anywhere else.
    token: String,
    /// Its own name (`jti`), by which an administrator takes it back: it is in the audit log.
    id: String,
    /// When it ends, Unix milliseconds: the client asks your backend for another before.
    expires_at_ms: i64,
}

/// Makes a token by which a client of yours connects to realtime as this person, and with which it can do nothing else.
#[utoipa::path(post, path = "/api/v1/realtime/connection-tokens", tag = "realtime", request_body = NewConnectionToken, responses((status = 201, body = RealtimeToken), (status = 400), (status = 401), (status = 403), (status = 404), (status = 415), (status = 422), (status = 503)))]
async fn connection(
    key: Key<scopes::RealtimeTokens>,
    State(mint): State<Mint>,
    Json(new): Json<NewConnectionToken>,
) -> ProblemResult<Made> {
    let NewConnectionToken { user, issuer, ttl_s, expire_at, channels, subs, caps, meta, info } = new;
    mint.closes_in_time(expire_at)?;
    let whom = ForWhom { key: key.id, user, issuer, ttl_s, expire_at };
    let about = told::of(&whom.user, whom.issuer.as_deref(), told::channels(&channels, subs.as_ref(), caps.as_ref()));
    mint.would_subscribe(&channels, subs.as_ref())?;
    let channels = (!channels.is_empty()).then(|| json!(channels));
    let said = [("channels", channels), ("subs", subs), ("caps", caps), ("meta", meta), ("info", info)];
    let (person, ttl, claims) = mint.claims(whom, said).await?;
    mint.check(person, ttl, &claims, |claims| realtime::Caller::of_claims(claims).map(drop))?;
    let token = mint.identity.connection_token(person, ttl, key.id, claims).await?.ok_or_else(nobody)?;
    tracing::info!(key = key.id, %person, "a token was made by which a person may connect");
    Ok(mint.made(&token, ttl, (person, about)))
}

/// Makes a token by which a client of this person subscribes to one channel.
#[utoipa::path(post, path = "/api/v1/realtime/subscription-tokens", tag = "realtime", request_body = NewSubscriptionToken, responses((status = 201, body = RealtimeToken), (status = 400), (status = 401), (status = 403), (status = 404), (status = 415), (status = 422), (status = 503)))]
async fn subscription(
    key: Key<scopes::RealtimeTokens>,
    State(mint): State<Mint>,
    Json(new): Json<NewSubscriptionToken>,
) -> ProblemResult<Made> {
    let NewSubscriptionToken { user, issuer, ttl_s, expire_at, channel, client, info, data, overridden } = new;
    let whom = ForWhom { key: key.id, user, issuer, ttl_s, expire_at };
    if !(1..=limits::CHANNEL_BYTES).contains(&channel.len()) {
        let detail = format!("A channel has a name of 1 to {} bytes.", limits::CHANNEL_BYTES);
        return Err(Problem::bad_request("channel_invalid", detail).field("/channel", "a channel"));
    }
    let about = told::of(&whom.user, whom.issuer.as_deref(), [channel.as_str()].into_iter());
    mint.hub.heeds_ticket(&channel).map_err(|why| refused(&why, &channel, "/channel"))?;
    let said = [("client", client.map(Value::from)), ("info", info), ("data", data), ("override", overridden)];
    let (person, ttl, claims) = mint.claims(whom, said).await?;
    mint.check(person, ttl, &claims, |claims| {
        let mut claims = claims.clone();
        claims["channel"] = json!(channel);
        Ticketed::of_claims(&claims).map(drop)
    })?;
    if mint.identity.welcomes(person).await? == Welcome::No {
        return Err(nobody());
    }
    let user = person.to_string();
    let token = mint.identity.subscription_token(&user, &channel, ttl, key.id, claims).await?;
    tracing::info!(key = key.id, %person, channel, "a token was made by which a person may subscribe");
    Ok(mint.made(&token, ttl, (person, about)))
}

impl Mint {
    /// For whom, for how long, and what of this is said.
    async fn claims<const N: usize>(
        &self,
        whom: ForWhom,
        said: [(&str, Option<Value>); N],
    ) -> ProblemResult<(PersonId, Duration, Map<String, Value>)> {
        let ttl_s = whom.ttl_s.unwrap_or(LONGEST_S);
        if !(1..=LONGEST_S).contains(&ttl_s) {
            let detail = format!("A token is good for 1 to {LONGEST_S} seconds: the client asks you for the next one.");
            return Err(Problem::bad_request("ttl_invalid", detail).field("/ttl_s", format!("1 to {LONGEST_S}")));
        }
        let now_s = self.clock.now_ms() / 1_000;
        if whom.expire_at.is_some_and(|at_s| at_s != 0 && at_s <= now_s) {
            let problem = Problem::bad_request("expiry_invalid", "What has ended opens nothing.");
            return Err(problem.field("/expire_at", "a time to come, Unix seconds"));
        }
        let (ttl_s, expire_at) = self.within_key(whom.key, ttl_s, whom.expire_at).await?;
        let mut claims: Map<String, Value> =
            said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        claims.extend(expire_at.map(|at_s| ("expire_at".to_owned(), json!(at_s))));
        let person = self.person(&whom.user, whom.issuer.as_deref()).await?;
        Ok((person, Duration::from_secs(ttl_s), claims))
    }

    /// Neither a token nor what it opens outlasts the key that had it made.
    async fn within_key(
        &self,
        key: Option<i64>,
        ttl_s: u64,
        expire_at: Option<i64>,
    ) -> ProblemResult<(u64, Option<i64>)> {
        let Some(key) = key else { return Ok((ttl_s, expire_at)) };
        let gone = || Problem::unauthorized("This API key is worth nothing any more.");
        let ends_ms = self.identity.key_ends(key).await?.ok_or_else(gone)?;
        if ends_ms == i64::MAX {
            return Ok((ttl_s, expire_at));
        }
        let left_s = u64::try_from((ends_ms - self.clock.now_ms()) / 1_000).unwrap_or_default();
        if left_s == 0 {
            return Err(gone());
        }
        let ends_s = ends_ms / 1_000;
        let within = |at_s: i64| if at_s == 0 { ends_s } else { at_s.min(ends_s) };
        Ok((ttl_s.min(left_s), expire_at.map(within)))
    }

    fn closes_in_time(&self, expire_at: Option<i64>) -> ProblemResult<()> {
        let last_s = self.clock.now_ms() / 1_000 + LONGEST_OPEN_S;
        if expire_at.is_none_or(|at_s| at_s != 0 && at_s <= last_s) {
            return Ok(());
        }
        let detail = "A connection stays open for 24 hours at most: its client comes again by the next token.";
        let problem = Problem::bad_request("expiry_invalid", detail);
        Err(problem.field("/expire_at", "a time within 24 hours, Unix seconds"))
    }

    async fn person(&self, user: &str, issuer: Option<&str>) -> ProblemResult<PersonId> {
        let Some(issuer) = issuer else { return user.parse().map_err(|_| nobody()) };
        if !self.identity.trusts(issuer) {
            let problem = Problem::bad_request("issuer_unknown", "Tokens of this issuer are not taken here.");
            return Err(problem.field("/issuer", "one of identity.issuers"));
        }
        self.identity.person_of(issuer, user).await?.ok_or_else(nobody)
    }

    /// Fails where whoever shows these claims would be refused for what they say.
    fn check(
        &self,
        person: PersonId,
        ttl: Duration,
        claims: &Map<String, Value>,
        read: impl FnOnce(&Value) -> Result<(), BadClaims>,
    ) -> ProblemResult<()> {
        let mut whole = Value::Object(claims.clone());
        if whole.to_string().len() > limits::TOKEN_CLAIMS_BYTES {
            let detail = format!("A token says {} bytes at most.", limits::TOKEN_CLAIMS_BYTES);
            return Err(Problem::bad_request("claims_too_long", detail));
        }
        whole["sub"] = json!(person.to_string());
        whole["exp"] = json!(self.ends_ms(ttl) / 1_000);
        read(&whole).map_err(|error| Problem::bad_request("claims_invalid", format!("No such token: {error}.")))
    }

    fn ends_ms(&self, ttl: Duration) -> i64 {
        self.clock.now_ms() + i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX)
    }

    /// Fails where the server would not subscribe whoever shows these.
    fn would_subscribe(&self, channels: &[String], subs: Option<&Value>) -> ProblemResult<()> {
        let heeds =
            |channel: &str, at: String| self.hub.heeds_claim(channel).map_err(|why| refused(&why, channel, &at));
        for (number, channel) in channels.iter().enumerate() {
            heeds(channel, format!("/channels/{number}"))?;
        }
        for channel in subs.and_then(Value::as_object).into_iter().flat_map(Map::keys) {
            heeds(channel, format!("/subs/{}", channel.replace('~', "~0").replace('/', "~1")))?;
        }
        Ok(())
    }

    /// With what the audit log is told of it.
    fn made(&self, token: &Secret, ttl: Duration, (person, about): (PersonId, String)) -> Made {
        let id = Tokens::name_of(token).unwrap_or_default();
        let about = About(format!("token {id} for {person}{about}"));
        let made = RealtimeToken { token: token.expose().to_owned(), id, expires_at_ms: self.ends_ms(ttl) };
        (StatusCode::CREATED, Extension(about), Json(made))
    }
}

fn refused(why: &Refused, channel: &str, at: &str) -> Problem {
    let shown: String = channel.chars().take(limits::CHANNEL_BYTES).collect();
    match why {
        Refused::UnknownChannel => {
            let detail = format!("There is no namespace for the channel {shown:?}: nobody could subscribe to it.");
            Problem::bad_request("channel_unknown", detail).field(at, "a channel of a namespace that there is")
        }
        _ => {
            let detail = format!("No token opens the channel {shown:?}: its namespace does not heed them.");
            Problem::bad_request("channel_closed", detail).field(at, "a channel that tokens open")
        }
    }
}

/// Whether somebody is banned is not for every program to know.
fn nobody() -> Problem {
    Problem::not_found("There is nobody of this name who may come.")
}

mod told;

#[cfg(test)]
mod tests;
