//! `/api/v1/chat`.

mod avatars;
mod body;
mod counted;
mod directory;
mod files;
mod find;
mod hidden;
mod marks;
mod members;
mod messages;
mod mine;
mod notify;
mod office;
mod opened;
mod receipts;
mod rooms;
mod standing;
mod watch;
mod whereabouts;

use ::store::Tx;
use axum::Extension;
use axum::http::StatusCode;
use host::Ctx;
use identity::Person;
use kernel::id::RoomId;
use kernel::{PersonId, Problem, ProblemResult};
use utoipa_axum::router::OpenApiRouter;

use self::body::Bodies;
use crate::pace::{Doing, paced};
use crate::refusal::Refused;

pub(crate) fn routes(ctx: Ctx) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(rooms::routes())
        .merge(members::routes())
        .merge(messages::routes())
        .merge(files::routes().merge(avatars::routes()).layer(Extension(Bodies::new())))
        .merge(opened::routes())
        .merge(marks::routes())
        .merge(hidden::routes())
        .merge(receipts::routes())
        .merge(whereabouts::routes())
        .merge(find::routes())
        .merge(directory::routes())
        .merge(mine::routes())
        .merge(notify::routes())
        .route_layer(axum::middleware::from_fn_with_state(ctx.clone(), standing::unless_in_maintenance))
        .merge(standing::routes())
        .merge(office::routes())
        .merge(watch::routes())
        .with_state(ctx)
}

/// The room of an address. What is no room's name is a room that is not there.
fn room_of(text: &str) -> ProblemResult<String> {
    text.parse::<RoomId>().map(|room| room.to_string()).map_err(|_| Refused::NoRoom.into())
}

/// The place after which a list of rooms goes on: the `next` of a page, a time and a room.
fn place_of(before: Option<&str>) -> ProblemResult<(i64, String)> {
    let Some(before) = before else { return Ok((i64::MAX, String::new())) };
    let place = before.split_once('.');
    let place = place.and_then(|(at_ms, room)| Some((at_ms.parse().ok()?, room.parse::<RoomId>().ok()?.to_string())));
    place.ok_or_else(|| junk("before", "the `next` of a page"))
}

/// People of a request, each once.
fn people_of(field: &'static str, texts: &[String], most: usize) -> ProblemResult<Vec<String>> {
    if texts.len() > most {
        return Err(bad(field, "too many"));
    }
    let mut people = Vec::with_capacity(texts.len());
    for text in texts {
        let person =
            text.parse::<PersonId>().map_err(|_| bad(field, "a person's id: usr_ and 26 letters or digits"))?;
        people.push(person.to_string());
    }
    people.sort_unstable();
    people.dedup();
    Ok(people)
}

/// What no client of ours puts into an address.
fn junk(field: &'static str, must: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_field", "The address is not as it must be.").field(field, must)
}

fn bad(field: &'static str, must: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_field", "A field is not as it must be.").field(field, must)
}

/// Does what somebody asked for, in one transaction, if it is in the person's share.
async fn act<T: Send + 'static>(
    ctx: &Ctx,
    (person, doing): (&Person, Doing),
    act: impl AsyncFnOnce(&Ctx, &mut Tx) -> Result<T, Refused> + Send + 'static,
) -> ProblemResult<T> {
    paced(ctx, &person.id.to_string(), doing).await?;
    write(ctx, act).await
}

/// Does what somebody has taken of the share for, in one transaction.
async fn write<T: Send + 'static>(
    ctx: &Ctx,
    act: impl AsyncFnOnce(&Ctx, &mut Tx) -> Result<T, Refused> + Send + 'static,
) -> ProblemResult<T> {
    let ours = ctx.clone();
    Ok(ctx.store.write(async move |tx| act(&ours, tx).await).await?)
}

/// Looks at what somebody asked for, in one snapshot.
async fn look<T: Send + 'static>(
    ctx: &Ctx,
    look: impl AsyncFnOnce(&mut Tx) -> Result<T, Refused> + Send + 'static,
) -> ProblemResult<T> {
    Ok(ctx.store.read(look).await?)
}
