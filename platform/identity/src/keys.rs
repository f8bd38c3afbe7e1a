//! API keys: how a program says who it is. Made by an administrator, shown once, stored as a digest.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use kernel::{Problem, ProblemResult, Secret, limits};
use serde::{Deserialize, Serialize};
use store::{FromRow, Migration, Row, StoreError, Tx, params};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::people::{Actor, Ground, store as rows};
use crate::sessions::digest;
use crate::{Admin, Caller, Identity};

pub(crate) const MADE: Migration = Migration {
    part: "identity",
    version: 2,
    sql: "
CREATE TABLE api_keys (
    id BIGSERIAL PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes INTEGER NOT NULL,
    created_at_ms BIGINT NOT NULL,
    last_used_at_ms BIGINT,
    revoked_at_ms BIGINT
);
",
};

pub(crate) const EXPIRING: Migration =
    Migration { part: "identity", version: 3, sql: "ALTER TABLE api_keys ADD COLUMN expires_at_ms BIGINT;" };

/// What every key begins with, so that people and scanners know one when they see it.
const PREFIX: &str = "msk_";
const TOKEN_BYTES: usize = 32;
/// How much of a key is shown later, to tell keys apart: the prefix and 32 of its 256 bits.
const SHOWN: usize = PREFIX.len() + 8;
/// A key's name, characters.
const NAME_CHARS: usize = 100;
/// How exact `last_used_at_ms` is: a key that works all day writes once a minute.
const USED_MS: i64 = 60_000;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub enum Scope {
    /// Take jobs and report on them.
    #[serde(rename = "jobs:work")]
    JobsWork,
    /// Enqueue jobs.
    #[serde(rename = "jobs:enqueue")]
    JobsEnqueue,
    /// Publish events.
    #[serde(rename = "events:publish")]
    EventsPublish,
    /// Read events.
    #[serde(rename = "events:read")]
    EventsRead,
    /// Publish on channels, subscribe people to them, end connections.
    #[serde(rename = "realtime:write")]
    RealtimeWrite,
    /// Read the history of channels, and who is there.
    #[serde(rename = "realtime:read")]
    RealtimeRead,
    /// Make tokens by which people come to realtime: whoever has such a key can come there as anybody.
    #[serde(rename = "realtime:tokens")]
    RealtimeTokens,
}

impl Scope {
    /// Every one, in the order of their bits.
    pub const ALL: [Self; 7] = [
        Self::JobsWork,
        Self::JobsEnqueue,
        Self::EventsPublish,
        Self::EventsRead,
        Self::RealtimeWrite,
        Self::RealtimeRead,
        Self::RealtimeTokens,
    ];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::JobsWork => "jobs:work",
            Self::JobsEnqueue => "jobs:enqueue",
            Self::EventsPublish => "events:publish",
            Self::EventsRead => "events:read",
            Self::RealtimeWrite => "realtime:write",
            Self::RealtimeRead => "realtime:read",
            Self::RealtimeTokens => "realtime:tokens",
        }
    }

    /// The one that is written so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// What it allows, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::JobsWork => "take jobs and report on them",
            Self::JobsEnqueue => "enqueue jobs",
            Self::EventsPublish => "publish events",
            Self::EventsRead => "read events",
            Self::RealtimeWrite => "publish on channels and end connections",
            Self::RealtimeRead => "read channels and who is there",
            Self::RealtimeTokens => "let people into realtime, as whoever they are",
        }
    }

    /// Its bit in a set of scopes. Stored: never changes.
    pub const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A key that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// What people call it: 1 to 100 characters.
    pub name: String,
    /// What it may do: one at least.
    pub scopes: Vec<Scope>,
    /// From when on it is worth nothing, Unix milliseconds; never unless said.
    #[serde(default)]
    pub expires_at_ms: Option<i64>,
}

impl NewKey {
    fn check(&self, now_ms: i64) -> ProblemResult<()> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARS || name.chars().any(char::is_control) {
            return Err(Problem::bad_request("name_invalid", "A key has a name of 1 to 100 characters.")
                .field("/name", "1 to 100 printable characters"));
        }
        if self.scopes.is_empty() {
            return Err(Problem::bad_request("scopes_missing", "A key without a scope can do nothing.")
                .field("/scopes", "one scope at least"));
        }
        if self.expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            return Err(Problem::bad_request("expiry_invalid", "A key that has expired can do nothing.")
                .field("/expires_at_ms", "a time to come, Unix milliseconds"));
        }
        Ok(())
    }
}

/// A key as it is listed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ApiKey {
    /// The number, as text.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its first characters, to tell keys apart.
    pub prefix: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds, exact to a minute.
    pub last_used_at_ms: Option<i64>,
    /// From when on it is worth nothing by itself, Unix milliseconds; null for never.
    pub expires_at_ms: Option<i64>,
    /// Since when it is worth nothing.
    pub revoked_at_ms: Option<i64>,
    /// Who made it: `admin`, or a person's id; null where it is not known.
    pub maker: Option<String>,
}

impl FromRow for ApiKey {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let bits: u16 = row.get(3)?;
        Ok(Self {
            id: row.get::<i64>(0)?.to_string(),
            name: row.get(1)?,
            prefix: row.get(2)?,
            scopes: Scope::ALL.into_iter().filter(|scope| bits & scope.bit() != 0).collect(),
            created_at_ms: row.get(4)?,
            last_used_at_ms: row.get(5)?,
            expires_at_ms: row.get(6)?,
            revoked_at_ms: row.get(7)?,
            maker: row.get(8)?,
        })
    }
}

impl Identity {
    /// Makes a key: its number and its secret, which is not to be had again.
    ///
    /// # Errors
    /// 400 for a name, scopes or an expiry that cannot be, 403 when the actor may not any more, 409 when [`limits::API_KEYS`] keys work already, and what the store says.
    pub async fn make_key(&self, actor: Actor, new: &NewKey) -> ProblemResult<(i64, Secret)> {
        let now_ms = self.clock.now_ms();
        new.check(now_ms)?;
        let token = format!("{PREFIX}{}", self.entropy.token(TOKEN_BYTES));
        let (digest, prefix, name) = (digest(&token), token[..SHOWN].to_owned(), new.name.trim().to_owned());
        let bits = new.scopes.iter().fold(0, |bits, scope| bits | scope.bit());
        let expires_at_ms = new.expires_at_ms;
        let made: ProblemResult<Option<(i64,)>> = self
            .store
            .write(async move |tx| {
                actor.must_administer(tx, now_ms).await?;
                let sql = "INSERT INTO api_keys (digest, prefix, name, scopes, created_at_ms, expires_at_ms, maker)
                     SELECT $1, $2, $3, $4, $5, $6, $8 WHERE (SELECT COUNT(*) FROM api_keys
                         WHERE revoked_at_ms IS NULL AND (expires_at_ms IS NULL OR expires_at_ms > $5)) < $7
                     RETURNING id";
                let most = limits::API_KEYS as i64;
                tx.first(sql, params![&digest, &prefix, &name, bits, now_ms, expires_at_ms, most, &actor.to_string()])
                    .await
                    .map_err(Problem::from)
            })
            .await;
        match made? {
            Some((id,)) => Ok((id, Secret::new(token))),
            None => {
                Err(Problem::conflict("keys_full", format!("There are {} keys: revoke one first.", limits::API_KEYS)))
            }
        }
    }

    /// Makes a key worthless, from the next request on, and with it every token that it had made: what these opened ends on every process
    /// within a second. `false` when there is no such key.
    ///
    /// # Errors
    /// 403 when the actor may not any more, and what the store says.
    pub async fn revoke_key(&self, actor: Actor, id: i64) -> ProblemResult<bool> {
        let now_ms = self.clock.now_ms();
        let sql = "UPDATE api_keys SET revoked_at_ms = COALESCE(revoked_at_ms, $2) WHERE id = $1";
        let ours = self.clone();
        let write = async move |tx: &mut Tx| {
            actor.must_administer(tx, now_ms).await?;
            if tx.execute(sql, params![id, now_ms]).await? == 0 {
                return Ok(false);
            }
            rows::note(tx, &Ground::Key(id), now_ms).await?;
            ours.tell(tx);
            Ok(true)
        };
        self.store.write(write).await
    }

    /// The keys, newest first, then revoked ones; [`limits::PAGE`] at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let sql = "SELECT id, name, prefix, scopes, created_at_ms, last_used_at_ms, expires_at_ms, revoked_at_ms, maker
             FROM api_keys ORDER BY revoked_at_ms IS NOT NULL, id DESC LIMIT $1";
        let most = limits::PAGE as i64;
        self.store.read(async move |tx| tx.all(sql, params![most]).await).await
    }

    /// Who has this key. It is found by the index of digests: how long that takes says nothing about any key.
    pub(crate) async fn bearer(&self, token: &str) -> Result<Caller, StoreError> {
        if token.len() != PREFIX.len() + TOKEN_BYTES * 2 || !token.starts_with(PREFIX) {
            return Ok(Caller::Anonymous);
        }
        let (digest, now_ms) = (digest(token), self.clock.now_ms());
        let sql = "SELECT id, scopes, last_used_at_ms FROM api_keys WHERE digest = $1 AND revoked_at_ms IS NULL
             AND (expires_at_ms IS NULL OR expires_at_ms > $2)";
        let known: Result<Option<(i64, u16, Option<i64>)>, StoreError> =
            self.store.read(async move |tx| tx.first(sql, params![&digest, now_ms]).await).await;
        let Some((id, scopes, used_at_ms)) = known? else { return Ok(Caller::Anonymous) };
        if used_at_ms.is_none_or(|at_ms| at_ms.abs_diff(now_ms) >= USED_MS as u64) {
            let sql = "UPDATE api_keys SET last_used_at_ms = $2 WHERE id = $1";
            let note = async move |tx: &mut Tx| tx.execute(sql, params![id, now_ms]).await.map(drop);
            let noted: Result<(), StoreError> = self.store.write_lazy(note).await;
            if let Err(error) = noted {
                // A full disk: the key is as good as before, and what it may still do is for the route to say.
                tracing::warn!(key = id, error = %kernel::problem::chain(&error), "the use of an API key was not noted");
            }
        }
        Ok(Caller::Key { id, scopes })
    }
}

pub(crate) fn routes() -> OpenApiRouter<Identity> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(revoke))
}

#[derive(Serialize, ToSchema)]
struct MadeKey {
    /// The number, as text.
    id: String,
    /// The key itself. It is not shown again.
    token: String,
}

/// The API keys, newest first, then revoked ones.
#[utoipa::path(get, path = "/api/v1/keys", tag = "identity", responses((status = 200, body = Vec<ApiKey>), (status = 401), (status = 403)))]
async fn list(_: Admin, State(identity): State<Identity>) -> ProblemResult<Json<Vec<ApiKey>>> {
    Ok(Json(identity.keys().await?))
}

/// Makes an API key and shows it, this once.
#[utoipa::path(post, path = "/api/v1/keys", tag = "identity", request_body = NewKey, responses((status = 201, body = MadeKey), (status = 400), (status = 401), (status = 403), (status = 409), (status = 415), (status = 422)))]
async fn make(
    admin: Admin,
    State(identity): State<Identity>,
    Json(new): Json<NewKey>,
) -> ProblemResult<(StatusCode, Json<MadeKey>)> {
    let (id, token) = identity.make_key(admin.actor, &new).await?;
    let made = MadeKey { id: id.to_string(), token: token.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Makes an API key worthless, for ever.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "identity", params(("id" = i64, Path)), responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404)))]
async fn revoke(admin: Admin, State(identity): State<Identity>, Path(id): Path<i64>) -> ProblemResult<StatusCode> {
    if identity.revoke_key(admin.actor, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found(format!("There is no key {id}.")))
    }
}
