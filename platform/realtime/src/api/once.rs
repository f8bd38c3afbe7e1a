//! What a program publishes under a key is published once, however often it says it: in this process, for five minutes.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use bus::Position;
use kernel::limits;
use tokio::sync::Mutex;

use super::fault::Fault;
use crate::codes::ReplyError;

const SHARDS: usize = 64;

pub(super) struct Once {
    hasher: RandomState,
    /// Held while it is published: who says the same meanwhile waits for the answer.
    shards: Box<[Mutex<Said>]>,
}

/// By channel and key: when, Unix milliseconds, and where it is.
type Said = HashMap<(String, String), (i64, Position)>;

impl Default for Once {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Once {
    /// What failed is not remembered: it may be said again.
    pub(super) async fn publish(
        &self,
        channel: &str,
        key: &str,
        now_ms: i64,
        publish: impl AsyncFnOnce() -> Result<Position, Fault>,
    ) -> Result<Position, Fault> {
        if key.len() > limits::CHANNEL_BYTES {
            return Err(ReplyError::BAD_REQUEST.into());
        }
        let of = (channel.to_owned(), key.to_owned());
        let mut shard = self.shards[self.hasher.hash_one(&of) as usize % SHARDS].lock().await;
        let fresh = |at_ms: i64| (0..limits::REALTIME_API_ONCE_MS).contains(&(now_ms - at_ms));
        if let Some((at_ms, position)) = shard.get(&of)
            && fresh(*at_ms)
        {
            return Ok(position.clone());
        }
        if shard.len() >= limits::REALTIME_API_ONCE / SHARDS {
            shard.retain(|_, (at_ms, _)| fresh(*at_ms));
            if shard.len() >= limits::REALTIME_API_ONCE / SHARDS {
                return Err(ReplyError::LIMIT_EXCEEDED.into());
            }
        }
        let position = publish().await?;
        shard.insert(of, (now_ms, position.clone()));
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_is_remembered_is_bounded_and_forgotten() {
        let (once, count) = (Once::default(), AtomicU64::new(0));
        let say = async |key: &str, now_ms| {
            let publish = async || Ok(Position { offset: count.fetch_add(1, Ordering::SeqCst), epoch: "e".into() });
            once.publish("a:b", key, now_ms, publish).await.map(|position| position.offset).ok()
        };
        assert_eq!([say("k", 0).await, say("k", 1).await, say("l", 1).await], [Some(0), Some(0), Some(1)]);
        assert_eq!(say("k", limits::REALTIME_API_ONCE_MS).await, Some(2), "five minutes later it is another");
        let failed = once.publish("a:b", "m", 0, async || Err(ReplyError::INTERNAL.into())).await;
        assert!(failed.is_err() && say("m", 0).await == Some(3), "what failed is said again");
        assert_eq!(say(&"k".repeat(256), 0).await, None);
        let mut refused = 0;
        for number in 0..limits::REALTIME_API_ONCE + SHARDS {
            refused += usize::from(say(&number.to_string(), 7).await.is_none());
        }
        assert!(refused > 0);
        assert!(say("another", 8 + limits::REALTIME_API_ONCE_MS).await.is_some(), "room again");
    }
}
