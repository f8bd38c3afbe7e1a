//! Signing in with a password: the same answer for a wrong address as for a wrong password, and few guesses for each account.

use std::time::Duration;

use http::StatusCode;
use kernel::{PersonId, Problem, ProblemResult, Secret, limits};
use store::{StoreError, Tx, params};

use crate::people::store::{self as rows, Account};
use crate::people::{Actor, FOR_EVER_MS, Role, model};
use crate::sessions::{SESSION_TTL_MS, digest};
use crate::{Identity, passwords};

/// What a person's session begins with: processes that do not know people take it for nobody's.
pub(crate) const PREFIX: char = 'p';
pub(crate) const TOKEN_BYTES: usize = 32;
const DEVICE_BYTES: usize = 16;
/// What is kept of a client's name for itself (`User-Agent`), bytes.
const CLIENT_BYTES: usize = 200;

/// Somebody who says who they are.
pub(crate) struct Credentials<'a> {
    pub(crate) email: &'a str,
    pub(crate) password: &'a Secret,
    /// What this browser was given when it signed in before; empty for none.
    pub(crate) device: &'a str,
    /// What the client calls itself.
    pub(crate) client: &'a str,
}

/// Somebody who is signed in.
pub(crate) struct SignedIn {
    pub(crate) person: PersonId,
    pub(crate) role: Role,
    pub(crate) session: Secret,
    /// Proof that this browser knew the password, for the next time.
    pub(crate) device: Secret,
}

impl Identity {
    /// Signs in: 401 for whatever does not fit, 403 for who is banned and knows the password, 429 after
    /// [`limits::SIGN_IN_FAILURES`].
    pub(crate) async fn sign_in(&self, it: Credentials<'_>) -> ProblemResult<SignedIn> {
        let email = model::email(it.email);
        let account = match email.clone() {
            Some(email) => self.store.read(async move |tx| rows::by_email(tx, &email).await).await?,
            None => None,
        };
        // A stranger who guesses uses up the guesses of strangers, and not those of a browser that was let in before.
        let known = account.as_ref().and_then(|account| self.device(account, it.device));
        let counted = guesses(email.as_deref().unwrap_or_default(), known.as_deref().unwrap_or_default());
        let stored = account.as_ref().and_then(|account| account.password.as_deref());
        let fits = self.guess(&counted, it.password, stored).await?;
        let Some(account) = account.filter(|_| fits) else { return Err(wrong()) };
        let session = format!("{PREFIX}{}", self.entropy.token(TOKEN_BYTES));
        let device = known.unwrap_or_else(|| self.entropy.token(DEVICE_BYTES));
        let device = self.seal_device(&account, &device);
        let role = account.role;
        let person = self.let_in(account, &session, it.client, counted).await?;
        Ok(SignedIn { person, role, session: Secret::new(session), device })
    }

    /// Whether a guess is right. One that nobody could look at is not counted.
    pub(crate) async fn guess(&self, counted: &[u8], password: &Secret, stored: Option<&str>) -> ProblemResult<bool> {
        self.count_guess(counted.to_vec()).await?;
        let fits = self.passwords.fits(password, stored).await;
        if fits.is_err() {
            let counted = counted.to_vec();
            let sql = "UPDATE sign_in_failures SET failures = failures - 1 WHERE account = $1";
            let back: Result<u64, StoreError> =
                self.store.write_relaxed(async move |tx| tx.execute(sql, params![&counted]).await).await;
            back?;
        }
        fits
    }

    /// Counts before the password is looked at: of guesses that come together each is counted.
    async fn count_guess(&self, account: Vec<u8>) -> ProblemResult<()> {
        let Some(wait_s) = self.count(account, limits::SIGN_IN_FAILURES).await? else { return Ok(()) };
        let detail = "Too many wrong passwords for this account. Wait, or use a browser that signed in before.";
        Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "sign_in_locked", detail).retry_after(wait_s))
    }

    /// Counts something that may happen `most` times within [`limits::SIGN_IN_WINDOW_MS`]; once it was more, for how many seconds it
    /// has to wait.
    pub(crate) async fn count(&self, account: Vec<u8>, most: i64) -> ProblemResult<Option<u32>> {
        let now_ms = self.clock.now_ms();
        let since_ms = now_ms - limits::SIGN_IN_WINDOW_MS;
        let write = async move |tx: &mut Tx| {
            let sql = "DELETE FROM sign_in_failures WHERE account IN
                 (SELECT account FROM sign_in_failures WHERE since_ms <= $1 ORDER BY since_ms LIMIT $2)";
            tx.execute(sql, params![since_ms, rows::PRUNE]).await?;
            let sql = "INSERT INTO sign_in_failures (account, failures, since_ms) VALUES ($1, 1, $2)
                 ON CONFLICT (account) DO UPDATE SET
                     failures = CASE WHEN sign_in_failures.since_ms <= $3 THEN 1 ELSE sign_in_failures.failures + 1 END,
                     since_ms = CASE WHEN sign_in_failures.since_ms <= $3 THEN $2 ELSE sign_in_failures.since_ms END
                 RETURNING failures, since_ms";
            tx.one::<(i64, i64)>(sql, params![&account, now_ms, since_ms]).await
        };
        let counted: Result<(i64, i64), StoreError> = self.store.write_relaxed(write).await;
        let (times, first_ms) = counted?;
        if times <= most {
            return Ok(None);
        }
        let wait = Duration::from_millis(u64::try_from(first_ms - since_ms).unwrap_or_default());
        Ok(Some(u32::try_from(wait.as_secs().max(1)).unwrap_or(u32::MAX)))
    }

    /// Opens the session, if the account is still as it was when its password was looked at.
    async fn let_in(&self, seen: Account, session: &str, client: &str, counted: Vec<u8>) -> ProblemResult<PersonId> {
        let (digest, now_ms, id) = (digest(session), self.clock.now_ms(), seen.id);
        let client = client_name(client);
        let identity = self.clone();
        let write = async move |tx: &mut Tx| {
            let now = rows::by_id(tx, id).await?;
            let Some(now) = now.filter(|now| now.epoch == seen.epoch && now.password == seen.password) else {
                return Err(wrong());
            };
            tx.execute("DELETE FROM sign_in_failures WHERE account = $1", params![&counted]).await?;
            if now.banned_until_ms > now_ms {
                return Ok(Err(banned(now.banned_until_ms)));
            }
            if open(tx, &now, (&digest, &client), now_ms).await? {
                identity.tell(tx);
            }
            Ok(Ok(id))
        };
        self.store.write(write).await?
    }

    /// The number of a browser that signed in as this person before.
    fn device(&self, account: &Account, sealed: &str) -> Option<String> {
        let sealed = hex::decode(sealed).ok()?;
        Some(self.key.open(&device_of(account), &sealed).ok()?.expose().to_owned())
    }

    fn seal_device(&self, account: &Account, device: &str) -> Secret {
        let sealed = self.key.seal(&self.entropy, &device_of(account), &Secret::new(device));
        Secret::new(hex::encode(sealed))
    }

    /// Gives a person who knows the old password a new one, and ends every session but this one.
    pub(crate) async fn change_password(
        &self,
        id: PersonId,
        session: &str,
        (old, new): (&Secret, &Secret),
    ) -> ProblemResult<()> {
        let account = self.store.read(async move |tx| rows::by_id(tx, id).await).await?;
        let details = self.person(id).await?.ok_or_else(|| crate::people::nobody(id))?;
        let account = account.ok_or_else(|| crate::people::nobody(id))?;
        let counted = digest(&format!("{id}\nold password"));
        if !self.guess(&counted, old, account.password.as_deref()).await? {
            let why = "That is not your password.";
            return Err(Problem::forbidden(why).field("/old", why));
        }
        passwords::check(new, (&details.name, details.email.as_deref().unwrap_or_default()), "/new")?;
        let hash = self.passwords.hash(&self.entropy, new).await?;
        let (identity, now_ms, session) = (self.clone(), self.clock.now_ms(), digest(session));
        let write = async move |tx: &mut Tx| {
            let now = rows::by_id(tx, id).await?;
            let same = now.is_some_and(|now| now.epoch == account.epoch && now.password == account.password);
            let client: Option<(String,)> =
                tx.first("SELECT client FROM person_sessions WHERE digest = $1", params![&session]).await?;
            let Some((client,)) = client.filter(|_| same) else { return Err(wrong()) };
            tx.execute("DELETE FROM sign_in_failures WHERE account = $1", params![&counted]).await?;
            tx.execute("UPDATE people SET password = $2 WHERE id = $1", params![&id.to_string(), &hash]).await?;
            rows::ended(tx, id, now_ms).await?;
            let now = rows::by_id(tx, id).await?.ok_or_else(|| crate::people::nobody(id))?;
            open(tx, &now, (&session, &client), now_ms).await?;
            identity.tell(tx);
            Ok(())
        };
        self.store.write(write).await
    }
}

/// What is kept of what a client calls itself.
pub(crate) fn client_name(client: &str) -> String {
    let kept = client.chars().filter(|c| !c.is_control()).scan(0, |bytes, c| {
        *bytes += c.len_utf8();
        (*bytes <= CLIENT_BYTES).then_some(c)
    });
    kept.collect()
}

/// Adds a session; the oldest ones go where there would be too many. Whether any did: what they have open must end.
pub(crate) async fn open(
    tx: &mut Tx,
    account: &Account,
    (digest, client): (&[u8], &str),
    now_ms: i64,
) -> Result<bool, StoreError> {
    let id = account.id.to_string();
    let sql = "DELETE FROM person_sessions WHERE id IN
         (SELECT id FROM person_sessions WHERE expires_at_ms < $1 ORDER BY expires_at_ms LIMIT $2)";
    tx.execute(sql, params![now_ms, rows::PRUNE]).await?;
    let sql = "DELETE FROM person_sessions WHERE person = $1 AND id NOT IN
         (SELECT id FROM person_sessions WHERE person = $1 ORDER BY id DESC LIMIT $2)";
    let went = tx.execute(sql, params![&id, limits::PERSON_SESSIONS as i64 - 1]).await? > 0;
    if went {
        rows::note(tx, &Actor::Person(account.id), now_ms).await?;
    }
    let sql = "INSERT INTO person_sessions (digest, person, epoch, client, created_at_ms, expires_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, params![digest, &id, account.epoch, client, now_ms, now_ms + SESSION_TTL_MS]).await?;
    tx.execute("UPDATE people SET signed_in_at_ms = $2 WHERE id = $1", params![&id, now_ms]).await?;
    Ok(went)
}

/// Says nothing about which of the two it was.
pub(crate) fn wrong() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "credentials_wrong", "The address or the password is wrong.")
}

pub(crate) fn banned(until_ms: i64) -> Problem {
    let until =
        if until_ms >= FOR_EVER_MS { String::new() } else { format!(" until {}", kernel::clock::rfc3339(until_ms)) };
    Problem::new(StatusCode::FORBIDDEN, "banned", format!("This account is banned{until}."))
}

/// Whoever knew an older password is a stranger again.
fn device_of(account: &Account) -> String {
    format!("device:{}:{}", account.id, account.epoch)
}

/// Under what guesses at an account are counted; `device` is empty for strangers.
fn guesses(email: &str, device: &str) -> Vec<u8> {
    digest(&format!("{email}\n{device}"))
}

/// Forgets what strangers guessed at this address.
pub(crate) async fn forget_guesses(tx: &mut Tx, email: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM sign_in_failures WHERE account = $1";
    tx.execute(sql, params![&guesses(email, "")]).await.map(drop)
}
