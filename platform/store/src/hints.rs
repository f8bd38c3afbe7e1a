//! What one process tells the others of its fleet: that something of a kind was committed, and it may be worth a look.
//!
//! A hint saves waiting and carries nothing: it may come twice, late, or never. Whoever acts on hints looks by itself too.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

pub use crate::liveness::Connection;
use crate::{Engine, Store};

/// Carries the names of topics to the other processes; called at most once in [`kernel::limits::STORE_HINT_MS`]. Must not block.
pub type Carrier = Arc<dyn Fn(&[&'static str]) + Send + Sync>;

#[derive(Default)]
pub(crate) struct Hints {
    /// Told here, and not carried yet.
    told: Mutex<BTreeSet<&'static str>>,
    news: Notify,
    heard: Mutex<HashMap<String, watch::Sender<u64>>>,
    carrier: OnceLock<Carrier>,
}

impl Hints {
    /// Something of this topic was committed here.
    pub(crate) fn tell(&self, topic: &'static str) {
        if self.told.lock().insert(topic) {
            self.news.notify_one();
        }
    }

    /// Waits until there is something to carry.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    /// Hands what was told since to the carrier; what is left to whoever asks, where none is installed.
    pub(crate) fn carry(&self) -> Vec<&'static str> {
        let topics: Vec<_> = std::mem::take(&mut *self.told.lock()).into_iter().collect();
        match self.carrier.get() {
            Some(carrier) if !topics.is_empty() => {
                carrier(&topics);
                Vec::new()
            }
            _ => topics,
        }
    }

    pub(crate) fn carried_by(&self, carrier: Carrier) {
        // The first stays: there is one bus.
        let _ = self.carrier.set(carrier);
    }

    /// Another process has told of this topic.
    pub(crate) fn hear(&self, topic: &str) {
        if let Some(heard) = self.heard.lock().get(topic) {
            heard.send_modify(|times| *times += 1);
        }
    }

    /// Hints may have been missed: every topic is worth a look.
    pub(crate) fn doubt(&self) {
        self.heard.lock().values().for_each(|heard| heard.send_modify(|times| *times += 1));
    }

    pub(crate) fn told(&self, topic: &str) -> watch::Receiver<u64> {
        self.heard.lock().entry(topic.to_owned()).or_insert_with(|| watch::channel(0).0).subscribe()
    }
}

impl Store {
    /// Tells the other processes on this database that something of this topic was committed: for [`crate::Tx::on_commit`].
    /// Never blocks; many within [`kernel::limits::STORE_HINT_MS`] are one. On the embedded engine there is nobody to tell.
    pub fn tell(&self, topic: &'static str) {
        if let Engine::Postgres(engine) = &self.0 {
            engine.hints().tell(topic);
        }
    }

    /// Changes when another process told of this topic: worth a look. It may change without reason, and hints may be lost, so
    /// whoever waits for it looks now and then by itself. On the embedded engine it never changes.
    pub fn told(&self, topic: &str) -> watch::Receiver<u64> {
        match &self.0 {
            Engine::Sqlite(engine) => engine.hints().told(topic),
            Engine::Postgres(engine) => engine.hints().told(topic),
        }
    }

    /// From now on `carrier` carries what is told here, instead of the database; what it hears elsewhere comes by
    /// [`Store::hear`]. The first carrier stays.
    pub fn carried_by(&self, carrier: Carrier) {
        if let Engine::Postgres(engine) = &self.0 {
            engine.hints().carried_by(carrier);
        }
    }

    /// Another process told of this topic; of all of them, where it may have been missed.
    pub fn hear(&self, topic: Option<&str>) {
        if let Engine::Postgres(engine) = &self.0 {
            topic.map_or_else(|| engine.hints().doubt(), |topic| engine.hints().hear(topic));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_topic_is_carried_once_however_often_it_was_told() {
        let hints = Hints::default();
        ["b", "a", "b"].into_iter().for_each(|topic| hints.tell(topic));
        hints.news().await;
        assert_eq!(hints.carry(), ["a", "b"]);
        assert!(hints.carry().is_empty());
        let carried = Arc::new(Mutex::new(Vec::new()));
        let seen = carried.clone();
        hints.carried_by(Arc::new(move |topics| seen.lock().extend_from_slice(topics)));
        hints.tell("c");
        assert!(hints.carry().is_empty(), "the carrier has it");
        assert_eq!(*carried.lock(), ["c"]);
    }

    #[test]
    fn what_others_tell_reaches_those_who_listen_for_it() {
        let hints = Hints::default();
        let (mut jobs, mut events) = (hints.told("jobs"), hints.told("events"));
        hints.hear("jobs");
        hints.hear("nobody listens");
        assert!(jobs.has_changed().expect("open") && !events.has_changed().expect("open"));
        jobs.mark_unchanged();
        hints.doubt();
        assert!(jobs.has_changed().expect("open") && events.has_changed().expect("open"));
        events.mark_unchanged();
    }
}
