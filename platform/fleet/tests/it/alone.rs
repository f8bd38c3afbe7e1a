//! The only process leads at once.

use std::sync::Arc;

use crate::support::{Doing, Process, WORK};

#[tokio::test]
async fn the_only_process_leads_at_once_and_embedded_it_writes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut one = Process::enter(dir.path(), "one", &Arc::new(Doing::default())).await;
    one.begins(1).await;
    assert!(one.lead.leads());
    let instances = one.fleet.instances().await.expect("read");
    assert_eq!(instances.len(), 1);
    let it = &instances[0];
    assert_eq!((it.holder.as_str(), it.here, it.leads.as_slice()), ("one", true, &[WORK.to_owned()][..]));
    assert_eq!(it.roles, ["worker", "scheduler"]);
    if !testkit::on_postgres() {
        assert_eq!(one.store.stats().writes_total, 0);
    }
    one.stop().await;
}
