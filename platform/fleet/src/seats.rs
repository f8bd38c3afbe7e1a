//! Minds the seats at the database: the own one, whose loss may mean that the others hold this process for dead, and the others', of
//! whom a killed one is missed at once.

use std::time::Duration;

use ::store::StoreError;
use ::store::seats::Seat;
use kernel::limits;
use tokio::time::MissedTickBehavior;

use crate::Fleet;

impl Fleet {
    /// For ever.
    pub(crate) async fn mind_the_seats(&self) {
        let seat = self.0.store.seat();
        tokio::join!(self.mind_the_own(seat.clone()), self.mind_the_others(&seat));
    }

    async fn mind_the_own(&self, mut seat: Seat) {
        let mut held_by = None;
        loop {
            let before = std::mem::replace(&mut held_by, seat.held_by());
            {
                let mut view = self.0.view.lock();
                if before.is_some() {
                    view.lost();
                    self.publish(&view);
                }
                if held_by.is_some() {
                    view.connected(self.now_ms());
                }
            }
            self.0.news.notify_one();
            seat.changed().await;
        }
    }

    async fn mind_the_others(&self, seat: &Seat) {
        let mut beat = tokio::time::interval(Duration::from_millis(limits::FLEET_SEATS_MS));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            if let Err(error) = self.count_the_seats(seat).await {
                tracing::debug!(error = %kernel::problem::chain(&error), "the seats are not known for a moment");
            }
        }
    }

    async fn count_the_seats(&self, seat: &Seat) -> Result<(), StoreError> {
        let Some(connection) = seat.held_by() else { return Ok(()) };
        let sent_ms = self.now_ms();
        let marks = self.0.store.seated().await?;
        // A server that does not know this process either says nothing of the others.
        if seat.held_by() != Some(connection) || !marks.contains(&seat.mark()) {
            return Ok(());
        }
        if self.0.view.lock().sits(sent_ms, self.now_ms(), &marks) {
            self.0.news.notify_one();
        }
        Ok(())
    }
}
