//! What a person does to one job.

use ::store::{StoreError, Tx};

use crate::Jobs;
use crate::store::{self, Cancelled, Effects};

impl Jobs {
    /// Calls a job off; `false` when no unfinished job has this number. A waiting job has ended then. One that runs is told
    /// to stop ([`crate::Run::cancellation`]), is aborted after its grace time, and ends cancelled whatever its worker says;
    /// when its worker is dead, as soon as that is known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cancel(&self, id: i64) -> Result<bool, StoreError> {
        let jobs = self.clone();
        self.0.store.write(async move |tx| jobs.cancel_in(tx, id).await).await
    }

    /// As [`Jobs::cancel`], in the caller's transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cancel_in(&self, tx: &mut Tx, id: i64) -> Result<bool, StoreError> {
        let mut effects = Effects::default();
        let cancelled = store::cancel(tx, id, self.0.clock.now_ms(), &mut effects).await?;
        let jobs = self.clone();
        tx.on_commit(move || jobs.apply(effects));
        Ok(cancelled != Cancelled::No)
    }

    /// Runs a job now: one that waits for its time, or one that has ended (its attempts begin again); `false` when it is
    /// executing, waits for other jobs or for a slot, is unknown, or when another job has its unique key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_now(&self, id: i64) -> Result<bool, StoreError> {
        let (jobs, now_ms) = (self.clone(), self.0.clock.now_ms());
        self.0
            .store
            .write(async move |tx| {
                let mut effects = Effects::default();
                let runs = store::run_now(tx, id, now_ms, &mut effects).await?;
                tx.on_commit(move || jobs.apply(effects));
                Ok(runs)
            })
            .await
    }
}
