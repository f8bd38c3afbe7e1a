//! Minds the connections to the database: the own one, whose loss may mean that the others hold this process for dead, and the others', of
//! whom a killed one is missed at once.

use std::time::Duration;

use ::store::StoreError;
use ::store::hints::Connection;
use kernel::limits;
use tokio::time::MissedTickBehavior;

use crate::Fleet;

impl Fleet {
    /// For ever.
    pub(crate) async fn mind_connections(&self) {
        let own = self.0.store.connection();
        tokio::join!(self.mind_the_own(own.clone()), self.mind_the_others(own));
    }

    async fn mind_the_own(&self, mut own: Connection) {
        loop {
            {
                let mut view = self.0.view.lock();
                view.connects(self.now_ms(), own.number());
                self.publish(&view);
            }
            self.0.news.notify_one();
            own.changed().await;
        }
    }

    async fn mind_the_others(&self, mut own: Connection) {
        let mut beat = tokio::time::interval(Duration::from_millis(limits::FLEET_COUNT_MS));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = beat.tick() => {}
                () = own.changed() => {}
            }
            if let Err(error) = self.count(&own).await {
                tracing::debug!(error = %kernel::problem::chain(&error), "who is connected is not known for a moment");
            }
        }
    }

    async fn count(&self, own: &Connection) -> Result<(), StoreError> {
        let (number, sent_ms) = (own.number(), self.now_ms());
        if number == 0 {
            return Ok(());
        }
        let open = self.0.store.connected().await?;
        let mut view = self.0.view.lock();
        // It was lost meanwhile, and nobody can be missed by it.
        if own.number() != number {
            return Ok(());
        }
        if view.connection() != number && open.contains(&number) {
            // It was not found before, perhaps on a server that is none any more.
            view.connects(self.now_ms(), number);
        }
        if view.connection() == number && view.counted(sent_ms, self.now_ms(), &open) {
            self.publish(&view);
            self.0.news.notify_one();
        }
        Ok(())
    }
}
