//! The people of the chat, as identity knows them.

use std::collections::{BTreeSet, HashMap};

use ::store::{StoreError, Tx};
use host::Ctx;
use identity::people::{Profile, Welcome};
use kernel::{PersonId, Problem, ProblemResult, limits};
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{Wrong, avatar_path};
use crate::store::{self, Whereabouts};

/// These people, each once: [`limits::PAGE`] at most.
pub(crate) fn ids<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<PersonId> {
    let ids: BTreeSet<PersonId> = texts.into_iter().filter_map(|id| id.parse().ok()).collect();
    ids.into_iter().take(limits::PAGE).collect()
}

/// A person as others see one.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatPerson)]
pub(crate) struct Named {
    #[schema(value_type = String)]
    pub(crate) id: PersonId,
    /// What people call them.
    pub(crate) name: String,
    /// Where their picture is read, beside the address of this server. Of whoever is gone there is none.
    pub(crate) avatar: Option<String>,
}

/// What people call these and how they look, those who are gone among them.
pub(crate) async fn named(ctx: &Ctx, ids: Vec<PersonId>) -> ProblemResult<Vec<Named>> {
    with_avatars(ctx, ctx.identity.profiles(&ids).await?).await
}

/// These, with their pictures.
pub(crate) async fn with_avatars(ctx: &Ctx, profiles: Vec<Profile>) -> ProblemResult<Vec<Named>> {
    let ids: Vec<String> = profiles.iter().map(|profile| profile.id.to_string()).collect();
    let found = ctx.store.read(async move |tx: &mut Tx| store::avatars_of(tx, &ids).await).await;
    let mut avatars: HashMap<String, String> =
        found.map_err(|error: StoreError| Problem::from(error))?.into_iter().collect();
    // Most have none, and then nobody asks who is gone.
    if !avatars.is_empty() {
        for person in gone(ctx, &self::ids(avatars.keys())).await? {
            avatars.remove(&person);
        }
    }
    let one = |Profile { id, name }| Named { id, name, avatar: avatars.get(&id.to_string()).map(|it| avatar_path(it)) };
    Ok(profiles.into_iter().map(one).collect())
}

/// Who of these comes never again: deleted, or banned for ever.
pub(crate) async fn gone(ctx: &Ctx, ids: &[PersonId]) -> ProblemResult<Vec<String>> {
    Ok(ctx.identity.gone(ids).await?.iter().map(ToString::to_string).collect())
}

/// Who of these was deleted, in the caller's snapshot. What comes late for them is not kept.
pub(crate) async fn deleted<'a>(
    ctx: &Ctx,
    tx: &mut Tx,
    people: impl IntoIterator<Item = &'a String>,
) -> Result<Vec<String>, StoreError> {
    let deleted = ctx.identity.deleted(tx, &ids(people)).await?;
    Ok(deleted.iter().map(ToString::to_string).collect())
}

/// Where these people are, as others see it: those whose accounts are there.
pub(crate) async fn whereabouts(ctx: &Ctx, mut people: Vec<String>) -> Result<Vec<Whereabouts>, StoreError> {
    let gone = ctx.identity.gone(&ids(&people)).await?;
    people.retain(|person| !gone.iter().any(|it| it.to_string() == *person));
    ctx.store.read(async move |tx: &mut Tx| store::whereabouts(tx, &people).await).await
}

/// The words for an id that is nobody's, or of somebody whom the asker may not know of: the same.
pub(crate) fn not_there(field: &'static str, id: &str) -> Wrong {
    Wrong { field, must: format!("people who are there; {id} is not") }
}

/// That all of these are there and may come.
pub(crate) async fn welcome(ctx: &Ctx, field: &'static str, ids: &[String]) -> ProblemResult<()> {
    for id in ids {
        let comes = match id.parse() {
            Ok(person) => ctx.identity.welcomes(person).await? == Welcome::Yes,
            Err(_) => false,
        };
        if !comes {
            return Err(not_there(field, id).into());
        }
    }
    Ok(())
}

/// The people with their names, for mentions.
pub(crate) async fn names(ctx: &Ctx, of: &[String]) -> ProblemResult<Vec<(String, String)>> {
    let profiles = ctx.identity.profiles(&ids(of)).await?;
    Ok(profiles.into_iter().map(|profile| (profile.id.to_string(), profile.name)).collect())
}

/// What people call this one, in the caller's snapshot.
pub(crate) async fn name_of(ctx: &Ctx, tx: &mut Tx, id: &str) -> Result<String, StoreError> {
    let Ok(person) = id.parse() else { return Ok(String::new()) };
    let profile = ctx.identity.profile(tx, person).await?;
    Ok(profile.map(|profile| profile.name).unwrap_or_default())
}
