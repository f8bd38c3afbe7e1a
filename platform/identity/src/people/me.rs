//! What people do about themselves.

use ::store::{FromRow, Row, StoreError, Tx, params};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use kernel::{PersonId, Problem, ProblemResult, Secret, limits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::PersonDetails;
use super::{nobody, store as rows};
use crate::invitations::Applicant;
use crate::people::Actor;
use crate::person::InSession;
use crate::sessions::digest;
use crate::{Identity, Person, bearer, cookies};

pub(crate) fn routes() -> OpenApiRouter<Identity> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(confirm))
        .routes(routes!(forgotten))
        .routes(routes!(set_password))
        .routes(routes!(me, rename))
        .routes(routes!(password))
        .routes(routes!(sessions))
        .routes(routes!(end))
        .routes(routes!(sign_out))
        .routes(routes!(token))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Register {
    /// What people call you: 1 to 50 characters.
    name: String,
    /// What you will sign in with.
    email: String,
    /// 8 to 200 characters.
    #[schema(value_type = String, format = Password)]
    password: Secret,
    /// The token of an invitation, where it takes one.
    #[serde(default)]
    invitation: String,
}

/// Makes an account, unless the address has one: the answer is the same, so that nobody can ask who is here. Sign in next; where addresses are confirmed,
/// open the link of the letter first.
#[utoipa::path(post, path = "/api/v1/people/register", tag = "identity", request_body = Register, responses((status = 202), (status = 400), (status = 403), (status = 409), (status = 410), (status = 415), (status = 422), (status = 429), (status = 503)))]
async fn register(State(identity): State<Identity>, Json(it): Json<Register>) -> ProblemResult<StatusCode> {
    let Register { name, email, password, invitation } = &it;
    identity.register(Applicant { name, email, password, invitation }).await.map(|()| StatusCode::ACCEPTED)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Confirm {
    /// The token of the link.
    token: String,
    /// The password that was chosen for the account: it is not made for whoever else opens the link.
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// Makes the account whose address a link confirms, where registering takes that. Sign in next.
#[utoipa::path(post, path = "/api/v1/people/confirm", tag = "identity", request_body = Confirm, responses((status = 204), (status = 400), (status = 401), (status = 410), (status = 415), (status = 422), (status = 429), (status = 503)))]
async fn confirm(State(identity): State<Identity>, Json(it): Json<Confirm>) -> ProblemResult<StatusCode> {
    identity.confirm(&it.token, &it.password).await.map(|_| StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Forgotten {
    /// The address of the account.
    email: String,
}

/// Sends a link for a new password to this address, if it has an account: the answer is the same.
#[utoipa::path(post, path = "/api/v1/people/password-forgotten", tag = "identity", request_body = Forgotten, responses((status = 202), (status = 400), (status = 409), (status = 415), (status = 422), (status = 429), (status = 503)))]
async fn forgotten(State(identity): State<Identity>, Json(it): Json<Forgotten>) -> ProblemResult<StatusCode> {
    identity.forgot_password(&it.email).await.map(|()| StatusCode::ACCEPTED)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetPassword {
    /// The token of the link.
    token: String,
    /// 8 to 200 characters.
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// Sets a new password by a link, of a letter or of an administrator. Sign in next.
#[utoipa::path(post, path = "/api/v1/people/password-reset", tag = "identity", request_body = SetPassword, responses((status = 204), (status = 400), (status = 410), (status = 415), (status = 422), (status = 429), (status = 503)))]
async fn set_password(State(identity): State<Identity>, Json(it): Json<SetPassword>) -> ProblemResult<StatusCode> {
    identity.reset_password(&it.token, &it.password).await.map(|()| StatusCode::NO_CONTENT)
}

/// Who you are.
#[utoipa::path(get, path = "/api/v1/me", tag = "identity", responses((status = 200, body = PersonDetails), (status = 401), (status = 403)))]
async fn me(person: Person, State(identity): State<Identity>) -> ProblemResult<Json<PersonDetails>> {
    let found = identity.person(person.id).await?;
    Ok(Json(found.ok_or_else(|| nobody(person.id))?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rename {
    /// 1 to 50 characters.
    name: String,
}

/// Gives you another name.
#[utoipa::path(patch, path = "/api/v1/me", tag = "identity", request_body = Rename, responses((status = 200, body = PersonDetails), (status = 400), (status = 401), (status = 403), (status = 415), (status = 422)))]
async fn rename(
    you: InSession,
    State(identity): State<Identity>,
    Json(it): Json<Rename>,
) -> ProblemResult<Json<PersonDetails>> {
    identity.rename(Actor::Person(you.id), you.id, &it.name).await?;
    let found = identity.person(you.id).await?;
    Ok(Json(found.ok_or_else(|| nobody(you.id))?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// The one until now.
    #[schema(value_type = String, format = Password)]
    old: Secret,
    /// The one from now on: 8 to 200 characters.
    #[schema(value_type = String, format = Password)]
    new: Secret,
}

/// Gives you another password, and ends your other sessions.
#[utoipa::path(post, path = "/api/v1/me/password", tag = "identity", request_body = NewPassword, responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 415), (status = 422), (status = 429), (status = 503)))]
async fn password(
    you: InSession,
    State(identity): State<Identity>,
    Json(it): Json<NewPassword>,
) -> ProblemResult<StatusCode> {
    identity.change_password(you.id, you.session.expose(), (&it.old, &it.new)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A browser that is signed in.
#[derive(Serialize, ToSchema)]
struct OpenSession {
    /// The number, as text.
    id: String,
    /// What the browser called itself.
    client: String,
    /// Unix milliseconds.
    created_at_ms: i64,
    /// Unix milliseconds.
    expires_at_ms: i64,
    /// Whether it is the one that asks.
    current: bool,
}

impl FromRow for OpenSession {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get::<i64>(0)?.to_string(),
            client: row.get(1)?,
            created_at_ms: row.get(2)?,
            expires_at_ms: row.get(3)?,
            current: row.get::<i64>(4)? == 1,
        })
    }
}

/// Where you are signed in, newest first.
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "identity", responses((status = 200, body = Vec<OpenSession>), (status = 401), (status = 403)))]
async fn sessions(you: InSession, State(identity): State<Identity>) -> ProblemResult<Json<Vec<OpenSession>>> {
    let (id, digest, now_ms) = (you.id.to_string(), digest(you.session.expose()), identity.clock.now_ms());
    let sql = "SELECT id, client, created_at_ms, expires_at_ms, CASE WHEN digest = $2 THEN 1 ELSE 0 END
         FROM person_sessions WHERE person = $1 AND expires_at_ms >= $3 ORDER BY id DESC LIMIT $4";
    let most = limits::PERSON_SESSIONS as i64;
    let read: Result<Vec<OpenSession>, StoreError> =
        identity.store.read(async move |tx| tx.all(sql, params![&id, &digest, now_ms, most]).await).await;
    Ok(Json(read?))
}

/// Signs one of your browsers out.
#[utoipa::path(delete, path = "/api/v1/me/sessions/{id}", tag = "identity", params(("id" = i64, Path)), responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404)))]
async fn end(you: InSession, State(identity): State<Identity>, Path(id): Path<i64>) -> ProblemResult<StatusCode> {
    if identity.end_session_of(you.id, id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found(format!("You have no session {id}.")))
}

/// Signs you out everywhere, here too.
#[utoipa::path(post, path = "/api/v1/me/sign-out", tag = "identity", responses((status = 204), (status = 401), (status = 403)))]
async fn sign_out(
    you: InSession,
    State(identity): State<Identity>,
    asked: HeaderMap,
) -> ProblemResult<(StatusCode, HeaderMap)> {
    identity.sign_out_everywhere(Actor::Person(you.id), you.id).await?;
    let mut headers = HeaderMap::new();
    cookies::forget(&mut headers, &asked, cookies::SESSION, identity.is_secure(&asked))?;
    Ok((StatusCode::NO_CONTENT, headers))
}

#[derive(Serialize, ToSchema)]
struct MadeToken {
    /// The token (JWT), for `Authorization: Bearer` and for the `connect` of a realtime client.
    token: String,
    /// When it ends, Unix milliseconds: get another before.
    expires_at_ms: i64,
}

/// Makes a token by which you are known for ten minutes, where there are no cookies. It changes nothing about your account.
#[utoipa::path(post, path = "/api/v1/me/token", tag = "identity", responses((status = 201, body = MadeToken), (status = 401), (status = 403), (status = 503)))]
async fn token(you: InSession, State(identity): State<Identity>) -> ProblemResult<(StatusCode, Json<MadeToken>)> {
    let expires_at_ms = identity.clock.now_ms() + bearer::ACCESS_MS;
    let token = identity.access_token(you.id).await?.ok_or_else(|| nobody(you.id))?;
    Ok((StatusCode::CREATED, Json(MadeToken { token: token.expose().to_owned(), expires_at_ms })))
}

impl Identity {
    /// Ends a session of this person; `false` when there is none of this number.
    async fn end_session_of(&self, person: PersonId, id: i64) -> Result<bool, StoreError> {
        let (identity, now_ms) = (self.clone(), self.clock.now_ms());
        let write = async move |tx: &mut Tx| {
            let sql = "DELETE FROM person_sessions WHERE id = $1 AND person = $2";
            let gone = tx.execute(sql, params![id, &person.to_string()]).await? == 1;
            if gone {
                rows::note(tx, &Actor::Person(person), now_ms).await?;
                identity.tell(tx);
            }
            Ok(gone)
        };
        self.store.write(write).await
    }
}
