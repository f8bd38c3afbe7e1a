//! Workers that are not in this process: they claim, report and settle over HTTP. Each job that they get has a lease of its
//! own that ends by itself, and a token that names the job, the lease and the claim; whoever has lost the job has a worthless
//! token.

use std::sync::Arc;
use std::time::Duration;

use ::store::StoreError;
use kernel::limits;
use tokio::time::Instant;

use crate::claim::{self, Ask, Lane};
use crate::execute::{self, with_error};
use crate::progress::Said;
use crate::state::{self, Outcome, State};
use crate::store::{self, Claimed, Effects, Settlement};
use crate::waiting::{POLL_MS, Waiting};
use crate::{Failure, Jobs};

const NONCE_BYTES: usize = 16;

/// What a worker asks for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) worker: String,
    pub(crate) queues: Vec<String>,
    /// Empty: all.
    pub(crate) kinds: Vec<String>,
    pub(crate) limit: usize,
    pub(crate) wait: Duration,
    pub(crate) lease_ms: i64,
}

/// A job as a worker gets it.
#[derive(Clone, Debug)]
pub(crate) struct Handed {
    pub(crate) job: Claimed,
    pub(crate) token: Token,
    pub(crate) lease_ends_ms: i64,
}

/// Names one claim of one job. As text: lease, claim and nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) lease: i64,
    pub(crate) claim: u32,
    pub(crate) nonce: String,
}

impl Token {
    pub(crate) fn text(&self) -> String {
        format!("{}.{}.{}", self.lease, self.claim, self.nonce)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (lease, claim) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let nonce = parts.next().filter(|nonce| !nonce.contains('\0'))?.to_owned();
        Some(Self { lease, claim, nonce })
    }
}

/// The job is somebody else's by now, or has ended.
#[derive(Debug)]
pub(crate) struct NotYours;

/// What a worker that works is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beat {
    pub(crate) lease_ends_ms: i64,
    pub(crate) cancelled: bool,
}

/// How a worker says that an attempt ended.
#[derive(Debug)]
pub(crate) enum End {
    Completed(Option<String>),
    Failed(Failure),
}

impl Jobs {
    /// Claims for a worker, and waits for jobs when there are none; `None` when too many wait, or for too many queues.
    pub(crate) async fn claim_remote(&self, wanted: Wanted) -> Result<Option<Vec<Handed>>, StoreError> {
        let Ok(_place) = self.0.waiters.clone().try_acquire_owned() else { return Ok(None) };
        let until = Instant::now() + wanted.wait;
        let queues: Option<Vec<_>> = wanted.queues.iter().map(|queue| self.waiting(queue)).collect();
        let Some(queues) = queues else { return Ok(None) };
        loop {
            // Listens before it looks: a job that comes in between knocks.
            let mut knocks: Vec<_> = queues.iter().map(|queue| Box::pin(queue.knock.notified())).collect();
            for knock in &mut knocks {
                knock.as_mut().enable();
            }
            for queue in &queues {
                let handed = self.take_remote(queue, &wanted).await?;
                if !handed.is_empty() {
                    return Ok(Some(handed));
                }
            }
            let now_ms = self.0.clock.now_ms();
            let next_ms = queues.iter().filter_map(|queue| queue.turns.lock().next_ms()).min();
            let nap_ms = next_ms.map_or(POLL_MS, |at_ms| at_ms.saturating_sub(now_ms).clamp(1, POLL_MS));
            let wakes = until.min(Instant::now() + Duration::from_millis(nap_ms.unsigned_abs()));
            tokio::select! {
                _ = futures_util::future::select_all(knocks) => {}
                () = tokio::time::sleep_until(wakes) => {}
                () = self.0.stop.cancelled() => return Ok(Some(Vec::new())),
            }
            if Instant::now() >= until {
                return Ok(Some(Vec::new()));
            }
        }
    }

    async fn take_remote(&self, queue: &Arc<Waiting>, wanted: &Wanted) -> Result<Vec<Handed>, StoreError> {
        queue.doubt_by_age(self.0.clock.now_ms());
        self.look_through(queue).await.inspect_err(|_| queue.doubt())?;
        let serves = |lane: &Lane| wanted.kinds.is_empty() || wanted.kinds.contains(&lane.kind);
        let now_ms = self.0.clock.now_ms();
        let mut look = {
            let mut turns = queue.turns.lock();
            if !turns.ready(now_ms, serves) {
                return Ok(Vec::new());
            }
            turns.take(wanted.limit.min(limits::JOB_LANES_LOOK), serves)
        };
        let ask = Ask {
            queue: queue.name.clone(),
            lease: self.0.lease,
            want: wanted.limit,
            free: wanted.limit,
            now_ms,
            declared: self.0.policies.read().declared.get(&queue.name).copied().unwrap_or_default(),
            places: std::mem::take(&mut look.places),
        };
        let (own, worker, lease_ms) = (self.clone(), wanted.worker.clone(), wanted.lease_ms);
        let claimed = self
            .0
            .store
            .write(async move |tx| {
                let mut given = claim::claim(tx, &ask).await?;
                let (mut handed, ends_ms) = (Vec::with_capacity(given.jobs.len()), now_ms.saturating_add(lease_ms));
                for job in given.jobs.drain(..) {
                    let nonce = own.0.entropy.token(NONCE_BYTES);
                    let lease = store::leases::take_until(tx, &worker, &nonce, now_ms, ends_ms).await?;
                    store::leases::hand_over(tx, job.id, ask.lease, lease).await?;
                    let token = Token { lease, claim: job.claim, nonce };
                    handed.push(Handed { job, token, lease_ends_ms: ends_ms });
                }
                let own = own.clone();
                tx.on_commit(move || {
                    own.due_at(ends_ms);
                    own.changed();
                });
                Ok::<_, StoreError>((given, ask.places, handed))
            })
            .await;
        let (given, places, handed) = claimed.inspect_err(|_| queue.doubt())?;
        look.places = places;
        queue.give_back(look, given.seen, given.shut);
        Ok(handed)
    }

    /// Puts the end of the lease off, and passes on what the job says.
    pub(crate) async fn beat(
        &self,
        id: i64,
        token: Token,
        lease_ms: i64,
        said: Said,
    ) -> Result<Result<Beat, NotYours>, StoreError> {
        let (own, now_ms) = (self.clone(), self.0.clock.now_ms());
        self.0
            .store
            .write_relaxed(async move |tx| {
                let ends_ms = now_ms.saturating_add(lease_ms);
                let Some((kind, cancelled)) = store::held(tx, token.lease, id, token.claim).await? else {
                    return Ok(Err(NotYours));
                };
                if !store::leases::extend(tx, token.lease, &token.nonce, now_ms, ends_ms).await? {
                    return Ok(Err(NotYours));
                }
                let note = said.note(false);
                if said.anything() {
                    store::notes::write(tx, token.lease, token.claim, id, &note, now_ms).await?;
                    tx.on_commit(move || own.tell(id, &kind, &said, State::Executing, None));
                }
                Ok(Ok(Beat { lease_ends_ms: ends_ms, cancelled }))
            })
            .await
    }

    /// Settles a worker's job; the state that it is in then.
    pub(crate) async fn settle_remote(
        &self,
        id: i64,
        token: Token,
        end: End,
    ) -> Result<Result<State, NotYours>, StoreError> {
        let (own, now_ms, unit) = (self.clone(), self.0.clock.now_ms(), self.0.entropy.unit());
        self.0
            .store
            .write(async move |tx| {
                if !store::leases::is_held(tx, token.lease, &token.nonce).await? {
                    return Ok(Err(NotYours));
                }
                let Some(job) = store::held_job(tx, token.lease, id, token.claim).await? else {
                    return Ok(Err(NotYours));
                };
                let mut effects = Effects::default();
                let (outcome, error, result) = verdict(&job, end, now_ms, unit);
                let said = Said { progress: None, result };
                crate::progress::write(tx, token.lease, &job, &said, now_ms).await?;
                let errors = with_error(&job.errors, job.attempt, error, now_ms);
                let it = Settlement { id, claim: token.claim, outcome, errors };
                if !store::settle(tx, token.lease, &it, now_ms, &mut effects).await? {
                    return Ok(Err(NotYours));
                }
                store::leases::forget(tx, token.lease).await?;
                let state = store::state_of(tx, id).await?;
                tx.on_commit(move || {
                    execute::count(outcome, "http");
                    own.job_ended(&job.queue, &job.key);
                    own.apply(effects);
                    own.tell_end(&job, &said, state);
                });
                Ok(Ok(state))
            })
            .await
    }
}

fn verdict(job: &Claimed, end: End, now_ms: i64, unit: f64) -> (Outcome, Option<String>, Option<String>) {
    match end {
        End::Completed(result) => (Outcome::Complete, None, result),
        End::Failed(Failure::Discard(error)) => (Outcome::Discard, Some(error), None),
        End::Failed(Failure::Snooze(at_ms)) => (Outcome::Snooze(at_ms), None, None),
        End::Failed(Failure::RetryAt(at_ms, error)) if job.attempt < job.max_attempts => {
            (Outcome::RetryAt(at_ms), Some(error), None)
        }
        End::Failed(Failure::RetryAt(_, error)) => (Outcome::Discard, Some(error), None),
        End::Failed(Failure::Retry(error)) => {
            (state::after_failure(job.attempt, job.max_attempts, now_ms, unit), Some(error), None)
        }
        End::Failed(Failure::Lost) => (Outcome::Stop, None, None),
    }
}
