//! Jobs that many callers enqueue at about the same time, each alone: they share a write, and with it a statement and a sync.

use std::sync::Arc;

use ::store::StoreError;
use kernel::limits;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::Jobs;
use crate::new_job::{EnqueueError, Enqueued, NewJob};

/// A job, and who waits for its number.
pub(crate) struct Asked {
    job: NewJob,
    reply: oneshot::Sender<Result<Enqueued, EnqueueError>>,
}

/// Those that wait for the next write. Whoever comes first asks for it.
pub(crate) type Gathered = Mutex<Vec<Asked>>;

impl Jobs {
    pub(crate) async fn enqueue_gathered(&self, job: NewJob) -> Result<Enqueued, EnqueueError> {
        let (reply, answer) = oneshot::channel();
        let is_first = {
            let mut gathered = self.0.gathered.lock();
            if gathered.len() >= limits::STORE_WAITING_WRITES {
                return Err(StoreError::Busy.into());
            }
            gathered.push(Asked { job, reply });
            gathered.len() == 1
        };
        if is_first {
            // Not the caller's own task: it may be gone before the others have their answer.
            tokio::spawn(write(self.clone()));
        }
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

/// Writes everybody who has come until the write begins, and answers them.
async fn write(jobs: Jobs) {
    let taken: Arc<Gathered> = Arc::default();
    let (own, kept) = (jobs.clone(), taken.clone());
    let written: Result<Vec<Enqueued>, EnqueueError> = jobs
        .0
        .store
        .write(async move |tx| {
            let asked = std::mem::take(&mut *own.0.gathered.lock());
            let new = asked.iter().map(|asked| asked.job.clone()).collect();
            *kept.lock() = asked;
            own.enqueue_many(tx, new).await
        })
        .await;
    let asked = std::mem::take(&mut *taken.lock());
    match written {
        Ok(enqueued) => asked.into_iter().zip(enqueued).for_each(|(asked, enqueued)| asked.answer(Ok(enqueued))),
        Err(EnqueueError::Store(error)) if asked.is_empty() => {
            // It never began. Nobody else will write those who wait.
            let waiting = std::mem::take(&mut *jobs.0.gathered.lock());
            waiting.into_iter().for_each(|asked| asked.answer(Err(error.clone().into())));
        }
        Err(EnqueueError::Store(error)) if error.is_temporary() => {
            asked.into_iter().for_each(|asked| asked.answer(Err(error.clone().into())));
        }
        // One of them cannot be; the others must not suffer for it.
        Err(_) => {
            for Asked { job, reply } in asked {
                let own = jobs.clone();
                let alone = jobs.0.store.write(async move |tx| own.enqueue(tx, job).await).await;
                // Whoever asked may have gone.
                let _ = reply.send(alone);
            }
        }
    }
}

impl Asked {
    fn answer(self, answer: Result<Enqueued, EnqueueError>) {
        // Whoever asked may have gone; the job is enqueued all the same.
        let _ = self.reply.send(answer);
    }
}
