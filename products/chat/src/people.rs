//! The people of the chat, as identity knows them.

use std::collections::BTreeSet;

use ::store::{StoreError, Tx};
use host::Ctx;
use identity::people::{Profile, Welcome};
use kernel::{PersonId, ProblemResult, limits};

use crate::model::Wrong;
use crate::store::{self, Whereabouts};

/// These people, each once: [`limits::PAGE`] at most.
pub(crate) fn ids<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<PersonId> {
    let ids: BTreeSet<PersonId> = texts.into_iter().filter_map(|id| id.parse().ok()).collect();
    ids.into_iter().take(limits::PAGE).collect()
}

/// What people call these, those who are gone among them.
pub(crate) async fn profiles(ctx: &Ctx, ids: Vec<PersonId>) -> ProblemResult<Vec<Profile>> {
    Ok(ctx.identity.profiles(&ids).await?)
}

/// Who of these comes never again: deleted, or banned for ever.
pub(crate) async fn gone(ctx: &Ctx, ids: &[PersonId]) -> ProblemResult<Vec<String>> {
    Ok(ctx.identity.gone(ids).await?.iter().map(ToString::to_string).collect())
}

/// Where these people are, as others see it.
pub(crate) async fn whereabouts(ctx: &Ctx, people: Vec<String>) -> ProblemResult<Vec<Whereabouts>> {
    let read = async move |tx: &mut Tx| store::whereabouts(tx, &people).await;
    let found: Result<Vec<Whereabouts>, StoreError> = ctx.store.read(read).await;
    Ok(found?)
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
    let profiles = profiles(ctx, ids(of)).await?;
    Ok(profiles.into_iter().map(|profile| (profile.id.to_string(), profile.name)).collect())
}

/// What people call this one, in the caller's snapshot.
pub(crate) async fn name_of(ctx: &Ctx, tx: &mut Tx, id: &str) -> Result<String, StoreError> {
    let Ok(person) = id.parse() else { return Ok(String::new()) };
    let profile = ctx.identity.profile(tx, person).await?;
    Ok(profile.map(|profile| profile.name).unwrap_or_default())
}
