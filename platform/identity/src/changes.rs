//! What changed in people's rights, as every process hears of it: within a second, and nothing is left out.

use std::collections::BTreeSet;
use std::time::Duration;

use kernel::limits;
use store::{StoreError, Tx, params};
use tokio::sync::watch;

use crate::Identity;
use crate::people::{Actor, Ground};

/// The topic of the hints between processes.
const TOPIC: &str = "people";

/// Somebody may do less than before, or more: whoever holds something open for them asks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// These, each once.
    These {
        /// Whoever may do less than before, or more.
        actors: Vec<Actor>,
        /// What tokens hung on, and fell.
        grounds: Vec<Ground>,
    },
    /// Too many, or too long ago: anybody.
    Everybody,
}

/// Changes since it was made, in their order. Each process holds one.
pub struct Changes {
    identity: Identity,
    /// The last one seen; none before the first look.
    at: Option<i64>,
    /// When that was known for sure, Unix milliseconds.
    looked_at_ms: i64,
    here: watch::Receiver<u64>,
    elsewhere: watch::Receiver<u64>,
}

impl Identity {
    /// Listens. The first that is heard is [`Changed::Everybody`]: what was taken back until then.
    pub fn changes(&self) -> Changes {
        let (here, elsewhere) = (self.news.subscribe(), self.store.told(TOPIC));
        Changes { identity: self.clone(), at: None, looked_at_ms: 0, here, elsewhere }
    }

    /// Tells this process and the others, once it is committed.
    pub(crate) fn tell(&self, tx: &mut Tx) {
        let (news, store) = (self.news.clone(), self.store.clone());
        tx.on_commit(move || {
            news.send_modify(|times| *times += 1);
            store.tell(TOPIC);
        });
    }
}

impl Changes {
    /// Waits for the next ones. A store that does not answer is asked again; what was missed meanwhile comes then.
    pub async fn next(&mut self) -> Changed {
        let look = Duration::from_millis(limits::PERSON_CHANGES_LOOK_MS);
        loop {
            match self.look().await {
                Ok(Some(changed)) => return changed,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(error = %kernel::problem::chain(&error), "changes of people's rights could not be read");
                }
            }
            tokio::select! {
                // Neither sender can be gone: the identity that is held here has both.
                _ = self.here.changed() => {}
                _ = self.elsewhere.changed() => {}
                () = tokio::time::sleep(look) => {}
            }
        }
    }

    async fn look(&mut self) -> Result<Option<Changed>, StoreError> {
        let (at, most, now_ms) = (self.at, limits::PERSON_CHANGES_BATCH, self.identity.clock.now_ms());
        let read = async move |tx: &mut Tx| {
            let Some(at) = at else {
                let (last,): (i64,) = tx.one("SELECT COALESCE(MAX(id), 0) FROM person_changes", &[]).await?;
                return Ok((last, Vec::new()));
            };
            let sql = "SELECT id, person FROM person_changes WHERE id > $1 ORDER BY id LIMIT $2";
            let rows: Vec<(i64, String)> = tx.all(sql, params![at, most as i64]).await?;
            Ok((rows.last().map_or(at, |(id, _)| *id), rows))
        };
        let read: Result<(i64, Vec<(i64, String)>), StoreError> = self.identity.store.read(read).await;
        let (last, rows) = read?;
        // What is kept for an hour may have gone unread in a longer silence.
        let silent = at.is_none() || now_ms - self.looked_at_ms > limits::PERSON_CHANGES_MS / 2;
        (self.at, self.looked_at_ms) = (Some(last), now_ms);
        if silent || rows.len() == most {
            return Ok(Some(Changed::Everybody));
        }
        let actors: BTreeSet<_> = rows.iter().filter_map(|(_, who)| Actor::named(who)).collect();
        let grounds: BTreeSet<_> = rows.iter().filter_map(|(_, what)| Ground::named(what)).collect();
        let (actors, grounds) = (Vec::from_iter(actors), Vec::from_iter(grounds));
        Ok((!actors.is_empty() || !grounds.is_empty()).then_some(Changed::These { actors, grounds }))
    }
}
