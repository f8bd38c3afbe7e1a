//! Removing what is gone for its readers already, a bounded number of rows at a time.

use std::collections::BTreeSet;

use ::store::{StoreError, Tx, Value, params};
use kernel::limits;

use super::{files, receipts};

/// Too old, the oldest first.
const OLD: &str = "at_ms < $1 ORDER BY at_ms";
/// Of a room, in its order.
const OF_ROOM: &str = "room = $1 ORDER BY seq";

/// Which messages go, by an index that is in this order already.
fn pick(which: &str) -> String {
    format!("SELECT id, room FROM chat_messages WHERE {which} LIMIT {}", limits::CHAT_SWEEP)
}

/// What removes the messages whose keys are in the list `$1`, with what hangs on them, which goes first.
fn removals(tx: &Tx) -> Vec<String> {
    let ids = tx.either(
        "SELECT value FROM json_each($1)",
        "SELECT unnest(CAST(string_to_array(btrim(CAST($1 AS TEXT), '[]'), ',') AS BIGINT[]))",
    );
    let of = |table| {
        format!("DELETE FROM {table} WHERE (room, seq) IN (SELECT room, seq FROM chat_messages WHERE id IN ({ids}))")
    };
    let mut all: Vec<String> = ["chat_reactions", "chat_mentions", "chat_pins", "chat_hidden"].map(of).into();
    all.extend(files::drops(ids));
    all.push(format!("DELETE FROM chat_messages WHERE id IN ({ids})"));
    all
}

/// What a batch has removed.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    pub(crate) rows: u64,
    /// The rooms of its messages.
    pub(crate) rooms: BTreeSet<String>,
}

/// Removes messages that a condition picks, with what hangs on them.
async fn sweep(tx: &mut Tx, which: &str, value: Value<'_>) -> Result<Swept, StoreError> {
    let picked: Vec<(i64, String)> = tx.all(&pick(which), &[value]).await?;
    if picked.is_empty() {
        return Ok(Swept::default());
    }
    let ids = format!("[{}]", picked.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>().join(","));
    let mut rows = 0;
    for sql in removals(tx) {
        rows = tx.execute(&sql, params![&ids]).await?;
    }
    Ok(Swept { rows, rooms: picked.into_iter().map(|(_, room)| room).collect() })
}

/// Removes messages that are older than this. How many: fewer than [`limits::CHAT_SWEEP`] when none is left.
pub(crate) async fn sweep_old(tx: &mut Tx, before_ms: i64) -> Result<Swept, StoreError> {
    sweep(tx, OLD, before_ms.into()).await
}

/// Removes what is left of a removed room, its messages first. How many rows: fewer than [`limits::CHAT_SWEEP`] when none is left, and then
/// the room is gone.
pub(crate) async fn sweep_room(tx: &mut Tx, room: &str) -> Result<u64, StoreError> {
    let swept = sweep(tx, OF_ROOM, room.into()).await?.rows;
    if swept < limits::CHAT_SWEEP.unsigned_abs() {
        files::drop_files_of(tx, room).await?;
        let sql = "DELETE FROM chat_log WHERE room = $1 AND seq IN
             (SELECT seq FROM chat_log WHERE room = $1 ORDER BY seq LIMIT $2)";
        let told = tx.execute(sql, params![room, limits::CHAT_SWEEP]).await?;
        if told == limits::CHAT_SWEEP.unsigned_abs() {
            return Ok(told);
        }
        let steps = receipts::sweep_steps_of(tx, room).await?;
        if steps == limits::CHAT_SWEEP.unsigned_abs() {
            return Ok(steps);
        }
        tx.execute("DELETE FROM chat_rooms WHERE room = $1 AND removed = 1", params![room]).await?;
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use ::store::{Durability, Row};
    use kernel::{Clock, Entropy};

    use super::*;
    use crate::store::MIGRATIONS;

    /// The line of a plan.
    struct Step(String);

    impl ::store::FromRow for Step {
        fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
            row.get(3).map(Self)
        }
    }

    #[tokio::test]
    async fn sweeping_reads_what_goes_and_nothing_else() {
        let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(0));
        let store = testkit::open(dir.path(), Durability::Normal, MIGRATIONS, &clock, &Entropy::seeded(1));
        let plans = async |tx: &mut Tx| {
            let mut steps = Vec::new();
            if tx.either(true, false) {
                let values: [(String, Value<'_>); 2] = [(pick(OLD), 7.into()), (pick(OF_ROOM), "room".into())];
                let removals = removals(tx).into_iter().map(|sql| (sql, Value::from("[1,2]")));
                for (sql, value) in values.into_iter().chain(removals) {
                    steps.extend(tx.all::<Step>(&format!("EXPLAIN QUERY PLAN {sql}"), &[value]).await?);
                }
                assert!(steps.len() > 6, "{}", steps.len());
            }
            Ok::<_, StoreError>(steps)
        };
        for Step(step) in store.expect("opened").read(plans).await.expect("planned") {
            assert!(!step.contains("SCAN chat_") && !step.contains("TEMP B-TREE FOR ORDER"), "{step}");
        }
    }
}
