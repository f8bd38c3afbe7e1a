//! Batches: jobs that belong together, added in one or several transactions, and one job more when all of them have ended.

use ::store::{FromRow, Row, StoreError, Tx};
use kernel::limits;
use serde::Serialize;
use utoipa::ToSchema;

use crate::enqueue::named;
use crate::new_job::{EnqueueError, Enqueued, NewJob};
use crate::store::{self, Effects};
use crate::{Jobs, bulk};

/// A batch and how far it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BatchRow {
    /// The number, as text.
    pub id: String,
    /// What it was called.
    pub name: String,
    /// Jobs in it.
    pub total: i64,
    /// Of them completed.
    pub completed: i64,
    /// Of them cancelled.
    pub cancelled: i64,
    /// Of them discarded.
    pub discarded: i64,
    /// How many have ended, in percent; an empty batch is at 100.
    pub percent: i64,
    /// The job that begins when all of them have ended, as text.
    pub callback: Option<String>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Since when nothing more comes in.
    pub sealed_at_ms: Option<i64>,
    /// Since when it is sealed and all its jobs have ended.
    pub finished_at_ms: Option<i64>,
}

impl FromRow for BatchRow {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let (total, completed, cancelled, discarded): (i64, i64, i64, i64) =
            (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
        let percent = ((completed + cancelled + discarded) * 100).checked_div(total).unwrap_or(100);
        Ok(Self {
            id: row.get::<i64>(0)?.to_string(),
            name: row.get(1)?,
            total,
            completed,
            cancelled,
            discarded,
            percent,
            callback: row.get::<Option<i64>>(6)?.map(|id| id.to_string()),
            created_at_ms: row.get(7)?,
            sealed_at_ms: row.get(8)?,
            finished_at_ms: row.get(9)?,
        })
    }
}

impl Jobs {
    /// Opens a batch in the caller's transaction; jobs come in by [`NewJob::in_batch`], in this transaction or later ones,
    /// until it is sealed. `callback` waits as a pending job from now on, and begins once: when the batch is sealed and all
    /// its jobs have ended, however they did. A job that is run again before that is waited for again.
    ///
    /// # Errors
    /// [`EnqueueError`]; then the transaction must be rolled back.
    pub async fn open_batch(&self, tx: &mut Tx, name: &str, callback: Option<NewJob>) -> Result<i64, EnqueueError> {
        if !named(name) {
            return Err(EnqueueError::Name("the batch"));
        }
        let batch = store::batches::create(tx, name, self.0.clock.now_ms()).await?;
        if let Some(callback) = callback {
            let (Enqueued::New(id) | Enqueued::Known(id)) = self.add(tx, callback, 1).await?;
            store::batches::set_callback(tx, batch, id).await?;
        }
        Ok(batch)
    }

    /// Says that nothing more comes in; `false` when there is no such batch. Doing it twice changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn seal_batch(&self, tx: &mut Tx, batch: i64) -> Result<bool, StoreError> {
        let mut effects = Effects::default();
        let sealed = store::batches::seal(tx, batch, self.0.clock.now_ms(), &mut effects).await?;
        let jobs = self.clone();
        tx.on_commit(move || jobs.apply(effects));
        Ok(sealed)
    }

    /// Opens a batch with its first jobs in a transaction of its own, and seals it if that is all.
    pub(crate) async fn open_batch_with(
        &self,
        name: &str,
        callback: Option<NewJob>,
        members: Vec<NewJob>,
        sealed: bool,
    ) -> Result<i64, EnqueueError> {
        let (jobs, name) = (self.clone(), name.to_owned());
        self.0
            .store
            .write(async move |tx| {
                let batch = jobs.open_batch(tx, &name, callback).await?;
                for job in members {
                    jobs.enqueue(tx, job.in_batch(batch)).await?;
                }
                if sealed {
                    jobs.seal_batch(tx, batch).await?;
                }
                Ok(batch)
            })
            .await
    }

    /// As [`Jobs::seal_batch`], in a transaction of its own.
    pub(crate) async fn seal_batch_now(&self, batch: i64) -> Result<bool, StoreError> {
        let jobs = self.clone();
        self.0.store.write(async move |tx| jobs.seal_batch(tx, batch).await).await
    }

    /// Seals a batch and calls off what has not ended of it; the job that does it, or `None` when there is no such batch.
    /// Its callback still begins.
    ///
    /// # Errors
    /// [`EnqueueError`].
    pub async fn cancel_batch(&self, batch: i64) -> Result<Option<i64>, EnqueueError> {
        let jobs = self.clone();
        self.0
            .store
            .write(async move |tx| {
                if !jobs.seal_batch(tx, batch).await? {
                    return Ok(None);
                }
                let filter = bulk::Filter { batch: Some(batch), ..bulk::Filter::default() };
                jobs.enqueue_bulk(tx, bulk::Action::Cancel, filter).await.map(Some)
            })
            .await
    }

    /// One batch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn batch(&self, id: i64) -> Result<Option<BatchRow>, StoreError> {
        self.0.store.read(async move |tx| store::batches::find(tx, id).await).await
    }

    /// Batches older than `before`, newest first, [`limits::PAGE`] at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn batches(&self, before: Option<i64>, limit: usize) -> Result<Vec<BatchRow>, StoreError> {
        let (before, limit) = (before.unwrap_or(i64::MAX), limit.clamp(1, limits::PAGE) as i64);
        self.0.store.read(async move |tx| store::batches::list(tx, before, limit).await).await
    }
}
