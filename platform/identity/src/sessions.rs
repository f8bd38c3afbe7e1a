//! One-time links and the sessions they give.

use std::sync::{Arc, OnceLock};

use kernel::{Clock, Entropy, SealKey, Secret};
use sha2::{Digest, Sha256};
use store::{Migration, Store, StoreError, Tx, params};
use tokio::sync::watch;

use crate::annals::Annals;
use crate::courier::Courier;
use crate::issuers::Issuers;
use crate::people::store as people;
use crate::people::{Actor, Registration};
use crate::sign_in_with::Providers;
use crate::tokens::Tokens;
use crate::{By, Caller, passwords, sign_in};

/// The tables of this part.
pub const MIGRATIONS: &[Migration] = &[
    SESSIONS,
    crate::keys::MADE,
    crate::keys::EXPIRING,
    people::PEOPLE,
    crate::tokens::MADE,
    crate::courier::WAITING,
    crate::courier::CONFIRMED,
    crate::joining::SWITCHES,
    crate::revocations::REVOKED,
    crate::sign_in_with::USED,
];

const SESSIONS: Migration = Migration {
    part: "identity",
    version: 1,
    sql: "
CREATE TABLE admin_links (digest BYTEA NOT NULL PRIMARY KEY, expires_at_ms BIGINT NOT NULL);
CREATE TABLE sessions (digest BYTEA NOT NULL PRIMARY KEY, created_at_ms BIGINT NOT NULL, expires_at_ms BIGINT NOT NULL);
",
};

/// How long an admin link can be opened, milliseconds.
pub const LINK_TTL_MS: i64 = 15 * 60_000;
/// How long a session lasts, milliseconds.
pub(crate) const SESSION_TTL_MS: i64 = 30 * 86_400_000;
const TOKEN_BYTES: usize = 32;
const SOMEBODY: &str =
    "SELECT 1 FROM (SELECT 1 FROM sessions UNION ALL SELECT 1 FROM people WHERE role = 'admin') known LIMIT 1";

/// Knows who is who. Clones are handles.
#[derive(Clone)]
pub struct Identity {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) key: SealKey,
    pub(crate) passwords: passwords::Passwords,
    pub(crate) registration: Registration,
    /// Whether an address is somebody's only once it has shown that it reads what is sent there.
    pub(crate) confirms: bool,
    /// Who carries word to addresses; set once, by whoever starts the mail.
    pub(crate) courier: Arc<OnceLock<Arc<dyn Courier>>>,
    /// Who keeps a log of what becomes of people; set once.
    pub(crate) annals: Arc<OnceLock<Arc<dyn Annals>>>,
    pub(crate) tokens: Tokens,
    pub(crate) issuers: Option<Issuers>,
    pub(crate) providers: Option<Providers>,
    /// Host and port at which people reach us by https, where they do.
    pub(crate) secure_host: Option<Arc<str>>,
    /// Counts the changes of people's rights that this process committed.
    pub(crate) news: watch::Sender<u64>,
}

impl Identity {
    /// Over a store, with the deployment's key, for whoever is invited.
    pub fn new(store: Store, clock: Clock, entropy: Entropy, key: SealKey) -> Self {
        Self {
            passwords: passwords::Passwords::new(&entropy),
            registration: Registration::default(),
            confirms: false,
            courier: Arc::default(),
            annals: Arc::default(),
            tokens: Tokens::new(store.clone(), clock.clone(), entropy.clone(), key.clone()),
            issuers: None,
            providers: None,
            secure_host: None,
            news: watch::channel(0).0,
            store,
            clock,
            entropy,
            key,
        }
    }

    /// Takes the tokens of these issuers too, at set-up.
    #[must_use]
    pub fn trusting(self, issuers: Issuers) -> Self {
        Self { issuers: Some(issuers), ..self }
    }

    /// Has people sign in by these issuers too, at set-up.
    #[must_use]
    pub fn signing_in_with(self, providers: Providers) -> Self {
        Self { providers: Some(providers), ..self }
    }

    /// Says where people reach us, at set-up: an `https://` address has browsers keep sessions for TLS alone.
    #[must_use]
    pub fn reached_at(self, base_url: &str) -> Self {
        let host = base_url.strip_prefix("https://").and_then(|rest| rest.split('/').next());
        // As browsers say it.
        let host = host.map(|host| host.strip_suffix(":443").unwrap_or(host));
        Self { secure_host: host.map(|host| host.to_ascii_lowercase().into()), ..self }
    }

    /// Says who may register, at set-up.
    #[must_use]
    pub fn registering(self, registration: Registration) -> Self {
        Self { registration, ..self }
    }

    /// Makes an account only when its address is confirmed, at set-up.
    #[must_use]
    pub fn confirming(self, confirms: bool) -> Self {
        Self { confirms, ..self }
    }

    /// Makes a one-time link's token, good for [`LINK_TTL_MS`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn make_link(&self) -> Result<Secret, StoreError> {
        let token = self.entropy.token(TOKEN_BYTES);
        let (digest, now_ms) = (digest(&token), self.clock.now_ms());
        let made: Result<(), StoreError> = self
            .store
            .write(async move |tx| {
                tx.execute("DELETE FROM admin_links WHERE expires_at_ms < $1", params![now_ms]).await?;
                let sql = "INSERT INTO admin_links (digest, expires_at_ms) VALUES ($1, $2)";
                tx.execute(sql, params![&digest, now_ms + LINK_TTL_MS]).await.map(drop)
            })
            .await;
        made.map(|()| Secret::new(token))
    }

    /// Whether anybody can administer already: somebody opened a link and has not signed out since, or is an administrator.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_sessions(&self) -> Result<bool, StoreError> {
        let row: Result<Option<(i64,)>, StoreError> = self.store.read(async |tx| tx.first(SOMEBODY, &[]).await).await;
        Ok(row?.is_some())
    }

    /// Uses a link up: a session's token, or `None` when the link is unknown, used or too old.
    pub(crate) async fn open_link(&self, token: &str) -> Result<Option<Secret>, StoreError> {
        let session = self.entropy.token(TOKEN_BYTES);
        let (link, digest, now_ms) = (digest(token), digest(&session), self.clock.now_ms());
        let opened: Result<bool, StoreError> = self
            .store
            .write(async move |tx| {
                let sql = "DELETE FROM admin_links WHERE digest = $1 AND expires_at_ms >= $2";
                if tx.execute(sql, params![&link, now_ms]).await? == 0 {
                    return Ok(false);
                }
                tx.execute("DELETE FROM sessions WHERE expires_at_ms < $1", params![now_ms]).await?;
                let sql = "INSERT INTO sessions (digest, created_at_ms, expires_at_ms) VALUES ($1, $2, $3)";
                tx.execute(sql, params![&digest, now_ms, now_ms + SESSION_TTL_MS]).await?;
                Ok(true)
            })
            .await;
        Ok(opened?.then(|| Secret::new(session)))
    }

    /// Who has this session token, and until when, Unix milliseconds; `None` for nobody.
    pub(crate) async fn holder(&self, session: &str) -> Result<Option<(Caller, i64)>, StoreError> {
        let (digest, now_ms) = (digest(session), self.clock.now_ms());
        let of_person = session.starts_with(sign_in::PREFIX);
        if session.len() != TOKEN_BYTES * 2 + usize::from(of_person) {
            return Ok(None);
        }
        let read = async move |tx: &mut Tx| {
            if of_person {
                let found = people::by_session(tx, &digest, now_ms).await?;
                return Ok(found.map(|(id, role, until_ms)| (Caller::Person { id, role, by: By::Session }, until_ms)));
            }
            let sql = "SELECT expires_at_ms FROM sessions WHERE digest = $1 AND expires_at_ms >= $2";
            let row: Option<(i64,)> = tx.first(sql, params![&digest, now_ms]).await?;
            Ok(row.map(|(until_ms,)| (Caller::Admin, until_ms)))
        };
        self.store.read(read).await
    }

    /// Who has this session token.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn caller(&self, session: &str) -> Result<Caller, StoreError> {
        Ok(self.holder(session).await?.map_or(Caller::Anonymous, |(caller, _)| caller))
    }

    pub(crate) async fn end_session(&self, session: &str) -> Result<(), StoreError> {
        let (identity, digest, now_ms) = (self.clone(), digest(session), self.clock.now_ms());
        let write = async move |tx: &mut Tx| {
            if tx.execute("DELETE FROM sessions WHERE digest = $1", params![&digest]).await? == 1 {
                people::note(tx, &Actor::Admin, now_ms).await?;
                identity.tell(tx);
            }
            let sql = "DELETE FROM person_sessions WHERE digest = $1 RETURNING person";
            if let Some((person,)) = tx.first::<(String,)>(sql, params![&digest]).await? {
                people::note(tx, &Actor::Person(people::person_id(&person)?), now_ms).await?;
                identity.tell(tx);
            }
            Ok(())
        };
        self.store.write(write).await
    }
}

/// Tokens are 256 random bits, so a fast digest is enough: there is nothing to guess.
pub(crate) fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
