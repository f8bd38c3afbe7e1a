//! Keys that senders publish. A signature that does not hold may mean that the sender has another key now: then it is asked, as
//! a job, once in a while at most, however many forgeries come. What was refused meanwhile is verified again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ::store::StoreError;
use jobs::{Failure, Handler, Kind, NewJob, Run};
use kernel::Secret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::directory::{SOURCES, Sources, SourcesError};
use crate::source::{Source, unfit};
use crate::store::deliveries::Verdict;
use crate::store::replays::Selection;
use crate::store::sources as rows;
use crate::{Webhooks, manage};

const KIND: Kind = Kind::new("webhooks.key");
/// Between two questions because of signatures that do not hold, milliseconds.
const PAUSE_MS: i64 = 300_000;
/// How long a key counts after the sender has published another, milliseconds: what was signed before is on its way.
const OVERLAP_MS: i64 = 3_600_000;
/// How far back refused deliveries are verified again when a key has changed, milliseconds.
const AGAIN_MS: i64 = 900_000;

#[derive(Serialize, Deserialize)]
struct Args {
    source: String,
}

/// When each source's sender was last asked for its key. No more names than there may be sources.
#[derive(Default)]
pub(crate) struct Asked(Mutex<HashMap<String, i64>>);

impl Asked {
    /// Whether the sender may be asked because of a signature; then this counts as the time when it was.
    fn may(&self, source: &str, now_ms: i64) -> bool {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // After a clock that went back, what was then says nothing.
        if asked.get(source).is_some_and(|at| (0..PAUSE_MS).contains(&(now_ms - at))) {
            return false;
        }
        if asked.len() >= SOURCES {
            asked.clear();
        }
        asked.insert(source.to_owned(), now_ms);
        true
    }
}

/// What came of a question. That there was no answer is no failure of the job: the next doubt asks again.
enum Fetched {
    Same,
    Another,
    None(String),
}

pub(crate) fn handler(webhooks: &Webhooks) -> (Kind, Handler) {
    let webhooks = webhooks.clone();
    let handler = jobs::handler(move |run: Run| {
        let webhooks = webhooks.clone();
        async move {
            let Args { source } = run.args()?;
            let came = match webhooks.fetch_key(&source).await? {
                Fetched::None(why) => {
                    tracing::warn!(source, why, "a sender could not be asked for its key; the one from before counts");
                    why
                }
                Fetched::Same => "the key is the same".to_owned(),
                Fetched::Another => "the sender has published another key".to_owned(),
            };
            run.result(&came)
        }
    });
    (KIND, handler)
}

impl Webhooks {
    /// A signature of this source does not hold: perhaps its sender has another key now.
    pub(crate) async fn doubt_key(&self, source: &Source) {
        if source.follows().is_some() && self.0.asked.may(&source.name, self.0.clock.now_ms()) {
            self.ask_for_key(&source.name).await;
        }
    }

    /// Has the sender asked for its key, where this source follows it.
    pub(crate) async fn ask_for_key(&self, name: &str) {
        let Some(source) = self.0.sources.named(name).filter(|it| it.follows().is_some()) else { return };
        if self.0.outside.get().is_none() {
            return;
        }
        let job = NewJob::new(KIND, &Args { source: source.name.clone() }).unique(source.name.as_str());
        if let Err(error) = self.0.jobs.enqueue_now(job).await {
            tracing::warn!(source = source.name, error = %kernel::problem::chain(&error), "a sender could not be asked for its key");
        }
    }

    async fn fetch_key(&self, name: &str) -> Result<Fetched, Failure> {
        let none = |why: &str| Ok(Fetched::None(why.to_owned()));
        let (Some(source), Some(outside)) = (self.0.sources.named(name), self.0.outside.get()) else {
            return none("there is no such source any more");
        };
        let Some((url, at)) = source.follows() else { return none("a key was given") };
        let answer = match outside.get(url).await {
            Ok(answer) => answer,
            Err(why) => return Ok(Fetched::None(why)),
        };
        let Ok(answer) = serde_json::from_slice::<Value>(&answer) else { return none("no JSON came") };
        let Some(key) = answer.pointer(at).and_then(Value::as_str).map(Secret::new) else {
            return Ok(Fetched::None(format!("there is no key at {at}")));
        };
        if let Some(reason) = unfit(&source.sender(), key.expose()) {
            return none(reason);
        }
        if !self.0.sources.follow(name, &key).await.map_err(Failure::retry)? {
            return Ok(Fetched::Same);
        }
        tracing::warn!(source = name, "the sender has published another key; refused deliveries are verified again");
        let since_ms = Some(self.0.clock.now_ms() - AGAIN_MS);
        let (source, verdict) = (Some(name.to_owned()), Some(Verdict::Rejected));
        let refused = Selection { source, since_ms, verdict, ..Selection::default() };
        // That nothing was refused, or that people's replays come first, is no failure: the sender comes again.
        if let Err(problem) = self.replay_range(refused).await {
            tracing::info!(source = name, reason = problem.detail(), "nothing is verified again");
        }
        Ok(Fetched::Another)
    }
}

impl Sources {
    /// Takes a key that the sender publishes; `true` when it is another one than before, which then counts for a while longer.
    async fn follow(&self, name: &str, key: &Secret) -> Result<bool, SourcesError> {
        let directory = &self.0;
        let _one_at_a_time = directory.changing.lock().await;
        self.reload().await?;
        let Some(source) = self.named(name).filter(|source| source.follows().is_some()) else { return Ok(false) };
        let now_ms = directory.clock.now_ms();
        let newest = source.keys.first().filter(|newest| newest.secret == *key && newest.counts(now_ms));
        let (row, same, sealed) = (name.to_owned(), newest.map(|newest| newest.id), directory.seal(name, key));
        let many = source.keys.iter().filter(|key| key.counts(now_ms)).count() >= manage::KEYS;
        let until_ms = if many { now_ms } else { now_ms + OVERLAP_MS };
        let followed: Result<(), StoreError> = directory
            .store
            .write(async move |tx| match same {
                Some(id) => rows::touch_fetched(tx, &row, id, now_ms).await,
                None => {
                    rows::end_keys(tx, &row, until_ms).await?;
                    rows::add_fetched(tx, &row, &sealed, now_ms).await
                }
            })
            .await;
        followed?;
        self.changed().await?;
        Ok(same.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_asked_once_in_a_while_and_sources_do_not_hinder_one_another() {
        let asked = Asked::default();
        let may = |source: &str, now_ms: i64| asked.may(source, now_ms);
        assert!(may("a", 1_000_000) && !may("a", 1_000_000) && !may("a", 1_000_000 + PAUSE_MS - 1));
        assert!(may("b", 1_000_001) && may("a", 1_000_000 + PAUSE_MS));
        assert!(may("a", 5), "a clock that was set back is no reason to wait");
        for n in 0..10_000 {
            may(&n.to_string(), 0);
        }
        assert!(asked.0.lock().expect("a lock").len() <= SOURCES);
    }
}
