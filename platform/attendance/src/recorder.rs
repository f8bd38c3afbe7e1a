//! Writes down what happens in this process.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ::store::{StoreError, Tx};
use events::AppendError;
use kernel::limits;
use realtime::witness::{Moment, What};
use tokio_util::sync::CancellationToken;

use crate::page::Page;
use crate::queue::Note;
use crate::store::{self as sql, There};
use crate::{Attendance, Inner};

/// What happens within so long is written together.
const GATHER: Duration = Duration::from_millis(100);
/// Without news: the stay of this process may have changed.
const LOOK: Duration = Duration::from_secs(1);
/// After a write that failed.
const AGAIN: Duration = Duration::from_secs(1);
/// At the end, for what is left. What is not told then, the dead are told of.
const LAST: Duration = Duration::from_secs(5);
/// Rows of one read.
const ROWS: usize = 1_000;

/// How the table and this process came to differ is not known.
const UNKNOWN: &str = "unknown";

struct Recorder {
    account: Arc<Inner>,
    /// By which its rows are.
    stay: String,
    batches: VecDeque<Arc<[Note]>>,
    /// The table does not follow from what was told: it is compared.
    behind: bool,
}

enum Turn {
    /// Nothing more to write.
    Idle,
    More,
    /// This process was taken for dead, and does not know it yet.
    Dead,
}

impl Attendance {
    pub(crate) async fn record(&self, stop: &CancellationToken) {
        let account = self.0.clone();
        let stay = account.fleet.stay();
        let mut recorder = Recorder { account, stay, batches: VecDeque::new(), behind: true };
        stop.run_until_cancelled(recorder.write_what_comes()).await;
        if tokio::time::timeout(LAST, recorder.write_what_is_left()).await.is_err() {
            tracing::warn!(
                "not all that happened to connections was told; those who are left will be told of as of the dead"
            );
        }
    }
}

impl Recorder {
    async fn write_what_comes(&mut self) {
        loop {
            match self.turn().await {
                Ok(Turn::More) => {}
                Ok(Turn::Idle) => {
                    // Whichever comes first.
                    let news = self.account.queue.news.notified();
                    let _ = tokio::time::timeout(LOOK, news).await;
                    // What follows it within a moment is written with it.
                    tokio::time::sleep(GATHER).await;
                }
                // The fleet gives this process another stay by its next beat.
                Ok(Turn::Dead) => tokio::time::sleep(AGAIN).await,
                Err(error) => {
                    tracing::warn!(error = %kernel::problem::chain(&error), "what happened to connections is not written");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn write_what_is_left(&mut self) {
        loop {
            match self.turn().await {
                Ok(Turn::More) => {}
                Ok(Turn::Idle | Turn::Dead) => return,
                // The database is away: it is tried for as long as the last writing may take.
                Err(_) => tokio::time::sleep(GATHER).await,
            }
        }
    }

    async fn turn(&mut self) -> Result<Turn, AppendError> {
        let stay = self.account.fleet.stay();
        if stay != self.stay {
            let (from, to) = (self.stay.clone(), stay.clone());
            self.account.store.write(async move |tx| sql::adopt(tx, &from, &to).await).await?;
            (self.stay, self.behind) = (stay, true);
            self.batches.clear();
        }
        if self.behind {
            self.batches = self.compare().await?;
            self.behind = false;
        }
        let batch = match self.batches.front() {
            Some(batch) => batch.clone(),
            None => match self.account.queue.take() {
                Some(notes) if notes.is_empty() => return Ok(Turn::Idle),
                Some(notes) => {
                    self.batches.push_back(notes.into());
                    return Ok(Turn::More);
                }
                None => {
                    tracing::warn!(
                        "more happened to connections than could be written; the account is compared with who is there"
                    );
                    self.behind = true;
                    return Ok(Turn::More);
                }
            },
        };
        if self.write(batch).await? {
            self.batches.pop_front();
            self.account.gone.notify_one();
            return Ok(Turn::More);
        }
        self.behind = true;
        Ok(Turn::Dead)
    }

    /// Whether this process still has its stay.
    async fn write(&self, batch: Arc<[Note]>) -> Result<bool, AppendError> {
        let (account, stay) = (self.account.clone(), self.stay.clone());
        let store = self.account.store.clone();
        let write = async move |tx: &mut Tx| {
            if !account.fleet.lives(tx, &stay).await? {
                return Ok(false);
            }
            sql::begin(tx, &stay).await?;
            let mut page = Page::of(tx, &account, &stay);
            for note in &*batch {
                page.write(note).await?;
            }
            page.close().await?;
            Ok::<_, AppendError>(true)
        };
        store.write(write).await
    }

    /// What makes the table say what is so.
    async fn compare(&self) -> Result<VecDeque<Arc<[Note]>>, StoreError> {
        let queue = &self.account.queue;
        queue.begin_anew();
        let mut written = HashSet::new();
        let mut ended = Vec::new();
        for There { client, person, channel } in self.rows().await? {
            let channel = channel.map(Arc::<str>::from);
            written.insert((Arc::<str>::from(client), Arc::<str>::from(person), channel));
        }
        let mut here = self.account.hub.here();
        here.retain(|moment| queue.takes(moment));
        // Somebody is connected before it subscribes.
        here.sort_by_key(|moment| matches!(moment.what, What::Subscribed { .. }));
        here.retain(|moment| {
            let channel = match &moment.what {
                What::Subscribed { channel } => Some(channel.clone()),
                _ => None,
            };
            !written.remove(&(moment.client.clone(), moment.person.clone(), channel))
        });
        for (client, person, channel) in written {
            let (code, reason) = (1006, UNKNOWN);
            let what = match channel {
                Some(channel) => What::Unsubscribed { channel, code, reason },
                None => What::Disconnected { code, reason },
            };
            ended.push(Moment { client, person, what });
        }
        ended.sort_by_key(|moment| matches!(moment.what, What::Disconnected { .. }));
        let notes: Vec<_> = ended.into_iter().chain(here).map(|moment| queue.note(moment)).collect();
        Ok(notes.chunks(limits::ATTENDANCE_BATCH).map(Arc::from).collect())
    }

    async fn rows(&self) -> Result<Vec<There>, StoreError> {
        let mut rows = Vec::new();
        let mut after = (String::new(), String::new());
        loop {
            let (stay, (client, channel)) = (self.stay.clone(), after);
            let read = async move |tx: &mut Tx| sql::seats(tx, &stay, (&client, &channel), ROWS).await;
            let some: Vec<There> = self.account.store.read(read).await?;
            let Some(last) = some.last() else { break };
            after = (last.client.clone(), last.channel.clone().unwrap_or_default());
            rows.extend(some);
        }
        let mut after = String::new();
        loop {
            let (stay, client) = (self.stay.clone(), after);
            let read = async move |tx: &mut Tx| sql::clients(tx, &stay, &client, ROWS).await;
            let some: Vec<There> = self.account.store.read(read).await?;
            let Some(last) = some.last() else { break };
            after = last.client.clone();
            rows.extend(some);
        }
        Ok(rows)
    }
}
