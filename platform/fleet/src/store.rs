//! The SQL of this part.

use store::{FromRow, Row, StoreError, Tx, params};

use crate::state::{Found, Other};
use crate::{Instance, Member};

/// Instances that one look sees. A fleet is smaller by far; what is beyond is seen when the dead among them are gone.
const INSTANCES: i64 = 1_000;

/// What one look does, in one transaction.
pub(crate) struct Look {
    pub(crate) member: Member,
    /// Its row, or the one that it is to have where that is gone.
    pub(crate) id: String,
    pub(crate) spare: String,
    /// By which the others see that it lives; 0 for none.
    pub(crate) connection: i64,
    /// Whom it holds for dead, with their last beats.
    pub(crate) silent: Vec<(String, i64)>,
    /// What it stands for.
    pub(crate) names: Vec<String>,
    pub(crate) now_ms: i64,
}

/// Renews the own row, removes those of the dead, takes every lead that is vacant, and says how things stand then.
pub(crate) async fn look(tx: &mut Tx, look: &Look) -> Result<Found, StoreError> {
    let id = renew(tx, look).await?;
    let mut news = id != look.id;
    for (dead, beat) in &look.silent {
        // Unless it has been heard of since.
        let sql = "DELETE FROM instances WHERE id = $1 AND beat = $2";
        news |= tx.execute(sql, params![dead, *beat]).await? == 1;
    }
    for name in &look.names {
        let sql = "INSERT INTO leaders (name, instance, term) VALUES ($1, $2, 1) ON CONFLICT (name) DO UPDATE
             SET instance = excluded.instance, term = leaders.term + 1
             WHERE NOT EXISTS (SELECT 1 FROM instances WHERE instances.id = leaders.instance)";
        tx.execute(sql, params![name, &id]).await?;
    }
    let sql = "SELECT id, beat, connection FROM instances WHERE id <> $1 ORDER BY id LIMIT $2";
    let others: Vec<(String, i64, i64)> = tx.all(sql, params![&id, INSTANCES]).await?;
    let led: Vec<(String,)> =
        tx.all("SELECT name FROM leaders WHERE instance = $1 ORDER BY name LIMIT $2", params![&id, INSTANCES]).await?;
    let others = others.into_iter().map(|(id, beat, connection)| Other { id, beat, connection }).collect();
    Ok(Found { id, others, led: led.into_iter().map(|(name,)| name).collect(), news })
}

/// The id of the own row: another one than before where somebody took this process for dead.
async fn renew(tx: &mut Tx, look: &Look) -> Result<String, StoreError> {
    let sql = "UPDATE instances SET beat = beat + 1, renewed_at_ms = $2, connection = $3 WHERE id = $1";
    if tx.execute(sql, params![&look.id, look.now_ms, look.connection]).await? == 1 {
        return Ok(look.id.clone());
    }
    let Member { holder, roles, version, started_at_ms } = &look.member;
    let sql = "INSERT INTO instances (id, holder, roles, version, started_at_ms, renewed_at_ms, beat, connection)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7)";
    let roles = roles.join(",");
    let row = params![&look.spare, holder, &roles, *version, *started_at_ms, look.now_ms, look.connection];
    tx.execute(sql, row).await?;
    Ok(look.spare.clone())
}

/// What this process leads is vacant from now on.
pub(crate) async fn resign(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM instances WHERE id = $1", params![id]).await.map(drop)
}

/// Whether nobody has found this instance dead.
pub(crate) async fn is_there(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    let row: Option<(i64,)> = tx.first("SELECT beat FROM instances WHERE id = $1", params![id]).await?;
    Ok(row.is_some())
}

struct InstanceRow(Instance);

impl FromRow for InstanceRow {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let roles: String = row.get(2)?;
        Ok(Self(Instance {
            id: row.get(0)?,
            holder: row.get(1)?,
            roles: roles.split(',').filter(|role| !role.is_empty()).map(str::to_owned).collect(),
            version: row.get(3)?,
            started_at_ms: row.get(4)?,
            renewed_at_ms: row.get(5)?,
            leads: Vec::new(),
            here: false,
        }))
    }
}

/// Every instance with what it leads, the oldest first.
pub(crate) async fn instances(tx: &mut Tx) -> Result<Vec<Instance>, StoreError> {
    let sql = "SELECT id, holder, roles, version, started_at_ms, renewed_at_ms FROM instances
         ORDER BY started_at_ms, id LIMIT $1";
    let rows: Vec<InstanceRow> = tx.all(sql, params![INSTANCES]).await?;
    let sql = "SELECT instance, name FROM leaders ORDER BY name LIMIT $1";
    let leaders: Vec<(String, String)> = tx.all(sql, params![INSTANCES]).await?;
    let mut instances: Vec<_> = rows.into_iter().map(|InstanceRow(instance)| instance).collect();
    for (id, name) in leaders {
        instances.iter_mut().filter(|it| it.id == id).for_each(|it| it.leads.push(name.clone()));
    }
    Ok(instances)
}
