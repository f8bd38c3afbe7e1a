//! One process among others: it says that it lives, hears what they did, and finds what a lost answer hid from it. Hints only save
//! waiting; every loop here looks by itself as well.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ::store::StoreError;
use tokio::time::Instant;

use crate::lease::{Beat, RENEW};
use crate::store::{self, Effects, Ready};
use crate::upkeep::TICK;
use crate::{Jobs, Life};

/// Jobs were put in that the process which did may not take at once.
pub(crate) const NEW: &str = "jobs.new";
/// Jobs wait again that have a lower number than what was claimed since.
pub(crate) const READY: &str = "jobs.ready";
/// A job ended that a limit counts.
pub(crate) const ROOM: &str = "jobs.room";
/// For upkeep: a policy, a pause, a cancellation, a time to look at.
pub(crate) const CONTROL: &str = "jobs.control";
/// Whoever shows jobs should look again.
pub(crate) const CHANGED: &str = "jobs.changed";

/// The longest pause from a hint to the look, milliseconds: not everyone at once, and who told may have taken it by then.
const SPREAD_MS: u64 = 8;
/// Between two looks that hints ask for.
const LOOKS: Duration = Duration::from_millis(20);
/// Between two looks at what was decided.
const DECISIONS: Duration = Duration::from_millis(100);
/// Between two words to the others that something changed.
const NEWS: Duration = Duration::from_millis(500);
/// Pause before a failed renewal is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// Queues that one look for waiting jobs names; when there are more, all are looked through.
const QUEUES: usize = 50;

impl Jobs {
    /// Takes part in a fleet ([`Life::Renewed`]): renews the lease, takes back the jobs of dead processes, hears of the others.
    /// [`Jobs::serve`] does so by itself; this is for a process that runs no jobs and enqueues, shows or hands them out over HTTP.
    pub fn attend(&self) {
        if self.0.life == Life::Locked || self.0.attends.swap(true, Ordering::SeqCst) {
            return;
        }
        // Not among the tasks that a stop waits for: while attempts run on, the lease is needed.
        tokio::spawn(live(self.clone()));
        tokio::spawn(fence(self.clone()));
        self.0.tasks.spawn(listen(self.clone()));
        self.0.tasks.spawn(tend(self.clone()));
        self.0.tasks.spawn(pass_on(self.clone()));
    }

    /// Renews the lease and looks at the others': those whose holders are dead.
    pub(crate) async fn pulse(&self) -> Result<Vec<Beat>, StoreError> {
        let (lease, holder, now_ms) = (self.0.lease, self.0.holder.clone(), self.0.clock.now_ms());
        let asked_at = Instant::now();
        // One write: a look proves nothing unless its process could have renewed. Beside the others: however long their queue is, a
        // process that lives can say so.
        let (kept, others) = self
            .0
            .store
            .write_beside(async move |tx| {
                let kept = store::leases::renew(tx, lease, &holder, now_ms).await?;
                Ok::<_, StoreError>((kept, store::leases::others(tx, lease).await?))
            })
            .await?;
        if self.0.hold.lock().renewed(asked_at, kept) {
            tracing::warn!(kept, "the lease of this process is renewed after a while; jobs begin again");
            self.doubt_all();
            self.0.doubted.notify_one();
        }
        self.0.renewed.notify_one();
        Ok(self.0.watch.lock().look(&others, asked_at, Instant::now()))
    }

    /// Gives back jobs under this lease that nothing here knows of: the answer to the commit that claimed them was lost, so they
    /// never began. How many.
    pub(crate) async fn find_lost(&self) -> Result<u64, StoreError> {
        let (own, lease, now_ms) = (self.clone(), self.0.lease, self.0.clock.now_ms());
        let held = self.0.store.read(async move |tx| store::leases::executing(tx, lease).await).await?;
        let lost: Vec<(i64, u32)> = held.into_iter().filter(|(id, claim)| !self.knows(*id, *claim)).collect();
        if lost.is_empty() {
            return Ok(0);
        }
        let found = self
            .0
            .store
            .write_relaxed(async move |tx| {
                let (mut found, mut effects) = (0, Effects::default());
                for (id, claim) in lost {
                    // What was read was committed, and the hooks of a commit run before the next write of this process begins:
                    // what is unknown now stays so.
                    if !own.knows(id, claim) {
                        found += u64::from(store::hand_back(tx, lease, id, claim, now_ms, &mut effects).await?);
                    }
                }
                tx.on_commit(move || own.apply(effects));
                Ok::<_, StoreError>(found)
            })
            .await?;
        if found > 0 {
            tracing::warn!(found, "jobs were claimed by a commit whose answer was lost; they go back");
        }
        Ok(found)
    }

    /// Which of the queues have waiting jobs, as the table says.
    async fn look_for_ready(&self) -> Result<(), StoreError> {
        let queues = self.0.store.read(async |tx| store::policy::queues(tx, &[0], QUEUES).await).await?;
        if queues.len() < QUEUES {
            self.look_into(&queues);
        } else {
            self.doubt_all();
        }
        Ok(())
    }

    /// What others have put in since the last look, which is found by its number; in a crowd, as [`Jobs::look_for_ready`].
    async fn look_for_news(&self) -> Result<(), StoreError> {
        let after = self.0.newest.load(Ordering::Relaxed);
        let news = self.0.store.read(async move |tx| store::news(tx, after).await).await?;
        if news.more {
            let newest = self.0.store.read(async |tx| store::newest(tx).await).await?;
            self.look_for_ready().await?;
            self.0.newest.store(newest, Ordering::Relaxed);
            return Ok(());
        }
        for Ready { queue, place } in news.ready {
            self.came(&queue, place);
        }
        self.0.newest.store(news.last, Ordering::Relaxed);
        Ok(())
    }
}

fn note(done: Result<(), StoreError>, what: &'static str) {
    if let Err(error) = done {
        tracing::warn!(error = %kernel::problem::chain(&error), "{what} failed; it is tried again");
    }
}

/// Renews until nothing runs any more, and takes back what the dead had.
async fn live(jobs: Jobs) {
    let ended = jobs.0.ended.clone();
    while !ended.is_cancelled() {
        let turn = async {
            let dead = jobs.pulse().await?;
            if !dead.is_empty() {
                // Beside the renewals: taking many jobs back takes a while.
                let jobs = jobs.clone();
                tokio::spawn(
                    async move { note(jobs.take_back(dead).await.map(drop), "taking back the jobs of the dead") },
                );
            }
            Ok::<_, StoreError>(())
        };
        let turn = turn.await;
        let failed = turn.is_err();
        note(turn, "renewing the lease");
        let now = Instant::now();
        let next = if failed {
            now + AGAIN
        } else {
            let death = jobs.0.watch.lock().next_death();
            death.map_or(now + RENEW, |at| at.max(now + AGAIN).min(now + RENEW))
        };
        ended.run_until_cancelled(tokio::time::sleep_until(next)).await;
    }
}

/// Ends what runs when the lease could not be renewed in time: soon the others may run it.
async fn fence(jobs: Jobs) {
    let engine = &jobs.0;
    while !engine.ended.is_cancelled() {
        if engine.hold.lock().expire(Instant::now()) {
            metrics::counter!("jobs_fenced_total").increment(1);
            tracing::error!("the lease could not be renewed: what runs is ended, and nothing begins until it can");
        }
        let expires_at = engine.hold.lock().expires_at();
        let expires = async {
            match expires_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = expires => {}
            () = engine.renewed.notified() => {}
            () = engine.ended.cancelled() => {}
        }
    }
}

/// What others have told of.
enum Told {
    New,
    Ready,
    Room,
}

/// Looks where others have put jobs.
async fn listen(jobs: Jobs) {
    let engine = &jobs.0;
    let [mut new, mut ready, mut room] = [NEW, READY, ROOM].map(|topic| engine.store.told(topic));
    while !engine.stop.is_cancelled() {
        let told = tokio::select! {
            Ok(()) = new.changed() => Told::New,
            Ok(()) = ready.changed() => Told::Ready,
            Ok(()) = room.changed() => Told::Room,
            () = engine.stop.cancelled() => return,
        };
        tokio::time::sleep(Duration::from_millis(engine.entropy.below(SPREAD_MS))).await;
        match told {
            Told::New => {
                new.mark_unchanged();
                note(jobs.look_for_news().await, "looking for the jobs of others");
            }
            Told::Ready => {
                ready.mark_unchanged();
                note(jobs.look_for_ready().await, "looking for jobs that wait again");
            }
            Told::Room => {
                room.mark_unchanged();
                jobs.ended_elsewhere();
            }
        }
        tokio::time::sleep(LOOKS).await;
    }
}

/// Learns what was decided elsewhere, and looks for what was lost.
async fn tend(jobs: Jobs) {
    let engine = &jobs.0;
    let mut told = engine.store.told(CONTROL);
    while !engine.stop.is_cancelled() {
        note(jobs.learn_policies().await, "reading policies");
        note(jobs.find_lost().await.map(drop), "looking for lost claims");
        engine.upkeep.notify_one();
        tokio::select! {
            Ok(()) = told.changed() => {}
            () = engine.doubted.notified() => {}
            () = tokio::time::sleep(TICK) => {}
            () = engine.stop.cancelled() => return,
        }
        tokio::time::sleep(DECISIONS).await;
    }
}

/// Passes on that jobs were changed, now and then, and hears it.
async fn pass_on(jobs: Jobs) {
    let engine = &jobs.0;
    let mut told = engine.store.told(CHANGED);
    let (mut heard, mut passed) = (0, 0);
    while !engine.stop.is_cancelled() {
        let seen = jobs.changes();
        if seen - heard != passed {
            passed = seen - heard;
            engine.store.tell(CHANGED);
        }
        tokio::select! {
            Ok(()) = told.changed() => {
                heard += 1;
                jobs.changed();
            }
            () = jobs.change_since(seen) => {}
            () = engine.stop.cancelled() => {}
        }
        let _ = engine.stop.run_until_cancelled(tokio::time::sleep(NEWS)).await;
    }
}
