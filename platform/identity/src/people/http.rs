//! People and invitations, for administrators.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use kernel::{PersonId, Problem, ProblemResult, Secret, limits};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{PersonDetails, Role};
use super::{NewPerson, nobody};
use crate::invitations::Invitation;
use crate::{Admin, Identity};

pub(crate) fn routes() -> OpenApiRouter<Identity> {
    OpenApiRouter::new()
        .routes(routes!(list, make))
        .routes(routes!(person, change, remove))
        .routes(routes!(ban, unban))
        .routes(routes!(sign_out))
        .routes(routes!(reset))
        .routes(routes!(invitations, invite))
        .routes(routes!(uninvite))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only with this text in the name or in the address.
    q: Option<String>,
    /// Only older than this person: the `next` of the page before.
    #[param(value_type = Option<String>)]
    before: Option<PersonId>,
    /// At most so many, 200 at the most; 50 unless said.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
struct PeoplePage {
    items: Vec<PersonDetails>,
    /// Where the next page begins; absent on the last.
    #[schema(value_type = Option<String>)]
    next: Option<PersonId>,
}

/// The people, newest first.
#[utoipa::path(get, path = "/api/v1/people", tag = "identity", params(ListParams), responses((status = 200, body = PeoplePage), (status = 400), (status = 401), (status = 403)))]
async fn list(
    _: Admin,
    State(identity): State<Identity>,
    Query(params): Query<ListParams>,
) -> ProblemResult<Json<PeoplePage>> {
    let limit = params.limit.unwrap_or(50).clamp(1, limits::PAGE);
    let items = identity.people(params.q.as_deref().unwrap_or_default(), params.before, limit).await?;
    let next = (items.len() == limit).then(|| items.last().map(|person| person.id)).flatten();
    Ok(Json(PeoplePage { items, next }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MakePerson {
    /// What people call them: 1 to 50 characters.
    name: String,
    /// What they sign in with.
    email: String,
    /// 8 to 200 characters.
    #[schema(value_type = String, format = Password)]
    password: Secret,
    /// What they may do; `member` unless said.
    role: Option<Role>,
}

/// Makes a person with a password.
#[utoipa::path(post, path = "/api/v1/people", tag = "identity", request_body = MakePerson, responses((status = 201, body = PersonDetails), (status = 400), (status = 401), (status = 403), (status = 409), (status = 415), (status = 422)))]
async fn make(
    admin: Admin,
    State(identity): State<Identity>,
    Json(new): Json<MakePerson>,
) -> ProblemResult<(StatusCode, Json<PersonDetails>)> {
    let person = NewPerson { name: new.name, email: new.email, role: new.role.unwrap_or(Role::Member) };
    let id = identity.make_person(admin.actor, &person, &new.password).await?;
    Ok((StatusCode::CREATED, Json(found(&identity, id).await?)))
}

async fn found(identity: &Identity, id: PersonId) -> ProblemResult<PersonDetails> {
    identity.person(id).await?.ok_or_else(|| nobody(id))
}

/// One person.
#[utoipa::path(get, path = "/api/v1/people/{id}", tag = "identity", params(("id" = String, Path)), responses((status = 200, body = PersonDetails), (status = 400), (status = 401), (status = 403), (status = 404)))]
async fn person(
    _: Admin,
    State(identity): State<Identity>,
    Path(id): Path<PersonId>,
) -> ProblemResult<Json<PersonDetails>> {
    Ok(Json(found(&identity, id).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PersonChange {
    /// 1 to 50 characters.
    name: Option<String>,
    /// What they may do from now on.
    role: Option<Role>,
}

/// Gives a person another name or role.
#[utoipa::path(patch, path = "/api/v1/people/{id}", tag = "identity", params(("id" = String, Path)), request_body = PersonChange, responses((status = 200, body = PersonDetails), (status = 400), (status = 401), (status = 403), (status = 404), (status = 415), (status = 422)))]
async fn change(
    admin: Admin,
    State(identity): State<Identity>,
    Path(id): Path<PersonId>,
    Json(change): Json<PersonChange>,
) -> ProblemResult<Json<PersonDetails>> {
    if let Some(name) = &change.name {
        identity.rename(admin.actor, id, name).await?;
    }
    if let Some(role) = change.role {
        identity.set_role(admin.actor, id, role).await?;
    }
    Ok(Json(found(&identity, id).await?))
}

/// Removes what is known of a person. Their id stays with what they wrote.
#[utoipa::path(delete, path = "/api/v1/people/{id}", tag = "identity", params(("id" = String, Path)), responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404)))]
async fn remove(admin: Admin, State(identity): State<Identity>, Path(id): Path<PersonId>) -> ProblemResult<StatusCode> {
    identity.delete_person(admin.actor, id).await.map(|()| StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Ban {
    /// Until when, Unix milliseconds; for ever unless said.
    until_ms: Option<i64>,
    /// Why, for other administrators: 500 characters at most.
    #[serde(default)]
    reason: String,
}

/// Bans a person. Everything they have open ends within a second, in every process.
#[utoipa::path(put, path = "/api/v1/people/{id}/ban", tag = "identity", params(("id" = String, Path)), request_body = Ban, responses((status = 200, body = PersonDetails), (status = 400), (status = 401), (status = 403), (status = 404), (status = 415), (status = 422)))]
async fn ban(
    admin: Admin,
    State(identity): State<Identity>,
    Path(id): Path<PersonId>,
    Json(ban): Json<Ban>,
) -> ProblemResult<Json<PersonDetails>> {
    identity.ban(admin.actor, id, ban.until_ms, &ban.reason).await?;
    Ok(Json(found(&identity, id).await?))
}

/// Takes a ban back.
#[utoipa::path(delete, path = "/api/v1/people/{id}/ban", tag = "identity", params(("id" = String, Path)), responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404)))]
async fn unban(admin: Admin, State(identity): State<Identity>, Path(id): Path<PersonId>) -> ProblemResult<StatusCode> {
    identity.unban(admin.actor, id).await.map(|()| StatusCode::NO_CONTENT)
}

/// Signs a person out everywhere: every session and every token of theirs is worth nothing.
#[utoipa::path(post, path = "/api/v1/people/{id}/sign-out", tag = "identity", params(("id" = String, Path)), responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404)))]
async fn sign_out(
    admin: Admin,
    State(identity): State<Identity>,
    Path(id): Path<PersonId>,
) -> ProblemResult<StatusCode> {
    identity.sign_out_everywhere(admin.actor, id).await.map(|()| StatusCode::NO_CONTENT)
}

#[derive(Serialize, ToSchema)]
struct MadeLink {
    /// The path of the page to open, with a token that is not shown again.
    path: String,
}

/// Makes a link by which a person sets a new password, once, within a day.
#[utoipa::path(post, path = "/api/v1/people/{id}/password-reset", tag = "identity", params(("id" = String, Path)), responses((status = 201, body = MadeLink), (status = 400), (status = 401), (status = 403), (status = 404)))]
async fn reset(
    admin: Admin,
    State(identity): State<Identity>,
    Path(id): Path<PersonId>,
) -> ProblemResult<(StatusCode, Json<MadeLink>)> {
    let token = identity.make_password_reset(admin.actor, id).await?;
    Ok((StatusCode::CREATED, Json(MadeLink { path: format!("/password/{}", token.expose()) })))
}

/// The invitations that can be used, newest first.
#[utoipa::path(get, path = "/api/v1/invitations", tag = "identity", responses((status = 200, body = Vec<Invitation>), (status = 401), (status = 403)))]
async fn invitations(_: Admin, State(identity): State<Identity>) -> ProblemResult<Json<Vec<Invitation>>> {
    Ok(Json(identity.invitations().await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Invite {
    /// What whoever uses it may do; `member` unless said.
    role: Option<Role>,
    /// Whom it is for: 100 characters at most.
    #[serde(default)]
    note: String,
}

#[derive(Serialize, ToSchema)]
struct MadeInvitation {
    /// The number, as text.
    id: String,
    /// The path of the page to open, with a token that is not shown again.
    path: String,
}

/// Makes an invitation, good for one account within a week, as long as its maker may invite.
#[utoipa::path(post, path = "/api/v1/invitations", tag = "identity", request_body = Invite, responses((status = 201, body = MadeInvitation), (status = 400), (status = 401), (status = 403), (status = 409), (status = 415), (status = 422)))]
async fn invite(
    admin: Admin,
    State(identity): State<Identity>,
    Json(invite): Json<Invite>,
) -> ProblemResult<(StatusCode, Json<MadeInvitation>)> {
    let (id, token) = identity.invite(admin.actor, invite.role.unwrap_or(Role::Member), &invite.note).await?;
    let made = MadeInvitation { id: id.to_string(), path: format!("/join/{}", token.expose()) };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Takes an invitation back.
#[utoipa::path(delete, path = "/api/v1/invitations/{id}", tag = "identity", params(("id" = i64, Path)), responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404)))]
async fn uninvite(admin: Admin, State(identity): State<Identity>, Path(id): Path<i64>) -> ProblemResult<StatusCode> {
    if identity.uninvite(admin.actor, id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found(format!("There is no invitation {id}.")))
}
