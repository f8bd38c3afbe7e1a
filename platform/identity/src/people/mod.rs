//! People: who there is, what they may do, and how that is taken back.

pub(crate) mod http;
pub(crate) mod me;
pub(crate) mod model;
pub(crate) mod store;

use ::store::{StoreError, Tx, params};
use kernel::{PersonId, Problem, ProblemResult, Secret};
use serde::{Deserialize, Serialize};

pub use self::model::{PersonDetails, Profile, Role};
pub use crate::actor::Actor;
pub use crate::annals::{Annals, Turn, Untold, Way};
pub use crate::changes::{Changed, Changes};
pub use crate::courier::{Ask, Courier, Says, Word};
pub use crate::doors::{DOORS, RETURN};
pub use crate::grounds::Ground;
pub use crate::invitations::Registration;
pub use crate::pass::{Pass, Welcome};
use crate::{Identity, passwords};

/// When a ban without an end ends: the last millisecond of the year 9999, which every program can read as a date.
pub const FOR_EVER_MS: i64 = 253_402_300_799_999;
/// Why somebody is banned, characters.
const REASON_CHARS: usize = 500;

/// A person who is to be made by whoever may.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewPerson {
    /// What people call them.
    pub name: String,
    /// What they sign in with.
    pub email: String,
    /// What they may do.
    pub role: Role,
}

impl Identity {
    /// Makes a person with a password, at the word of an administrator.
    ///
    /// # Errors
    /// 400 for what cannot be, 409 when the address is somebody's, and what the store says.
    pub async fn make_person(&self, actor: Actor, new: &NewPerson, password: &Secret) -> ProblemResult<PersonId> {
        let (name, email) = (name(&new.name)?, email(&new.email)?);
        passwords::check(password, (&name, &email), "/password")?;
        let hash = self.passwords.hash(&self.entropy, password).await?;
        let (id, role, now_ms) = (PersonId::new(&self.clock, &self.entropy), new.role, self.clock.now_ms());
        let ours = self.clone();
        let write = async move |tx: &mut Tx| {
            actor.must_administer(tx, now_ms).await?;
            if store::insert(tx, id, (&name, Some(&email), Some(&hash)), role, now_ms).await? {
                ours.write_down(tx, id, Turn::Registered { role, way: Way::Made }).await?;
                return Ok(id);
            }
            Err(Problem::conflict("email_taken", "Somebody has this address already."))
        };
        self.store.write(write).await
    }

    /// One person.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn person(&self, id: PersonId) -> Result<Option<PersonDetails>, StoreError> {
        let now_ms = self.clock.now_ms();
        self.store.read(async move |tx| store::details(tx, id, now_ms).await).await
    }

    /// How many people there are, without those who were deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn how_many_people(&self, tx: &mut Tx) -> Result<i64, StoreError> {
        let (count,) = tx.one("SELECT COUNT(*) FROM people WHERE deleted_at_ms IS NULL", &[]).await?;
        Ok(count)
    }

    /// The people with this text in their name or address, newest first, those before `before` where it is given;
    /// [`kernel::limits::PAGE`] at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn people(
        &self,
        text: &str,
        before: Option<PersonId>,
        limit: usize,
    ) -> Result<Vec<PersonDetails>, StoreError> {
        let (text, limit, now_ms) = (text.to_owned(), limit.min(kernel::limits::PAGE), self.clock.now_ms());
        let before = before.map(|id| id.to_string()).unwrap_or_default();
        self.store.read(async move |tx| store::list(tx, (&text, &before, limit), now_ms).await).await
    }

    /// People who may sign in, as others may see them: with this text in their name, after `after` where it is given, in the order of
    /// their ids; [`kernel::limits::PAGE`] at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_people(
        &self,
        text: &str,
        after: Option<PersonId>,
        limit: usize,
    ) -> Result<Vec<Profile>, StoreError> {
        let (text, limit, now_ms) = (text.to_owned(), limit.min(kernel::limits::PAGE), self.clock.now_ms());
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        self.store.read(async move |tx| store::find(tx, (&text, &after, limit), now_ms).await).await
    }

    /// As [`Identity::find_people`], among these people alone, in the caller's snapshot; of [`kernel::limits::PAGE`] ids at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_among(&self, tx: &mut Tx, text: &str, ids: &[PersonId]) -> Result<Vec<Profile>, StoreError> {
        store::find_among(tx, (text, ids), self.clock.now_ms()).await
    }

    /// The profiles of these people, those who are gone among them; unknown ones are left out. [`kernel::limits::PAGE`] at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn profiles(&self, ids: &[PersonId]) -> Result<Vec<Profile>, StoreError> {
        let ids: Vec<_> = ids.iter().copied().take(kernel::limits::PAGE).collect();
        self.store.read(async move |tx: &mut Tx| store::profiles(tx, &ids).await).await
    }

    /// Who of these comes never again: deleted, or banned for ever. [`kernel::limits::PAGE`] at most are looked at.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn gone(&self, ids: &[PersonId]) -> Result<Vec<PersonId>, StoreError> {
        let ids: Vec<_> = ids.iter().copied().take(kernel::limits::PAGE).collect();
        self.store.read(async move |tx: &mut Tx| store::gone(tx, &ids, FOR_EVER_MS).await).await
    }

    /// Who of these was deleted, in the caller's snapshot: for them nothing is kept any more. Whoever is banned may come back.
    /// [`kernel::limits::PAGE`] at most are looked at.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deleted(&self, tx: &mut Tx, ids: &[PersonId]) -> Result<Vec<PersonId>, StoreError> {
        store::deleted(tx, &ids[..ids.len().min(kernel::limits::PAGE)]).await
    }

    /// The profile of a person, in the caller's snapshot; also of one who is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn profile(&self, tx: &mut Tx, id: PersonId) -> Result<Option<Profile>, StoreError> {
        store::profile(tx, id).await
    }

    /// Gives a person a name.
    ///
    /// # Errors
    /// 400 for none, 404 for nobody.
    pub async fn rename(&self, actor: Actor, id: PersonId, name: &str) -> ProblemResult<()> {
        let name = self::name(name)?;
        self.change(actor, id, By::Oneself, async move |tx: &mut Tx, _| {
            let sql = "UPDATE people SET name = $2 WHERE id = $1";
            tx.execute(sql, params![&id.to_string(), &name]).await?;
            Ok(Ends::Nothing)
        })
        .await
    }

    /// Gives a person a role. Whoever loses the administrator's loses what was opened with it.
    ///
    /// # Errors
    /// 404 for nobody.
    pub async fn set_role(&self, actor: Actor, id: PersonId, role: Role) -> ProblemResult<()> {
        self.change(actor, id, By::Administrators, async move |tx: &mut Tx, was| {
            tx.execute("UPDATE people SET role = $2 WHERE id = $1", params![&id.to_string(), role.name()]).await?;
            Ok(if was == role { Ends::Nothing } else { Ends::Everything })
        })
        .await
    }

    /// Bans a person until then (`None`: for ever). What they have open ends on every process within a second.
    ///
    /// # Errors
    /// 400 for a time that is past, a reason that is too long or oneself, 404 for nobody.
    pub async fn ban(&self, actor: Actor, id: PersonId, until_ms: Option<i64>, reason: &str) -> ProblemResult<()> {
        if actor == Actor::Person(id) {
            return Err(Problem::bad_request("ban_self", "Nobody bans themselves: ask another administrator."));
        }
        if until_ms.is_some_and(|until_ms| until_ms <= self.clock.now_ms()) {
            let why = "a time to come, Unix milliseconds";
            return Err(Problem::bad_request("until_invalid", "That time is past.").field("/until_ms", why));
        }
        let reason = reason.trim().to_owned();
        if reason.chars().count() > REASON_CHARS || reason.contains('\0') {
            let why = format!("{REASON_CHARS} characters at most");
            return Err(Problem::bad_request("reason_invalid", "The reason is too long.").field("/reason", why));
        }
        let (ours, until_ms) = (self.clone(), until_ms.unwrap_or(FOR_EVER_MS).min(FOR_EVER_MS));
        self.change(actor, id, By::Administrators, async move |tx: &mut Tx, _| {
            let sql = "UPDATE people SET banned_until_ms = $2, ban_reason = $3 WHERE id = $1";
            tx.execute(sql, params![&id.to_string(), until_ms, &reason]).await?;
            ours.write_down(tx, id, Turn::Banned { until_ms }).await?;
            Ok(Ends::Everything)
        })
        .await
    }

    /// Takes a ban back. They sign in again.
    ///
    /// # Errors
    /// 404 for nobody.
    pub async fn unban(&self, actor: Actor, id: PersonId) -> ProblemResult<()> {
        let ours = self.clone();
        self.change(actor, id, By::Administrators, async move |tx: &mut Tx, _| {
            let sql = "UPDATE people SET banned_until_ms = 0, ban_reason = '' WHERE id = $1 AND banned_until_ms <> 0";
            if tx.execute(sql, params![&id.to_string()]).await? == 1 {
                ours.write_down(tx, id, Turn::Unbanned).await?;
            }
            Ok(Ends::Nothing)
        })
        .await
    }

    /// Ends every session and token of a person.
    ///
    /// # Errors
    /// 404 for nobody.
    pub async fn sign_out_everywhere(&self, actor: Actor, id: PersonId) -> ProblemResult<()> {
        self.change(actor, id, By::Oneself, async |_: &mut Tx, _| Ok(Ends::Everything)).await
    }

    /// Removes what is known of a person: address, password, name. The id stays, for what they wrote elsewhere.
    ///
    /// # Errors
    /// 404 for nobody.
    pub async fn delete_person(&self, actor: Actor, id: PersonId) -> ProblemResult<()> {
        let (ours, now_ms) = (self.clone(), self.clock.now_ms());
        self.change(actor, id, By::Administrators, async move |tx: &mut Tx, _| {
            let sql = "UPDATE people SET name = 'Deleted person', email = NULL, password = NULL, role = 'member',
                 ban_reason = '', deleted_at_ms = $2 WHERE id = $1";
            tx.execute(sql, params![&id.to_string(), now_ms]).await?;
            ours.write_down(tx, id, Turn::Deleted).await?;
            Ok(Ends::Everything)
        })
        .await
    }

    /// Changes a person who is there, if the actor still may: both are read again in the transaction that writes.
    async fn change<F>(&self, actor: Actor, id: PersonId, by: By, change: F) -> ProblemResult<()>
    where
        F: AsyncFnOnce(&mut Tx, Role) -> Result<Ends, Untold> + Send + 'static,
    {
        let (identity, now_ms) = (self.clone(), self.clock.now_ms());
        let write = async move |tx: &mut Tx| {
            if by == By::Oneself && actor == Actor::Person(id) {
                store::acting(tx, id, now_ms).await?.ok_or_else(|| nobody(id))?;
            } else {
                actor.must_administer(tx, now_ms).await?;
            }
            let account = store::by_id(tx, id).await?.ok_or_else(|| nobody(id))?;
            if change(tx, account.role).await? == Ends::Everything {
                store::ended(tx, id, now_ms).await?;
                identity.tell(tx);
            }
            Ok(())
        };
        self.store.write(write).await
    }
}

/// Who may make a change. Nobody's own role or ban is theirs to change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// Administrators, and whom it is about.
    Oneself,
    Administrators,
}

/// What a change makes worthless of what was given before.
#[derive(PartialEq, Eq)]
enum Ends {
    Nothing,
    Everything,
}

/// A name that can be kept, or 400 that names the field.
pub(crate) fn name(name: &str) -> ProblemResult<String> {
    model::name(name).ok_or_else(|| {
        let why = format!("A name has 1 to {} printable characters.", kernel::limits::PERSON_NAME_CHARS);
        Problem::bad_request("name_invalid", why.clone()).field("/name", why)
    })
}

/// An address that can be kept, or 400 that names the field.
pub(crate) fn email(email: &str) -> ProblemResult<String> {
    model::email(email).ok_or_else(|| {
        let why = "Give an address of the form name@example.com, in ASCII.";
        Problem::bad_request("email_invalid", why).field("/email", why)
    })
}

pub(crate) fn nobody(id: PersonId) -> Problem {
    Problem::not_found(format!("There is no person {id}."))
}
