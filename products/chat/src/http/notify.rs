//! How the caller is told of messages outside the room: its browsers, and what it wants.

use ::store::Tx;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use host::Ctx;
use identity::Person;
use kernel::{Problem, ProblemResult, limits};
use outbound::Policy;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{act, bad, look};
use crate::notify::{self, Given, Vapid};
use crate::pace::{Doing, paced};
use crate::refusal::Refused;
use crate::store::{self, Wishes};

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(key)).routes(routes!(subscribe, unsubscribe)).routes(routes!(wishes, wish))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatPushKey)]
struct Key {
    /// What a browser wants as `applicationServerKey`, in base64url.
    key: String,
}

/// The key that pushes of this installation are signed with.
#[utoipa::path(get, path = "/api/v1/chat/push/key", tag = "chat", responses((status = 200, body = Key), (status = 401), (status = 403), (status = 429), (status = 503)))]
async fn key(person: Person, State(ctx): State<Ctx>) -> ProblemResult<Json<Key>> {
    paced(&ctx, &person.id.to_string(), Doing::Look).await?;
    let vapid = Vapid::open(&ctx).await.map_err(Problem::internal)?;
    Ok(Json(Key { key: vapid.public() }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChatPushKeys)]
struct Keys {
    /// The browser's public key, in base64url.
    p256dh: String,
    /// The browser's secret, in base64url.
    auth: String,
}

/// What `PushSubscription.toJSON` gives in a browser.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChatPush)]
struct Subscribe {
    /// Where the browser's push service takes messages for it.
    endpoint: String,
    keys: Keys,
    /// When it ends by itself, if the push service says so. What is gone is forgotten when it says that.
    #[serde(default, rename = "expirationTime")]
    _expires: Option<f64>,
}

/// Has the caller's browser told of messages, for as long as the caller is signed in there. Of more than 20 the oldest goes.
#[utoipa::path(post, path = "/api/v1/chat/push", tag = "chat", request_body = Subscribe,
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 415), (status = 422), (status = 429)))]
async fn subscribe(
    person: Person,
    State(ctx): State<Ctx>,
    headers: HeaderMap,
    Json(it): Json<Subscribe>,
) -> ProblemResult<StatusCode> {
    paced(&ctx, &person.id.to_string(), Doing::Gather).await?;
    if !notify::can_read(&it.keys.p256dh, &it.keys.auth) {
        return Err(bad("keys", "the keys of a push subscription, as the browser gives them"));
    }
    if let Err(refused) = ctx.outbound.check(&it.endpoint, Policy::Public).await {
        return Err(bad("endpoint", refused.to_string()));
    }
    let given = Given { endpoint: it.endpoint, p256dh: it.keys.p256dh, auth: it.keys.auth };
    let ours = ctx.clone();
    let write = async move |tx: &mut Tx| {
        let tie = ours.identity.tie(tx, person.id, &headers).await?;
        let tie = tie.ok_or_else(|| Problem::unauthorized("Sign in again: the session has ended."))?;
        Ok::<_, Problem>(notify::keep(&ours, tx, (person.id, tie), &given).await?)
    };
    ctx.store.write(write).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndedChatPush)]
struct Unsubscribe {
    /// Of the subscription.
    endpoint: String,
}

/// Has a browser of the caller told no more.
#[utoipa::path(delete, path = "/api/v1/chat/push", tag = "chat", request_body = Unsubscribe,
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 415), (status = 422), (status = 429)))]
async fn unsubscribe(person: Person, State(ctx): State<Ctx>, Json(it): Json<Unsubscribe>) -> ProblemResult<StatusCode> {
    let me = person.id.to_string();
    let there =
        act(&ctx, (&person, Doing::Change), async move |_, tx| Ok(notify::forget(tx, &me, &it.endpoint).await?))
            .await?;
    if there {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("You have no subscription of this address."))
    }
}

/// How somebody wants to be told outside the room.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatNotifications)]
struct Wanted {
    /// Whether a message that mentions one is pushed from a muted room too.
    mentions_through_mute: bool,
    /// Whether one gets a letter about what was unread for so many minutes: 15 to 10,080; 0 for none. A letter says how much there is and
    /// where, and nothing of what was written.
    digest_after_minutes: i64,
}

const MINUTE_MS: i64 = 60_000;
/// Whoever made the account may have given anybody's address.
const NOT_SHOWN: Refused = Refused::Not(
    "address_not_confirmed",
    "Nobody has shown that your address is yours. Ask for a new password by mail, and set one by the link in that letter.",
);

/// How the caller wants to be told.
#[utoipa::path(get, path = "/api/v1/chat/notifications", tag = "chat", responses((status = 200, body = Wanted), (status = 401), (status = 403), (status = 429)))]
async fn wishes(person: Person, State(ctx): State<Ctx>) -> ProblemResult<Json<Wanted>> {
    let me = person.id.to_string();
    paced(&ctx, &me, Doing::Look).await?;
    let Wishes { mentions_through_mute, digest_after_ms, .. } =
        look(&ctx, async move |tx| Ok(store::wishes(tx, &me).await?)).await?;
    Ok(Json(Wanted { mentions_through_mute, digest_after_minutes: digest_after_ms / MINUTE_MS }))
}

/// Says how the caller wants to be told.
#[utoipa::path(put, path = "/api/v1/chat/notifications", tag = "chat", request_body = Wanted,
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 409), (status = 415), (status = 422), (status = 429)))]
async fn wish(person: Person, State(ctx): State<Ctx>, Json(it): Json<Wanted>) -> ProblemResult<StatusCode> {
    let (least, most) = limits::CHAT_DIGEST_MS;
    let digest_after_ms = it.digest_after_minutes.saturating_mul(MINUTE_MS);
    if digest_after_ms != 0 {
        if !(least..=most).contains(&digest_after_ms) {
            return Err(bad("digest_after_minutes", "15 to 10,080 minutes, or 0"));
        }
        ctx.mail.must()?;
    }
    let (id, me, mentions_through_mute) = (person.id, person.id.to_string(), it.mentions_through_mute);
    act(&ctx, (&person, Doing::Change), async move |ctx, tx| {
        if digest_after_ms != 0 && !ctx.identity.is_address_confirmed(tx, id).await? {
            return Err(NOT_SHOWN);
        }
        let before = store::wishes(tx, &me).await?;
        // Who begins to want letters wants none about what was there before.
        let begins = before.digest_after_ms == 0 && digest_after_ms != 0;
        let since_ms = if begins { ctx.clock.now_ms() } else { before.since_ms };
        Ok(store::wish(tx, &me, Wishes { mentions_through_mute, digest_after_ms, since_ms }).await?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
