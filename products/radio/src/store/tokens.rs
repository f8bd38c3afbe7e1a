//! Listener tokens: only what they hash to is stored.

use ::store::{FromRow, Row, StoreError, Tx, params};
use kernel::Secret;
use sha2::{Digest, Sha256};

/// A token as people look at it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = ListenerToken)]
pub(crate) struct Token {
    pub(crate) id: String,
    /// Who it is for.
    pub(crate) name: String,
    pub(crate) created_at_ms: i64,
}

impl FromRow for Token {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { id: row.get(0)?, name: row.get(1)?, created_at_ms: row.get(2)? })
    }
}

/// A token is 192 random bits: one round of SHA-256 is enough to keep it from whoever reads the table.
fn hash(token: &Secret) -> String {
    use std::fmt::Write;
    Sha256::digest(token.expose().as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The tokens of a station, the oldest first.
pub(crate) async fn tokens(tx: &mut Tx, station: &str) -> Result<Vec<Token>, StoreError> {
    let sql = "SELECT id, name, created_at_ms FROM radio_tokens WHERE station = $1 ORDER BY created_at_ms, id";
    tx.all(sql, params![station]).await
}

/// Adds a token. `false` when the station has `at_most` already.
pub(crate) async fn add_token(
    tx: &mut Tx,
    station: &str,
    new: &Token,
    token: &Secret,
    at_most: usize,
) -> Result<bool, StoreError> {
    let sql = "SELECT COUNT(*) FROM radio_tokens WHERE station = $1";
    let (there,): (i64,) = tx.one(sql, params![station]).await?;
    if usize::try_from(there).unwrap_or(usize::MAX) >= at_most {
        return Ok(false);
    }
    let sql = "INSERT INTO radio_tokens (id, station, name, hash, created_at_ms) VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, params![&new.id, station, &new.name, &hash(token), new.created_at_ms]).await?;
    Ok(true)
}

/// Takes a token back. `false` when the station has none of this id.
pub(crate) async fn revoke_token(tx: &mut Tx, station: &str, id: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM radio_tokens WHERE station = $1 AND id = $2";
    Ok(tx.execute(sql, params![station, id]).await? > 0)
}

pub(super) async fn revoke_all(tx: &mut Tx, station: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM radio_tokens WHERE station = $1", params![station]).await.map(drop)
}

/// Whether this token opens the station. It is looked up by its hash: what the time of the answer tells is of the hash.
pub(crate) async fn holds_token(tx: &mut Tx, station: &str, token: &Secret) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM radio_tokens WHERE station = $1 AND hash = $2";
    Ok(tx.first::<(i64,)>(sql, params![station, &hash(token)]).await?.is_some())
}
