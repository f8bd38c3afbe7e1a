//! PostgreSQL beside the embedded engine: the same promises, and those of a server that may be away.

use kernel::{Clock, Entropy, Secret};
use store::{Durability, Store, StoreError};

use crate::conformance::{self, MIGRATIONS};

/// A server of this test alone, where PostgreSQL is installed.
fn server() -> Option<testkit::Postgres> {
    if !testkit::Postgres::is_there() {
        eprintln!("not run: PostgreSQL is not installed");
        return None;
    }
    Some(testkit::Postgres::fast().expect("a server"))
}

async fn open(url: &str) -> Result<Store, StoreError> {
    Store::postgres(&Secret::new(url), Durability::Full, MIGRATIONS, &Clock::system(), &Entropy::system()).await
}

#[tokio::test]
async fn the_engine_of_a_fleet_conforms() {
    let Some(server) = server() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let number = std::cell::Cell::new(0);
    conformance::suite(async || {
        number.set(number.get() + 1);
        let url = testkit::schema(&server.url(), &dir.path().join(number.get().to_string())).expect("a schema");
        open(&url).await.expect("opened")
    })
    .await;
}
