//! Who is in a room, as what.

use ::store::{FromRow, Row, StoreError, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::rooms::{ROOM, Room};
use super::{limit, receipts, role};
use crate::model::Role;

/// Somebody in a room.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatMember)]
pub(crate) struct Member {
    pub(crate) person: String,
    pub(crate) role: Role,
    pub(crate) joined_at_ms: i64,
    /// Has read up to this number.
    pub(crate) read: i64,
    /// Has got up to this number.
    pub(crate) delivered: i64,
}

impl FromRow for Member {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let (read, delivered) = (row.get(3)?, row.get(4)?);
        Ok(Self { person: row.get(0)?, role: role(row, 1)?, joined_at_ms: row.get(2)?, read, delivered })
    }
}

/// What a person is in a room, with the room.
pub(crate) struct Membership {
    pub(crate) role: Role,
    pub(crate) read: i64,
    pub(crate) delivered: i64,
    pub(crate) muted_until_ms: i64,
    pub(crate) archived: bool,
    /// The number of the room's last message; 0 before the first.
    pub(crate) last_message: i64,
    pub(crate) room: Room,
}

impl FromRow for Membership {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            role: role(row, 0)?,
            read: row.get(1)?,
            delivered: row.get(2)?,
            muted_until_ms: row.get(3)?,
            archived: row.get(4)?,
            last_message: row.get::<Option<i64>>(5)?.unwrap_or_default(),
            room: Room::at(row, 6)?,
        })
    }
}

/// What a person is in a room that is there. The one question that every right begins with.
pub(crate) async fn membership(tx: &mut Tx, room: &str, person: &str) -> Result<Option<Membership>, StoreError> {
    let sql = format!(
        "SELECT m.role, m.read_seq, m.delivered_seq, m.muted_until_ms, m.archived, r.last_message, {ROOM}
             FROM chat_members m JOIN chat_rooms r ON r.room = m.room
             WHERE m.room = $1 AND m.person = $2 AND r.removed = 0"
    );
    tx.first(&sql, params![room, person]).await
}

/// Everybody in a room, those who manage it first.
pub(crate) async fn members(tx: &mut Tx, room: &str) -> Result<Vec<Member>, StoreError> {
    let sql = "SELECT person, role, joined_at_ms, read_seq, delivered_seq FROM chat_members WHERE room = $1
         ORDER BY CASE role WHEN 'owner' THEN 0 WHEN 'admin' THEN 1 ELSE 2 END, joined_at_ms, person";
    tx.all(sql, params![room]).await
}

/// Everybody in a room, as ids.
pub(crate) async fn member_ids(tx: &mut Tx, room: &str) -> Result<Vec<String>, StoreError> {
    Ok(members(tx, room).await?.into_iter().map(|member| member.person).collect())
}

/// How many are in a room.
pub(crate) async fn how_many(tx: &mut Tx, room: &str) -> Result<usize, StoreError> {
    let (count,) = tx.one("SELECT COUNT(*) FROM chat_members WHERE room = $1", params![room]).await?;
    Ok(count)
}

/// In how many rooms a person is.
pub(crate) async fn rooms_of(tx: &mut Tx, person: &str) -> Result<usize, StoreError> {
    let (count,) = tx.one("SELECT COUNT(*) FROM chat_members WHERE person = $1", params![person]).await?;
    Ok(count)
}

/// Puts a person into a room, who has read what was said before. `false` when it is in already.
pub(crate) async fn add_member(
    tx: &mut Tx,
    room: &str,
    person: &str,
    role: Role,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let sql =
        "INSERT INTO chat_members (room, person, role, joined_at_ms, read_seq, delivered_seq, muted_until_ms, archived)
         SELECT room, $2, $3, $4, top, top, 0, 0 FROM chat_rooms WHERE room = $1
         ON CONFLICT (room, person) DO NOTHING";
    Ok(tx.execute(sql, params![room, person, role.word(), now_ms]).await? > 0)
}

/// Takes a person out of a room.
pub(crate) async fn remove_member(tx: &mut Tx, room: &str, person: &str) -> Result<bool, StoreError> {
    receipts::forget_steps(tx, room, person).await?;
    let sql = "DELETE FROM chat_members WHERE room = $1 AND person = $2";
    Ok(tx.execute(sql, params![room, person]).await? > 0)
}

/// Makes a person what it is in a room.
pub(crate) async fn set_role(tx: &mut Tx, room: &str, person: &str, role: Role) -> Result<(), StoreError> {
    let sql = "UPDATE chat_members SET role = $3 WHERE room = $1 AND person = $2";
    tx.execute(sql, params![room, person, role.word()]).await.map(drop)
}

/// Notes up to where a person has read and got.
pub(crate) async fn move_receipt(
    tx: &mut Tx,
    (room, person): (&str, &str),
    read: i64,
    delivered: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE chat_members SET read_seq = $3, delivered_seq = $4 WHERE room = $1 AND person = $2";
    tx.execute(sql, params![room, person, read, delivered]).await.map(drop)
}

/// Notes what a room is to a person.
pub(crate) async fn set_mine(
    tx: &mut Tx,
    (room, person): (&str, &str),
    muted_until_ms: i64,
    archived: bool,
) -> Result<(), StoreError> {
    let sql = "UPDATE chat_members SET muted_until_ms = $3, archived = $4 WHERE room = $1 AND person = $2";
    tx.execute(sql, params![room, person, muted_until_ms, archived]).await.map(drop)
}

/// Takes everybody out of a room: who was in it.
pub(super) async fn empty(tx: &mut Tx, room: &str, most: usize) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT person FROM chat_members WHERE room = $1 ORDER BY person LIMIT $2";
    let rows: Vec<(String,)> = tx.all(sql, params![room, limit(most)]).await?;
    tx.execute("DELETE FROM chat_members WHERE room = $1", params![room]).await?;
    Ok(rows.into_iter().map(|(person,)| person).collect())
}
