//! Subscriptions at a hub (WebSub, W3C 2018, §5.3): it asks by GET whether we meant it.

use ::store::StoreError;
use kernel::Problem;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Webhooks;
use crate::answer::Reply;
use crate::source::Source;
use crate::store::topics::{self, Topic};

/// Topics of one source at most.
const TOPICS: usize = 10_000;
const TOPIC_BYTES: usize = 2_048;

/// What a hub asks.
#[derive(Deserialize, IntoParams)]
pub(crate) struct Asked {
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    #[serde(rename = "hub.topic")]
    topic: Option<String>,
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
    #[serde(rename = "hub.lease_seconds")]
    lease_seconds: Option<i64>,
}

impl Asked {
    pub(crate) fn is_question(&self) -> bool {
        self.mode.is_some()
    }
}

impl Webhooks {
    /// Says that a subscription to this topic is being asked for (or, with `end`, its end), before the hub is asked: only what
    /// was asked for is confirmed.
    ///
    /// # Errors
    /// [`Problem`]: no such source, or one whose sender has no hub.
    pub async fn expect_topic(&self, source: &str, topic: &str, end: bool) -> Result<(), Problem> {
        let source = self.0.sources.named(source).ok_or_else(|| crate::manage::unknown(source))?;
        if !source.sender().hub_verifies {
            return Err(Problem::conflict("no_hub", "The sender of this source has no hub."));
        }
        if topic.is_empty() || topic.len() > TOPIC_BYTES {
            return Err(Problem::bad_request("invalid_topic", "Give an address of up to 2048 bytes.")
                .field("/topic", "Its length."));
        }
        if self.topics(&source.name).await?.len() >= TOPICS {
            return Err(Problem::conflict("too_many_topics", "This source has too many topics."));
        }
        let (name, topic, now_ms) = (source.name.clone(), topic.to_owned(), self.0.clock.now_ms());
        let state = if end { "ending" } else { "asked" };
        let asked: Result<(), StoreError> =
            self.0.store.write(async move |tx| topics::ask(tx, &name, &topic, state, now_ms).await).await;
        Ok(asked?)
    }

    /// What a source is subscribed to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn topics(&self, source: &str) -> Result<Vec<Topic>, StoreError> {
        let source = source.to_owned();
        self.0.store.read(async move |tx| topics::list(tx, &source, TOPICS).await).await
    }

    /// Answers a hub: with its challenge when this is what we asked for, else with 404.
    pub(crate) async fn confirm(&self, source: &Source, asked: Asked) -> Result<Reply, Problem> {
        let unmeant = || Problem::not_found("Nobody asked for that.");
        let topic = asked.topic.filter(|topic| (1..=TOPIC_BYTES).contains(&topic.len())).ok_or_else(unmeant)?;
        let (name, now_ms) = (source.name.clone(), self.0.clock.now_ms());
        let lease_until_ms =
            asked.lease_seconds.filter(|lease| *lease > 0).map(|s| now_ms.saturating_add(s.saturating_mul(1000)));
        let mode = asked.mode.unwrap_or_default();
        if mode == "denied" {
            let noted: Result<bool, StoreError> =
                self.0.store.write(async move |tx| topics::deny(tx, &name, &topic, now_ms).await).await;
            return if noted? { Ok(Reply::empty(200)) } else { Err(unmeant()) };
        }
        let reply = asked.challenge.as_deref().and_then(Reply::challenge).ok_or_else(unmeant)?;
        let meant: Result<bool, StoreError> = self
            .0
            .store
            .write(async move |tx| match mode.as_str() {
                "subscribe" => topics::confirm(tx, &name, &topic, now_ms, lease_until_ms).await,
                "unsubscribe" => topics::end(tx, &name, &topic).await,
                _ => Ok(false),
            })
            .await;
        if meant? { Ok(reply) } else { Err(unmeant()) }
    }
}
