//! What the process that leads tells for others: for those that died, and who is gone for good.

use std::time::Duration;

use ::store::Tx;
use events::AppendError;
use kernel::limits;
use realtime::witness::{Moment, What};

use crate::Attendance;
use crate::page::Page;
use crate::store::{self as sql, Of, There};

/// Between two looks: nobody says when a grace is over.
const EVERY: Duration = Duration::from_secs(1);
/// Stays that are looked at: far more than a fleet has processes.
const STAYS: usize = 1_000;

/// Why a connection ended that nobody saw end.
const GONE: (u16, &str) = (1006, "its process is gone");

impl Attendance {
    /// Never ends.
    pub(crate) async fn sweep(&self) {
        // Whoever was cut off with the process that led before has the whole grace time to come back.
        let began_ms = self.0.clock.now_ms();
        loop {
            match self.sweep_some(began_ms).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(error = %kernel::problem::chain(&error), "who is gone was not told"),
            }
            // Whichever comes first.
            let _ = tokio::time::timeout(EVERY, self.0.gone.notified()).await;
        }
    }

    /// Whether there may be more to do at once.
    async fn sweep_some(&self, began_ms: i64) -> Result<bool, AppendError> {
        let account = self.0.clone();
        let read = async move |tx: &mut Tx| {
            let mut dead = Vec::new();
            for stay in sql::stays(tx, STAYS).await? {
                if !account.fleet.lives(tx, &stay).await? {
                    dead.push(stay);
                }
            }
            Ok::<_, AppendError>(dead)
        };
        let dead = self.0.store.read(read).await?;
        for stay in &dead {
            while self.bury(stay).await? {}
        }
        let now_ms = self.0.clock.now_ms();
        let grace_ms = self.0.settings.grace_ms;
        if now_ms < began_ms.saturating_add(grace_ms) {
            return Ok(false);
        }
        let (account, store) = (self.0.clone(), self.0.store.clone());
        let write = async move |tx: &mut Tx| {
            let (mut page, most) = (Page::of(tx, &account, ""), limits::ATTENDANCE_BATCH);
            let people = page.forget(Of::Person, now_ms - grace_ms, most).await?;
            let channels = page.forget(Of::Channel, now_ms - grace_ms, most).await?;
            Ok::<_, AppendError>(people || channels)
        };
        if self.someone_is_gone(now_ms - grace_ms).await? { store.write(write).await } else { Ok(false) }
    }

    /// A look, so that a quiet house writes nothing.
    async fn someone_is_gone(&self, before_ms: i64) -> Result<bool, AppendError> {
        self.0.store.read(async move |tx| Ok(sql::is_any_gone(tx, before_ms).await?)).await
    }

    /// Tells the end of some who were there by a stay that has ended; whether there were any.
    async fn bury(&self, stay: &str) -> Result<bool, AppendError> {
        let (account, stay, store) = (self.0.clone(), stay.to_owned(), self.0.store.clone());
        let write = async move |tx: &mut Tx| {
            // It may have been found out and adopted meanwhile.
            if account.fleet.lives(tx, &stay).await? {
                return Ok(false);
            }
            let mut some = sql::seats(tx, &stay, ("", ""), limits::ATTENDANCE_BATCH).await?;
            if some.is_empty() {
                some = sql::clients(tx, &stay, "", limits::ATTENDANCE_BATCH).await?;
            }
            if some.is_empty() {
                sql::end(tx, &stay).await?;
                return Ok(false);
            }
            let mut page = Page::of(tx, &account, &stay);
            for There { client, person, channel } in some {
                let (code, reason) = GONE;
                let what = match channel {
                    Some(channel) => What::Unsubscribed { channel: channel.into(), code, reason },
                    None => What::Disconnected { code, reason },
                };
                let moment = Moment { client: client.into(), person: person.into(), what };
                page.write(&account.queue.note(moment)).await?;
            }
            page.close().await?;
            Ok::<_, AppendError>(true)
        };
        store.write(write).await
    }
}
