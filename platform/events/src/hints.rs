//! What other processes do to the log, for those here who wait for it. A hint may be lost: whoever waits also looks by itself.

use store::StoreError;

use crate::Events;

/// An event was appended.
pub(crate) const APPENDED: &str = "events";
/// A stream was paused or resumed, or parked events are to be tried again.
pub(crate) const STEERED: &str = "streams";

/// The newest events that one look goes through. Where there are more, every stream is woken.
const LOOK: usize = 1_000;

impl Events {
    /// From now on, and once, streams and tails of this process hear of other processes.
    pub(crate) fn attend(&self) {
        if self.0.attending.set(()).is_ok() {
            self.0.tasks.spawn(attend(self.clone()));
        }
    }

    /// Wakes whoever wants what was appended after a position; up to where that is known now.
    async fn hear(&self, known: i64) -> Result<i64, StoreError> {
        let sql = "SELECT position, type FROM events WHERE position > $1 ORDER BY position DESC LIMIT $2";
        let look = async move |tx: &mut store::Tx| tx.all(sql, store::params![known, LOOK as i64]).await;
        let mut newest: Vec<(i64, String)> = self.0.store.read(look).await?;
        let Some((head, _)) = newest.first() else { return Ok(known) };
        let head = *head;
        self.0.announce(head);
        if newest.len() == LOOK {
            self.0.served.lock().values().for_each(|it| it.news.notify_one());
            return Ok(head);
        }
        newest.sort_unstable_by(|(_, one), (_, other)| one.cmp(other));
        newest.dedup_by(|(_, one), (_, other)| one == other);
        newest.iter().for_each(|(_, kind)| self.0.wake(kind));
        Ok(head)
    }
}

async fn attend(events: Events) {
    let log = &events.0;
    let (mut appended, mut steered) = (log.store.told(APPENDED), log.store.told(STEERED));
    let mut known = 0;
    loop {
        tokio::select! {
            Ok(()) = appended.changed() => match events.hear(known).await {
                Ok(head) => known = head,
                Err(error) => tracing::debug!(error = %kernel::problem::chain(&error), "a hint was not followed"),
            },
            Ok(()) = steered.changed() => log.served.lock().values().for_each(|it| it.nudge.notify_one()),
            () = log.stop.cancelled() => return,
        }
    }
}
