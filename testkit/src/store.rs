//! A store for a part's suite, on whichever engine the suite runs.

use std::path::Path;

use kernel::{Clock, Entropy, Secret};
use store::{Durability, Migration, Store, StoreError};
use tokio::runtime;

/// As [`Store::embedded`], unless [`crate::database`] names a PostgreSQL server: then there, in a database that belongs to the
/// directory; through a pooler, where the environment names one too.
///
/// # Errors
/// As the engine.
///
/// # Panics
/// When the server that the environment names cannot be used.
pub fn open(
    dir: &Path,
    durability: Durability,
    migrations: &[Migration],
    clock: &Clock,
    entropy: &Entropy,
) -> Result<Store, StoreError> {
    let Some(url) = crate::database(dir) else {
        return Store::embedded(dir, durability, migrations, clock, entropy);
    };
    let connecting = || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let url = Secret::new(url);
        match crate::database::pooled(dir).map(Secret::new) {
            Some(pooled) => runtime.block_on(Store::pooled(&pooled, &url, durability, migrations, clock, entropy)),
            None => runtime.block_on(Store::postgres(&url, durability, migrations, clock, entropy)),
        }
    };
    // On a thread of its own: whoever calls may be inside a runtime already.
    std::thread::scope(|scope| scope.spawn(connecting).join().expect("the store panicked"))
}
