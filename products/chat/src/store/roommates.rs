//! Who shares a room with whom.

use ::store::{StoreError, Tx, params};

use super::limit;

/// The people who are in a room with this one, itself among them: those after `after` in the order of their ids.
pub(crate) async fn roommates(tx: &mut Tx, person: &str, after: &str, most: usize) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT o.person FROM chat_members m JOIN chat_members o ON o.room = m.room
         WHERE m.person = $1 AND o.person > $2 ORDER BY o.person LIMIT $3";
    let rows: Vec<(String,)> = tx.all(sql, params![person, after, limit(most)]).await?;
    Ok(rows.into_iter().map(|(person,)| person).collect())
}

/// Whether two people are in one room, whichever.
pub(crate) async fn share_a_room(tx: &mut Tx, one: &str, other: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM chat_members m JOIN chat_members o ON o.room = m.room
         WHERE m.person = $1 AND o.person = $2 LIMIT 1";
    Ok(tx.first::<(i64,)>(sql, params![one, other]).await?.is_some())
}
