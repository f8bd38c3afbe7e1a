//! What people and products change: declaring, making, editing, pausing, firing by hand.

use ::store::{StoreError, Tx};
use kernel::limits;

use crate::Schedules;
use crate::calendar::Mark;
use crate::reading::Firing;
use crate::spec::{Invalid, Schedule, Spec, is_word};
use crate::state::{Overlap, admits};
use crate::store::{self, Stored};

/// How often a change is tried when another process changes the same schedule.
const TRIES: u32 = 5;

/// Why a schedule was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Fields that are wrong.
    #[error("the schedule is not valid: {}", .0.iter().map(Invalid::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Invalid>),
    /// There is none.
    #[error("there is no such schedule")]
    Unknown,
    /// The name is taken.
    #[error("a schedule of this name is there already")]
    Taken,
    /// There are [`limits::SCHEDULES`] already.
    #[error("there are too many schedules")]
    Full,
    /// It is a constant of this product's code.
    #[error("the schedule is declared by {0}")]
    Declared(String),
    /// Its last job, this one, is unfinished, and it does not overlap.
    #[error("job {0} of the schedule is unfinished")]
    Unfinished(i64),
    /// Others change it all the time.
    #[error("the schedule is being changed by others")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Stored {
    /// With this specification from now on. When it fires only changes the future; what it does keeps its place.
    fn become_spec(&mut self, spec: Spec, now_ms: i64) {
        let same_ticks =
            (&spec.cron, spec.every_ms, &spec.zone) == (&self.spec.cron, self.spec.every_ms, &self.spec.zone);
        self.spec = spec;
        if !same_ticks {
            (self.since_ms, self.mark) = (now_ms, Mark::since(now_ms));
        }
        self.updated_at_ms = now_ms;
        self.plan();
    }

    fn resume(&mut self, now_ms: i64) {
        // What was due while it was paused is not missed: nobody wanted it.
        self.mark = Mark::since(now_ms);
        (self.paused_at_ms, self.gone_at_ms) = (None, None);
        self.plan();
    }

    fn plan(&mut self) {
        let active = self.paused_at_ms.is_none() && self.gone_at_ms.is_none();
        let timing = active.then(|| self.spec.timing(self.since_ms).ok()).flatten();
        self.next_ms = timing.and_then(|timing| timing.next(self.mark)).map(|tick| tick.at_ms);
    }

    fn new(name: String, declared_by: Option<String>, spec: Spec, now_ms: i64) -> Self {
        let mut new = Self {
            id: 0,
            name,
            declared_by,
            spec,
            since_ms: now_ms,
            mark: Mark::since(now_ms),
            next_ms: None,
            last_job: None,
            paused_at_ms: None,
            gone_at_ms: None,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            version: 1,
        };
        new.plan();
        new
    }
}

impl Schedules {
    /// Makes the schedules of products the ones of this code: new ones begin, changed ones change, and those that no
    /// product declares any more end. Safe to do in every process at each start.
    ///
    /// # Errors
    /// [`ChangeError::Invalid`] for a declaration that is wrong, or [`ChangeError::Store`].
    pub async fn declare(&self, all: &[(&str, Schedule)]) -> Result<(), ChangeError> {
        let now_ms = self.0.clock.now_ms();
        let mut declared: Vec<(String, String, Spec)> = Vec::new();
        for (product, schedule) in all {
            let spec = schedule.spec().map_err(|invalid| ChangeError::Invalid(vec![invalid]))?;
            let mut wrong = checked(schedule.name(), &spec, now_ms);
            if !wrong.is_empty() {
                wrong.iter_mut().for_each(|it| it.detail = format!("{} ({})", it.detail, schedule.name()));
                return Err(ChangeError::Invalid(wrong));
            }
            if declared.iter().any(|(_, name, _)| name == schedule.name()) {
                return Err(ChangeError::Taken);
            }
            declared.push(((*product).to_owned(), schedule.name().to_owned(), spec));
        }
        let write = async move |tx: &mut Tx| {
            let before = store::declared(tx).await?;
            for mut gone in before {
                if gone.gone_at_ms.is_none() && !declared.iter().any(|(_, name, _)| *name == gone.name) {
                    gone.gone_at_ms = Some(now_ms);
                    gone.plan();
                    store::update(tx, &gone).await?;
                }
            }
            for (product, name, spec) in declared {
                // When another process declares the same just now, its row is as good.
                declare_one(tx, product, name, spec, now_ms).await?;
            }
            Ok::<_, StoreError>(())
        };
        self.0.store.write(write).await?;
        self.told();
        Ok(())
    }

    /// Adds a schedule.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn create(&self, name: String, spec: Spec) -> Result<i64, ChangeError> {
        let now_ms = self.0.clock.now_ms();
        let wrong = checked(&name, &spec, now_ms);
        if !wrong.is_empty() {
            return Err(ChangeError::Invalid(wrong));
        }
        let new = Stored::new(name, None, spec, now_ms);
        let write = async move |tx: &mut Tx| {
            if store::count(tx).await? >= limits::SCHEDULES {
                return Err(ChangeError::Full);
            }
            store::insert(tx, &new).await?.ok_or(ChangeError::Taken)
        };
        let id = self.0.store.write(write).await?;
        self.told();
        Ok(id)
    }

    /// Gives a schedule that was made at run time another specification. A change of when it fires counts from now on.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn edit(&self, id: i64, spec: Spec) -> Result<(), ChangeError> {
        let now_ms = self.0.clock.now_ms();
        let wrong = spec.check(now_ms);
        if !wrong.is_empty() {
            return Err(ChangeError::Invalid(wrong));
        }
        self.change(id, move |of| {
            own(of)?;
            of.become_spec(spec.clone(), now_ms);
            Ok(())
        })
        .await
    }

    /// Fires no further tick until it is resumed; jobs that are enqueued run.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn pause(&self, id: i64) -> Result<(), ChangeError> {
        let now_ms = self.0.clock.now_ms();
        self.change(id, move |of| {
            of.paused_at_ms.get_or_insert(now_ms);
            of.plan();
            Ok(())
        })
        .await
    }

    /// Fires from now on; what was due meanwhile is not made up.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn resume(&self, id: i64) -> Result<(), ChangeError> {
        let now_ms = self.0.clock.now_ms();
        self.change(id, move |of| {
            if of.paused_at_ms.is_some() {
                of.resume(now_ms);
            }
            Ok(())
        })
        .await
    }

    /// Removes a schedule that was made at run time, with its history. Its jobs stay.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn delete(&self, id: i64) -> Result<(), ChangeError> {
        for _ in 0..TRIES {
            let write = async move |tx: &mut Tx| {
                let of = present(store::find(tx, id).await?)?;
                own(&of)?;
                Ok::<_, ChangeError>(store::delete(tx, id, of.version).await?)
            };
            if self.0.store.write(write).await? {
                self.told();
                return Ok(());
            }
        }
        Err(ChangeError::Contended)
    }

    /// Fires now, paused or not, beside the ticks: the firing it made.
    ///
    /// # Errors
    /// [`ChangeError::Unfinished`] when its jobs do not overlap and one is unfinished; else [`ChangeError`].
    pub async fn fire_now(&self, id: i64) -> Result<Firing, ChangeError> {
        let now_ms = self.0.clock.now_ms();
        let of = present(self.0.store.read(async move |tx| store::find(tx, id).await).await?)?;
        if !admits(of.spec.overlap, self.unfinished(&of).await?) {
            return Err(ChangeError::Unfinished(of.last_job.unwrap_or_default()));
        }
        let schedules = self.clone();
        let write = async move |tx: &mut Tx| {
            // It may have changed, or gone, since it was looked at.
            let now = present(store::find(tx, id).await?)?;
            if now.spec.overlap == Overlap::Skip && now.last_job != of.last_job {
                return Err(ChangeError::Unfinished(now.last_job.unwrap_or_default()));
            }
            let firing = schedules.fire_tick(tx, &now, None, true, now_ms).await?.ok_or(ChangeError::Contended)?;
            store::prune(tx, id).await?;
            Ok(firing)
        };
        let firing = self.0.store.write(write).await?;
        metrics::counter!("schedule_firings_total", "outcome" => "by_hand").increment(1);
        self.told();
        Ok(firing)
    }

    /// Applies a change to what is stored, again when another process was faster.
    async fn change<F>(&self, id: i64, change: F) -> Result<(), ChangeError>
    where
        F: Fn(&mut Stored) -> Result<(), ChangeError> + Clone + Send + Sync + 'static,
    {
        for _ in 0..TRIES {
            let change = change.clone();
            let write = async move |tx: &mut Tx| {
                let mut of = present(store::find(tx, id).await?)?;
                change(&mut of)?;
                Ok::<_, ChangeError>(store::update(tx, &of).await?)
            };
            if self.0.store.write(write).await? {
                self.told();
                return Ok(());
            }
        }
        Err(ChangeError::Contended)
    }

    fn told(&self) {
        self.changed();
        self.wake();
    }
}

/// A schedule that is there, for people: what no product declares any more is not.
fn present(found: Option<Stored>) -> Result<Stored, ChangeError> {
    found.filter(|of| of.gone_at_ms.is_none()).ok_or(ChangeError::Unknown)
}

/// What code declares, only code changes.
fn own(of: &Stored) -> Result<(), ChangeError> {
    of.declared_by.clone().map_or(Ok(()), |product| Err(ChangeError::Declared(product)))
}

fn checked(name: &str, spec: &Spec, now_ms: i64) -> Vec<Invalid> {
    let mut wrong = spec.check(now_ms);
    if !is_word(name) {
        let detail = "A name has 1 to 100 letters, digits and the signs . _ -".to_owned();
        wrong.insert(0, Invalid { pointer: "/name", detail });
    }
    wrong
}

async fn declare_one(tx: &mut Tx, product: String, name: String, spec: Spec, now_ms: i64) -> Result<(), StoreError> {
    let Some(mut of) = store::named(tx, &name).await? else {
        let new = Stored::new(name, Some(product), spec, now_ms);
        return store::insert(tx, &new).await.map(drop);
    };
    if of.gone_at_ms.is_some() {
        let paused = of.paused_at_ms;
        of.resume(now_ms);
        of.paused_at_ms = paused;
        of.plan();
    } else if of.spec == spec && of.declared_by.as_ref() == Some(&product) {
        return Ok(());
    }
    if of.declared_by.is_none() {
        tracing::warn!(name, product, "a schedule that was made at run time is now the one that the product declares");
    }
    of.declared_by = Some(product);
    of.become_spec(spec, now_ms);
    store::update(tx, &of).await.map(drop)
}
