//! What jobs say about themselves: heard at once by whoever listens, stored now and then.

use std::sync::Arc;
use std::time::Duration;

use ::store::{StoreError, Tx};
use kernel::limits;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::broadcast;

use crate::Jobs;
use crate::state::State;
use crate::store::notes::{self, Note};
use crate::store::{self, Claimed};

/// A job's progress, or its end when it had said anything before.
#[derive(Clone, Debug, Serialize)]
pub struct Progress {
    /// The job's number, as text.
    pub id: String,
    /// Its kind.
    pub kind: Arc<str>,
    /// Where it is.
    pub state: State,
    /// How far it is, 0 to 100.
    pub percent: u8,
    /// What it does.
    pub note: String,
    /// What it left, when it is completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
}

/// Text from elsewhere as the store can keep it: PostgreSQL has no NUL in a text, and would refuse the whole write.
pub(crate) fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// What one attempt has said so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) progress: Option<(u8, String)>,
    pub(crate) result: Option<String>,
}

impl Said {
    pub(crate) fn progress(&mut self, percent: u8, note: String) {
        let mut note = storable(note);
        note.truncate(note.floor_char_boundary(limits::JOB_NOTE_BYTES));
        self.progress = Some((percent.min(100), note));
    }

    pub(crate) fn note(&self, with_result: bool) -> Note<'_> {
        let (percent, note) = self.progress.as_ref().map(|(percent, note)| (*percent, note.as_str())).unzip();
        Note { percent, note, result: self.result.as_deref().filter(|_| with_result) }
    }

    pub(crate) fn anything(&self) -> bool {
        self.progress.is_some() || self.result.is_some()
    }
}

/// Attempts that said something since it was last passed on: one entry a job.
pub(crate) type Reports = std::collections::HashMap<i64, (Arc<Claimed>, Arc<Mutex<Said>>)>;

/// Everything an attempt said, result included, in the transaction that ends it.
pub(crate) async fn write(tx: &mut Tx, lease: i64, job: &Claimed, said: &Said, now_ms: i64) -> Result<(), StoreError> {
    if said.anything() {
        notes::write(tx, lease, job.claim, job.id, &said.note(true), now_ms).await?;
    }
    Ok(())
}

impl Jobs {
    /// What jobs say from now on. A listener that is more than [`limits::JOB_REPORTS`] behind loses the oldest, and is told
    /// so; the last of each job can be read from its row.
    pub fn progress(&self) -> broadcast::Receiver<Progress> {
        self.0.progress.subscribe()
    }

    pub(crate) fn report(&self, job: &Arc<Claimed>, said: &Arc<Mutex<Said>>) {
        self.0.reports.lock().insert(job.id, (job.clone(), said.clone()));
        self.0.report.notify_one();
    }

    pub(crate) fn tell_end(&self, job: &Claimed, said: &Said, state: State) {
        if said.anything() {
            let result = said.result.clone().filter(|_| state == State::Completed);
            self.tell(job.id, &job.kind, said, state, result);
        }
    }

    pub(crate) fn tell(&self, id: i64, kind: &str, said: &Said, state: State, result: Option<String>) {
        let (percent, note) = said.progress.clone().unwrap_or_default();
        let percent = if state == State::Completed { 100 } else { percent };
        let result = result.and_then(|text| RawValue::from_string(text).ok());
        // Nobody may be listening.
        let _ = self.0.progress.send(Progress { id: id.to_string(), kind: kind.into(), state, percent, note, result });
    }
}

/// Passes on what was said, at most once a [`limits::JOB_PROGRESS_MS`].
pub(crate) async fn serve(jobs: Jobs) {
    let engine = &jobs.0;
    while !engine.stop.is_cancelled() {
        tokio::select! {
            () = engine.report.notified() => {}
            () = engine.stop.cancelled() => {}
        }
        let reports: Vec<_> = std::mem::take(&mut *engine.reports.lock()).into_values().collect();
        let said: Vec<_> = reports.into_iter().map(|(job, said)| (job, said.lock().clone())).collect();
        for (job, said) in &said {
            jobs.tell(job.id, &job.kind, said, State::Executing, None);
        }
        let (lease, now_ms) = (engine.lease, engine.clock.now_ms());
        let written: Result<(), StoreError> = engine
            .store
            .write_relaxed(async move |tx| {
                for (job, said) in &said {
                    store::notes::write(tx, lease, job.claim, job.id, &said.note(false), now_ms).await?;
                }
                Ok(())
            })
            .await;
        if let Err(error) = written {
            tracing::warn!(error = %kernel::problem::chain(&error), "progress of jobs is not stored");
        }
        let pause = Duration::from_millis(limits::JOB_PROGRESS_MS);
        let _ = engine.stop.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}
