//! Jobs a page at a time, for what is done to many of them.

use store::{StoreError, Tx, params};

use crate::state::State;

/// What a filter looks at.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) id: i64,
    /// Where the page after this one begins, with the id.
    pub(crate) at_ms: i64,
    pub(crate) kind: String,
    pub(crate) queue: String,
    pub(crate) state: State,
    pub(crate) created_at_ms: i64,
    pub(crate) finished_at_ms: Option<i64>,
    pub(crate) errors: String,
}

/// Where to look: each is an index walked in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Among {
    /// Those that ended so, in the order of their ends.
    Ended(State),
    /// Those of a batch.
    Batch(i64),
    /// All.
    All,
}

type Row = (i64, String, String, i64, i64, Option<i64>, String);

/// The next page after (`at_ms`, `id`).
pub(crate) async fn page(
    tx: &mut Tx,
    among: Among,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<Candidate>, StoreError> {
    const COLUMNS: &str = "id, kind, queue, state, created_at_ms, finished_at_ms, errors";
    let rows: Vec<Row> = match among {
        Among::Ended(state) => {
            let sql = format!(
                "SELECT {COLUMNS} FROM jobs WHERE state = $1 AND finished_at_ms IS NOT NULL
                     AND (finished_at_ms, id) > ($2, $3) ORDER BY finished_at_ms, id LIMIT $4"
            );
            tx.all(&sql, params![i32::from(state.number()), after.0, after.1, limit]).await?
        }
        Among::Batch(batch) => {
            let sql = format!("SELECT {COLUMNS} FROM jobs WHERE batch = $1 AND id > $2 ORDER BY id LIMIT $3");
            tx.all(&sql, params![batch, after.1, limit]).await?
        }
        Among::All => {
            let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id > $1 ORDER BY id LIMIT $2");
            tx.all(&sql, params![after.1, limit]).await?
        }
    };
    let candidates = rows.into_iter().filter_map(|(id, kind, queue, state, created_at_ms, finished_at_ms, errors)| {
        let state = State::from_number(state)?;
        let at_ms = finished_at_ms.unwrap_or_default();
        Some(Candidate { id, at_ms, kind, queue, state, created_at_ms, finished_at_ms, errors })
    });
    Ok(candidates.collect())
}
