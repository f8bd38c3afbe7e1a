//! What is kept of a sign-in with an issuer: that its answer was used, and who came by it.

use http::StatusCode;
use kernel::{PersonId, Problem, ProblemResult, Secret, limits};
use store::{Migration, StoreError, Tx, params};

use super::attempt::Attempt;
use super::{Provider, Who};
use crate::invitations::use_up;
use crate::people::store::{self as rows, Account};
use crate::people::{Registration, Role, Turn, Way};
use crate::sessions::digest;
use crate::tokens::Claims;
use crate::{Identity, bearer, sign_in};

/// Answers that were used: each is good once, in whichever process.
pub(crate) const USED: Migration = Migration {
    part: "identity",
    version: 20,
    sql: "-- expands
CREATE TABLE sign_in_answers (digest BYTEA NOT NULL PRIMARY KEY, expires_at_ms BIGINT NOT NULL);
CREATE INDEX sign_in_answers_expiry ON sign_in_answers (expires_at_ms);
",
};

/// Somebody who came.
pub(crate) struct Come {
    pub(crate) person: PersonId,
    pub(crate) role: Role,
    pub(crate) session: Secret,
}

impl Identity {
    /// Uses the answer to an attempt up; `false` when it was used before.
    pub(super) async fn use_answer(&self, attempt: &Attempt) -> Result<bool, StoreError> {
        let (digest, now_ms) = (digest(&attempt.state), self.clock.now_ms());
        // Twice as long as it could be good: clocks of processes differ a little.
        let until_ms = attempt.began_ms.saturating_add(2 * limits::SIGN_IN_ATTEMPT_MS);
        let write = async move |tx: &mut Tx| {
            let sql = "DELETE FROM sign_in_answers WHERE digest IN
                 (SELECT digest FROM sign_in_answers WHERE expires_at_ms < $1 ORDER BY expires_at_ms LIMIT $2)";
            tx.execute(sql, params![now_ms, rows::PRUNE]).await?;
            let sql =
                "INSERT INTO sign_in_answers (digest, expires_at_ms) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING";
            Ok(tx.execute(sql, params![&digest, until_ms]).await? == 1)
        };
        self.store.write(write).await
    }

    /// Signs in whom an issuer speaks of, as a person of theirs alone: found by issuer and subject, or made. An address that it says is
    /// neither kept nor compared, so that no word of an issuer opens an account that somebody has here.
    pub(super) async fn come_in(
        &self,
        provider: &Provider,
        attempt: &Attempt,
        claims: &Claims,
        client: &str,
    ) -> ProblemResult<Come> {
        let session = format!("{}{}", sign_in::PREFIX, self.entropy.token(sign_in::TOKEN_BYTES));
        let (kept, client, now_ms) = (digest(&session), sign_in::client_name(client), self.clock.now_ms());
        let named = (claims.issuer.clone(), claims.subject.clone());
        let newcomer = Newcomer {
            id: PersonId::new(&self.clock, &self.entropy),
            name: bearer::name_of(claims),
            invitation: (!attempt.invitation.is_empty()).then(|| digest(&attempt.invitation)),
            who: provider.who,
        };
        let (ours, began_ms) = (self.clone(), attempt.began_ms);
        let write = async move |tx: &mut Tx| {
            let account = match known(tx, &named, (began_ms, now_ms)).await? {
                Some(account) => account,
                None => ours.welcome(tx, &named, newcomer, now_ms).await?,
            };
            if sign_in::open(tx, &account, (&kept, &client), now_ms).await? {
                ours.tell(tx);
            }
            Ok::<_, Problem>((account.id, account.role))
        };
        let (person, role) = self.store.write(write).await?;
        Ok(Come { person, role, session: Secret::new(session) })
    }

    /// Makes somebody of whom the issuer speaks for the first time.
    async fn welcome(
        &self,
        tx: &mut Tx,
        (issuer, subject): &(String, String),
        it: Newcomer,
        now_ms: i64,
    ) -> ProblemResult<Account> {
        self.must_let_join(tx).await?;
        let (role, way) = match (it.invitation, it.who) {
            (Some(_), _) if self.registration == Registration::Closed => return Err(uninvited()),
            (Some(invitation), _) => (use_up(tx, &invitation, now_ms).await?.0, Way::Invited),
            (None, Who::Domains | Who::Anybody) => (Role::Member, Way::Issued),
            (None, Who::Invited) => return Err(uninvited()),
        };
        rows::insert(tx, it.id, (&it.name, None, None), role, now_ms).await?;
        let sql = "INSERT INTO person_issuers (issuer, subject, person) VALUES ($1, $2, $3)";
        tx.execute(sql, params![issuer, subject, &it.id.to_string()]).await?;
        self.write_down(tx, it.id, Turn::Registered { role, way }).await?;
        rows::by_id(tx, it.id).await?.ok_or_else(gone)
    }
}

/// Somebody who may become a person.
struct Newcomer {
    id: PersonId,
    name: String,
    /// The digest of its token.
    invitation: Option<Vec<u8>>,
    who: Who,
}

/// The account of whom this issuer calls so; `None` for nobody yet.
async fn known(
    tx: &mut Tx,
    (issuer, subject): &(String, String),
    (began_ms, now_ms): (i64, i64),
) -> ProblemResult<Option<Account>> {
    let sql = "SELECT person, ended_at_ms FROM person_issuers JOIN people ON people.id = person
         WHERE issuer = $1 AND subject = $2";
    let row: Option<(String, i64)> = tx.first(sql, params![issuer, subject]).await?;
    let Some((person, ended_at_ms)) = row else { return Ok(None) };
    let account = rows::by_id(tx, rows::person_id(&person)?).await?.ok_or_else(gone)?;
    if account.banned_until_ms > now_ms {
        return Err(sign_in::banned(account.banned_until_ms));
    }
    // Whatever was begun before everything was taken back is taken back with it.
    if ended_at_ms > 0 && began_ms <= ended_at_ms {
        return Err(Problem::forbidden(
            "You were signed out everywhere while this sign-in was under way. Begin again.",
        ));
    }
    Ok(Some(account))
}

fn gone() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "account_gone", "This account was deleted.")
}

fn uninvited() -> Problem {
    Problem::forbidden(
        "You have no account here yet, and the first time takes an invitation: ask an administrator for one, and open its link.",
    )
}
