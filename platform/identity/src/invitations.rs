//! Invitations, registration, and links that set a new password.

use http::StatusCode;
use kernel::{PersonId, Problem, ProblemResult, Secret, limits};
use serde::Serialize;
use store::{FromRow, Row, StoreError, Tx, params};
use utoipa::ToSchema;

use crate::people::{self, Role, store as rows};
use crate::people::{Actor, Turn, Way};
use crate::sessions::digest;
use crate::{Identity, courier, passwords, sign_in};

const TOKEN_BYTES: usize = 32;
/// What an invitation is noted with, characters.
const NOTE_CHARS: usize = 100;

/// Who may register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Nobody: people are made by administrators.
    Closed,
    /// Whoever has an invitation.
    #[default]
    Invited,
    /// Everybody.
    Open,
}

/// An invitation as it is listed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Invitation {
    /// The number, as text.
    pub id: String,
    /// What whoever uses it may do.
    pub role: Role,
    /// Whom it is for, as whoever made it wrote.
    pub note: String,
    /// Who made it: `admin`, or a person's id.
    pub maker: String,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Until when it can be used, once, Unix milliseconds.
    pub expires_at_ms: i64,
}

impl FromRow for Invitation {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let role: String = row.get(1)?;
        Ok(Self {
            id: row.get::<i64>(0)?.to_string(),
            role: Role::named(&role).unwrap_or(Role::Member),
            note: row.get(2)?,
            maker: row.get(3)?,
            created_at_ms: row.get(4)?,
            expires_at_ms: row.get(5)?,
        })
    }
}

/// Somebody who wants an account.
pub(crate) struct Applicant<'a> {
    pub(crate) name: &'a str,
    pub(crate) email: &'a str,
    pub(crate) password: &'a Secret,
    /// Empty for none.
    pub(crate) invitation: &'a str,
}

impl Identity {
    /// Makes an invitation that works once, within [`limits::INVITATION_MS`]: its number and its token, which is not to be had again.
    /// It is worth nothing once its maker may not make one any more.
    ///
    /// # Errors
    /// 400 for a note that cannot be, 409 when [`limits::INVITATIONS`] wait to be used.
    pub async fn invite(&self, actor: Actor, role: Role, note: &str) -> ProblemResult<(i64, Secret)> {
        let note = note.trim().to_owned();
        if note.chars().count() > NOTE_CHARS || note.chars().any(char::is_control) {
            let why = format!("{NOTE_CHARS} printable characters at most");
            return Err(Problem::bad_request("note_invalid", "That note cannot be kept.").field("/note", why));
        }
        let token = self.entropy.token(TOKEN_BYTES);
        let (digest, now_ms) = (digest(&token), self.clock.now_ms());
        let write = async move |tx: &mut Tx| {
            actor.must_administer(tx, now_ms).await?;
            let sql = "DELETE FROM invitations WHERE expires_at_ms < $1";
            tx.execute(sql, params![now_ms]).await?;
            let sql = "INSERT INTO invitations (digest, maker, role, note, created_at_ms, expires_at_ms)
                 SELECT $1, $2, $3, $4, $5, $6 WHERE (SELECT COUNT(*) FROM invitations) < $7 RETURNING id";
            let (maker, most, until_ms) =
                (actor.to_string(), limits::INVITATIONS as i64, now_ms + limits::INVITATION_MS);
            let row = tx.first(sql, params![&digest, &maker, role.name(), &note, now_ms, until_ms, most]).await?;
            let (id,): (i64,) = row.ok_or_else(|| {
                let detail = format!("{} invitations wait to be used: take some back first.", limits::INVITATIONS);
                Problem::conflict("invitations_full", detail)
            })?;
            Ok::<_, Problem>(id)
        };
        Ok((self.store.write(write).await?, Secret::new(token)))
    }

    /// The invitations that can be used, newest first; [`limits::PAGE`] at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn invitations(&self) -> Result<Vec<Invitation>, StoreError> {
        let now_ms = self.clock.now_ms();
        let sql = "SELECT id, role, note, maker, created_at_ms, expires_at_ms FROM invitations
             WHERE expires_at_ms >= $1 ORDER BY id DESC LIMIT $2";
        self.store.read(async move |tx| tx.all(sql, params![now_ms, limits::PAGE as i64]).await).await
    }

    /// Takes an invitation back; `false` when there is none of this number.
    ///
    /// # Errors
    /// 403 when the actor may not any more, and what the store says.
    pub async fn uninvite(&self, actor: Actor, id: i64) -> ProblemResult<bool> {
        let now_ms = self.clock.now_ms();
        let write = async move |tx: &mut Tx| {
            actor.must_administer(tx, now_ms).await?;
            let gone = tx.execute("DELETE FROM invitations WHERE id = $1", params![id]).await?;
            Ok::<_, Problem>(gone == 1)
        };
        self.store.write(write).await
    }

    /// Makes an account, unless the address has one: which of the two it was is not told, and takes as long. An invitation is used up
    /// either way, so that none is good for asking who is here.
    pub(crate) async fn register(&self, it: Applicant<'_>) -> ProblemResult<()> {
        let (name, email) = (people::name(it.name)?, people::email(it.email)?);
        passwords::check(it.password, (&name, &email), "/password")?;
        let invited = !it.invitation.is_empty();
        match self.registration {
            Registration::Open => {}
            Registration::Invited if invited => {}
            Registration::Invited => {
                return Err(Problem::forbidden("Registering takes an invitation: ask an administrator for one."));
            }
            Registration::Closed => {
                return Err(Problem::forbidden("Nobody can register here: ask an administrator for an account."));
            }
        }
        // Before the work of a password; what counts is asked again where the account is made.
        let ours = self.clone();
        self.store.read(async move |tx: &mut Tx| ours.must_let_join(tx).await).await?;
        let hash = self.passwords.hash(&self.entropy, it.password).await?;
        if self.confirms {
            let invitation = invited.then(|| digest(it.invitation));
            return self.register_when_confirmed((name, email, hash), invitation).await;
        }
        let (id, now_ms) = (PersonId::new(&self.clock, &self.entropy), self.clock.now_ms());
        let (invitation, ours) = (invited.then(|| digest(it.invitation)), self.clone());
        let write = async move |tx: &mut Tx| {
            ours.must_let_join(tx).await?;
            let role = match invitation {
                Some(invitation) => use_up(tx, &invitation, now_ms).await?.0,
                None => Role::Member,
            };
            if rows::insert(tx, id, (&name, Some(&email), Some(&hash)), role, now_ms).await? {
                let way = if invited { Way::Invited } else { Way::Joined };
                ours.write_down(tx, id, Turn::Registered { role, way }).await?;
                // Strangers may have guessed at the address before it was anybody's.
                sign_in::forget_guesses(tx, &email).await?;
            }
            Ok::<_, Problem>(())
        };
        self.store.write(write).await
    }

    /// Makes a link's token by which a person sets a new password, once, within [`limits::PASSWORD_RESET_MS`]. It is worth nothing once
    /// its maker may not make one any more.
    ///
    /// # Errors
    /// 404 for nobody.
    pub async fn make_password_reset(&self, actor: Actor, id: PersonId) -> ProblemResult<Secret> {
        let token = self.entropy.token(TOKEN_BYTES);
        let (digest, now_ms) = (digest(&token), self.clock.now_ms());
        let write = async move |tx: &mut Tx| {
            actor.must_administer(tx, now_ms).await?;
            let account = rows::by_id(tx, id).await?.ok_or_else(|| people::nobody(id))?;
            tx.execute("DELETE FROM password_resets WHERE expires_at_ms < $1", params![now_ms]).await?;
            let sql =
                "INSERT INTO password_resets (digest, person, epoch, maker, expires_at_ms) VALUES ($1, $2, $3, $4, $5)";
            let until_ms = now_ms + limits::PASSWORD_RESET_MS;
            tx.execute(sql, params![&digest, &id.to_string(), account.epoch, &actor.to_string(), until_ms]).await?;
            Ok::<_, Problem>(())
        };
        self.store.write(write).await?;
        Ok(Secret::new(token))
    }

    /// Sets a new password by such a link. Whatever was signed in before is not any more, and guesses are forgotten.
    pub(crate) async fn reset_password(&self, token: &str, password: &Secret) -> ProblemResult<()> {
        let (digest, now_ms) = (digest(token), self.clock.now_ms());
        let named = digest.clone();
        let of = self.store.read(async move |tx| reset_of(tx, &named, now_ms).await).await?;
        let account = of.ok_or_else(worn_out)?;
        let person = self.person(account.id).await?.ok_or_else(worn_out)?;
        let email = person.email.unwrap_or_default();
        passwords::check(password, (&person.name, &email), "/password")?;
        let hash = self.passwords.hash(&self.entropy, password).await?;
        let identity = self.clone();
        let write = async move |tx: &mut Tx| {
            let now = reset_of(tx, &digest, now_ms).await?.filter(|now| now.id == account.id);
            let account = now.ok_or_else(worn_out)?;
            if by_mail(tx, &digest).await? {
                courier::confirmed(tx, account.id, now_ms).await?;
            }
            let sql = "UPDATE people SET password = $2 WHERE id = $1";
            tx.execute(sql, params![&account.id.to_string(), &hash]).await?;
            sign_in::forget_guesses(tx, &email).await?;
            rows::ended(tx, account.id, now_ms).await?;
            identity.tell(tx);
            Ok(())
        };
        self.store.write(write).await
    }
}

/// Whose password a link sets, if it is good.
async fn reset_of(tx: &mut Tx, digest: &[u8], now_ms: i64) -> ProblemResult<Option<rows::Account>> {
    let sql = "SELECT person, epoch, maker FROM password_resets WHERE digest = $1 AND expires_at_ms >= $2";
    let row: Option<(String, i64, String)> = tx.first(sql, params![digest, now_ms]).await?;
    let Some((person, epoch, maker)) = row else { return Ok(None) };
    // What somebody asked for by mail is theirs.
    if maker != courier::BY_MAIL && !still_administers(tx, &maker, now_ms).await? {
        return Ok(None);
    }
    Ok(rows::by_id(tx, rows::person_id(&person)?).await?.filter(|account| account.epoch == epoch))
}

/// Whether a link was asked for by mail: whoever opens it reads the letters to that address.
async fn by_mail(tx: &mut Tx, digest: &[u8]) -> Result<bool, StoreError> {
    let sql = "SELECT maker FROM password_resets WHERE digest = $1";
    Ok(tx.first::<(String,)>(sql, params![digest]).await?.is_some_and(|(maker,)| maker == courier::BY_MAIL))
}

/// What somebody gave while they might is not good for longer than that.
pub(crate) async fn still_administers(tx: &mut Tx, maker: &str, now_ms: i64) -> ProblemResult<bool> {
    let Some(maker) = Actor::named(maker) else { return Ok(false) };
    match maker.must_administer(tx, now_ms).await {
        Ok(()) => Ok(true),
        Err(problem) if problem.status() == StatusCode::FORBIDDEN => Ok(false),
        Err(problem) => Err(problem),
    }
}

pub(crate) fn worn_out() -> Problem {
    Problem::new(
        StatusCode::GONE,
        "link_used",
        "This link was used already, is too old, or was never one. Ask for another where you got it.",
    )
}

/// The role that an invitation gives and who made it; it is then used up.
pub(crate) async fn use_up(tx: &mut Tx, invitation: &[u8], now_ms: i64) -> ProblemResult<(Role, String)> {
    let given = invited_by(tx, invitation, now_ms).await?;
    let gone = tx.execute("DELETE FROM invitations WHERE digest = $1", params![invitation]).await?;
    if gone == 1 { Ok(given) } else { Err(worn_out()) }
}

/// The role that an invitation gives and who made it, if it is good.
pub(crate) async fn invited_by(tx: &mut Tx, invitation: &[u8], now_ms: i64) -> ProblemResult<(Role, String)> {
    let sql = "SELECT maker, role FROM invitations WHERE digest = $1 AND expires_at_ms >= $2";
    let row: Option<(String, String)> = tx.first(sql, params![invitation, now_ms]).await?;
    let Some((maker, role)) = row else { return Err(worn_out()) };
    if !still_administers(tx, &maker, now_ms).await? {
        return Err(worn_out());
    }
    Role::named(&role).map(|role| (role, maker)).ok_or_else(worn_out)
}
