//! What was subscribed to at a hub (WebSub).

use ::store::{FromRow, Row, StoreError, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

/// How a subscription stands. The words are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TopicState)]
pub enum State {
    /// Wished for; the hub has not asked back yet.
    Asked,
    /// The hub has asked back, and sends.
    Active,
    /// Its end is wished for; the hub has not asked back yet.
    Ending,
    /// The hub says that it will not send, or no longer; it is asked again later.
    Denied,
}

impl State {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Asked, "asked"), (Self::Active, "active"), (Self::Ending, "ending"), (Self::Denied, "denied")];

    fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map_or(Self::Denied, |(state, _)| state)
    }
}

/// What we asked a hub for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Topic {
    /// The address of the feed.
    pub topic: String,
    /// How it stands.
    pub state: State,
    /// Unix milliseconds.
    pub changed_at_ms: i64,
    /// When the hub will stop by itself, Unix milliseconds; it is asked again before.
    pub lease_until_ms: Option<i64>,
    /// When the hub was last asked, Unix milliseconds.
    pub asked_at_ms: Option<i64>,
    /// How often it was asked since it last confirmed.
    pub tries: u32,
    /// What was wrong when it was last asked, or why it denied.
    pub last_error: Option<String>,
    #[serde(skip)]
    pub(crate) generation: i64,
    /// What the hub is given to prove that it is the hub; empty of what was asked for by hand.
    #[serde(skip)]
    pub(crate) token: String,
}

impl FromRow for Topic {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            topic: row.get(0)?,
            state: State::of(&row.get::<String>(1)?),
            changed_at_ms: row.get(2)?,
            lease_until_ms: row.get(3)?,
            asked_at_ms: row.get(4)?,
            tries: row.get(5)?,
            last_error: row.get(6)?,
            generation: row.get(7)?,
            token: row.get(8)?,
        })
    }
}

const ROW: &str = "topic, state, changed_at_ms, lease_until_ms, asked_at_ms, tries, last_error, generation, token";

/// Those of a source, by name, behind one of them.
pub(crate) async fn list(tx: &mut Tx, source: &str, behind: &str, most: usize) -> Result<Vec<Topic>, StoreError> {
    let sql = format!("SELECT {ROW} FROM webhook_topics WHERE source = $1 AND topic > $2 ORDER BY topic LIMIT {most}");
    tx.all(&sql, params![source, behind]).await
}

pub(crate) async fn count(tx: &mut Tx, source: &str) -> Result<i64, StoreError> {
    let (count,) = tx.one("SELECT COUNT(*) FROM webhook_topics WHERE source = $1", params![source]).await?;
    Ok(count)
}

pub(crate) async fn find(tx: &mut Tx, source: &str, topic: &str) -> Result<Option<Topic>, StoreError> {
    let sql = format!("SELECT {ROW} FROM webhook_topics WHERE source = $1 AND topic = $2");
    tx.first(&sql, params![source, topic]).await
}

/// A wish: what the hub verifies from now on is this. Answers its generation. The token of a topic never changes, or the hub would
/// take another address of ours for another subscriber.
pub(crate) async fn wish(
    tx: &mut Tx,
    source: &str,
    topic: &str,
    end: bool,
    token: &str,
    now_ms: i64,
) -> Result<i64, StoreError> {
    let state = if end { "ending" } else { "asked" };
    let sql = "INSERT INTO webhook_topics (source, topic, state, changed_at_ms, generation, token)
         VALUES ($1, $2, $3, $4, 1, $5)
         ON CONFLICT (source, topic) DO UPDATE SET state = $3, changed_at_ms = $4, asked_at_ms = NULL, tries = 0,
             last_error = NULL, generation = webhook_topics.generation + 1
         RETURNING generation";
    let (generation,) = tx.one(sql, params![source, topic, state, now_ms, token]).await?;
    Ok(generation)
}

/// Everything of a source that is wished for or held is wished for again: its secret, its address or its hub is another.
pub(crate) async fn wish_again(tx: &mut Tx, source: &str, now_ms: i64) -> Result<u64, StoreError> {
    let sql = "UPDATE webhook_topics SET state = 'asked', changed_at_ms = $2, asked_at_ms = NULL, tries = 0,
             last_error = NULL, generation = generation + 1
         WHERE source = $1 AND state IN ('asked', 'active')";
    tx.execute(sql, params![source, now_ms]).await
}

/// That the hub is asked now.
pub(crate) async fn asked(tx: &mut Tx, source: &str, it: &Topic, now_ms: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE webhook_topics SET asked_at_ms = $4, tries = tries + 1,
             state = CASE WHEN state = 'denied' THEN 'asked' ELSE state END
         WHERE source = $1 AND topic = $2 AND generation = $3";
    Ok(tx.execute(sql, params![source, &it.topic, it.generation, now_ms]).await? == 1)
}

/// What came of the question, unless the hub has confirmed meanwhile.
pub(crate) async fn told(tx: &mut Tx, source: &str, it: &Topic, error: Option<&str>) -> Result<(), StoreError> {
    let sql = "UPDATE webhook_topics SET last_error = $4
         WHERE source = $1 AND topic = $2 AND generation = $3 AND tries > 0";
    tx.execute(sql, params![source, &it.topic, it.generation, error]).await.map(drop)
}

/// The hub sends; `false` when nobody asked for that.
pub(crate) async fn confirm(
    tx: &mut Tx,
    source: &str,
    topic: &str,
    now_ms: i64,
    until_ms: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE webhook_topics SET state = 'active', changed_at_ms = $3, lease_until_ms = $4, tries = 0, last_error = NULL
         WHERE source = $1 AND topic = $2 AND state IN ('asked', 'active')";
    Ok(tx.execute(sql, params![source, topic, now_ms, until_ms]).await? == 1)
}

/// The hub has stopped; `false` when nobody asked for that.
pub(crate) async fn end(tx: &mut Tx, source: &str, topic: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM webhook_topics WHERE source = $1 AND topic = $2 AND state = 'ending'";
    Ok(tx.execute(sql, params![source, topic]).await? == 1)
}

/// The hub will not, or no longer, send.
pub(crate) async fn deny(
    tx: &mut Tx,
    source: &str,
    topic: &str,
    now_ms: i64,
    reason: Option<&str>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE webhook_topics SET state = 'denied', changed_at_ms = $3, last_error = $4, tries = 0
         WHERE source = $1 AND topic = $2";
    Ok(tx.execute(sql, params![source, topic, now_ms, reason]).await? == 1)
}
