//! A replica that answers reads that may lag: it proves what it is and how far it has come in the journey that begins each read.

use std::sync::Arc;
use std::time::Duration;

use kernel::limits;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::connect::Address;
use super::standing::{Proof, Standing};
use super::{Figures, Session, lane};
use crate::lagging::{self, Position};
use crate::write::{Door, Pace};
use crate::{StoreError, Tx};

/// Where the log of a primary ends: behind every commit that was answered, synced or not. In front of the file's name is the timeline.
pub(super) const END: &str = "SELECT CAST(pg_current_wal_insert_lsn() - CAST('0/0' AS pg_lsn) AS BIGINT),
     substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)";
/// What a server is. The timeline is the newest that it is known to be on: by its last restart point, or by what it has written or
/// received since. A role may not see the last of these: then a replica is not asked for a while after a fail-over.
const PROOF: &str = "SELECT pg_is_in_recovery(), CAST(pg_last_wal_replay_lsn() - CAST('0/0' AS pg_lsn) AS BIGINT),
     (SELECT id FROM identity), (SELECT system_identifier FROM pg_control_system()),
     GREATEST((SELECT timeline_id FROM pg_control_checkpoint()),
         (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
         (SELECT received_tli FROM pg_stat_wal_receiver))";

/// Reads wait for a connection to the replica as they do for one to the primary.
pub(crate) struct Replica {
    reads: Door,
    standing: Arc<Standing>,
}

impl Replica {
    /// The replica, and what its thread does until the replica is shut.
    pub(super) fn new(
        address: Address,
        id: &str,
        primary: Arc<Door>,
        figures: Arc<Figures>,
    ) -> (Self, impl AsyncFnOnce() + Send + 'static) {
        let (reads, queue) = Door::new();
        let standing = Arc::new(Standing::new(id.to_owned()));
        let seen = standing.clone();
        let serve = async move || {
            let stop = CancellationToken::new();
            let watching = watch(address.clone(), primary, (seen.clone(), figures.clone()), stop.clone());
            let reading = async {
                lane::serve_reads(address, queue, figures, Some(seen)).await;
                stop.cancel();
            };
            tokio::join!(reading, watching);
        };
        (Self { reads, standing }, serve)
    }

    /// What the replica answers, if it has come to `wanted` and all goes well. Anything else is for the primary to say: also that
    /// something is not there, which may be on its way.
    pub(crate) async fn read<T, E, F>(&self, read: F, wanted: Position) -> Option<T>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        if !self.standing.may_have(wanted, Instant::now()) {
            return None;
        }
        let read = async move |tx: &mut Tx| match tx.replayed {
            Some(replayed) if replayed.covers(wanted) => read(tx).await.map(Some),
            _ => Ok(None),
        };
        let answer = self.reads.pass(read, Pace::Relaxed, || {}).await.ok().flatten();
        if answer.is_some() {
            self.standing.answered();
        }
        answer
    }

    pub(super) fn standing(&self) -> lagging::Standing {
        self.standing.now(Instant::now())
    }

    pub(super) fn shut(&self) {
        self.reads.shut();
    }
}

/// Begins a read on the replica, which proves itself before it: what it has replayed is told before its snapshot is taken.
pub(super) async fn begin(session: &Session, standing: &Standing, read: &str) -> Result<Position, StoreError> {
    prove(session, standing, &format!("BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY; {PROOF}; COMMIT; {read}")).await
}

async fn prove(session: &Session, standing: &Standing, sql: &str) -> Result<Position, StoreError> {
    session.allow(limits::STORE_REPLICA_MS);
    let said = session.told(sql).await.inspect_err(|error| standing.lost(kernel::problem::chain(error)))?;
    match standing.heard(&proof(&said)) {
        Ok(replayed) => Ok(replayed),
        Err(why) => Err(StoreError::Address(why)),
    }
}

fn proof(said: &[Option<String>]) -> Proof {
    let column = |n: usize| said.get(n).and_then(Option::as_deref).unwrap_or_default();
    let timeline = column(4).parse().ok();
    let replayed = timeline.zip(column(1).parse().ok()).map(|(timeline, byte)| Position { timeline, byte });
    Proof {
        recovers: column(0) == "t",
        replayed,
        id: column(2).to_owned(),
        system: column(3).parse().unwrap_or_default(),
    }
}

/// What [`END`] says. What cannot be read is beyond every replica.
pub(super) fn end(said: &[Option<String>]) -> Position {
    let column = |n: usize| said.get(n).and_then(Option::as_deref).unwrap_or_default();
    let read = || Some(Position { timeline: u32::from_str_radix(column(1), 16).ok()?, byte: column(0).parse().ok()? });
    read().unwrap_or(Position::NOWHERE)
}

/// Looks at both until told to stop, and says when the replica is asked from now on, or not any more.
async fn watch(
    address: Address,
    primary: Arc<Door>,
    (standing, figures): (Arc<Standing>, Arc<Figures>),
    stop: CancellationToken,
) {
    let (mut session, mut said) = (None, None);
    loop {
        let look = async {
            // While the primary is away, so is the measure of how far the replica is behind.
            let _ = look_at_primary(&primary, &standing).await;
            look_at_replica(&address, &mut session, (&standing, &figures)).await;
        };
        if stop.run_until_cancelled(look).await.is_none() {
            return;
        }
        let is = standing.now(Instant::now());
        if said.replace(is.up) != Some(is.up) {
            match &is.why {
                None => tracing::info!("the replica answers reads that may lag"),
                Some(why) => tracing::warn!(why, "the replica is not asked: the primary answers everything"),
            }
        }
        let pause = tokio::time::sleep(Duration::from_millis(limits::STORE_REPLICA_LOOK_MS));
        if stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
    }
}

async fn look_at_primary(primary: &Door, standing: &Standing) -> Result<(), StoreError> {
    // The end is asked for last: by the time of the answer the primary is there, or further.
    let (asked, system) = (Instant::now(), "SELECT system_identifier FROM pg_control_system()");
    let look = async move |tx: &mut Tx| -> Result<_, StoreError> {
        let (system,): (i64,) = tx.one(system, &[]).await?;
        Ok((system, tx.one::<(i64, String)>(END, &[]).await?))
    };
    let (system, (byte, timeline)) = primary.pass(look, Pace::Relaxed, || {}).await?;
    standing.primary(system, end(&[Some(byte.to_string()), Some(timeline)]), asked);
    Ok(())
}

async fn look_at_replica(
    address: &Address,
    kept: &mut Option<Session>,
    (standing, figures): (&Standing, &Arc<Figures>),
) {
    let session = match kept.take().filter(|session| !session.is_broken()) {
        Some(session) => session,
        None => match address.connect().await {
            Ok(client) => Session::new(client, address.pooled, figures.connected()),
            Err(error) => return standing.lost(kernel::problem::chain(&error)),
        },
    };
    let _ = prove(&session, standing, PROOF).await;
    session.take_failure();
    *kept = Some(session);
}
