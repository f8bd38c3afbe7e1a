//! Tokens that people show: our own, and those of the issuers that the operator trusts.

use std::time::Duration;

use kernel::{PersonId, Secret};
use serde_json::{Map, Value, json};
use store::{StoreError, Tx, params};

use crate::grounds::stand;
use crate::people::model::{self, Role};
use crate::people::{Ground, Pass, Turn, Untold, Way, store as rows};
use crate::tickets::CHANNEL;
use crate::tokens::{Claims, Refusal, Unissued};
use crate::{By, Caller, Identity};

/// How long a token of ours is good, milliseconds.
pub(crate) const ACCESS_MS: i64 = 600_000;
/// What a token of ours says of the person it was made for: everything given before the next one is worth nothing.
pub(crate) const EPOCH: &str = "epoch";
/// What issuers call people, the best first (OpenID Connect Core, section 5.1).
const NAMES: [&str; 4] = ["name", "preferred_username", "nickname", "given_name"];
/// Somebody of whom the issuer says no name.
const NAMELESS: &str = "New person";

impl Identity {
    /// Makes a token by which this person is known for [`ACCESS_MS`]; `None` for nobody who may act.
    pub(crate) async fn access_token(&self, id: PersonId) -> Result<Option<Secret>, Unissued> {
        let now_ms = self.clock.now_ms();
        let acting: Result<_, StoreError> = self.store.read(async move |tx| rows::acting(tx, id, now_ms).await).await;
        let Some((_, epoch)) = acting? else { return Ok(None) };
        let extra = Map::from_iter([(EPOCH.to_owned(), json!(epoch))]);
        let ttl = Duration::from_millis(ACCESS_MS.unsigned_abs());
        self.tokens.issue(&id.to_string(), ttl, extra).await.map(Some)
    }

    /// Who shows this token, and what else it says. Whoever an issuer speaks of for the first time becomes a person here.
    ///
    /// # Errors
    /// [`Refusal`]: `Expired` also where the token was taken back and its owner may have another.
    pub async fn by_token(&self, token: &str) -> Result<(Pass, Claims), Refusal> {
        let now_ms = self.clock.now_ms();
        let (who, claims) = if self.tokens.is_named_by(token) {
            let claims = self.tokens.verify(token, now_ms).await?;
            let epoch = claims.rest.get(EPOCH).and_then(Value::as_i64);
            let id = claims.subject.parse().map_err(|_| Refusal::Bad("it speaks of no person"))?;
            let grounds = self.grounds(&claims);
            let read = async move |tx: &mut Tx| ours(tx, id, (epoch, &grounds), now_ms).await;
            (self.store.read(read).await.map_err(away)?, claims)
        } else {
            let (issuer, claims) =
                self.issuers.as_ref().ok_or(Refusal::Bad("no issuer is trusted"))?.verify(token).await?;
            if claims.rest.contains_key(CHANNEL) {
                return Err(Refusal::Bad("it is for one channel alone"));
            }
            (self.of_issuer(&issuer, &claims).await.map_err(unmade)?, claims)
        };
        match who {
            Who::Acts(id, role) => {
                let caller = Caller::Person { id, role, by: By::Token };
                let (until_ms, grounds) = (claims.expires_at_ms, self.grounds(&claims));
                let pass = Pass { caller, shown: Secret::new(token), until_ms, grounds };
                Ok((pass, claims))
            }
            Who::TakenBack => Err(Refusal::Expired),
            Who::Nobody => Err(Refusal::Bad("its person may not come")),
        }
    }

    /// Whether the operator trusts this issuer.
    pub fn trusts(&self, issuer: &str) -> bool {
        self.issuers.as_ref().is_some_and(|issuers| issuers.know(issuer))
    }

    /// The person that tokens of an issuer name so (`sub`), also one who may not come any more; `None` for somebody who never came.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn person_of(&self, issuer: &str, subject: &str) -> Result<Option<PersonId>, StoreError> {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        let read = async move |tx: &mut Tx| {
            let sql = "SELECT person FROM person_issuers WHERE issuer = $1 AND subject = $2";
            let row: Option<(String,)> = tx.first(sql, params![&issuer, &subject]).await?;
            row.map(|(person,)| rows::person_id(&person)).transpose()
        };
        self.store.read(read).await
    }

    /// The person that an issuer's token speaks of.
    async fn of_issuer(&self, issuer: &str, claims: &Claims) -> Result<Who, Untold> {
        let (issuer, subject) = (issuer.to_owned(), claims.subject.clone());
        let (issued_ms, now_ms) = (claims.issued_at_ms.unwrap_or_default(), self.clock.now_ms());
        let (known, named) = (issuer.clone(), subject.clone());
        let found = async move |tx: &mut Tx| issued(tx, (&known, &named), issued_ms, now_ms).await;
        if let Some(who) = self.store.read(found).await? {
            return Ok(who);
        }
        let (id, name, ours) = (PersonId::new(&self.clock, &self.entropy), name_of(claims), self.clone());
        let write = async move |tx: &mut Tx| {
            // Two requests with the first token of one person come at once.
            if let Some(who) = issued(tx, (&issuer, &subject), issued_ms, now_ms).await? {
                return Ok(who);
            }
            if !ours.may_join(tx).await? {
                return Ok(Who::Nobody);
            }
            rows::insert(tx, id, (&name, None, None), Role::Member, now_ms).await?;
            let sql = "INSERT INTO person_issuers (issuer, subject, person) VALUES ($1, $2, $3)";
            tx.execute(sql, params![&issuer, &subject, &id.to_string()]).await?;
            ours.write_down(tx, id, Turn::Registered { role: Role::Member, way: Way::Issued }).await?;
            Ok(Who::Acts(id, Role::Member))
        };
        self.store.write(write).await
    }
}

/// Whom a proved token speaks of.
pub(crate) enum Who {
    Acts(PersonId, Role),
    /// They may come, by another token.
    TakenBack,
    /// Banned, or gone.
    Nobody,
}

/// Of a person whose token of ours has this epoch, and hangs on these.
pub(crate) async fn ours(
    tx: &mut Tx,
    id: PersonId,
    (epoch, grounds): (Option<i64>, &[Ground]),
    now_ms: i64,
) -> Result<Who, StoreError> {
    Ok(match rows::acting(tx, id, now_ms).await? {
        Some((role, now)) if Some(now) == epoch && stand(tx, grounds, now_ms).await? => Who::Acts(id, role),
        Some(_) => Who::TakenBack,
        None => Who::Nobody,
    })
}

/// `None` for somebody of whom this issuer never spoke before.
pub(crate) async fn issued(
    tx: &mut Tx,
    (issuer, subject): (&str, &str),
    issued_ms: i64,
    now_ms: i64,
) -> Result<Option<Who>, StoreError> {
    let sql = "SELECT person, ended_at_ms FROM person_issuers JOIN people ON people.id = person
         WHERE issuer = $1 AND subject = $2";
    let row: Option<(String, i64)> = tx.first(sql, params![issuer, subject]).await?;
    let Some((person, ended_at_ms)) = row else { return Ok(None) };
    let id = rows::person_id(&person)?;
    Ok(Some(match rows::acting(tx, id, now_ms).await? {
        // What an issuer gave out before everything was taken back stays taken back. It counts in seconds.
        Some(_) if ended_at_ms > 0 && issued_ms <= ended_at_ms => Who::TakenBack,
        Some((role, _)) => Who::Acts(id, role),
        None => Who::Nobody,
    }))
}

/// A name that can be kept, of those that the issuer says.
pub(crate) fn name_of(claims: &Claims) -> String {
    let said = NAMES.iter().filter_map(|name| claims.rest.get(*name)?.as_str());
    let kept = said.filter_map(model::name).next();
    kept.unwrap_or_else(|| NAMELESS.to_owned())
}

fn unmade(untold: Untold) -> Refusal {
    Refusal::Unknown(std::sync::Arc::new(untold))
}

pub(crate) fn away(error: StoreError) -> Refusal {
    Refusal::Unknown(std::sync::Arc::new(error))
}
