//! Our signing keys, where every process of a fleet finds them.

use kernel::limits;
use store::{FromRow, Migration, Row, StoreError, Tx, params};

use super::state::{self, Life, Phase, Turn};

pub(crate) const MADE: Migration = Migration {
    part: "identity",
    version: 10,
    sql: "-- expands
CREATE TABLE token_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL,
    made_at_ms BIGINT NOT NULL,
    signs_from_ms BIGINT,
    signed_until_ms BIGINT
);
",
};

/// A key that was made and may be put into the table.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) kid: String,
    pub(crate) sealed: Vec<u8>,
}

/// A key in the table. Its public part is not there: who could write into the table alone could else have any token believed.
pub(crate) struct Stored {
    pub(crate) key: Made,
    pub(crate) life: Life,
}

impl FromRow for Stored {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            key: Made { kid: row.get(0)?, sealed: row.get(1)? },
            life: Life { made_at_ms: row.get(2)?, signs_from_ms: row.get(3)?, signed_until_ms: row.get(4)? },
        })
    }
}

/// Every key: a handful, since a key rotates once in five minutes at most, and an old one goes after a quarter of an hour.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Stored>, StoreError> {
    let sql = "SELECT kid, sealed, made_at_ms, signs_from_ms, signed_until_ms FROM token_keys
         ORDER BY made_at_ms, kid LIMIT $1";
    tx.all(sql, params![limits::PAGE as i64]).await
}

/// Does what is due, or what somebody's call (`now`) brings forward: whether another key signs from now on, and the keys as they are
/// then. Writes follow one another in the whole fleet, so that of several who find the same thing due one does it.
pub(crate) async fn turn(
    tx: &mut Tx,
    fresh: [Made; 2],
    now_ms: i64,
    now: bool,
) -> Result<(bool, Vec<Stored>), StoreError> {
    let known = all(tx).await?;
    for gone in known.iter().filter(|stored| stored.life.phase(now_ms) == Phase::Gone) {
        tx.execute("DELETE FROM token_keys WHERE kid = $1", params![&gone.key.kid]).await?;
    }
    let lives: Vec<_> = known.into_iter().map(|stored| stored.life).collect();
    let turn = state::due(&lives, now_ms, now);
    let [one, other] = fresh;
    if turn != Turn::Stay {
        let sql =
            "UPDATE token_keys SET signed_until_ms = $1 WHERE signs_from_ms IS NOT NULL AND signed_until_ms IS NULL";
        tx.execute(sql, params![now_ms]).await?;
    }
    match turn {
        Turn::Stay => {}
        Turn::Begin => {
            // What is left of a table that somebody has cut has no successor to announce.
            tx.execute("DELETE FROM token_keys WHERE signs_from_ms IS NULL", &[]).await?;
            insert(tx, &one, now_ms, Some(now_ms)).await?;
            insert(tx, &other, now_ms, None).await?;
        }
        Turn::Rotate => {
            let sql = "UPDATE token_keys SET signs_from_ms = $1 WHERE signs_from_ms IS NULL";
            tx.execute(sql, params![now_ms]).await?;
            insert(tx, &one, now_ms, None).await?;
        }
    }
    Ok((turn != Turn::Stay, all(tx).await?))
}

async fn insert(tx: &mut Tx, key: &Made, now_ms: i64, signs_from_ms: Option<i64>) -> Result<(), StoreError> {
    let sql = "INSERT INTO token_keys (kid, sealed, made_at_ms, signs_from_ms) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, params![&key.kid, &key.sealed, now_ms, signs_from_ms]).await.map(drop)
}
