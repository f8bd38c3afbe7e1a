//! Single tokens of ours that are taken back before they end. The list is in the store, where every look at a token meets it: none is good
//! for a moment longer in one process than in another.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use kernel::{Problem, ProblemResult, limits};
use store::{Migration, StoreError, Tx, params};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::people::store as rows;
use crate::people::{Actor, Ground};
use crate::tokens::ID_BYTES;
use crate::{Admin, Identity};

pub(crate) const REVOKED: Migration = Migration {
    part: "identity",
    version: 16,
    sql: "-- expands
CREATE TABLE revoked_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX revoked_tokens_expiry ON revoked_tokens (expires_at_ms);
",
};

/// How long one is on the list, milliseconds: the token ends long before, what it opened is open for a day at most.
const KEPT_MS: i64 = 25 * 3_600_000;

impl Identity {
    /// Takes one token of ours back, by its own name (`jti`): it is worth nothing from now on, and what it opened ends on every process within
    /// a second. Of whom it spoke may have another.
    ///
    /// # Errors
    /// 400 for what is no such name, 403 when the actor may not any more, 409 when [`limits::TOKENS_REVOKED`] are taken back already.
    pub async fn revoke_token(&self, actor: Actor, id: &str) -> ProblemResult<()> {
        let is_name = id.len() == ID_BYTES * 2 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_name {
            let detail = "A token of ours is named (`jti`) by 32 digits and letters from a to f.";
            return Err(Problem::bad_request("token_invalid", detail));
        }
        let (id, now_ms, ours) = (id.to_owned(), self.clock.now_ms(), self.clone());
        let write = async move |tx: &mut Tx| {
            actor.must_administer(tx, now_ms).await?;
            prune(tx, now_ms).await?;
            let sql = "INSERT INTO revoked_tokens (id, expires_at_ms)
                 SELECT $1, $2 WHERE (SELECT COUNT(*) FROM revoked_tokens) < $3
                 ON CONFLICT (id) DO UPDATE SET expires_at_ms = EXCLUDED.expires_at_ms";
            if tx.execute(sql, params![&id, now_ms + KEPT_MS, limits::TOKENS_REVOKED as i64]).await? == 0 {
                let detail =
                    "So many tokens are taken back that no more can be: end what their people have, or their key.";
                return Err(Problem::conflict("revocations_full", detail));
            }
            rows::note(tx, &Ground::Token(id), now_ms).await?;
            ours.tell(tx);
            Ok(())
        };
        self.store.write(write).await
    }
}

async fn prune(tx: &mut Tx, now_ms: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM revoked_tokens WHERE id IN
         (SELECT id FROM revoked_tokens WHERE expires_at_ms <= $1 ORDER BY expires_at_ms LIMIT $2)";
    tx.execute(sql, params![now_ms, rows::PRUNE]).await.map(drop)
}

pub(crate) fn routes() -> OpenApiRouter<Identity> {
    OpenApiRouter::new().routes(routes!(revoke_token))
}

/// Takes one token of this server back, by its own name (`jti`): what it opened ends within a second, in every process.
#[utoipa::path(post, path = "/api/v1/tokens/{id}/revoke", tag = "identity", params(("id" = String, Path)), responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 409)))]
async fn revoke_token(
    admin: Admin,
    State(identity): State<Identity>,
    Path(id): Path<String>,
) -> ProblemResult<StatusCode> {
    identity.revoke_token(admin.actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
