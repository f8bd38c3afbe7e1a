//! Subscriptions at a hub (WebSub, W3C 2018): it is asked by a job for each topic (§5.1), again before each lease ends, and asks
//! back by GET whether we meant it (§5.3).

use ::store::StoreError;
use jobs::{EnqueueError, Failure, Handler, Kind, NewJob, Run};
use kernel::Problem;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use crate::Webhooks;
use crate::answer::Reply;
use crate::crypto;
use crate::lease::{self, LEASE_S, Step};
use crate::outside::Outside;
use crate::source::Source;
use crate::store::topics::{self, State, Topic};

/// It never ends while its topic is wished for: a worker that dies costs an attempt, a hub that fails does not.
const KIND: Kind = Kind::new("webhooks.topic").attempts(1_000);
/// Topics of one source at most.
const TOPICS: usize = 10_000;
const TOPIC_BYTES: usize = 2_048;
/// What a hub proves itself by: 128 bits.
const TOKEN_BYTES: usize = 16;
/// A hub's reason for denying, characters.
const REASON_CHARS: usize = 200;
/// Between two looks at a source that is switched off, milliseconds.
const OFF_MS: i64 = 3_600_000;
/// Topics whose jobs are looked after in one transaction.
const BATCH: usize = 200;

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
    #[serde(rename = "hub.reason")]
    reason: Option<String>,
    /// What we put into the address that the hub was given.
    token: Option<String>,
}

impl Asked {
    pub(crate) fn is_question(&self) -> bool {
        self.mode.is_some()
    }
}

/// The arguments of the job.
#[derive(Serialize, Deserialize)]
struct Held {
    source: String,
    topic: String,
    generation: i64,
}

pub(crate) fn handler(webhooks: &Webhooks) -> (Kind, Handler) {
    let webhooks = webhooks.clone();
    let handler = jobs::handler(move |run: Run| {
        let webhooks = webhooks.clone();
        async move { webhooks.hold(run.args()?).await }
    });
    (KIND, handler)
}

impl Webhooks {
    /// Wishes for a topic (or, with `end`, for its end): the hub is asked, now and before each lease ends, and confirmed what was
    /// asked for alone.
    ///
    /// # Errors
    /// [`Problem`]: no such source, or one whose sender has no hub.
    pub async fn wish_topic(&self, source: &str, topic: &str, end: bool) -> Result<(), Problem> {
        let source = self.0.sources.named(source).ok_or_else(|| crate::manage::unknown(source))?;
        if !source.sender().hub_verifies {
            return Err(Problem::conflict("no_hub", "The sender of this source has no hub."));
        }
        // Not every store keeps a NUL in a text.
        if topic.is_empty() || topic.len() > TOPIC_BYTES || topic.contains('\0') {
            return Err(Problem::bad_request("invalid_topic", "Give an address of up to 2048 bytes.")
                .field("/topic", "Its length."));
        }
        let (webhooks, name, topic, now_ms) =
            (self.clone(), source.name.clone(), topic.to_owned(), self.0.clock.now_ms());
        // Without a way out the hub is asked by hand, and given the plain address.
        let token = if self.0.outside.get().is_some() { self.0.entropy.token(TOKEN_BYTES) } else { String::new() };
        let wished: Result<bool, EnqueueError> = self
            .0
            .store
            .write(async move |tx| {
                if topics::count(tx, &name).await? >= TOPICS as i64 && topics::find(tx, &name, &topic).await?.is_none()
                {
                    return Ok(false);
                }
                let generation = topics::wish(tx, &name, &topic, end, &token, now_ms).await?;
                webhooks.0.jobs.enqueue(tx, job(&Held { source: name, topic, generation })).await?;
                Ok(true)
            })
            .await;
        match wished {
            Ok(true) => Ok(()),
            Ok(false) => Err(Problem::conflict("too_many_topics", "This source has too many topics.")),
            Err(EnqueueError::Store(error)) => Err(error.into()),
            Err(error) => Err(Problem::internal(error)),
        }
    }

    /// What a source is subscribed to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn topics(&self, source: &str) -> Result<Vec<Topic>, StoreError> {
        let source = source.to_owned();
        self.0.store.read(async move |tx| topics::list(tx, &source, "", TOPICS).await).await
    }

    /// The hub must hear of another secret, address or hub: everything of the source is wished for again.
    pub(crate) async fn wish_again(&self, source: &str) -> Result<(), Problem> {
        let Some(source) = self.0.sources.named(source).filter(|source| source.sender().hub_verifies) else {
            return Ok(());
        };
        let (name, now_ms) = (source.name.clone(), self.0.clock.now_ms());
        let again: Result<u64, StoreError> =
            self.0.store.write(async move |tx| topics::wish_again(tx, &name, now_ms).await).await;
        again?;
        self.hold_all(&source).await.map_err(|error| match error {
            EnqueueError::Store(error) => error.into(),
            error => Problem::internal(error),
        })
    }

    /// Sees to it that every topic of every source has its job, as older releases made none and people cancel jobs.
    pub(crate) async fn hold_every_topic(&self) {
        for source in self.0.sources.all().iter().filter(|source| source.hub().is_some()) {
            if let Err(error) = self.hold_all(source).await {
                tracing::warn!(source = source.name, error = %kernel::problem::chain(&error), "topics may not be renewed");
            }
        }
    }

    /// Sees to it that every topic of a source has its job.
    async fn hold_all(&self, source: &Source) -> Result<(), EnqueueError> {
        let mut behind = String::new();
        loop {
            let (webhooks, name, from) = (self.clone(), source.name.clone(), behind.clone());
            let held: Result<Option<String>, EnqueueError> = self
                .0
                .store
                .write(async move |tx| {
                    let some = topics::list(tx, &name, &from, BATCH).await?;
                    let last = some.last().map(|it| it.topic.clone());
                    for Topic { topic, generation, .. } in some {
                        webhooks.0.jobs.enqueue(tx, job(&Held { source: name.clone(), topic, generation })).await?;
                    }
                    Ok(last)
                })
                .await;
            match held? {
                Some(last) => behind = last,
                None => return Ok(()),
            }
        }
    }

    /// One look at a topic.
    async fn hold(&self, held: Held) -> Result<(), Failure> {
        let Some(outside) = self.0.outside.get() else {
            return Err(Failure::Snooze(self.0.clock.now_ms() + OFF_MS));
        };
        let (source, name, now_ms) = (held.source.clone(), held.topic.clone(), self.0.clock.now_ms());
        let found: Result<_, StoreError> =
            self.0.store.read(async move |tx| topics::find(tx, &source, &name).await).await;
        // What was wished for since has a job of its own.
        let Some(topic) = found?.filter(|it| it.generation == held.generation) else { return Ok(()) };
        if let Step::Wait(until_ms) = lease::next(&topic, now_ms) {
            return Err(Failure::Snooze(until_ms));
        }
        let Some(source) = self.0.sources.named(&held.source).filter(|source| source.enabled) else {
            return Err(Failure::Snooze(now_ms + OFF_MS));
        };
        let Some(hub) = source.hub() else { return Ok(()) };
        // Before it is asked: it may ask back before it answers.
        let (name, it) = (held.source.clone(), topic.clone());
        let noted: Result<bool, StoreError> =
            self.0.store.write(async move |tx| topics::asked(tx, &name, &it, now_ms).await).await;
        if !noted? {
            return Ok(());
        }
        let failed = ask(outside, hub, &source, &topic, now_ms).await.err();
        let unheard = || {
            let path = outside.address(&source.path());
            format!("the hub was asked before and has not asked back: it must reach {path}")
        };
        let error = failed.or_else(|| (topic.tries > 0).then(unheard));
        if let Some(error) = &error {
            tracing::warn!(source = source.name, topic = topic.topic, error, "a hub does not confirm a topic");
        }
        let (name, asked) = (held.source, Topic { asked_at_ms: Some(now_ms), tries: topic.tries + 1, ..topic });
        let due_ms = lease::due_ms(&asked);
        let told: Result<(), StoreError> =
            self.0.store.write(async move |tx| topics::told(tx, &name, &asked, error.as_deref()).await).await;
        told?;
        Err(Failure::Snooze(due_ms))
    }

    /// Answers a hub: with its challenge when this is what we asked for, and asked this hub; else with 404.
    pub(crate) async fn confirm(&self, source: &Source, asked: Asked) -> Result<Reply, Problem> {
        let unmeant = || Problem::not_found("Nobody asked for that.");
        let Asked { mode, topic, challenge, lease_seconds, reason, token } = asked;
        let topic = topic.filter(|topic| (1..=TOPIC_BYTES).contains(&topic.len())).ok_or_else(unmeant)?;
        let (mode, token) = (mode.unwrap_or_default(), token.unwrap_or_default());
        let denied = mode == "denied";
        let reply = if denied { Some(Reply::empty(200)) } else { challenge.as_deref().and_then(Reply::challenge) };
        let reply = reply.ok_or_else(unmeant)?;
        let reason: Option<String> =
            reason.map(|reason| reason.chars().filter(|c| !c.is_control()).take(REASON_CHARS).collect());
        let (name, now_ms) = (source.name.clone(), self.0.clock.now_ms());
        let until_ms = lease::until_ms(lease_seconds, now_ms);
        let meant: Result<bool, StoreError> = self
            .0
            .store
            .write(async move |tx| {
                let known = topics::find(tx, &name, &topic).await?;
                // A stranger knows the topic and our plain address, and the hub what it was given.
                if !known.is_some_and(|known| crypto::same(known.token.as_bytes(), token.as_bytes())) {
                    return Ok(false);
                }
                match mode.as_str() {
                    "denied" => topics::deny(tx, &name, &topic, now_ms, reason.as_deref()).await,
                    "subscribe" => topics::confirm(tx, &name, &topic, now_ms, until_ms).await,
                    "unsubscribe" => topics::end(tx, &name, &topic).await,
                    _ => Ok(false),
                }
            })
            .await;
        if meant? { Ok(reply) } else { Err(unmeant()) }
    }
}

/// A topic has one job for each wish.
fn job(held: &Held) -> NewJob {
    let name = Sha256::digest(format!("{} {}", held.source, held.topic));
    NewJob::new(KIND, held).unique(format!("{}.{}", hex::encode(name), held.generation))
}

async fn ask(outside: &Outside, hub: &str, source: &Source, topic: &Topic, now_ms: i64) -> Result<(), String> {
    let query = if topic.token.is_empty() { String::new() } else { format!("?token={}", topic.token) };
    let (callback, lease) = (outside.address(&(source.secret_path() + &query)), LEASE_S.to_string());
    let ends = topic.state == State::Ending;
    let mut form = vec![
        ("hub.mode", if ends { "unsubscribe" } else { "subscribe" }),
        ("hub.topic", topic.topic.as_str()),
        ("hub.callback", callback.as_str()),
    ];
    let secrets = source.secrets(now_ms);
    if !ends {
        form.push(("hub.lease_seconds", lease.as_str()));
        form.extend(secrets.first().map(|secret| ("hub.secret", secret.expose())));
    }
    outside.post_form(hub, &form).await
}
