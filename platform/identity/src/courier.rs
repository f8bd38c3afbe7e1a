//! Word that goes to people's addresses: to confirm one, to set a new password. A request only asks for it, in the same way and with the
//! same work whether the address is known or not; what there is to say is found out afterwards.

use std::error::Error;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use http::StatusCode;
use kernel::{PersonId, Problem, ProblemResult, Secret, limits};
use serde::{Deserialize, Serialize};
use store::{FromRow, Migration, Row, StoreError, Tx, params};

use crate::invitations::{invited_by, still_administers, use_up, worn_out};
use crate::people::{self, Role, Turn, Way, store as rows};
use crate::sessions::digest;
use crate::{Identity, sign_in};

/// Accounts that wait for their address to be confirmed. `digest` is of the link's token, once there is one.
pub(crate) const WAITING: Migration = Migration {
    part: "identity",
    version: 11,
    sql: "-- expands
CREATE TABLE registrations (
    id TEXT NOT NULL PRIMARY KEY,
    digest BYTEA UNIQUE,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    password TEXT NOT NULL,
    role TEXT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX registrations_email ON registrations (email);
CREATE INDEX registrations_expiry ON registrations (expires_at_ms);
",
};

/// Whose invitation a registration waits by, and when an address was last shown to be its person's.
pub(crate) const CONFIRMED: Migration = Migration {
    part: "identity",
    version: 12,
    sql: "-- expands
ALTER TABLE registrations ADD COLUMN maker TEXT;
ALTER TABLE people ADD COLUMN email_confirmed_at_ms BIGINT;
",
};

/// What letters are counted for: who has many of one kind asked for keeps none of the other kind away.
const TO_RESET: &str = "reset";
const TO_CONFIRM: &str = "confirm";

/// Who made a link that somebody asked for by mail. No [`crate::people::Actor`] is written so: processes that do not know it take such a
/// link for nobody's.
pub(crate) const BY_MAIL: &str = "mail";
const TOKEN_BYTES: usize = 32;
const ID_BYTES: usize = 16;

/// What somebody asked for, to be answered by [`Identity::answer`]. It holds an address: keep it sealed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "asks", rename_all = "snake_case")]
pub enum Ask {
    /// A new password for whoever has this address.
    Forgotten {
        /// As it is kept and compared.
        email: String,
    },
    /// That an address be confirmed.
    Registered {
        /// The registration that waits.
        id: String,
    },
}

/// What an address is told.
pub struct Word {
    /// The address.
    pub to: String,
    /// What there is to say.
    pub says: Says,
    /// Until when it holds, Unix milliseconds.
    pub until_ms: i64,
}

/// What there is to say. Paths are of this server; those with a token are secrets.
pub enum Says {
    /// Confirm the address there, with the password that was chosen.
    Confirm {
        /// Of the page.
        path: String,
    },
    /// There is an account of this address already: sign in there.
    HasAccount {
        /// Of the page.
        path: String,
    },
    /// Set a new password there.
    Reset {
        /// Of the page.
        path: String,
    },
}

/// Carries word to addresses.
pub trait Courier: Send + Sync {
    /// Has [`Identity::answer`] asked this, and its word sent, after the caller's transaction.
    fn later<'a>(
        &'a self,
        tx: &'a mut Tx,
        ask: &'a Ask,
    ) -> LocalBoxFuture<'a, Result<(), Box<dyn Error + Send + Sync>>>;
}

/// A registration that waits.
struct Registration {
    id: String,
    email: String,
    name: String,
    password: String,
    role: Role,
    /// Who made the invitation, where there was one.
    maker: Option<String>,
}

impl FromRow for Registration {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let role: String = row.get(4)?;
        let role = Role::named(&role).unwrap_or(Role::Member);
        Ok(Self {
            id: row.get(0)?,
            email: row.get(1)?,
            name: row.get(2)?,
            password: row.get(3)?,
            role,
            maker: row.get(5)?,
        })
    }
}

impl Identity {
    /// Has this carry what there is to say to people; the first one stays.
    pub fn sends_by(&self, courier: Arc<dyn Courier>) {
        let _ = self.courier.set(courier);
    }

    /// Whether anything can be sent to people.
    pub(crate) fn sends(&self) -> bool {
        self.courier.get().is_some()
    }

    fn courier(&self) -> ProblemResult<Arc<dyn Courier>> {
        let courier = self.courier.get().cloned();
        courier.ok_or_else(|| {
            Problem::conflict("mail_off", "This server sends no mail: ask an administrator for a link instead.")
        })
    }

    /// Few letters go to one address, whoever asks for them, and whether or not it is known.
    async fn count_letter(&self, email: &str, purpose: &str) -> ProblemResult<()> {
        let counted = digest(&format!("{email}\nletters\n{purpose}"));
        let Some(wait_s) = self.count(counted, limits::LETTERS_PER_ADDRESS).await? else { return Ok(()) };
        let detail =
            "So many letters to this address were asked for that it has to wait. Look where they may have gone.";
        Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "letters_many", detail).retry_after(wait_s))
    }

    /// Sends whoever has this address a link for a new password. Whether anybody has is not told, and makes no difference here.
    pub(crate) async fn forgot_password(&self, email: &str) -> ProblemResult<()> {
        let (courier, email) = (self.courier()?, people::email(email)?);
        self.count_letter(&email, TO_RESET).await?;
        let ask = Ask::Forgotten { email };
        let write = async move |tx: &mut Tx| courier.later(tx, &ask).await.map_err(Problem::internal);
        self.store.write(write).await
    }

    /// Keeps a registration until its address is confirmed. An invitation is used up, whatever comes of it.
    pub(crate) async fn register_when_confirmed(
        &self,
        (name, email, hash): (String, String, String),
        invitation: Option<Vec<u8>>,
    ) -> ProblemResult<()> {
        let courier = self.courier()?;
        let (id, now_ms) = (self.entropy.token(ID_BYTES), self.clock.now_ms());
        // Who has no invitation uses up nobody's letters.
        if let Some(invitation) = invitation.clone() {
            let read = async move |tx: &mut Tx| invited_by(tx, &invitation, now_ms).await.map(drop);
            self.store.read(read).await?;
        }
        self.count_letter(&email, TO_CONFIRM).await?;
        let ours = self.clone();
        let write = async move |tx: &mut Tx| {
            ours.must_let_join(tx).await?;
            let (role, maker) = match invitation {
                Some(invitation) => use_up(tx, &invitation, now_ms).await.map(|(role, maker)| (role, Some(maker)))?,
                None => (Role::Member, None),
            };
            let sql = "DELETE FROM registrations WHERE id IN
                 (SELECT id FROM registrations WHERE expires_at_ms < $1 ORDER BY expires_at_ms LIMIT $2)";
            tx.execute(sql, params![now_ms, rows::PRUNE]).await?;
            let sql = "INSERT INTO registrations (id, email, name, password, role, expires_at_ms, maker)
                 SELECT $1, $2, $3, $4, $5, $6, $8 WHERE (SELECT COUNT(*) FROM registrations) < $7";
            let (until_ms, most) = (now_ms + limits::LETTER_LINK_MS, limits::REGISTRATIONS as i64);
            let row = params![&id, &email, &name, &hash, role.name(), until_ms, most, maker.as_deref()];
            let kept = tx.execute(sql, row).await?;
            if kept == 0 {
                return Err(Problem::unavailable(600, "too many registrations wait to be confirmed"));
            }
            courier.later(tx, &Ask::Registered { id }).await.map_err(Problem::internal)
        };
        self.store.write(write).await
    }

    /// Whether a person's address is known to be theirs: everybody's is where registering takes that, and elsewhere that of whoever opened
    /// a letter to it.
    ///
    /// # Errors
    /// What the store says.
    pub async fn is_address_confirmed(&self, tx: &mut Tx, id: PersonId) -> Result<bool, StoreError> {
        let sql = "SELECT email, email_confirmed_at_ms FROM people WHERE id = $1";
        let row: Option<(Option<String>, Option<i64>)> = tx.first(sql, params![&id.to_string()]).await?;
        Ok(row.is_some_and(|(email, at_ms)| email.is_some() && (self.confirms || at_ms.is_some())))
    }

    /// What there is to say to what somebody asked, with its link, in the caller's transaction; `None` for nothing.
    ///
    /// # Errors
    /// What the store says.
    pub async fn answer(&self, tx: &mut Tx, ask: &Ask) -> ProblemResult<Option<Word>> {
        let now_ms = self.clock.now_ms();
        let (token, until_ms) = (self.entropy.token(TOKEN_BYTES), now_ms + limits::LETTER_LINK_MS);
        match ask {
            Ask::Forgotten { email } => {
                let account = rows::by_email(tx, email).await?.filter(|account| account.banned_until_ms <= now_ms);
                let Some(account) = account else { return Ok(None) };
                let id = account.id.to_string();
                // The newest link is the one that works.
                let sql = "DELETE FROM password_resets WHERE expires_at_ms < $1 OR (person = $2 AND maker = $3)";
                tx.execute(sql, params![now_ms, &id, BY_MAIL]).await?;
                let sql = "INSERT INTO password_resets (digest, person, epoch, maker, expires_at_ms)
                     VALUES ($1, $2, $3, $4, $5)";
                tx.execute(sql, params![&digest(&token), &id, account.epoch, BY_MAIL, until_ms]).await?;
                Ok(Some(Word { to: email.clone(), says: Says::Reset { path: format!("/password/{token}") }, until_ms }))
            }
            Ask::Registered { id } => {
                let sql = "SELECT id, email, name, password, role, maker FROM registrations
                     WHERE id = $1 AND expires_at_ms >= $2 AND digest IS NULL";
                let waits: Option<Registration> = tx.first(sql, params![id, now_ms]).await?;
                let Some(Registration { email, .. }) = waits else { return Ok(None) };
                if rows::by_email(tx, &email).await?.is_some() {
                    tx.execute("DELETE FROM registrations WHERE id = $1", params![id]).await?;
                    let says = Says::HasAccount { path: "/sign-in".to_owned() };
                    return Ok(Some(Word { to: email, says, until_ms }));
                }
                let sql = "UPDATE registrations SET digest = $2, expires_at_ms = $3 WHERE id = $1";
                tx.execute(sql, params![id, &digest(&token), until_ms]).await?;
                Ok(Some(Word { to: email, says: Says::Confirm { path: format!("/confirm/{token}") }, until_ms }))
            }
        }
    }

    /// Makes the account whose address a link confirms. Whoever opens the link shows the password that was chosen: else somebody could
    /// choose one for an address of others, and have them confirm it. The address that is confirmed.
    pub(crate) async fn confirm(&self, token: &str, password: &Secret) -> ProblemResult<String> {
        let (link, now_ms) = (digest(token), self.clock.now_ms());
        let named = link.clone();
        let read = async move |tx: &mut Tx| waiting(tx, &named, now_ms).await;
        let waits = self.store.read(read).await?.ok_or_else(worn_out)?;
        let counted = digest(&format!("{}\nconfirmation", waits.id));
        if !self.guess(&counted, password, Some(&waits.password)).await? {
            return Err(sign_in::wrong());
        }
        let (id, ours) = (PersonId::new(&self.clock, &self.entropy), self.clone());
        let write = async move |tx: &mut Tx| {
            // The link stays good: it is not its bearer who closed the doors.
            ours.must_let_join(tx).await?;
            let Registration { email, name, password, role, maker, .. } =
                waiting(tx, &link, now_ms).await?.ok_or_else(worn_out)?;
            // What somebody gave while they might is not good for longer than that.
            let way = if maker.is_some() { Way::Invited } else { Way::Joined };
            let given = match maker {
                Some(maker) => still_administers(tx, &maker, now_ms).await?,
                None => role == Role::Member,
            };
            if !given {
                return Err(worn_out());
            }
            tx.execute("DELETE FROM registrations WHERE email = $1", params![&email]).await?;
            if !rows::insert(tx, id, (&name, Some(&email), Some(&password)), role, now_ms).await? {
                return Err(worn_out());
            }
            ours.write_down(tx, id, Turn::Registered { role, way }).await?;
            confirmed(tx, id, now_ms).await?;
            tx.execute("DELETE FROM sign_in_failures WHERE account = $1", params![&counted]).await?;
            sign_in::forget_guesses(tx, &email).await?;
            Ok::<_, Problem>(email)
        };
        self.store.write(write).await
    }
}

/// An address was shown to be its person's: a letter to it was opened.
pub(crate) async fn confirmed(tx: &mut Tx, id: PersonId, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE people SET email_confirmed_at_ms = $2 WHERE id = $1";
    tx.execute(sql, params![&id.to_string(), now_ms]).await.map(drop)
}

async fn waiting(tx: &mut Tx, link: &[u8], now_ms: i64) -> Result<Option<Registration>, StoreError> {
    let sql =
        "SELECT id, email, name, password, role, maker FROM registrations WHERE digest = $1 AND expires_at_ms >= $2";
    tx.first(sql, params![link, now_ms]).await
}
