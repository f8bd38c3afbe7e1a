//! What a token of ours hangs on beside its person. When that falls, so does what the token opened: in every process, as when a person
//! loses a right.

use std::collections::HashSet;
use std::fmt;

use serde_json::Value;
use store::{StoreError, Tx, params};

use crate::Identity;
use crate::tokens::Claims;

/// The claim that names the API key by which a program had a token made.
pub(crate) const KEY: &str = "key";

/// What can be taken back, and takes tokens along.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ground {
    /// The API key of this number.
    Key(i64),
    /// The token of this name (`jti`).
    Token(String),
}

impl Ground {
    /// The one that is written so.
    pub fn named(name: &str) -> Option<Self> {
        match name.split_once(':')? {
            ("key", id) => id.parse().ok().map(Self::Key),
            ("token", id) => Some(Self::Token(id.to_owned())),
            _ => None,
        }
    }

    /// Whether it stands at this moment.
    async fn stands(&self, tx: &mut Tx, now_ms: i64) -> Result<bool, StoreError> {
        match self {
            Self::Key(id) => {
                let sql = "SELECT id FROM api_keys WHERE id = $1 AND revoked_at_ms IS NULL
                     AND (expires_at_ms IS NULL OR expires_at_ms > $2)";
                let row: Option<(i64,)> = tx.first(sql, params![*id, now_ms]).await?;
                Ok(row.is_some())
            }
            Self::Token(id) => {
                let sql = "SELECT expires_at_ms FROM revoked_tokens WHERE id = $1";
                let row: Option<(i64,)> = tx.first(sql, params![id]).await?;
                Ok(row.is_none())
            }
        }
    }
}

/// `key:7`, `token:` and its name. Stored: never changes.
impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Token(id) => write!(f, "token:{id}"),
        }
    }
}

impl Identity {
    /// What a proved token hangs on; nothing for one that an issuer made, whatever it says.
    pub fn grounds(&self, claims: &Claims) -> Vec<Ground> {
        if claims.issuer != self.tokens.issuer() {
            return Vec::new();
        }
        let key = claims.rest.get(KEY).and_then(Value::as_i64);
        key.map(Ground::Key).into_iter().chain(claims.id.clone().map(Ground::Token)).collect()
    }

    /// Which of these stand no more. Asks for what was taken back, which has a bound, and not for each of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn fallen(&self, grounds: &[Ground]) -> Result<Vec<Ground>, StoreError> {
        if grounds.is_empty() {
            return Ok(Vec::new());
        }
        let now_ms = self.clock.now_ms();
        let read = async move |tx: &mut Tx| {
            let keys =
                "SELECT id FROM api_keys WHERE revoked_at_ms IS NULL AND (expires_at_ms IS NULL OR expires_at_ms > $1)";
            let keys: Vec<(i64,)> = tx.all(keys, params![now_ms]).await?;
            let tokens: Vec<(String,)> = tx.all("SELECT id FROM revoked_tokens", params![]).await?;
            Ok::<_, StoreError>((keys, tokens))
        };
        let (keys, tokens) = self.store.read(read).await?;
        let keys: HashSet<i64> = keys.into_iter().map(|(id,)| id).collect();
        let tokens: HashSet<String> = tokens.into_iter().map(|(id,)| id).collect();
        let fell = |ground: &&Ground| match ground {
            Ground::Key(id) => !keys.contains(id),
            Ground::Token(id) => tokens.contains(id),
        };
        Ok(grounds.iter().filter(fell).cloned().collect())
    }

    /// When an API key ends by itself, Unix milliseconds, `i64::MAX` for never; `None` for one that is worth nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn key_ends(&self, id: i64) -> Result<Option<i64>, StoreError> {
        let now_ms = self.clock.now_ms();
        let sql = "SELECT expires_at_ms FROM api_keys WHERE id = $1 AND revoked_at_ms IS NULL
             AND (expires_at_ms IS NULL OR expires_at_ms > $2)";
        let row: Result<Option<(Option<i64>,)>, StoreError> =
            self.store.read(async move |tx: &mut Tx| tx.first(sql, params![id, now_ms]).await).await;
        Ok(row?.map(|(ends_ms,)| ends_ms.unwrap_or(i64::MAX)))
    }
}

/// Whether all of these stand.
pub(crate) async fn stand(tx: &mut Tx, grounds: &[Ground], now_ms: i64) -> Result<bool, StoreError> {
    for ground in grounds {
        if !ground.stands(tx, now_ms).await? {
            return Ok(false);
        }
    }
    Ok(true)
}
