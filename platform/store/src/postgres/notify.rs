//! Hints by NOTIFY, each in a statement of its own: within a working transaction it would put all commits of the cluster in a row. The
//! connection that carries them is the process's own, past any pooler: by its lock the others see that the process lives.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use kernel::limits;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::connect::{Address, failed};
use super::lane::PAUSE;
use super::{Figures, connections_of};
use crate::StoreError;
use crate::hints::Hints;
use crate::liveness::Connections;

/// Carries hints both ways until told to stop. `id` names the database: several may be schemas of one.
pub(super) async fn carry(
    address: Address,
    id: String,
    (hints, connections): (Arc<Hints>, Arc<Connections>),
    figures: Arc<Figures>,
    stop: CancellationToken,
) {
    while let Some(Err(error)) =
        stop.run_until_cancelled(carry_on(&address, &id, (&hints, &connections), &figures)).await
    {
        tracing::debug!(error = %kernel::problem::chain(&error), "hints are not carried for a moment");
        stop.run_until_cancelled(sleep(PAUSE)).await;
    }
}

async fn carry_on(
    address: &Address,
    id: &str,
    (hints, connections): (&Arc<Hints>, &Connections),
    figures: &Arc<Figures>,
) -> Result<Infallible, StoreError> {
    let (listening, channel) = (hints.clone(), format!("mainspring_{id}"));
    let own = Arc::new(std::sync::OnceLock::new());
    let mine = own.clone();
    let heard = move |told: &tokio_postgres::Notification| {
        if mine.get() != Some(&told.process_id()) {
            told.payload().split(' ').for_each(|topic| listening.hear(topic));
        }
    };
    let (client, mut connection) = address.attend(heard).await?;
    let _counted = figures.connected();
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.map_err(failed)?.get(0);
    let _ = own.set(pid);
    client.batch_execute(&format!("LISTEN \"{channel}\"")).await.map_err(failed)?;
    // Shared: two that draw the same number must not wait for one another.
    let number = connections.draw();
    let sql = "SELECT pg_advisory_lock_shared($1, $2)";
    client.execute(sql, &[&connections_of(id), &number]).await.map_err(failed)?;
    let _open = connections.open(number);
    hints.doubt();
    loop {
        tokio::select! {
            () = hints.news() => {}
            _ = &mut connection => return Err(StoreError::unreachable("the connection is lost")),
        }
        let topics = hints.carry().join(" ");
        if !topics.is_empty() {
            client.execute("SELECT pg_notify($1, $2)", &[&channel, &topics]).await.map_err(failed)?;
        }
        sleep(Duration::from_millis(limits::STORE_HINT_MS)).await;
    }
}
